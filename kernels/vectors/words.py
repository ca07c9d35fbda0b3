"""Eight words of 32 bits side by side, each in 64 bits, as `doubles` has eight float64: for random numbers.

Without the compiler (NUMBA_DISABLE_JIT=1) they are NumPy arrays of 8 uint64 and every function below is ordinary
Python.
"""

import numpy as np
from llvmlite import ir
from numba.core import types

from nmcfast.kernels.vectors.doubles import DOUBLES, WIDTH
from nmcfast.kernels.vectors.lowering import INTEGER, hold, lower, splat

_WORDS = ir.VectorType(ir.IntType(64), WIDTH)
_LOW = 0xFFFFFFFF


class Words(types.Type):
    """The numba type of 8 words of 32 bits, each in the lower half of 64; what the upper half holds does not count."""

    def __init__(self) -> None:
        super().__init__(name="Words")


WORDS = Words()
hold(Words, _WORDS)


def words8(n):
    """The integer n in all lanes."""
    return np.full(WIDTH, int(n) & _LOW, np.uint64)


def count8(n):
    """The words n, n + 1, … n + 7."""
    return (np.uint64(int(n)) + np.arange(WIDTH, dtype=np.uint64)) & np.uint64(_LOW)


def xor8(a, b):
    """Exclusive or of each lane."""
    return a ^ b


def product8(a, b):
    """The 64 bits of the product of the words in each lane; its lower half is a word."""
    return (a & np.uint64(_LOW)) * (b & np.uint64(_LOW))


def upper8(products):
    """The upper half of each product, as a word."""
    return products >> np.uint64(32)


def unit8(high, low):
    """Doubles in the open interval (0, 1) from 52 of the 64 bits of two words."""
    bits = (high & np.uint64(_LOW)) << np.uint64(20) | (low & np.uint64(_LOW)) >> np.uint64(12)
    return (bits.astype(np.float64) + 0.5) * 2.0**-52


def _constant(n, kind=_WORDS):
    return ir.Constant(kind, [n] * WIDTH)


def _low(builder, words):
    return builder.and_(words, _constant(_LOW))


def _spread(context, builder, sig, arguments):
    return splat(builder, context.cast(builder, arguments[0], sig.args[0], types.uint64), _WORDS)


@lower(words8, WORDS, INTEGER)
def _words8(context, builder, sig, arguments):
    return _spread(context, builder, sig, arguments)


@lower(count8, WORDS, INTEGER)
def _count8(context, builder, sig, arguments):
    return builder.add(_spread(context, builder, sig, arguments), ir.Constant(_WORDS, list(range(WIDTH))))


@lower(xor8, WORDS, Words, Words)
def _xor8(context, builder, sig, arguments):
    return builder.xor(*arguments)


@lower(product8, WORDS, Words, Words)
def _product8(context, builder, sig, arguments):
    return builder.mul(*(_low(builder, words) for words in arguments))


@lower(upper8, WORDS, Words)
def _upper8(context, builder, sig, arguments):
    return builder.lshr(arguments[0], _constant(32))


@lower(unit8, DOUBLES, Words, Words)
def _unit8(context, builder, sig, arguments):
    high, low = (_low(builder, words) for words in arguments)
    bits = builder.or_(builder.shl(high, _constant(20)), builder.lshr(low, _constant(12)))
    doubles = ir.VectorType(ir.DoubleType(), WIDTH)
    whole = builder.bitcast(builder.or_(bits, _constant(0x4330 << 48)), doubles)  # 2^52 + bits, which are below 2^52
    exact = builder.fsub(whole, _constant(2.0**52, doubles))
    return builder.fmul(builder.fadd(exact, _constant(0.5, doubles)), _constant(2.0**-52, doubles))
