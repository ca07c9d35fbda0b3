"""kernels/runs.py against NumPy and scipy.ndimage."""

import numpy as np
import pytest
from scipy import ndimage

from nmcfast.kernels import runs
from nmcfast.kernels.gbpd.labels import EVERYWHERE

RNG = np.random.default_rng(6)
VOLUMES = {
    "blocks": RNG.integers(0, 5, (4, 5, 6)).repeat(4, 0).repeat(3, 1).repeat(5, 2),
    "noise": RNG.integers(0, 4, (20, 21, 22)),
    "nothing": np.zeros((3, 4, 5), int),
    "one voxel": np.ones((1, 1, 1), int),
    "gaps in the numbers": RNG.choice([0, 7, 300], (9, 8, 7)),
    "many labels": RNG.integers(0, 65535, (6, 6, 6)),
    "a row": RNG.integers(0, 2, (1, 1, 50)),
    "full rows": np.full((3, 2, 9), 4),
    "rows of 56": RNG.integers(0, 3, (3, 4, 56)),
    "long rows": RNG.integers(0, 3, (5, 6, 13)).repeat(10, 2),
    "blocks of 20": RNG.integers(0, 3, (2, 2, 5)).repeat(20, 0).repeat(20, 1).repeat(20, 2),
    "combs": np.indices((7, 8, 9)).max(axis=0) % 2 * 3 + (RNG.random((7, 8, 9)) < 0.1),
}
volumes = pytest.mark.parametrize("labels", [v.astype(np.uint16) for v in VOLUMES.values()], ids=list(VOLUMES))


@volumes
def test_runs_are_the_volume(labels):
    tags, x0, x1, first = runs.find_runs(labels, EVERYWHERE)
    again = np.zeros_like(labels)
    for row in range(labels.shape[0] * labels.shape[1]):
        for k in range(first[row], first[row + 1]):
            assert tags[k] != 0 and x0[k] < x1[k]
            again[row // labels.shape[1], row % labels.shape[1], x0[k] : x1[k]] = tags[k]
    assert np.array_equal(again, labels)


@volumes
def test_voxels_centres_and_boxes(labels):
    n = int(labels.max()) + 3
    sums, boxes = np.empty((n, 4), np.int64), np.empty((n, 6), np.int64)
    runs.measure(*runs.find_runs(labels, EVERYWHERE), labels.shape[1], sums, boxes)
    z, y, x = np.indices(labels.shape)
    for column, weight in enumerate((x * 0 + 1, x, y, z)):
        wanted = np.bincount(labels.ravel(), weight.ravel(), minlength=n).astype(int)
        assert np.array_equal(sums[1:, column], wanted[1:])
    for label, found in enumerate(ndimage.find_objects(labels.astype(int), max_label=n - 1), start=1):
        low, high = boxes[label, :3], boxes[label, 3:]
        if found is None:
            assert (low > high).all()
        else:
            assert [(s.start, s.stop) for s in found] == list(zip(low, high, strict=True))


@volumes
def test_parts_equal_those_of_scipy(labels):
    counts = np.empty(int(labels.max()) + 2, np.int64)
    runs.count_parts(*runs.find_runs(labels, EVERYWHERE), labels.shape[1], counts)
    for value in np.unique(labels[labels > 0]):
        assert counts[value] == ndimage.label(labels == value)[1]
    assert counts.sum() == counts[np.unique(labels[labels > 0])].sum()


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
@volumes
def test_a_part_is_written_under_other_names(labels, dtype):
    names = RNG.integers(0, 60_000, int(labels.max()) + 1).astype(dtype)
    names[0] = 0
    names[1::3] = 0
    low, high = ([k * n // 7 for n in labels.shape] for k in (2, 6))
    out = np.full(np.subtract(high, low), 9, dtype)
    all_, none = runs.find_runs(labels, EVERYWHERE), runs.find_runs(np.zeros_like(labels), EVERYWHERE)
    runs.write(*runs.merged(*all_, *none, names), labels.shape[1], np.array(low), out)
    assert np.array_equal(out, names[labels][tuple(map(slice, low, high))])


def blocks_of(labels):
    """Blocks of 8³ voxels, and which voxels lie in them."""
    shape = [-(-n // 8) for n in labels.shape]
    blocks = np.random.default_rng(labels.size).random(shape) < 0.5
    z, y, x = np.indices(labels.shape) // 8
    return blocks, blocks[z, y, x]


@volumes
def test_runs_of_some_blocks(labels):
    blocks, asked = blocks_of(labels)
    found, wanted = runs.find_runs(labels, blocks), runs.find_runs(np.where(asked, labels, 0), EVERYWHERE)
    assert all(map(np.array_equal, found, wanted))


@volumes
def test_runs_of_two_sets_of_blocks_are_merged(labels):
    """As if the whole volume had been looked through at once: runs that a block cut are one again."""
    blocks, _ = blocks_of(labels)
    names = RNG.permutation(np.arange(1, int(labels.max()) + 2)).astype(np.uint32)
    names[0] = 0
    names[1::4] = 0
    found = runs.merged(*runs.find_runs(labels, blocks), *runs.find_runs(labels, ~blocks), names)
    assert all(map(np.array_equal, found, runs.find_runs(names[labels], EVERYWHERE)))
