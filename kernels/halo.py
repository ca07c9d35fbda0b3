"""Seeds that bound some grains, Eq. (8): with them alone the grains are what they are among all seeds.

Boxes here reach from voxel face to voxel face, so what is found holds at every point of a volume, not only at voxel
centres: there the grains can be labelled again at any resolution from themselves and these seeds. Two passes:

- where a relevant seed may win in a box of 4³ voxels, all seeds that may win in it are marked, leaf by leaf: whoever
  wins there is known;
- elsewhere the winner is left out, and a grain may come back, since grains need not be star-shaped. Where the relevant
  and the marked seeds do not exclude that, those that do are marked too.
"""

import numpy as np
from numba import njit

from nmcfast.kernels.candidates import (  # isort: skip
    CORNERS, R, SEED, TILE, WANTED, copy_list, corners, end_of, load_seeds, place_seeds, scratch_for, survivors,
    tangent_size, tangents, is_asked,
)  # fmt: skip
from nmcfast.kernels.lanes import bits_at

_TWIG, _LEAF = 4, 2  # voxels: marking all of a twig instead of its leaves keeps a quarter more
_BEHIND = np.float32(-1e38)  # no offset is as low, but that of lanes behind the last candidate


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
def _root(stack, low, start, count):
    """Make the tile the only box on the stack; its depth."""
    stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3], stack[0, 4], stack[0, 5] = (
        low[0],
        low[1],
        low[2],
        TILE,
        start,
        count,
    )
    return 1


@njit(cache=True, nogil=True)
def _push(stack, depth, first, high, size, start, count):
    """Put the eight boxes of half the size, as far as they lie in the tile, on the stack; its new depth."""
    for z in range(first[0], min(first[0] + size, high[0]), size // 2):
        for y in range(first[1], min(first[1] + size, high[1]), size // 2):
            for x in range(first[2], min(first[2] + size, high[2]), size // 2):
                stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3] = z, y, x, size // 2
                stack[depth, 4], stack[depth, 5] = start, count
                depth += 1
    return depth


@njit(cache=True, nogil=True)
def _mark(touched, c, slots, count):
    for k in range(count):
        touched[bits_at(c, slots[k] + SEED)] = True


@njit(cache=True, nogil=True)
def _mark_twig(touched, c, slots, t, scratch, start, count, first, high, middle, squared):
    """Mark the seeds that may win in the leaves of a box of 4³ voxels; tangents come first, so that steps overlap."""
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
            kept, _ = survivors(c, start, count, t, leaf * size, scratch, CORNERS + 16 * leaf, slots)
            _mark(touched, c, slots, kept)


@njit(cache=True, nogil=True)
def _leaf(first, leaf):
    return (
        first[0] + (leaf >> 2) * _LEAF,
        first[1] + (leaf >> 1 & 1) * _LEAF,
        first[2] + (leaf & 1) * _LEAF,
    )


@njit(cache=True, nogil=True)
def _twigs(seen, first, size):
    """The part of seen (z, y, x), of one entry a twig, that belongs to a box."""
    z, y, x, n = first[0] // _TWIG, first[1] // _TWIG, first[2] // _TWIG, size // _TWIG
    return seen[z : z + n, y : y + n, x : x + n]


@njit(cache=True, nogil=True)
def _mark_tile(touched, seen, blocks, c, slots, t, scratch, n, low, high, middle, squared):
    """The first pass over a tile from voxel low (3,) to high (3,), z y x; the arrays that may have grown."""
    stack = np.empty((64, 6), np.int64)  # z, y, x, size, start and count of the parent's candidates
    depth = _root(stack, low, 0, n)
    while depth > 0:
        depth -= 1
        first, size = (stack[depth, 0], stack[depth, 1], stack[depth, 2]), stack[depth, 3]
        start, count = stack[depth, 4], stack[depth, 5]
        if not is_asked(blocks, first[0], first[1], first[2], size):
            continue
        centre, half = _box(first, size, high, middle)
        i, j = tangents(c, start, count, centre, half, squared, t, 0, scratch)
        corners(c, i, j, centre, half, squared, scratch, CORNERS)
        kept, wanted = survivors(c, start, count, t, 0, scratch, CORNERS, slots)
        if not wanted:
            continue
        if size == _TWIG or _all_wanted(c, slots, kept):
            _twigs(seen, first, size)[:] = True  # whoever wins there is known
        if _all_wanted(c, slots, kept):
            continue
        target = end_of(start, count)
        need = max(end_of(target, kept) // 256, tangent_size(kept) // 8)
        if 16 * need > slots.size:
            c, slots, t = _grown(c, slots, t, need)
        copy_list(c, slots, kept, target, scratch)
        if size == _TWIG:
            _mark_twig(touched, c, slots, t, scratch, target, kept, first, high, middle, squared)
        else:
            depth = _push(stack, depth, first, high, size, target, kept)
    return c, slots, t


@njit(cache=True, nogil=True)
def _guard_tile(touched, seen, blocks, c, slots, t, scratch, n, low, high, middle, squared):
    """The second pass over a tile: what the first has not seen, with the relevant and the marked seeds alone."""
    few = 0
    for k in range(n):
        o = (k >> 4) * 256 + (k & 15)
        if touched[k] or c[o + WANTED] > 0.5:
            slots[few] = o
            few += 1
    target = end_of(0, n)
    if end_of(target, few) > c.size:
        c, slots, t = _grown(c, slots, t, end_of(target, few) // 256)
    copy_list(c, slots, few, target, scratch)
    stack = np.empty((64, 6), np.int64)
    depth = _root(stack, low, target, few)
    while depth > 0:
        depth -= 1
        first, size = (stack[depth, 0], stack[depth, 1], stack[depth, 2]), stack[depth, 3]
        if _twigs(seen, first, size).all() or not is_asked(blocks, first[0], first[1], first[2], size):
            continue
        start, count = stack[depth, 4], stack[depth, 5]
        centre, half = _box(first, size, high, middle)
        i, j = tangents(c, start, count, centre, half, squared, t, 0, scratch)
        corners(c, i, j, centre, half, squared, scratch, CORNERS)
        kept, wanted = survivors(c, start, count, t, 0, scratch, CORNERS, slots)
        if not wanted:
            continue
        if size == _TWIG:
            _guard_twig(touched, c, slots, t, scratch, n, centre, half, squared)
            continue
        target = end_of(start, count)
        if end_of(target, kept) > c.size:
            c, slots, t = _grown(c, slots, t, end_of(target, kept) // 256)
        copy_list(c, slots, kept, target, scratch)
        depth = _push(stack, depth, first, high, size, target, kept)
    return c, slots, t


@njit(cache=True, nogil=True)
def _guard_twig(touched, c, slots, t, scratch, n, centre, half, squared):
    """Mark seeds that keep the relevant ones out of a box in which none of them wins: two of all n, or all that may."""
    i, j = tangents(c, 0, n, centre, half, squared, t, 0, scratch)
    corners(c, i, j, centre, half, squared, scratch, CORNERS)
    kept, wanted = survivors(c, 0, n, t, 0, scratch, CORNERS, slots)
    if wanted:
        _mark(touched, c, slots, kept)
        return
    touched[bits_at(c, i + SEED)] = True
    if c[j + R] > _BEHIND:
        touched[bits_at(c, j + SEED)] = True


@njit(cache=True, nogil=True)
def mark_halo(touched, relevant, place, factor, shift, shape, blocks, squared):
    """Set touched (n,) for the seeds that bound the relevant ones in a volume of shape (nz, ny, nx) voxels.

    relevant (n,) uint8; place (3, n), factor (6, n), shift (n,), blocks as `gbpd.label_volume_serial` takes them.
    """
    n = shift.size
    room = 3 * ((n + 15) // 16) + 8
    c, slots = np.empty(room * 256, np.float32), np.zeros(room * 16, np.int32)
    t, scratch = np.empty(room * 64, np.float32), scratch_for(8)
    seen = np.zeros((-(-shape[0] // _TWIG), -(-shape[1] // _TWIG), -(-shape[2] // _TWIG)), np.bool_)
    load_seeds(c, factor, shift, np.arange(n + 1), relevant)
    for guard in (False, True):
        for z in range(0, shape[0], TILE):
            for y in range(0, shape[1], TILE):
                for x in range(0, shape[2], TILE):
                    high = (min(z + TILE, shape[0]), min(y + TILE, shape[1]), min(x + TILE, shape[2]))
                    middle = ((z + high[0]) * 0.5, (y + high[1]) * 0.5, (x + high[2]) * 0.5)
                    place_seeds(c, place, middle[2], middle[1], middle[0], squared)
                    args = (touched, seen, blocks, c, slots, t, scratch, n, (z, y, x), high, middle, squared)
                    c, slots, t = _guard_tile(*args) if guard else _mark_tile(*args)
