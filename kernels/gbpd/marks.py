"""Grids of marks over a volume, one for each cube of voxels: blocks that are asked for or reached, leaves seen or not.

And the share of a volume that is one worker's.
"""

from typing import Any, NamedTuple

from nmcfast.kernels._cache import helper
from nmcfast.kernels.gbpd.layout import BLOCK_EDGE
from nmcfast.kernels.vectors.memory import at, put, raw

PART = 64  # voxels of an edge of the boxes that are shared among the workers


class Marks(NamedTuple):
    """Address and shape of marks (z, y, x) bool."""

    flat: Any
    nz: int
    ny: int
    nx: int


class Share(NamedTuple):
    """Which of the boxes of 64³ voxels of a volume are a worker's: every `workers`-th; how many there are a row."""

    worker: int
    workers: int
    ny: int
    nx: int


@helper
def marks_of(marks):
    """What the functions below take, of marks (z, y, x) bool, which must outlive it."""
    return Marks(raw(marks), marks.shape[0], marks.shape[1], marks.shape[2])


@helper
def _range_of(marks, first, size, edge):
    """First and end mark, z y x, of a box of voxels, with a mark for each edge³ of them."""
    z, y, x, n = first[0] // edge, first[1] // edge, first[2] // edge, max(size // edge, 1)
    return (z, y, x), (min(z + n, marks.nz), min(y + n, marks.ny), min(x + n, marks.nx))


@helper
def any_in(marks, first, size, edge):
    """Whether a mark of a box is set, with a mark for each edge³ voxels."""
    a, b = _range_of(marks, first, size, edge)
    for z in range(a[0], b[0]):
        for y in range(a[1], b[1]):
            for x in range(a[2], b[2]):
                if at(marks.flat, (z * marks.ny + y) * marks.nx + x):
                    return True
    return False


@helper
def clear(marks, first, size, edge):
    """Clear the marks of a box, with a mark for each edge³ voxels."""
    a, b = _range_of(marks, first, size, edge)
    for z in range(a[0], b[0]):
        for y in range(a[1], b[1]):
            for x in range(a[2], b[2]):
                put(marks.flat, (z * marks.ny + y) * marks.nx + x, False)


@helper
def mark_place(marks, voxel, edge):
    """Which mark, counted along x, y, z, is that of a voxel (z, y, x), with a mark for each edge³ voxels."""
    return (voxel[0] // edge * marks.ny + voxel[1] // edge) * marks.nx + voxel[2] // edge


@helper
def is_every(asked):
    """Whether everything is asked for: by no blocks at all."""
    return asked.nz * asked.ny * asked.nx == 0


@helper
def is_asked(asked, first, size):
    """Whether any part of a box from a voxel (z, y, x) on is asked for, by blocks of 8³ voxels."""
    return is_every(asked) or any_in(asked, first, size, BLOCK_EDGE)


@helper
def set_reached(reached, voxel):
    """Note that a seed that is asked for may win in the block of a voxel, z y x; reached: marks like `asked`."""
    if not is_every(reached):
        put(reached.flat, mark_place(reached, voxel, BLOCK_EDGE), True)


@helper
def share_of(shape, worker, workers):
    """The share of one of some workers of a volume of shape (nz, ny, nx)."""
    return Share(worker, workers, -(-shape[1] // PART), -(-shape[2] // PART))


@helper
def is_mine(share, voxel, size):
    """Whether a box of 64³ voxels or less, from a voxel (z, y, x) on, is this worker's; larger ones are everybody's."""
    number = (voxel[0] // PART * share.ny + voxel[1] // PART) * share.nx + voxel[2] // PART
    return size > PART or number % share.workers == share.worker


def part_count(shape):
    """How many boxes a volume of shape (nz, ny, nx) is shared by: more workers than that have nothing to do."""
    return -(-shape[0] // PART) * -(-shape[1] // PART) * -(-shape[2] // PART)
