"""Candidate seeds of a box of voxels, and the test that drops those that cannot win in it, Eq. (8).

d_i(x) = |x − s_i|_M_i − r_i is convex. Over a box it is at least its tangent plane at the centre, and at most the
interpolation of its corner values. Seed i can therefore win nowhere in the box when, for some j, its tangent
exceeds d_j at all eight corners. Any unit vector g gives a valid tangent g·A(x − s) − r, so one that rounding has
turned (singular M, x close to s) only moves the bound by the rounding of A(x − s) itself.

All this runs in float32, on coordinates in voxels from the centre of a tile, with M = AᵀA and d = |A(x − s)| − r:
a sum of squares, without cancellation. Each candidate carries a bound of its rounding (row ERROR): 2⁻¹⁹ is 32 roundings
of everything that is summed; the sums below make fewer than 20, and `factors` moves A by less than 6 more.

A list of candidates is a run of blocks of 16 rows × 16 lanes in one flat array c: `start` is where it begins,
`count` how many it holds. Lanes behind the last candidate have the offset −3e38 and win nowhere.
"""

import numpy as np
from numba import njit

from nmcfast.kernels.lanes import (  # isort: skip
    bits_unless_above, first_bit, gather, halves, least, load, lowest, most, multiply_add, put_bits, spread, sqrt,
    store, where_less,
)  # fmt: skip

TILE = 256  # voxels of an edge of the box that shares one origin of coordinates
BLOCK_EDGE = 8  # voxels of an edge of the blocks that are asked for or not
BLOCK, _TANGENT = 256, 64  # float32 of a block of candidates, of a block of their tangents
X, Y, Z, A00, A01, A02, A11, A12, A22, R, ERROR, SEED, NAME, WANTED = range(0, 14 * 16, 16)
_V, _GX, _GY, _GZ = range(0, 4 * 16, 16)  # tangent: value at the centre, rise over the half widths
# scratch: signs of the corners, steps of the 16 voxels of a plane, 0–15; then what `_two_lowest`, `corners` leave
_SX, _SY, _SZ, STEP_X, STEP_Y, _LANE, _WHO, _BEST = range(0, 8 * 16, 16)
CORNERS = 128  # 16 for each of the leaves that are pruned together
_EPSILON, _FLOOR = np.float32(2.0**-19), np.float32(2.0**-40)
_TINY = np.float32(2.0**-100)  # squares below it are too coarse to divide by: their tangent is taken as flat
_FAR, _INF = np.float32(-3e38), np.float32(np.inf)


@njit(cache=True, nogil=True)
def is_asked(blocks, z, y, x, size):
    """Whether blocks (z, y, x), of 8³ voxels each, ask for any part of a box; none at all ask for everything."""
    if blocks.size == 0:
        return True
    n = max(size // BLOCK_EDGE, 1)
    for bz in range(z // BLOCK_EDGE, min(z // BLOCK_EDGE + n, blocks.shape[0])):
        for by in range(y // BLOCK_EDGE, min(y // BLOCK_EDGE + n, blocks.shape[1])):
            for bx in range(x // BLOCK_EDGE, min(x // BLOCK_EDGE + n, blocks.shape[2])):
                if blocks[bz, by, bx]:
                    return True
    return False


@njit(cache=True, nogil=True)
def scratch_for(boxes):
    """Scratch of `tangents` and `corners` for so many boxes at a time, constants filled in: float32."""
    scratch = np.zeros(CORNERS + 16 * boxes, np.float32)
    for k in range(16):
        scratch[_SX + k] = (k & 1) * 2 - 1
        scratch[_SY + k] = (k >> 1 & 1) * 2 - 1
        scratch[_SZ + k] = (k >> 2 & 1) * 2 - 1
        scratch[STEP_X + k] = k % 4
        scratch[STEP_Y + k] = k // 4
        scratch[_LANE + k] = k
    return scratch


@njit(cache=True, nogil=True)
def load_seeds(c, factor, shift, lut, relevant):
    """Write all seeds from 0 on, but for their place: factor (6, n), shift (n,), lut (n + 1,), relevant (n,)."""
    n = shift.size
    for i in range(n):
        o = (i >> 4) * BLOCK + (i & 15)
        for row in range(6):
            c[o + A00 + 16 * row] = factor[row, i]
        c[o + R] = shift[i]
        put_bits(c, o + SEED, i)
        put_bits(c, o + NAME, lut[i])
        c[o + WANTED] = relevant[i]
    for i in range(n, (n + 15) & ~15):
        o = (i >> 4) * BLOCK + (i & 15)
        for row in range(A00, WANTED + 16, 16):
            c[o + row] = np.float32(0.0)
        c[o + R] = _FAR


@njit(cache=True, nogil=True)
def place_seeds(c, place, x, y, z, squared):
    """Make the coordinates of all seeds, place (3, n) voxels, those from (x, y, z), and bound their rounding."""
    n = place.shape[1]
    for i in range((n + 15) & ~15):
        o, k = (i >> 4) * BLOCK + (i & 15), min(i, n - 1)
        c[o + X], c[o + Y], c[o + Z] = place[0, k] - x, place[1, k] - y, place[2, k] - z
    zero, tile = spread(np.float32(0.0)), np.float32(TILE)
    for o in range(0, ((n + 15) >> 4) * BLOCK, BLOCK):
        norm = zero
        for row in range(A00, R, 16):
            norm = multiply_add(load(c, o + row), load(c, o + row), norm)
        sx, sy, sz, r = load(c, o + X), load(c, o + Y), load(c, o + Z), load(c, o + R)
        reach = sqrt(norm) * (most(sx, zero - sx) + most(sy, zero - sy) + most(sz, zero - sz) + tile)
        if squared:
            reach = (reach + reach) * reach
        store(c, o + ERROR, multiply_add(reach + most(r, zero - r), spread(_EPSILON), spread(_FLOOR)))


@njit(cache=True, nogil=True)
def copy_list(c, slots, count, target, scratch):
    """Copy the candidates at slots (count,) to the list at target."""
    for k in range(0, count, 16):
        for row in range(0, WANTED + 16, 16):
            store(c, target + k * 16 + row, gather(c, slots, k, row))
    if count & 15:
        last = target + (count >> 4) * BLOCK + R
        rest = spread(np.float32(count & 15))
        store(c, last, where_less(load(scratch, _LANE), rest, load(c, last), spread(_FAR)))


@njit(cache=True, nogil=True)
def end_of(start, count):
    """Where the next list can begin."""
    return start + ((count + 15) >> 4) * BLOCK


@njit(cache=True, nogil=True)
def tangent_size(count):
    """How many float32 the tangents of a list take."""
    return ((count + 15) >> 4) * _TANGENT


@njit(cache=True, nogil=True)
def tangents(c, start, count, centre, half, squared, t, at, scratch):
    """Write the tangents of a list over a box to t[at:]; return where two of the lowest at its centre lie."""
    x, y, z = centre
    wx, wy, wz = half
    best, who = spread(_INF), spread(np.float32(0.0))
    for block in range((count + 15) >> 4):
        o, p = start + block * BLOCK, at + block * _TANGENT
        dx, dy, dz = x - load(c, o + X), y - load(c, o + Y), z - load(c, o + Z)
        a00, a01, a02 = load(c, o + A00), load(c, o + A01), load(c, o + A02)
        a11, a12, a22 = load(c, o + A11), load(c, o + A12), load(c, o + A22)
        u0 = multiply_add(a00, dx, multiply_add(a01, dy, a02 * dz))
        u1, u2 = multiply_add(a11, dy, a12 * dz), a22 * dz
        q = multiply_add(u0, u0, multiply_add(u1, u1, u2 * u2))
        if squared:
            value, slope = q, spread(np.float32(2.0))
        else:
            value = sqrt(q)
            slope = where_less(spread(_TINY), q, np.float32(1.0) / value, spread(np.float32(0.0)))
        u0, u1, u2 = u0 * slope, u1 * slope, u2 * slope
        v = value - load(c, o + R)
        store(t, p + _V, v)
        store(t, p + _GX, a00 * u0 * wx)
        store(t, p + _GY, multiply_add(a01, u0, a11 * u1) * wy)
        store(t, p + _GZ, multiply_add(a02, u0, multiply_add(a12, u1, a22 * u2)) * wz)
        who = where_less(v, best, spread(np.float32(block)), who)
        best = least(best, v)
    return _two_lowest(start, best, who, scratch)


@njit(cache=True, nogil=True)
def _two_lowest(start, best, who, scratch):
    """Places of the lowest candidate and of the lowest in another lane, given each lane's best and its block."""
    store(scratch, _WHO, who)
    lane = first_bit(bits_unless_above(best, spread(lowest(best))))
    i = start + np.int64(scratch[_WHO + lane]) * BLOCK + lane
    others = where_less(load(scratch, _LANE), spread(np.float32(lane)), best, spread(_INF))
    others = where_less(spread(np.float32(lane)), load(scratch, _LANE), best, others)
    lane = first_bit(bits_unless_above(others, spread(lowest(others))))
    return i, start + np.int64(scratch[_WHO + lane]) * BLOCK + lane


@njit(cache=True, nogil=True)
def corners(c, i, j, centre, half, squared, scratch, at):
    """Write the values of i at the 8 corners of a box to scratch[at:], then those of j, each with its rounding."""
    x, y, z = centre
    wx, wy, wz = half
    dx = multiply_add(load(scratch, _SX), spread(wx), halves(x - c[i + X], x - c[j + X]))
    dy = multiply_add(load(scratch, _SY), spread(wy), halves(y - c[i + Y], y - c[j + Y]))
    dz = multiply_add(load(scratch, _SZ), spread(wz), halves(z - c[i + Z], z - c[j + Z]))
    u0 = multiply_add(halves(c[i + A01], c[j + A01]), dy, halves(c[i + A02], c[j + A02]) * dz)
    u0 = multiply_add(halves(c[i + A00], c[j + A00]), dx, u0)
    u1 = multiply_add(halves(c[i + A11], c[j + A11]), dy, halves(c[i + A12], c[j + A12]) * dz)
    u2 = halves(c[i + A22], c[j + A22]) * dz
    q = multiply_add(u0, u0, multiply_add(u1, u1, u2 * u2))
    value = q if squared else sqrt(q)
    store(scratch, at, value - halves(c[i + R] - c[i + ERROR], c[j + R] - c[j + ERROR]))


@njit(cache=True, nogil=True)
def survivors(c, start, count, t, at, scratch, corner, slots):
    """Fill slots with the places of the candidates that can win in a box; how many, and whether one is wanted."""
    e0, e1, e2, e3 = _four(scratch, corner)
    e4, e5, e6, e7 = _four(scratch, corner + 4)
    f0, f1, f2, f3 = _four(scratch, corner + 8)
    f4, f5, f6, f7 = _four(scratch, corner + 12)
    bar = least(_highest(e0, e1, e2, e3, e4, e5, e6, e7), _highest(f0, f1, f2, f3, f4, f5, f6, f7))
    zero, some = spread(np.float32(0.0)), spread(np.float32(0.5))
    kept, wanted = 0, 0
    for block in range((count + 15) >> 4):
        o, p = start + block * BLOCK, at + block * _TANGENT
        v, gx, gy, gz = load(t, p + _V), load(t, p + _GX), load(t, p + _GY), load(t, p + _GZ)
        error = load(c, o + ERROR)
        fall = most(gx, zero - gx) + most(gy, zero - gy) + most(gz, zero - gz)
        if not bits_unless_above(v - fall - error, bar):
            continue  # all 16 lie above all of i or of j: most blocks, at a tenth of the work
        near, far = v - gz, v + gz
        t00, t01, t10, t11 = near - gy, near + gy, far - gy, far + gy
        t0, t1, t2, t3 = t00 - gx, t00 + gx, t01 - gx, t01 + gx
        t4, t5, t6, t7 = t10 - gx, t10 + gx, t11 - gx, t11 + gx
        over_i = _deepest(t0 - e0, t1 - e1, t2 - e2, t3 - e3, t4 - e4, t5 - e5, t6 - e6, t7 - e7)
        over_j = _deepest(t0 - f0, t1 - f1, t2 - f2, t3 - f3, t4 - f4, t5 - f5, t6 - f6, t7 - f7)
        bits = bits_unless_above(most(over_i, over_j), error)
        wanted |= bits & bits_unless_above(some, load(c, o + WANTED))
        while bits:
            slots[kept] = o + first_bit(bits)
            kept += 1
            bits &= bits - 1
    return kept, wanted != 0


@njit(cache=True, nogil=True)
def _four(a, i):
    return spread(a[i]), spread(a[i + 1]), spread(a[i + 2]), spread(a[i + 3])


@njit(cache=True, nogil=True)
def _deepest(a, b, c, d, e, f, g, h):
    return least(least(least(a, b), least(c, d)), least(least(e, f), least(g, h)))


@njit(cache=True, nogil=True)
def _highest(a, b, c, d, e, f, g, h):
    return most(most(most(a, b), most(c, d)), most(most(e, f), most(g, h)))
