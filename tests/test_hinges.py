"""export/hinges.py: voxels of a mesh hang together by faces, everywhere; free mechanics has six zero modes."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from nmcfast.export.hinges import Mended, hinges, mend

CUBES = [np.array([code >> k & 1 for k in range(8)]).reshape(2, 2, 2) for code in range(1, 256)]


def naive_hinges(solid: np.ndarray) -> int:
    """Nodes whose cells of the mask are not joined by faces within the 2³ around it, or along an edge from it."""
    padded, found = np.pad(solid, 1), 0
    for z, y, x in itertools.product(*(range(n - 1) for n in padded.shape)):
        cube = padded[z : z + 2, y : y + 2, x : x + 2]
        layers = [cube.take(k, axis) for axis in range(3) for k in (0, 1)]
        crossed = any(
            (f == [[True, False], [False, True]]).all() or (f == [[False, True], [True, False]]).all() for f in layers
        )
        found += crossed or ndimage.label(cube)[1] > 1
    return found


def zero_modes(solid: np.ndarray) -> int:
    """Displacements of a free elastic mesh of the voxels that take no energy: singular values of its stiffness."""
    corners = np.array(list(itertools.product((0, 1), repeat=3)))
    gauss = 0.5 + 0.5 / np.sqrt(3.0) * (2.0 * corners - 1.0)
    stiffness = np.zeros((24, 24))
    for point in gauss:
        factor = np.where(corners, point, 1.0 - point)
        slope = np.stack([np.where(corners[:, a], 1.0, -1.0) * np.delete(factor, a, 1).prod(1) for a in range(3)])
        strain = np.zeros((6, 8, 3))
        for a in range(3):
            strain[a, :, a] = slope[a]
        for row, (a, b) in enumerate(((1, 2), (0, 2), (0, 1)), 3):
            strain[row, :, a], strain[row, :, b] = slope[b] / np.sqrt(2.0), slope[a] / np.sqrt(2.0)
        flat = strain.reshape(6, 24)
        stiffness += flat.T @ flat / 8.0
    cells = np.argwhere(solid)
    nodes, index = np.unique((cells[:, None] + corners).reshape(-1, 3), axis=0, return_inverse=True)
    whole = np.zeros((3 * len(nodes),) * 2)
    for cell in index.reshape(len(cells), 8):
        rows = (3 * cell[:, None] + np.arange(3)).ravel()
        whole[np.ix_(rows, rows)] += stiffness
    return int((np.linalg.eigvalsh(whole) < 1e-9).sum())


@pytest.mark.parametrize("share", [0.4, 0.5, 0.7])
def test_what_is_mended_is_one_part_without_a_hinge(share: float) -> None:
    rng = np.random.default_rng(3)
    labels = ((rng.random((7, 8, 9)) < share) * rng.integers(1, 6, (7, 8, 9))).astype(np.uint16)
    before = labels.copy()
    mended, done = mend(labels)
    assert np.array_equal(labels, before) and mended.dtype == labels.dtype
    assert ndimage.label(mended > 0)[1] == 1 and naive_hinges(mended > 0) == hinges(mended > 0) == 0
    parts, count = ndimage.label(labels > 0)
    largest = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    assert np.array_equal(mended[largest], labels[largest])
    assert done.loose_parts == count - 1
    assert done.loose_voxels == np.count_nonzero((labels > 0) & ~largest)
    assert done.filled_voxels == np.count_nonzero((mended > 0) & ~largest) > 0
    assert done.voxels == np.count_nonzero(mended)


def test_hinges_are_counted_where_they_are() -> None:
    rng = np.random.default_rng(4)
    for share in (0.2, 0.5, 0.8):
        solid = rng.random((6, 5, 7)) < share
        assert hinges(solid) == naive_hinges(solid) > 0


def test_every_way_in_which_eight_cells_meet_is_filled_by_as_few_as_can_be() -> None:
    """All 255: no smaller filling of the 2³ leaves it sound, and cells outside of it stay empty."""
    sound = [code for code, cube in enumerate(CUBES, 1) if naive_hinges(cube > 0) == 0]
    for code, cube in enumerate(CUBES, 1):
        if ndimage.label(cube)[1] > 1:
            continue  # a part would be left out
        _, done = mend(cube.astype(np.uint16))
        assert done.filled_voxels == min((s & ~code).bit_count() for s in sound if s & code == code)


@pytest.mark.parametrize(("second", "modes"), [((1, 1, 1), 9), ((0, 1, 1), 7), ((0, 0, 1), 6)])
def test_voxels_joined_by_less_than_a_face_move_by_themselves(second: tuple[int, int, int], modes: int) -> None:
    """Two cells that share a corner have three zero modes too many, an edge one, a face none; mended: six."""
    labels = np.zeros((3, 3, 3), np.uint16)
    labels[0, 0, 0], labels[second] = 1, 2
    assert zero_modes(labels > 0) == modes
    mended, done = mend(labels)
    assert zero_modes(mended > 0) == 6
    assert done == Mended(int(modes > 6), int(modes > 6), 0, 1 if modes > 6 else 2)


def test_a_filled_voxel_gets_the_label_of_most_neighbours_and_the_lowest_of_several() -> None:
    labels = np.zeros((2, 3, 3), np.uint16)
    labels[1], labels[0, 0, 0], labels[0, 1, 1] = 7, 5, 9  # two that cross on top of a slab
    mended, done = mend(labels)
    assert done.filled_voxels == 1 and naive_hinges(mended > 0) == 0
    assert sorted(mended[0].ravel()) == [
        0,
        0,
        0,
        0,
        0,
        0,
        5,
        5,
        9,
    ]  # one of 5, one of 9, one of 7 beside it: the lowest


def test_nothing_is_done_to_a_block_and_to_nothing() -> None:
    block = np.full((3, 4, 5), 2, np.uint32)
    assert mend(block)[1] == Mended(0, 0, 0, 60)
    assert mend(np.zeros((2, 2, 2), np.uint16))[1] == Mended(0, 0, 0, 0)
    assert Mended(1, 2, 3, 4) + Mended(5, 6, 7, 8) == Mended(6, 8, 10, 12)
