"""Seeds that bound some grains: those that may win somewhere in a box where one of the grains may, Eq. (8).

Boxes here reach from voxel face to voxel face, so what is found holds at every point of space, not only at voxel
centres: the grains can be labelled again at any resolution from themselves and these seeds.
"""

import numpy as np
from numba import njit

from nmcfast.kernels.candidates import (
    CORNERS,
    SEED,
    TILE,
    WANTED,
    copy_list,
    corners,
    end_of,
    load_seeds,
    place_seeds,
    scratch_for,
    survivors,
    tangent_size,
    tangents,
)  # fmt: skip
from nmcfast.kernels.lanes import bits_at

_LEAF = 2  # voxels: 4 marks half as many seeds again, 1 saves a sixth and takes twice as long


@njit(cache=True, nogil=True)
def _grown(c, slots, t, blocks):
    more = 16 * max(blocks, slots.size // 16 * 2)
    c2, slots2, t2 = np.empty(more * 16, np.float32), np.zeros(more, np.int32), np.empty(more * 4, np.float32)
    c2[: c.size] = c
    slots2[: slots.size] = slots
    return c2, slots2, t2


@njit(cache=True, nogil=True)
def _all_wanted(c, slots, count):
    wanted = 0
    for slot in slots[:count]:
        wanted += c[slot + WANTED] > 0.5
    return wanted == count


@njit(cache=True, nogil=True)
def _mark_tile(touched, c, slots, t, scratch, n, low, high, squared):
    """Mark the seeds of one tile from voxel low (3,) to high (3,), z y x; the arrays that may have grown."""
    middle = (low + high) * 0.5
    stack = np.empty((64, 6), np.int64)  # z, y, x, size, start and count of the parent's candidates
    stack[0, :3], stack[0, 3], stack[0, 4], stack[0, 5] = low, TILE, 0, n
    depth = 1
    while depth > 0:
        depth -= 1
        first, size = stack[depth, :3].copy(), stack[depth, 3]
        start, count = stack[depth, 4], stack[depth, 5]
        last = np.minimum(first + size, high)
        centre, half = (first + last) * 0.5 - middle, (last - first) * 0.5
        at = (np.float32(centre[2]), np.float32(centre[1]), np.float32(centre[0]))
        wide = (np.float32(half[2]), np.float32(half[1]), np.float32(half[0]))
        i, j = tangents(c, start, count, at, wide, squared, t, 0, scratch)
        corners(c, i, j, at, wide, squared, scratch, CORNERS)
        kept, wanted = survivors(c, start, count, t, 0, scratch, CORNERS, slots)
        if not wanted or _all_wanted(c, slots, kept):
            continue
        if size == _LEAF:
            for slot in slots[:kept]:
                touched[bits_at(c, slot + SEED)] = True
            continue
        target = end_of(start, count)
        if end_of(target, kept) > c.size:
            c, slots, t = _grown(c, slots, t, end_of(target, kept) // 256)
        copy_list(c, slots, kept, target, scratch)
        for z in range(first[0], last[0], size // 2):
            for y in range(first[1], last[1], size // 2):
                for x in range(first[2], last[2], size // 2):
                    stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3] = z, y, x, size // 2
                    stack[depth, 4], stack[depth, 5] = target, kept
                    depth += 1
    return c, slots, t


@njit(cache=True, nogil=True)
def mark_halo(touched, relevant, place, factor, shift, shape, squared):
    """Set touched (n,) for the seeds that may win where a relevant one may, in a volume of shape (nz, ny, nx) voxels.

    relevant (n,) uint8; place (3, n), factor (6, n), shift (n,) as `gbpd.label_volume_serial` takes them.
    """
    n = shift.size
    blocks = 3 * ((n + 15) // 16) + 8
    c, slots = np.empty(blocks * 256, np.float32), np.zeros(blocks * 16, np.int32)
    t, scratch = np.empty(blocks * tangent_size(1), np.float32), scratch_for(1)
    load_seeds(c, factor, shift, np.arange(n + 1), relevant)
    end = np.array(shape)
    for z in range(0, end[0], TILE):
        for y in range(0, end[1], TILE):
            for x in range(0, end[2], TILE):
                low = np.array((z, y, x))
                high = np.minimum(low + TILE, end)
                middle = (low + high) * 0.5
                place_seeds(c, place, middle[2], middle[1], middle[0], squared)
                c, slots, t = _mark_tile(touched, c, slots, t, scratch, n, low, high, squared)
