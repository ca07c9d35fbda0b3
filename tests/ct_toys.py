"""CT volumes of turned ellipsoids on a jittered lattice, as labels and as grey values."""

from functools import cache

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

CELL = 27  # voxels


@cache
def ellipsoids(edge=3, radius=7.78, seed=0):
    """Labels of edge³ ellipsoids of about one equivalent radius in (27 edge)³ voxels; not to be written to."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((edge * CELL,) * 3, np.uint16)
    grid = np.indices((CELL,) * 3).transpose(1, 2, 3, 0) - (CELL - 1) / 2
    for number, corner in enumerate(np.ndindex(edge, edge, edge), 1):
        turned = (grid - rng.uniform(-1.5, 1.5, 3)) @ Rotation.random(None, rng).as_matrix()
        body = ((turned / (radius * rng.uniform(0.95, 1.05) * np.array([1.15, 1.0, 0.87]))) ** 2).sum(axis=-1) <= 1.0
        box = tuple(slice(k * CELL, (k + 1) * CELL) for k in corner)
        labels[box][body] = number
    labels.flags.writeable = False
    return labels


def grey(labels, low=60.0, high=180.0, noise=8.0, blur=0.8, seed=1):
    """Grey values of labels, float32."""
    sharp = low + (high - low) * (labels > 0).astype(np.float32)
    smooth = ndimage.gaussian_filter(sharp, blur) if blur else sharp
    return smooth + np.random.default_rng(seed).normal(0, noise, labels.shape).astype(np.float32)


@cache
def bytes_of(edge=3):
    """The usual volume: grey values in 8 bits; not to be written to."""
    values = grey(ellipsoids(edge)).clip(0, 255).astype(np.uint8)
    values.flags.writeable = False
    return values
