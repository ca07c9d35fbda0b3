"""kernels/neighbours.py against brute force, on random and on degenerate patterns."""

import numba
import numpy as np
import pytest
from naive_particle import nearest

from nmcfast.kernels import neighbours

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
