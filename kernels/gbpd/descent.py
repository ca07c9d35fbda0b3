"""A descent from a box to its children, depth first: its memory, its stack of boxes and the lists of their candidates.

The memory of a worker is (c, lists, t, scratch, picks, ends, flags, stack); all but the last as in `candidates`. A row
of the stack is a box: first voxel z, y, x, size, where its list begins in lists, its length, and from where on others
can follow.
"""

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.gbpd.candidates import PAIR, RECORD, TILE, floats, room_for, scratch_for

PART = 64  # voxels of an edge of the boxes dealt to the workers


@kernel
def memory_for(c):
    """Candidates c, lists, tangents, scratch, picks, ends, flags, stack: besides c 49 bytes a seed and some 100 kB."""
    n = c.size // RECORD - 1
    return (
        c,
        np.empty(12 * n + 16384, np.int32),
        floats(PAIR * 256),
        scratch_for(),
        np.zeros(16, np.int32),
        np.zeros(8, np.int64),
        np.zeros(n // 8 + 2, np.uint64),
        np.empty((64, 7), np.int64),
    )


@helper
def enlarged(a, size):
    """The array with room for `size` and half as many again."""
    larger = np.empty(size + size // 2, a.dtype)
    for i in range(a.size):
        larger[i] = a[i]
    return larger


@helper
def tile_at(low, shape):
    """First and last voxel (z, y, x) and middle of the tile of a volume that starts at voxel low."""
    high = (min(low[0] + TILE, shape[0]), min(low[1] + TILE, shape[1]), min(low[2] + TILE, shape[2]))
    return low, high, ((low[0] + high[0]) * 0.5, (low[1] + high[1]) * 0.5, (low[2] + high[2]) * 0.5)


@helper
def shared_among(shape, worker, workers):
    """How boxes of 64³ voxels of a volume are dealt: to whom this worker's belong, and how many there are a row."""
    return worker, workers, -(-shape[1] // PART), -(-shape[2] // PART)


@helper
def is_mine(share, voxel, size):
    """Whether a box of 64³ voxels or less, from a voxel (z, y, x) on, is this worker's; larger ones are everybody's."""
    worker, workers, ny, nx = share
    return size > PART or ((voxel[0] // PART * ny + voxel[1] // PART) * nx + voxel[2] // PART) % workers == worker


@helper
def child_of(first, last, k, half):
    """First and last voxel, z y x, of child k of a box."""
    z, y, x = first[0] + (k >> 2) * half, first[1] + (k >> 1 & 1) * half, first[2] + (k & 1) * half
    return (z, y, x), (min(z + half, last[0]), min(y + half, last[1]), min(x + half, last[2]))


@helper
def push(stack, depth, first, size, start, count, end):
    """Put a box on the stack: first voxel and size, where its list lies, where lists can follow; the new depth."""
    stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3] = first[0], first[1], first[2], size
    stack[depth, 4], stack[depth, 5], stack[depth, 6] = start, count, end
    return depth + 1


@helper
def box_at(entry, high):
    """A box of the stack: first and last voxel (z, y, x), size, where its list begins, its length, and what is free."""
    first, size = (entry[0], entry[1], entry[2]), entry[3]
    last = (min(first[0] + size, high[0]), min(first[1] + size, high[1]), min(first[2] + size, high[2]))
    return first, last, size, entry[4], entry[5], entry[6]


@helper
def list_all(lists, n):
    """Make the list of all n seeds at 0; where others can follow it."""
    for i in range(room_for(n)):
        lists[i] = min(i, n) * RECORD
    return room_for(n)
