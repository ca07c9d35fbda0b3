"""Bounds that say which seeds can win nowhere in a box, Eq. (8).

d_i(x) = |x − s_i|_M_i − r_i is convex. Over a box it is at least its tangent plane at the centre, and at most the
interpolation of its corner values. Seed i can therefore win nowhere in a box when

- its tangent lies above the `cap` of the box everywhere: some seed stays below that value in all of it (`ceilings`), or
- for some j, its tangent exceeds d_j at all eight corners (`corners`).

Any unit vector g gives a valid tangent g·A(x − s) − r, so one that rounding has turned (singular M, x close to s) only
moves the bound by the rounding of A(x − s) itself.

A box is always dealt with through its eight halves, the `children`, side by side: child k lies at the far end of x
where k & 1, of y where k & 2, of z where k & 4. Lanes 0 … 7 are the children for one candidate, 8 … 15 for the next.

All this runs in float32, on coordinates in voxels from the centre of a tile, with M = AᵀA and d = |A(x − s)| − r:
a sum of squares, without cancellation. Each candidate carries a bound of its rounding (ERROR): 2⁻¹⁹ is 32 roundings
of everything that is summed; the sums below make fewer than 20, and `factors` moves A by less than 6 more.
"""

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.gbpd.corners import below_picks, highest_of_picks, load_picks
from nmcfast.kernels.gbpd.layout import (
    A00,
    A01,
    A02,
    A11,
    A12,
    A22,
    CAP,
    CX,
    CY,
    CZ,
    ERROR,
    INF,
    PAIR,
    RECORD,
    SX,
    SY,
    SZ,
    TILE,
    WANTED,
    WHO,
    WX,
    WY,
    WZ,
    R,
    X,
    Y,
    Z,
)
from nmcfast.kernels.gbpd.selection import EIGHT, bits_of, put_pair, select
from nmcfast.kernels.vectors.lanes import (
    bits_unless_above,
    both,
    halves,
    least,
    most,
    multiply_add,
    spread,
    sqrt,
    swapped,
    where_less,
)
from nmcfast.kernels.vectors.memory import at, bits_at, load, put, store

_V, _GX, _GY, _GZ = range(0, 4 * 16, 16)  # of the tangents of two candidates
_EPSILON, _FLOOR = np.float32(2.0**-19), np.float32(2.0**-40)
_TINY = np.float32(2.0**-100)  # squares below it are too coarse to divide by: their tangent is taken as flat


@kernel
def place_seeds(c, place, middle, squared):
    """Make the coordinates of all seeds, place (3, n) voxels, those from middle (z, y, x), and bound their rounding."""
    for i in range(place.shape[1]):
        o = i * RECORD
        x, y, z = (
            np.float32(place[0, i] - middle[2]),
            np.float32(place[1, i] - middle[1]),
            np.float32(place[2, i] - middle[0]),
        )
        c[o + X], c[o + Y], c[o + Z] = x, y, z
        norm = np.float32(0.0)
        for row in range(A00, R):
            norm += c[o + row] * c[o + row]
        reach = np.sqrt(norm) * (abs(x) + abs(y) + abs(z) + np.float32(TILE))
        if squared:
            reach = np.float32(2.0) * reach * reach
        c[o + ERROR] = (reach + abs(c[o + R])) * _EPSILON + _FLOOR


@helper
def set_children(scratch, box, half, scene):
    """Set the children of a box, `half` wide; bits of those that are not empty. They reach as `scene.inset` says."""
    first, last, middle, inset = box.first, box.last, scene.tile.middle, scene.inset
    bits = _set_axis(scratch, SX, CX, WX, first[2], last[2], half, middle[2], inset, 0x55)
    bits &= _set_axis(scratch, SY, CY, WY, first[1], last[1], half, middle[1], inset, 0x33)
    return bits & _set_axis(scratch, SZ, CZ, WZ, first[0], last[0], half, middle[0], inset, 0x0F)


@helper
def _set_axis(scratch, sign, centre, width, first, last, half, middle, inset, near):
    """Set centres and half widths of the children along one axis; bits of those that are not empty.

    Ten arguments: three places of the scratch and six numbers of the axis, one `near`: the bits of the first halves.
    """
    cut = min(first + half, last)
    low, wide = np.float32((first + cut) * 0.5 - middle), np.float32((cut - first - inset) * 0.5)
    high, broad, bits = low, wide, near
    if cut < last:
        high, broad, bits = np.float32((cut + last) * 0.5 - middle), np.float32((last - cut - inset) * 0.5), 255
    side, zero = load(scratch, sign), spread(np.float32(0.0))
    store(scratch, centre, where_less(side, zero, spread(low), spread(high)))
    store(scratch, width, where_less(side, zero, spread(wide), spread(broad)))
    return bits


@helper
def _tangents(c, a, b, squared, scratch, t, p):
    """Write the tangents of candidates a and b over the children to t[p:]."""
    ra, rb = load(c, a), load(c, b)
    dx = load(scratch, CX) - both(ra, rb, X)
    dy = load(scratch, CY) - both(ra, rb, Y)
    dz = load(scratch, CZ) - both(ra, rb, Z)
    a00, a01 = both(ra, rb, A00), both(ra, rb, A01)
    a02, a11 = both(ra, rb, A02), both(ra, rb, A11)
    a12, a22 = both(ra, rb, A12), both(ra, rb, A22)
    u0 = multiply_add(a00, dx, multiply_add(a01, dy, a02 * dz))
    u1, u2 = multiply_add(a11, dy, a12 * dz), a22 * dz
    q = multiply_add(u0, u0, multiply_add(u1, u1, u2 * u2))
    if squared:
        value, slope = q, spread(np.float32(2.0))
    else:
        value = sqrt(q)
        slope = where_less(spread(_TINY), q, np.float32(1.0) / value, spread(np.float32(0.0)))
    u0, u1, u2 = u0 * slope, u1 * slope, u2 * slope
    store(t, p + _V, value - both(ra, rb, R))
    store(t, p + _GX, a00 * u0 * load(scratch, WX))
    store(t, p + _GY, multiply_add(a01, u0, a11 * u1) * load(scratch, WY))
    store(t, p + _GZ, multiply_add(a02, u0, multiply_add(a12, u1, a22 * u2)) * load(scratch, WZ))


@helper
def _lowest(c, a, b, t, p):
    """The lowest values of the tangents at t[p:], less their rounding."""
    zero, gx, gy, gz = spread(np.float32(0.0)), load(t, p + _GX), load(t, p + _GY), load(t, p + _GZ)
    fall = most(gx, zero - gx) + most(gy, zero - gy) + most(gz, zero - gz)
    return load(t, p + _V) - fall - halves(at(c, a + ERROR), at(c, b + ERROR))


@helper
def room_for(count):
    """Places of a list of at most `count` candidates: the dummy may follow it, and `select` writes beyond its end."""
    return count + EIGHT + 1


@helper
def _pair(work, box, pair):
    """Candidates 2 pair and 2 pair + 1 of the list of a box, and the bits of what is wanted of them."""
    place = box.start + 2 * pair
    a, b = np.int64(at(work.lists, place)), np.int64(at(work.lists, place + 1))
    return a, b, np.int64(bits_at(work.c, a + WANTED)) | np.int64(bits_at(work.c, b + WANTED)) << 8


@helper
def _write_lists(work, box):
    """Write the lists of the children of a box by the bytes in flags, that of child k at end + k room_for(count)."""
    for pair in range((box.length + 1) // 2, -(-box.length // EIGHT) * (EIGHT // 2)):
        put_pair(work.flags, pair, 0)
    for k in range(8):
        end = box.end + k * room_for(box.length)
        for eight in range(-(-box.length // EIGHT)):
            end = select(work.lists, end, box.start + EIGHT * eight, bits_of(work.flags, k, eight))
        put(work.ends, k, end)


@helper
def prune_by_caps(work, box, squared, children):
    """Lists of those of the children of a box, at end + k room_for(count), by caps alone: where boxes exceed grains.

    ends[k] is then behind the last of child k. Returns the bits of the children with a wanted candidate.
    """
    c, t, scratch = work.c, work.tangents, work.scratch
    cap, wanted, every = load(scratch, CAP), 0, children * 257
    for pair in range((box.length + 1) // 2):
        a, b, asked = _pair(work, box, pair)
        _tangents(c, a, b, squared, scratch, t, 0)
        bits = bits_unless_above(_lowest(c, a, b, t, 0), cap) & every
        put_pair(work.flags, pair, bits)
        wanted |= bits & asked
    _write_lists(work, box)
    return (wanted | wanted >> 8) & 255


@helper
def prune_by_corners(work, box, squared, children):
    """Lists as by `prune_by_caps`, by caps and by two low seeds of each child: tangents against their corners."""
    c, t, scratch = work.c, work.tangents, work.scratch
    best, who = spread(INF), spread(np.float32(0.0))
    for pair in range((box.length + 1) // 2):
        a, b, _ = _pair(work, box, pair)
        _tangents(c, a, b, squared, scratch, t, pair * PAIR)
        value = load(t, pair * PAIR + _V)
        who = where_less(value, best, spread(np.float32(pair)), who)
        best = least(best, value)
    store(scratch, WHO, who)
    load_picks(work, box)
    high = highest_of_picks(squared, scratch)
    bar, wanted, every = least(least(high, swapped(high)), load(scratch, CAP)), 0, children * 257
    for pair in range((box.length + 1) // 2):
        a, b, asked = _pair(work, box, pair)
        p, error = pair * PAIR, halves(at(c, a + ERROR), at(c, b + ERROR))
        bits = bits_unless_above(_lowest(c, a, b, t, p), bar) & every
        value = load(t, p + _V) - error
        bits &= below_picks(value, load(t, p + _GX), load(t, p + _GY), load(t, p + _GZ), scratch)
        put_pair(work.flags, pair, bits)
        wanted |= bits & asked
    _write_lists(work, box)
    return (wanted | wanted >> 8) & 255
