"""Two low seeds of each child of a box, its picks, and the candidates that exceed one of them at all corners, Eq. (8).

The lanes and the bound are those of `candidates`.
"""

import numpy as np

from nmcfast.kernels._cache import helper
from nmcfast.kernels.gbpd.layout import (
    A00,
    A01,
    A02,
    A11,
    A12,
    A22,
    CORNERS,
    CX,
    CY,
    CZ,
    ERROR,
    FAR,
    FIELDS,
    PICKED,
    WHO,
    WX,
    WY,
    WZ,
    R,
    X,
    Y,
    Z,
)
from nmcfast.kernels.vectors.lanes import (
    bits_unless_above,
    halves,
    high_twice,
    least,
    low_twice,
    most,
    multiply_add,
    spread,
    sqrt,
    where_less,
)
from nmcfast.kernels.vectors.memory import at, load, put, store, transpose


@helper
def load_picks(work, box):
    """Load the picks, two a child: their places, and their values side by side."""
    c, lists, scratch, start = work.c, work.lists, work.scratch, box.start
    for k in range(16):
        put(work.picks, k, at(lists, start + 2 * np.int64(at(scratch, WHO + k)) + (k >> 3)))
    if box.length > 4:
        transpose(scratch, PICKED, c, work.picks, FIELDS)
        return
    a, b = np.int64(at(lists, start)), np.int64(at(lists, start + 1))  # a choice of two pairs takes less time
    later = start + 2 * (box.length > 2)
    d, e = np.int64(at(lists, later)), np.int64(at(lists, later + 1))
    who = load(scratch, WHO)
    for row in range(FIELDS):
        first, second = halves(at(c, a + row), at(c, b + row)), halves(at(c, d + row), at(c, e + row))
        store(scratch, PICKED + 16 * row, where_less(who, spread(np.float32(0.5)), first, second))


@helper
def _picked(scratch, row):
    return load(scratch, PICKED + 16 * row)


@helper
def highest_of_picks(squared, scratch):
    """Write the values of the picks at the corners of their children, and their rounding; the highest of each."""
    dx, dy = load(scratch, CX) - _picked(scratch, X), load(scratch, CY) - _picked(scratch, Y)
    dz, r = load(scratch, CZ) - _picked(scratch, Z), _picked(scratch, R) - _picked(scratch, ERROR)
    wx, wy, wz = load(scratch, WX), load(scratch, WY), load(scratch, WZ)
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
        store(scratch, CORNERS + 16 * k, value)
        high = most(high, value)
    return high


@helper
def below_picks(v, gx, gy, gz, scratch):
    """Bits of the children, of the first candidate and of the second, where their tangents do not exceed both picks
    at all corners; v: the tangents at the centres less their rounding, gx gy gz: their rises over the half widths."""
    near, far = v - gz, v + gz
    t00, t01, t10, t11 = near - gy, near + gy, far - gy, far + gy
    t0, t1, t2, t3 = t00 - gx, t00 + gx, t01 - gx, t01 + gx
    t4, t5, t6, t7 = t10 - gx, t10 + gx, t11 - gx, t11 + gx
    e0, e1, e2, e3 = _four_corners(scratch, CORNERS)
    e4, e5, e6, e7 = _four_corners(scratch, CORNERS + 64)
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
