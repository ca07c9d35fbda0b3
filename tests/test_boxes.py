"""Lists of boxes: labels from lists of boxes that are kept equal those of one descent through the whole volume."""

import numba
import numpy as np
import pytest

from nmcfast.kernels.gbpd import boxes, volumes
from nmcfast.kernels.gbpd.layout import Part
from nmcfast.tessellation import Field, Grid, Seeds, label

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="too slow without the compiler")


def seeds_in(size, count, seed):
    """Seeds in a cube of `size` µm about the origin and around it, elongated, of all offsets."""
    rng = np.random.default_rng(seed)
    position = rng.uniform(-0.6 * size, 0.6 * size, (count, 3))
    return Seeds(position, rng.uniform(0.2, 3.0, (count, 3)), rng.uniform(-1.0, 4.0, count), rng.uniform(0, 3, count))


@pytest.mark.parametrize("norm", ("unsquared", "squared"))
@pytest.mark.parametrize(
    ("shape", "size", "count"),
    (
        ((40, 33, 50), 40.0, 150),
        ((300, 20, 9), 200.0, 3000),
        ((5, 3, 1), 5.0, 40),
        ((64, 64, 64), 64.0, 1),
        ((70, 70, 70), 70.0, 4),
    ),
)
def test_labels_equal_those_of_the_whole_volume(shape, size, count, norm):
    """In the blocks that are asked for, for all or some of the seeds, on one thread and on three."""
    seeds, grid = seeds_in(size, count, 1), Grid(tuple(-n // 2 for n in shape[::-1]), shape, 1.0)
    rng, names = np.random.default_rng(0), np.arange(1, count + 1).astype(np.uint16)
    blocks = rng.random([-(-n // 8) for n in shape]) < 0.6
    asked = blocks.repeat(8, 0).repeat(8, 1).repeat(8, 2)[tuple(map(slice, shape))]
    field = Field(seeds, grid, norm=norm)
    some = Field(seeds, grid, blocks, norm=norm)
    for relevant in (np.ones(count, bool), rng.random(count) < 0.3):
        chosen = np.where(relevant, names, 0).astype(np.uint16)
        expected = label(seeds, grid, chosen, relevant, norm=norm)
        for lists, threads in ((field, 1), (field, 3), (some, 1)):
            found = np.zeros(shape, np.uint16)
            reached = lists.label(found, chosen, relevant, blocks, threads)
            assert np.array_equal(found[asked], expected[asked])
            assert not found[~asked].any()
            assert not found[~reached.repeat(8, 0).repeat(8, 1).repeat(8, 2)[tuple(map(slice, shape))]].any()
            assert (reached <= blocks).all()


def test_every_box_keeps_all_that_win_in_it():
    """At 100,000 points within half a voxel of a face between boxes, by float64 brute force; grains of 3 voxels."""
    shape, seeds, rng = (50, 40, 60), seeds_in(60.0, 20000, 2), np.random.default_rng(3)
    field = Field(seeds, Grid((-30, -20, -25), shape, 1.0))
    ((low, _, _, found, lists),) = field._parts
    points = rng.uniform(0, shape[::-1], (100_000, 3))
    axis = rng.integers(0, 3, len(points))
    points[np.arange(len(points)), axis] = 16 * rng.integers(1, 3, len(points)) + rng.uniform(-0.5, 0.5, len(points))
    winner = np.empty(len(points), np.int32)
    volumes.label_points_parallel(winner, points + field.grid.origin, seeds.position, seeds.metric, seeds.offset, False)
    held = 0
    for z, y, x, size, begin, count in found:
        inside = ((points >= (x, y, z)) & (points < (x + size, y + size, z + size))).all(axis=1)
        assert np.isin(winner[inside], lists[begin : begin + count] // 16).all()
        held += inside.sum()
    assert not low.any() and held == len(points)
    assert lists.size < 0.3 * len(found) * len(seeds)  # and not simply everything


def test_a_grain_between_the_last_voxel_centre_and_the_face_is_kept():
    """A plate 0.8 voxels thick at x = 16.2 wins in the box that ends at 16, but at none of its voxel centres."""
    diagonal = np.array([[2500.0, 0.01, 0.01], [1e-4, 1e-4, 1e-4]])
    seeds = Seeds(np.array([[16.2, 0.0, 0.0], [8.0, 0.0, 0.0]]), diagonal, np.array([20.0, 0.0]), np.zeros(2))
    ((_, _, _, found, lists),) = Field(seeds, Grid((0, -8, -8), (16, 16, 32), 1.0))._parts
    held = {tuple(box[:4]): lists[box[4] : box[4] + box[5]].tolist() for box in found}
    assert held == {(0, 0, 0, 16): [0, 16], (0, 0, 16, 16): [0, 16]}


def test_boxes_out_of_the_blocks_are_left_out():
    shape, seeds = (64, 64, 64), seeds_in(60.0, 400, 2)
    blocks = np.zeros((8, 8, 8), bool)
    blocks[0, 0, 7] = True
    low = np.zeros(3, int)
    placed = Field(seeds, Grid((-32, -32, -32), shape, 1.0))._at(low)
    found = Part(*boxes.list_boxes(placed, low, shape, blocks, False)).boxes
    assert found[:, :4].tolist() == [[0, 0, 48, 16]]
