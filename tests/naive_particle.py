"""The paper's equations as slow, readable NumPy in float64, to hold the kernels against."""

import numpy as np
from scipy.special import expit


def nearest(points, k):
    """The k nearest other points of each point by (distance, index); −1 where there are too few."""
    square = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(square, np.inf)
    order = np.argsort(square, axis=1, kind="stable")[:, :k]
    found = np.where(np.isfinite(np.take_along_axis(square, order, axis=1)), order, -1)
    return np.pad(found, ((0, 0), (0, k - found.shape[1])), constant_values=-1)


def frame(s, gamma):
    """Q of Eq. (12) for one seed that is neither 0 nor on the negative e₁ axis."""
    b = s / np.linalg.norm(s) + np.array([1.0, 0.0, 0.0])
    b /= np.linalg.norm(b)
    half_turn = 2.0 * np.outer(b, b) - np.eye(3)
    c, d = np.cos(gamma), np.sin(gamma)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -d], [0.0, d, c]]) @ half_turn


def net(inputs, model_net):
    """G_net: ReLU layers and a scaled sigmoid, in float64."""
    x = (inputs - model_net.shift) * model_net.scale
    for weight, bias in zip(model_net.weights[:-1], model_net.biases[:-1], strict=True):
        x = np.maximum(x @ weight + bias, 0.0)
    x = x @ model_net.weights[-1] + model_net.biases[-1]
    return model_net.low + (model_net.high - model_net.low) * expit(x)


def distance(position, metric, offset, points):
    """|x − s|_M − r of all seeds at points (p, 3) -> (p, n)."""
    d = points[:, None] - position[None]
    q = np.einsum("pni,nij,pnj->pn", d, metric, d, optimize=True)
    return np.sqrt(np.maximum(q, 0.0)) - offset
