"""Measures for readers of other programs, in NumPy alone: each takes what a program found and says it in numbers."""

import json

import numpy as np


def image(labels, size):
    """Volume of each label, area of the surface of what is not 0, and the volume that this surface encloses."""
    labels = np.asarray(labels)
    mask = np.pad(labels > 0, 1).astype(int)
    surface, enclosed = 0, 0.0
    for axis in range(3):
        step = np.moveaxis(np.diff(mask, axis=axis), axis, 0)  # 1 where a face looks back along the axis, -1 forward
        surface += int(np.abs(step).sum())
        enclosed -= float((step.sum(axis=(1, 2)) * np.arange(len(step))).sum()) / 3
    counts = np.bincount(labels.ravel().astype(np.int64)).tolist()
    return {
        "grains": {k: n * size**3 for k, n in enumerate(counts) if k and n},
        "surface": surface * size**2,
        "enclosed": enclosed * size**3,
    }


def hexahedra(p):
    """Volumes (m,) of voxels with corners p (m, 8, 3)."""
    return np.linalg.det(np.stack([p[:, k] - p[:, 0] for k in (1, 3, 4)], axis=1))


def quads(p):
    """Area of squares p (f, 4, 3), and the volume they enclose when they look outward and leave no hole."""
    normal = np.cross(p[:, 1] - p[:, 0], p[:, 3] - p[:, 0])
    enclosed = float((p.mean(axis=1) * normal).sum() / 3)
    return {"surface": float(np.linalg.norm(normal, axis=1).sum()), "enclosed": enclosed}


def outer_quads(cells):
    """The sides (f, 4) of hexahedra (m, 8) that no other shares, looking outward."""
    sides = ((0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7), (0, 3, 2, 1), (4, 5, 6, 7))
    every = np.concatenate([cells[:, list(s)] for s in sides])
    _, first, count = np.unique(np.sort(every, axis=1), axis=0, return_index=True, return_counts=True)
    return every[first[count == 1]]


def sums(labels, volumes):
    """Volume of each label, of cells with these labels and volumes."""
    total = np.bincount(np.asarray(labels).astype(np.int64), volumes)
    return {int(k): float(total[k]) for k in np.unique(labels)}


def say(program, tags, **found):
    """Print what was found, as the last line of a reader."""
    print(json.dumps({"program": program, "tags": tags, **found}))
