"""kernels/neighbours.py and cell_neighbours.py against brute force, on random and on degenerate patterns."""

import numba
import numpy as np
import pytest
from naive_particle import nearest
from scipy import ndimage

from nmcfast.kernels import cell_neighbours, neighbours
from nmcfast.seeds import cell_side, draw_pattern

RNG = np.random.default_rng(0)
PATTERNS = {
    "random": RNG.uniform(-50, 50, (700, 3)),
    "clustered": np.concatenate([RNG.normal(c, 0.01, (60, 3)) for c in RNG.uniform(-9, 9, (5, 3))]),
    "lattice with ties": np.stack(np.meshgrid(*[np.arange(6.0)] * 3), axis=-1).reshape(-1, 3),
    "duplicates": np.repeat(RNG.uniform(0, 1, (40, 3)), 3, axis=0),
    "plane": np.column_stack([RNG.uniform(0, 1, (200, 2)), np.zeros(200)]),
    "line": np.column_stack([np.arange(100.0), np.zeros((100, 2))]),
    "one point": np.zeros((1, 3)),
    "fewer than k": RNG.uniform(0, 1, (7, 3)),
    "one far away": np.concatenate([RNG.uniform(0, 1, (50, 3)), [[1e6, -1e6, 1e6]]]),
    "huge coordinates": RNG.uniform(0, 1, (200, 3)) * 1e12,
}


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("kernel", [neighbours.nearest_serial, neighbours.nearest_parallel])
def test_equals_brute_force(name, kernel):
    if name == "plane" and numba.config.DISABLE_JIT:
        pytest.skip("512 × 512 cells: too slow without the compiler")
    points = PATTERNS[name]
    index, distance = kernel(points, np.arange(len(points)), 12)
    wanted = nearest(points, 12)
    assert np.array_equal(index, wanted)
    there = wanted >= 0
    lengths = np.linalg.norm(points[wanted] - points[:, None], axis=2)
    assert np.allclose(distance[there], lengths[there], rtol=1e-14)
    assert np.isinf(distance[~there]).all()


def test_only_the_queries_are_answered():
    points = PATTERNS["random"]
    queries = np.array([3, 699, 0])
    index, _ = neighbours.nearest_serial(points, queries, 5)
    assert np.array_equal(index, nearest(points, 5)[queries])


MU = 0.0018


def whole_pattern(shape, first, seed, grown):
    """All seeds of the cells of a box and of those around it, by the same process, as `draw_pattern` numbers them."""
    wide = draw_pattern(np.ones([n + 2 * grown for n in shape], bool), np.array(first) - grown, MU, 0.05, seed, 0, 1)
    return wide.position[wide.inner]


@pytest.mark.parametrize("first", [(0, 0, 0), (-2, 1, -1), (480, -490, 470)])
@pytest.mark.parametrize("k", [1, 12, 80, 400])
def test_seeds_drawn_in_cells_have_the_neighbours_they_have_in_all_of_space(first, k):
    """80 of them do not lie in the 27 cells for certain, nor 400 in 125: those beyond are drawn as well."""
    if k > 12 and numba.config.DISABLE_JIT:
        pytest.skip(f"{k} neighbours of some thousand seeds: minutes without the compiler")
    mask = np.random.default_rng(k).random((3, 2, 3)) < 0.5
    pattern = draw_pattern(mask, np.array(first), MU, 0.05, 7, 0, k)
    space = whole_pattern(mask.shape, first, 7, 5 if k == 400 else 3)
    order = {tuple(p): i for i, p in enumerate(space)}
    own = [order[tuple(p)] for p in pattern.position[pattern.inner]]
    assert own == sorted(own)
    square = ((space[own][:, None] - space[None]) ** 2).sum(axis=2)
    square[np.arange(len(own)), own] = np.inf
    wanted = space[np.argsort(square, axis=1, kind="stable")[:, :k]]
    assert np.array_equal(pattern.position[pattern.neighbour], wanted)
    side = cell_side(MU) * 0.05
    cell = np.floor(pattern.position[pattern.inner] / side + 1e-4).astype(int) - first
    assert mask[tuple(cell.T)].all() and len(own) == sum(tuple(c) in set(map(tuple, np.argwhere(mask))) for c in cell)
    if k >= 80:
        assert pattern.neighbour.max() >= len(draw_pattern(mask, np.array(first), MU, 0.05, 7, 0, 1).table)


@pytest.mark.parametrize("name", ["random", "coincident", "lattice", "crowded", "empty cells", "all in one place"])
def test_cells_of_any_seeds_equal_brute_force(name):
    if name == "crowded" and numba.config.DISABLE_JIT:
        pytest.skip("1,080 queries among 1,080 seeds: too slow without the compiler")
    rng = np.random.default_rng(3)
    cells, per_cell = 5, 40 if name == "crowded" else 8
    count = rng.poisson(per_cell, cells**3) * (rng.random(cells**3) < (0.7 if name == "empty cells" else 1.1))
    start = np.concatenate([[0], np.cumsum(count)])
    home = np.repeat(np.argwhere(np.ones((cells,) * 3)), count, axis=0)
    table = np.zeros((start[-1], 8), np.float32)
    inside = rng.random((start[-1], 3))
    if name == "coincident":
        inside = rng.choice([0.25, 0.75], inside.shape)
    if name == "lattice":
        inside = rng.integers(0, 4, inside.shape) / 4 + 0.125
    if name == "all in one place":
        inside[:] = 0.5
    table[:, :3] = home + inside
    mask = np.zeros((cells,) * 3, bool)
    mask[1:-1, 1:-1, 1:-1] = True
    m = count.reshape(mask.shape)[mask].sum()
    for guess in (0.01, 0.5, 9.0):
        inner, found = np.full(m, -1), np.full((m, 12), -7, np.int32)
        cell_neighbours.nearest_in_cells(table, start, mask, np.zeros(3, np.int64), 1.0, guess, inner, found)
        assert np.array_equal(inner, np.flatnonzero(np.repeat(mask.ravel(), count)))
        space = table[:, :3].astype(float)
        wanted = nearest(space, 12)[inner]
        certain = found[:, 0] >= 0
        assert np.array_equal(found[certain], wanted[certain])
        reach = np.linalg.norm(space[wanted[:, -1]] - space[inner], axis=1)
        face = np.minimum(space[inner] % 1.0, 1.0 - space[inner] % 1.0).min(axis=1)
        assert np.array_equal(certain, reach <= 0.9999 + face)
    assert certain.mean() > 0.5


def test_dilated_is_every_cell_that_touches():
    mask = np.random.default_rng(0).random((5, 4, 6)) < 0.05
    out = np.ones((7, 6, 8), bool)
    cell_neighbours.dilated(mask, out)
    assert np.array_equal(out, ndimage.binary_dilation(np.pad(mask, 1), np.ones((3, 3, 3))))
