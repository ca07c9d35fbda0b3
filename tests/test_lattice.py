"""kernels/lattice.py against scipy's interpolation on a regular grid."""

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from nmcfast.kernels import lattice, runs

RNG = np.random.default_rng(8)
VALUES, CORNER, STEP = RNG.normal(size=(5, 4, 6)), np.array([-1.0, -0.7, -0.9]), 0.4
AXES = [CORNER[2 - k] + STEP * np.arange(n) for k, n in enumerate(VALUES.shape)]


def reference(points):
    """The values at points (n, 3), x y z; those beyond the lattice moved onto its faces."""
    inside = np.clip(points[:, ::-1], [a[0] for a in AXES], [a[-1] for a in AXES])
    return RegularGridInterpolator(AXES, VALUES)(inside)


def centres(shape, origin, size):
    z, y, x = (origin[2 - k] + (np.arange(n) + 0.5) * size for k, n in enumerate(shape))
    return np.stack(np.broadcast_arrays(x, y[:, None], z[:, None, None]), axis=-1)


def test_values_at_points_in_and_beyond_the_lattice():
    points, out = RNG.uniform(-2.0, 2.0, (300, 3)), np.empty(300)
    points[0] = CORNER
    lattice.values_at(VALUES, CORNER, STEP, points, out)
    assert np.allclose(out, reference(points), atol=1e-12)


@pytest.mark.parametrize("size", [0.05, 0.13, 0.4, 0.9])
def test_the_range_of_blocks_bounds_their_voxels(size):
    shape, origin = (11, 9, 17), np.array([-0.8, -0.5, -0.7])
    low, high = np.empty((3, 3, 5)), np.empty((3, 3, 5))
    lattice.block_range(VALUES, CORNER, STEP, origin, size, shape, 4, low, high)
    found = reference(centres(shape, origin, size).reshape(-1, 3)).reshape(shape)
    for z, y, x in np.ndindex(low.shape):
        block = found[4 * z : 4 * z + 4, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4]
        assert low[z, y, x] <= block.min() + 1e-12 and block.max() <= high[z, y, x] + 1e-12
    if size < 0.1:  # blocks that cross no lattice plane take their extremes at corners
        tight = [
            np.isclose(low[k], found[tuple(slice(4 * a, 4 * a + 4) for a in k)].min()) for k in np.ndindex(2, 2, 4)
        ]
        assert sum(tight) > 3


def test_what_is_clipped_and_how_deep_the_rest_ends():
    shape, origin, size = (11, 9, 17), np.array([-0.8, -0.5, -0.7]), 0.11
    labels = RNG.integers(0, 4, shape).astype(np.uint16)
    blocks = RNG.random((3, 3, 5)) < 0.6
    asked = blocks.repeat(4, 0).repeat(4, 1).repeat(4, 2)[:11, :9, :17]
    depth = reference(centres(shape, origin, size).reshape(-1, 3)).reshape(shape)
    wanted = np.where(asked & (depth < 0.0), 0, labels)
    least = np.full(5, np.inf)
    lattice.clip(labels, blocks, 4, VALUES, CORNER, STEP, origin, size, least)
    assert np.array_equal(labels, wanted)
    for label in range(1, 5):
        assert least[label] == pytest.approx(depth[asked & (wanted == label)].min(initial=np.inf))
    assert np.isinf(least[0])


def test_labels_with_a_voxel_above_a_bound():
    shape, origin, size = (11, 9, 17), np.array([-0.8, -0.5, -0.7]), 0.11
    labels = np.ascontiguousarray(RNG.integers(0, 400, shape).astype(np.uint16).repeat(2, axis=2)[:, :, :17])
    depth = reference(centres(shape, origin, size).reshape(-1, 3)).reshape(shape)
    present = np.zeros(400, bool)
    found = runs.find_runs(labels, np.zeros((0, 0, 0), bool))
    lattice.mark_above(*found, shape, VALUES, CORNER, STEP, origin, size, 0.3, present)
    wanted = np.isin(np.arange(400), labels[depth >= 0.3])
    wanted[0] = False
    assert np.array_equal(present, wanted) and 0 < wanted.sum() < 399
