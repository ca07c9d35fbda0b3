"""A small particle for writers of solver input: 9 grains in a ball, one in two parts, and one without a voxel."""

import numpy as np
from library_toys import voronoi

from nmcfast.export import schema
from nmcfast.export.deck import Deck

VOXEL, ORIGIN = 0.1, np.array([-0.6, -0.55, 1.2])


def deck(shape: tuple[int, int, int] = (12, 11, 10), grains: int = 9) -> Deck:
    rng = np.random.default_rng(8)
    labels = voronoi(rng.random((grains, 3)) * shape, shape)
    labels[tuple(np.argwhere(labels == 2)[0])] = 1  # a part of its own
    n = grains + 1
    orientation = rng.standard_normal((n, 4))
    orientation *= np.sign(orientation[:, :1]) / np.linalg.norm(orientation, axis=1, keepdims=True)
    return Deck(
        index=3,
        labels=labels,
        origin=ORIGIN,
        voxel_size=VOXEL,
        position=rng.random((n, 3)),
        diagonal=rng.random((n, 3)),
        offset=rng.random(n),
        angle=rng.random(n),
        centroid=rng.random((n, 3)),
        volume=np.bincount(labels.ravel(), minlength=n + 1)[1:] * VOXEL**3,
        orientation=orientation.astype(np.float32).astype(np.float64),
        descriptors=dict.fromkeys(schema.SCALARS, 1.5),
    )


def grain_volumes(deck: Deck) -> dict[int, float]:
    """Volume of each label that has voxels, µm³, counted here and nowhere else."""
    found, counts = np.unique(deck.labels[deck.labels > 0], return_counts=True)
    return {int(label): float(n * deck.voxel_size**3) for label, n in zip(found, counts, strict=True)}


def outer_area(deck: Deck) -> float:
    """Area of the faces between a grain and the outside, µm²: the jumps of a padded mask."""
    mask = np.pad(deck.labels > 0, 1).astype(int)
    return float(sum(np.abs(np.diff(mask, axis=axis)).sum() for axis in range(3)) * deck.voxel_size**2)
