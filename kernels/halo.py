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
    """The same arrays with room for so many blocks of candidates, or half as many again as they had."""
    more = 16 * max(blocks, slots.size // 16 * 3 // 2)
    c2, slots2, t2 = np.empty(more * 16, np.float32), np.zeros(more, np.int32), np.empty(more * 4, np.float32)
    c2[: c.size] = c
    slots2[: slots.size] = slots
    return c2, slots2, t2


@njit(cache=True, nogil=True)
def _all_wanted(c, slots, count):
    k = 0
    while k < count and c[slots[k] + WANTED] > 0.5:
        k += 1
    return k == count


@njit(cache=True, nogil=True)
def _box(first, size, high, middle):
    """Centre and half widths, from face to face, of a box that starts at voxel first: two of 3 float32, x y z."""
    last = (min(first[0] + size, high[0]), min(first[1] + size, high[1]), min(first[2] + size, high[2]))
    half = np.float32(0.5)
    return (
        (np.float32((first[2] + last[2]) * 0.5 - middle[2]), np.float32((first[1] + last[1]) * 0.5 - middle[1]),
         np.float32((first[0] + last[0]) * 0.5 - middle[0])),
        (np.float32(last[2] - first[2]) * half, np.float32(last[1] - first[1]) * half,
         np.float32(last[0] - first[0]) * half),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _mark_twig(touched, c, slots, t, scratch, start, count, first, high, middle, squared):
    """Mark the seeds of the leaves of a box of 4³ voxels; their tangents come first, so that steps overlap."""
    size = tangent_size(count)
    for leaf in range(8):
        corner = _leaf(first, leaf)
        if corner[0] < high[0] and corner[1] < high[1] and corner[2] < high[2]:
            centre, half = _box(corner, _LEAF, high, middle)
            i, j = tangents(c, start, count, centre, half, squared, t, leaf * size, scratch)
            corners(c, i, j, centre, half, squared, scratch, CORNERS + 16 * leaf)
    for leaf in range(8):
        corner = _leaf(first, leaf)
        if corner[0] < high[0] and corner[1] < high[1] and corner[2] < high[2]:
            kept, wanted = survivors(c, start, count, t, leaf * size, scratch, CORNERS + 16 * leaf, slots)
            if wanted:
                for k in range(kept):
                    touched[bits_at(c, slots[k] + SEED)] = True


@njit(cache=True, nogil=True)
def _leaf(first, leaf):
    return (
        first[0] + (leaf >> 2) * _LEAF,
        first[1] + (leaf >> 1 & 1) * _LEAF,
        first[2] + (leaf & 1) * _LEAF,
    )


@njit(cache=True, nogil=True)
def _mark_tile(touched, c, slots, t, scratch, n, low, high, squared):
    """Mark the seeds of one tile from voxel low (3,) to high (3,), z y x; the arrays that may have grown."""
    middle = ((low[0] + high[0]) * 0.5, (low[1] + high[1]) * 0.5, (low[2] + high[2]) * 0.5)
    stack = np.empty((64, 6), np.int64)  # z, y, x, size, start and count of the parent's candidates
    stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3], stack[0, 4], stack[0, 5] = low[0], low[1], low[2], TILE, 0, n
    depth = 1
    while depth > 0:
        depth -= 1
        first, size = (stack[depth, 0], stack[depth, 1], stack[depth, 2]), stack[depth, 3]
        start, count = stack[depth, 4], stack[depth, 5]
        centre, half = _box(first, size, high, middle)
        i, j = tangents(c, start, count, centre, half, squared, t, 0, scratch)
        corners(c, i, j, centre, half, squared, scratch, CORNERS)
        kept, wanted = survivors(c, start, count, t, 0, scratch, CORNERS, slots)
        if not wanted or _all_wanted(c, slots, kept):
            continue
        target = end_of(start, count)
        need = max(end_of(target, kept) // 256, tangent_size(kept) // 8)
        if 16 * need > slots.size:
            c, slots, t = _grown(c, slots, t, need)
        copy_list(c, slots, kept, target, scratch)
        if size == 2 * _LEAF:
            _mark_twig(touched, c, slots, t, scratch, target, kept, first, high, middle, squared)
            continue
        for z in range(first[0], min(first[0] + size, high[0]), size // 2):
            for y in range(first[1], min(first[1] + size, high[1]), size // 2):
                for x in range(first[2], min(first[2] + size, high[2]), size // 2):
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
    t, scratch = np.empty(blocks * 64, np.float32), scratch_for(8)
    load_seeds(c, factor, shift, np.arange(n + 1), relevant)
    for z in range(0, shape[0], TILE):
        for y in range(0, shape[1], TILE):
            for x in range(0, shape[2], TILE):
                low, high = (z, y, x), (min(z + TILE, shape[0]), min(y + TILE, shape[1]), min(x + TILE, shape[2]))
                middle = ((z + high[0]) * 0.5, (y + high[1]) * 0.5, (x + high[2]) * 0.5)
                place_seeds(c, place, middle[2], middle[1], middle[0], squared)
                c, slots, t = _mark_tile(touched, c, slots, t, scratch, n, low, high, squared)
