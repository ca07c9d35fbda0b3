"""Candidate seeds of boxes of voxels, and the tests that drop those that cannot win in a box, Eq. (8).

d_i(x) = |x − s_i|_M_i − r_i is convex. Over a box it is at least its tangent plane at the centre, and at most the
interpolation of its corner values. Seed i can therefore win nowhere in a box when

- its tangent lies above the `cap` of the box everywhere: some seed stays below that value in all of it (`ceilings`), or
- for some j, its tangent exceeds d_j at all eight corners.

Any unit vector g gives a valid tangent g·A(x − s) − r, so one that rounding has turned (singular M, x close to s) only
moves the bound by the rounding of A(x − s) itself.

A box is always dealt with through its eight halves, the `children`, side by side: child k lies at the far end of x
where k & 1, of y where k & 2, of z where k & 4. Lanes 0 … 7 are the children for one candidate, 8 … 15 for the next.

All this runs in float32, on coordinates in voxels from the centre of a tile, with M = AᵀA and d = |A(x − s)| − r:
a sum of squares, without cancellation. Each candidate carries a bound of its rounding (ERROR): 2⁻¹⁹ is 32 roundings
of everything that is summed; the sums below make fewer than 20, and `factors` moves A by less than 6 more.

A candidate is a record of 16 float32 in c, known by where it begins; a list of candidates is a run of such places in
the int32 array `lists`, with one place behind its last that may be read: that of the dummy, which wins nowhere.
work: the addresses (see `lanes.raw`) of c, lists, the tangents t, scratch, picks (16,) int32, ends (8,) int64 and
flags uint64, a byte a candidate: the children it is dealt to.
"""

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.gbpd.dealing import EIGHT, column, pack, put_bytes
from nmcfast.kernels.vectors.lanes import (
    at,
    bits_at,
    bits_unless_above,
    both,
    halves,
    high_twice,
    least,
    load,
    low_twice,
    most,
    multiply_add,
    put,
    put_bits,
    spread,
    sqrt,
    store,
    swapped,
    transpose,
    where_less,
)

TILE = 256  # voxels of an edge of the box that shares one origin of coordinates
X, Y, Z, A00, A01, A02, A11, A12, A22, R, ERROR, SEED, NAME, WANTED, KNOWN = range(15)
RECORD = 16  # float32 of a candidate
PAIR = 64  # float32 of the tangents of two candidates: values at the centres, rises over the half widths
_V, _GX, _GY, _GZ = range(0, 4 * 16, 16)
# scratch, 16 float32 each: signs of the corners; steps of the 16 voxels of a plane; centres, half widths and caps of
# the children; the pairs that hold their picks; values of the picks at the eight corners; the picks, X to ERROR
SX, SY, SZ, STEP_X, STEP_Y, _CX, _CY, _CZ, _WX, _WY, _WZ, CAP, _WHO, _CORNERS = range(0, 14 * 16, 16)
_PICKED = _CORNERS + 8 * 16
_FIELDS = ERROR + 1
_SCRATCH = _PICKED + _FIELDS * 16
_EPSILON, _FLOOR = np.float32(2.0**-19), np.float32(2.0**-40)
_TINY = np.float32(2.0**-100)  # squares below it are too coarse to divide by: their tangent is taken as flat
FAR, INF = np.float32(-3e38), np.float32(np.inf)


@helper
def floats(size):
    """float32 (size,) at a multiple of 64 bytes: lanes and records that lie across two lines take twice as long."""
    a = np.empty(size + 15, np.float32)
    skip = -(np.int64(a.ctypes.data) // 4) % 16
    return a[skip : skip + size]


@helper
def scratch_for():
    """Scratch of the functions below, constants filled in: float32."""
    scratch = floats(_SCRATCH)
    for k in range(_SCRATCH):
        scratch[k] = np.float32(0.0)
    for k in range(16):
        scratch[SX + k] = (k & 1) * 2 - 1
        scratch[SY + k] = (k >> 1 & 1) * 2 - 1
        scratch[SZ + k] = (k >> 2 & 1) * 2 - 1
        scratch[STEP_X + k] = k % 4
        scratch[STEP_Y + k] = k // 4
    return scratch


@kernel
def records_of(factor, shift):
    """The records of all n seeds from 0 on and of the dummy, but for their place: factor (6, n), shift (n,)."""
    n = shift.size
    c = floats((n + 1) * RECORD)
    for i in range(n):
        o = i * RECORD
        for row in range(6):
            c[o + A00 + row] = factor[row, i]
        c[o + R] = shift[i]
        put_bits(c, o + SEED, i)
    for o in range(n * RECORD, (n + 1) * RECORD):
        c[o] = np.float32(0.0)
    c[n * RECORD + R] = FAR
    return c


@helper
def ask_for(c, relevant):
    """Want the seeds of relevant (n,) alone."""
    for i in range(relevant.size):
        put_bits(c, i * RECORD + WANTED, 255 if relevant[i] else 0)


@helper
def set_names(c, lut):
    """Name the n seeds by lut (n + 1,)."""
    for i in range(lut.size - 1):
        put_bits(c, i * RECORD + NAME, lut[i])


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
def set_children(scratch, first, last, half, middle, inset):
    """Set the children of the box from voxel first to last (z, y, x), `half` wide; bits of those that are not empty.

    They reach from the first voxel centre to the last with inset 1, from face to face with 0.
    """
    bits = _set_axis(scratch, SX, _CX, _WX, first[2], last[2], half, middle[2], inset, 0x55)
    bits &= _set_axis(scratch, SY, _CY, _WY, first[1], last[1], half, middle[1], inset, 0x33)
    return bits & _set_axis(scratch, SZ, _CZ, _WZ, first[0], last[0], half, middle[0], inset, 0x0F)


@helper
def _set_axis(scratch, sign, centre, width, first, last, half, middle, inset, near):
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
def set_cap(scratch, child, cap):
    """Set the cap of a child."""
    put(scratch, CAP + child, cap)
    put(scratch, CAP + 8 + child, cap)


@helper
def set_caps_to(scratch, cap):
    """Set the caps of all children to one."""
    store(scratch, CAP, spread(cap))


@helper
def _tangents(c, a, b, squared, scratch, t, p):
    """Write the tangents of candidates a and b over the children to t[p:]."""
    ra, rb = load(c, a), load(c, b)
    dx = load(scratch, _CX) - both(ra, rb, X)
    dy = load(scratch, _CY) - both(ra, rb, Y)
    dz = load(scratch, _CZ) - both(ra, rb, Z)
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
    store(t, p + _GX, a00 * u0 * load(scratch, _WX))
    store(t, p + _GY, multiply_add(a01, u0, a11 * u1) * load(scratch, _WY))
    store(t, p + _GZ, multiply_add(a02, u0, multiply_add(a12, u1, a22 * u2)) * load(scratch, _WZ))


@helper
def _lowest(c, a, b, t, p):
    """The lowest values of the tangents at t[p:], less their rounding."""
    zero, gx, gy, gz = spread(np.float32(0.0)), load(t, p + _GX), load(t, p + _GY), load(t, p + _GZ)
    fall = most(gx, zero - gx) + most(gy, zero - gy) + most(gz, zero - gz)
    return load(t, p + _V) - fall - halves(at(c, a + ERROR), at(c, b + ERROR))


@helper
def room_for(count):
    """Places of a list of at most `count` candidates: the dummy may follow it, and `pack` writes beyond its end."""
    return count + EIGHT + 1


@helper
def _pair(c, lists, start, pair):
    """Candidates 2 pair and 2 pair + 1 of the list at start, and the bits of what is wanted of them."""
    a, b = np.int64(at(lists, start + 2 * pair)), np.int64(at(lists, start + 2 * pair + 1))
    return a, b, np.int64(bits_at(c, a + WANTED)) | np.int64(bits_at(c, b + WANTED)) << 8


@helper
def _share_out(work, start, count, base):
    """Deal the list at start by the bytes in flags to eight lists, list k at base + k room_for(count)."""
    _, lists, _, _, _, ends, flags = work
    for pair in range((count + 1) // 2, -(-count // EIGHT) * (EIGHT // 2)):
        put_bytes(flags, pair, 0)
    for k in range(8):
        end = base + k * room_for(count)
        for eight in range(-(-count // EIGHT)):
            end = pack(lists, end, start + EIGHT * eight, column(flags, k, eight))
        put(ends, k, end)


@helper
def deal(work, start, count, squared, children, base):
    """Deal the list at start to those of the children, at base + k room_for(count), by caps alone: where boxes exceed
    grains.

    ends[k] is then behind the last of child k. Returns the bits of the children with a wanted candidate.
    """
    c, lists, t, scratch, _, _, flags = work
    cap, wanted, every = load(scratch, CAP), 0, children * 257
    for pair in range((count + 1) // 2):
        a, b, asked = _pair(c, lists, start, pair)
        _tangents(c, a, b, squared, scratch, t, 0)
        bits = bits_unless_above(_lowest(c, a, b, t, 0), cap) & every
        put_bytes(flags, pair, bits)
        wanted |= bits & asked
    _share_out(work, start, count, base)
    return (wanted | wanted >> 8) & 255


@helper
def split(work, start, count, squared, children, base):
    """Deal a list as `deal` does, by caps and by two low seeds of each child: tangents against their corners."""
    c, lists, t, scratch, picks, _, flags = work
    best, who = spread(INF), spread(np.float32(0.0))
    for pair in range((count + 1) // 2):
        a, b, _ = _pair(c, lists, start, pair)
        _tangents(c, a, b, squared, scratch, t, pair * PAIR)
        value = load(t, pair * PAIR + _V)
        who = where_less(value, best, spread(np.float32(pair)), who)
        best = least(best, value)
    store(scratch, _WHO, who)
    _load_picks(c, lists, start, count, scratch, picks)
    high = _pick_corners(squared, scratch)
    bar, wanted, every = least(least(high, swapped(high)), load(scratch, CAP)), 0, children * 257
    for pair in range((count + 1) // 2):
        a, b, asked = _pair(c, lists, start, pair)
        bits = bits_unless_above(_lowest(c, a, b, t, pair * PAIR), bar) & every
        bits &= _below_corners(t, pair * PAIR, halves(at(c, a + ERROR), at(c, b + ERROR)), scratch)
        put_bytes(flags, pair, bits)
        wanted |= bits & asked
    _share_out(work, start, count, base)
    return (wanted | wanted >> 8) & 255


@helper
def _load_picks(c, lists, start, count, scratch, picks):
    """Load the picks, two a child: their places, and their values side by side."""
    for k in range(16):
        put(picks, k, at(lists, start + 2 * np.int64(at(scratch, _WHO + k)) + (k >> 3)))
    if count > 4:
        transpose(scratch, _PICKED, c, picks, _FIELDS)
        return
    a, b = np.int64(at(lists, start)), np.int64(at(lists, start + 1))  # a choice of two pairs takes less time
    later = start + 2 * (count > 2)
    d, e = np.int64(at(lists, later)), np.int64(at(lists, later + 1))
    who = load(scratch, _WHO)
    for row in range(_FIELDS):
        first, second = halves(at(c, a + row), at(c, b + row)), halves(at(c, d + row), at(c, e + row))
        store(scratch, _PICKED + 16 * row, where_less(who, spread(np.float32(0.5)), first, second))


@helper
def _picked(scratch, row):
    return load(scratch, _PICKED + 16 * row)


@helper
def _pick_corners(squared, scratch):
    """Write the values of the picks at the corners of their children, and their rounding; the highest of each."""
    dx, dy = load(scratch, _CX) - _picked(scratch, X), load(scratch, _CY) - _picked(scratch, Y)
    dz, r = load(scratch, _CZ) - _picked(scratch, Z), _picked(scratch, R) - _picked(scratch, ERROR)
    wx, wy, wz = load(scratch, _WX), load(scratch, _WY), load(scratch, _WZ)
    a00, a01, a02 = _picked(scratch, A00), _picked(scratch, A01), _picked(scratch, A02)
    a11, a12, a22 = _picked(scratch, A11), _picked(scratch, A12), _picked(scratch, A22)
    high = spread(FAR)
    for k in range(8):
        x = dx + wx if k & 1 else dx - wx
        y = dy + wy if k & 2 else dy - wy
        z = dz + wz if k & 4 else dz - wz
        u0 = multiply_add(a00, x, multiply_add(a01, y, a02 * z))
        u1, u2 = multiply_add(a11, y, a12 * z), a22 * z
        q = multiply_add(u0, u0, multiply_add(u1, u1, u2 * u2))
        value = (q if squared else sqrt(q)) - r
        store(scratch, _CORNERS + 16 * k, value)
        high = most(high, value)
    return high


@helper
def _below_corners(t, p, error, scratch):
    """Bits of the children, of the first candidate and of the second, where their tangents do not exceed both picks
    at all corners."""
    v, gx, gy, gz = load(t, p + _V) - error, load(t, p + _GX), load(t, p + _GY), load(t, p + _GZ)
    near, far = v - gz, v + gz
    t00, t01, t10, t11 = near - gy, near + gy, far - gy, far + gy
    t0, t1, t2, t3 = t00 - gx, t00 + gx, t01 - gx, t01 + gx
    t4, t5, t6, t7 = t10 - gx, t10 + gx, t11 - gx, t11 + gx
    e0, e1, e2, e3 = _four_corners(scratch, _CORNERS)
    e4, e5, e6, e7 = _four_corners(scratch, _CORNERS + 64)
    a = least(
        _least_of_four(low_twice(t0) - e0, low_twice(t1) - e1, low_twice(t2) - e2, low_twice(t3) - e3),
        _least_of_four(low_twice(t4) - e4, low_twice(t5) - e5, low_twice(t6) - e6, low_twice(t7) - e7),
    )
    b = least(
        _least_of_four(high_twice(t0) - e0, high_twice(t1) - e1, high_twice(t2) - e2, high_twice(t3) - e3),
        _least_of_four(high_twice(t4) - e4, high_twice(t5) - e5, high_twice(t6) - e6, high_twice(t7) - e7),
    )
    zero = spread(np.float32(0.0))
    a_bits, b_bits = bits_unless_above(a, zero), bits_unless_above(b, zero)
    return a_bits & a_bits >> 8 & 255 | (b_bits & b_bits >> 8 & 255) << 8


@helper
def _four_corners(scratch, p):
    return load(scratch, p), load(scratch, p + 16), load(scratch, p + 32), load(scratch, p + 48)


@helper
def _least_of_four(a, b, c, d):
    return least(least(a, b), least(c, d))
