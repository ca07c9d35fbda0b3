"""Exponential, logarithm, sine and cosine of eight float64, by the same additions and products on every machine.

The C library's differ in the last bit from one library and one processor to another. These are within two units in the
last place of the true values over the ranges that each names, and are not meant beyond them.
"""

import numpy as np

from nmcfast.kernels._cache import kernel
from nmcfast.kernels.vectors.doubles import exponent8, mantissa8, scale8, spread8, where_less8

_SHIFTER = 1.5 * 2.0**52  # added and subtracted it rounds to whole numbers
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # 33 bits and the rest of ln 2
_PI_HIGH, _PI_LOW = 3.14159265346825122833e00, 1.21542010130123843128e-10  # 33 bits and the rest of π


@kernel
def exp8(x):
    """e^x; 0 below −700, infinite above 709."""
    inside = where_less8(x, spread8(-700.0), spread8(-700.0), where_less8(spread8(709.0), x, spread8(709.0), x))
    n = (inside * 1.4426950408889634 + _SHIFTER) - _SHIFTER
    r = (inside - n * _LN2_HIGH) - n * _LN2_LOW
    p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    result = scale8(p * r * r + r + 1.0, n)
    result = where_less8(x, spread8(-700.0), spread8(0.0), result)
    return where_less8(spread8(709.0), x, spread8(np.inf), result)


@kernel
def log8(x):
    """ln x of positive normal numbers."""
    e, m = exponent8(x), mantissa8(x)
    root = spread8(1.4142135623730951)
    e, m = where_less8(root, m, e + 1.0, e), where_less8(root, m, m * 0.5, m)
    f = (m - 1.0) / (m + 1.0)
    s = f * f
    p = s * (1.0 / 23.0) + 1.0 / 21.0
    p = p * s + 1.0 / 19.0
    p = p * s + 1.0 / 17.0
    p = p * s + 1.0 / 15.0
    p = p * s + 1.0 / 13.0
    p = p * s + 1.0 / 11.0
    p = p * s + 1.0 / 9.0
    p = p * s + 1.0 / 7.0
    p = p * s + 1.0 / 5.0
    p = p * s + 1.0 / 3.0
    return e * _LN2_HIGH + (e * _LN2_LOW + (2.0 * f + 2.0 * f * s * p))


@kernel
def cosine_sine8(x):
    """cos x and sin x, |x| ≤ 10⁵."""
    n = (x * 0.3183098861837907 + _SHIFTER) - _SHIFTER
    odd = n - 2.0 * ((n * 0.5 + _SHIFTER) - _SHIFTER)
    sign = 1.0 - 2.0 * (odd * odd)
    r = (x - n * _PI_HIGH) - n * _PI_LOW
    s = r * r
    p = s * (-1.0 / 25852016738884976640000.0) + 1.0 / 51090942171709440000.0
    p = p * s - 1.0 / 121645100408832000.0
    p = p * s + 1.0 / 355687428096000.0
    p = p * s - 1.0 / 1307674368000.0
    p = p * s + 1.0 / 6227020800.0
    p = p * s - 1.0 / 39916800.0
    p = p * s + 1.0 / 362880.0
    p = p * s - 1.0 / 5040.0
    p = p * s + 1.0 / 120.0
    p = p * s - 1.0 / 6.0
    q = s * (1.0 / 620448401733239439360000.0) - 1.0 / 1124000727777607680000.0
    q = q * s + 1.0 / 2432902008176640000.0
    q = q * s - 1.0 / 6402373705728000.0
    q = q * s + 1.0 / 20922789888000.0
    q = q * s - 1.0 / 87178291200.0
    q = q * s + 1.0 / 479001600.0
    q = q * s - 1.0 / 3628800.0
    q = q * s + 1.0 / 40320.0
    q = q * s - 1.0 / 720.0
    q = q * s + 1.0 / 24.0
    q = q * s - 0.5
    return sign * (q * s + 1.0), sign * (p * s * r + r)
