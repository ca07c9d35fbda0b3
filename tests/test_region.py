"""nmcfast/region.py: how far from its shell a particle is looked at."""

import numpy as np
import pytest

from nmcfast.region import Region
from nmcfast.shells.shell import Shell
from nmcfast.tessellation import Grid

RNG = np.random.default_rng(1)


def bumpy():
    """A shell of radius near 3 µm whose radius varies by a third."""
    coefficients = np.zeros(100)
    coefficients[0] = 3.0 * np.sqrt(4.0 * np.pi)
    coefficients[4:36] = RNG.normal(0.0, 0.15, 32)
    return Shell(coefficients)


@pytest.mark.parametrize("size", [0.05, 0.2, 1.7])
def test_clipping_leaves_the_region_and_nothing_else(size):
    region, cells = Region(bumpy(), 0.4), int(np.ceil(5.3 / size))
    grid = Grid((-cells, 1 - cells, -cells), (2 * cells, 2 * cells - 1, 2 * cells), size)
    labels = np.ones(grid.shape, np.uint16)
    low, high = region.depths(grid)
    near, rim = high >= 0.0, low < 0.0
    asked = near.repeat(8, 0).repeat(8, 1).repeat(8, 2)[tuple(map(slice, grid.shape))]
    z, y, x = ((np.arange(n) + 0.5) * size + o for n, o in zip(grid.shape, grid.origin[::-1], strict=True))
    points = np.stack(np.broadcast_arrays(x, y[:, None], z[:, None, None]), axis=-1).reshape(-1, 3)
    wanted = region.contains(points).reshape(grid.shape)
    off = np.abs(region.depth(points) - (region.shell.radius(points) + 0.4 - np.linalg.norm(points, axis=1)))
    assert off[np.abs(region.depth(points)) < 0.3].max() < 0.15  # linear between points 0.4 µm apart
    assert wanted[asked].sum() == wanted.sum() > 0  # blocks that are not near hold nothing of it
    least = region.clip(labels, grid, rim, 3)
    assert np.array_equal(labels == 1, wanted)
    assert np.isinf(least[[0, 2]]).all() and 0.0 <= least[1] < 0.2 * size + 0.2


def test_the_centre_is_inside():
    assert Region(bumpy(), 0.0).contains(np.zeros((1, 3))).all()
    assert not Region(bumpy(), 0.0).contains(np.array([[9.0, 0.0, 0.0]])).any()
