"""A small particle for writers of solver input: 9 grains in a ball, one in two parts, and one without a voxel.

And what programs that open it are compared with: volumes, area, and −∇²u = 1 solved on its voxels.
"""

from itertools import product

import numpy as np
from library_toys import voronoi
from scipy.sparse import csr_array
from scipy.sparse.linalg import cg

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


def poisson(deck: Deck) -> float:
    """∫u over the grains, µm⁵, of −∇²u = 1 with u = 0 on the outer surface: trilinear elements, unknowns at nodes.

    The stiffness of a unit cube couples nodes whose coordinates differ in 0, 1, 2, 3 places by 1/3, 0, −1/12, −1/12.
    """
    inside = np.pad(deck.labels > 0, 1)
    corners = [
        tuple(slice(k, n - 1 + k) for k, n in zip(c, inside.shape, strict=True)) for c in product((0, 1), repeat=3)
    ]
    free = np.logical_and.reduce([inside[c] for c in corners])  # nodes that are not on the surface
    stencil = {step: (8 / 3, 0.0, -1 / 6, -1 / 12)[sum(map(abs, step))] for step in product((-1, 0, 1), repeat=3)}
    return _sum_of_solution(free, stencil, np.zeros(free.shape)) * deck.voxel_size**5


def poisson_by_volumes(deck: Deck) -> float:
    """The same by finite volumes: unknowns in the middles of voxels, the surface half a voxel from them."""
    inside = np.pad(deck.labels > 0, 1)
    steps = [tuple(row) for row in np.concatenate([np.eye(3, dtype=int), -np.eye(3, dtype=int)]).tolist()]
    walls = sum(~np.roll(inside, step, (0, 1, 2)) for step in steps)
    return _sum_of_solution(inside, {(0, 0, 0): 6.0} | dict.fromkeys(steps, -1.0), walls) * deck.voxel_size**5


def _sum_of_solution(free: np.ndarray, stencil: dict[tuple[int, ...], float], more: np.ndarray) -> float:
    """Sum of the x with A x = 1 on the free places of a padded grid; A is the stencil, and `more` on its diagonal."""
    number = np.where(free, np.cumsum(free).reshape(free.shape) - 1, -1)
    rows, columns, values = [number[free]], [number[free]], [more[free].astype(float)]
    for step, value in stencil.items():
        there = np.roll(number, [-k for k in step], (0, 1, 2))[free]
        rows.append(number[free][there >= 0])
        columns.append(there[there >= 0])
        values.append(np.full(np.count_nonzero(there >= 0), value))
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    matrix = csr_array(entries, shape=(np.count_nonzero(free),) * 2)
    solution, failed = cg(matrix, np.ones(matrix.shape[0]), rtol=1e-13)
    assert not failed, "the linear solver did not converge"
    return float(solution.sum())
