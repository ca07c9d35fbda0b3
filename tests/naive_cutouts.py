"""Eqs. (11), (14)–(16) as printed, slow: no pruning, no blocks, one cutout at a time."""

import numpy as np


def pixels(distance, angle=0.0):
    """Grid points (32, 32, 3) of a cutout, Eq. (14), and Eq. (16) where the angle is 0; rows are y."""
    x, y = np.meshgrid(np.arange(1, 33), np.arange(1, 33))
    shifted = np.stack([x + distance, y - 16.5], axis=-1)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([shifted @ rotation.T, np.zeros((32, 32, 1))], axis=-1)


def softmax_image(position, frame, diagonal, offset, points):
    """Values (…, n) of every grain at points (…, 3), Eq. (11) with −|x − s|_M + r."""
    turned = np.einsum("nij,...nj->...ni", frame, points[..., None, :] - position)
    logit = offset - np.sqrt((diagonal * turned**2).sum(-1))
    value = np.exp(logit - logit.max(-1, keepdims=True))
    return value / value.sum(-1, keepdims=True)


def most_prominent(image, count=12):
    """Channels (count,) of an image (32, 32, n) in descending order of their sums."""
    return np.argsort(-image.sum((0, 1)), kind="stable")[:count]


def nearest(position, query, count=12):
    """The nearest seeds of one seed, itself left out, by distance and then index."""
    square = ((position - position[query]) ** 2).sum(1)
    square[query] = np.inf
    return np.lexsort((np.arange(len(square)), square))[:count]
