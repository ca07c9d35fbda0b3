"""Eight float64 side by side, as `lanes` has sixteen float32: values that numba keeps in vector registers.

Without the compiler (NUMBA_DISABLE_JIT=1) they are NumPy arrays of 8 and every function below is ordinary Python.
Indices into arrays are taken as they are: no wrap-around of negative ones, no bounds check.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from nmcfast.kernels.vectors.lowering import (
    ARRAY,
    FLOAT,
    INTEGER,
    hold,
    index_of,
    lower,
    lower_arithmetic,
    pointer,
    splat,
)

WIDTH = 8
_DOUBLES = ir.VectorType(ir.DoubleType(), WIDTH)


class Doubles(types.Type):
    """The numba type of 8 float64."""

    def __init__(self) -> None:
        super().__init__(name="Doubles")


DOUBLES = Doubles()
hold(Doubles, _DOUBLES)


def spread8(x):
    """The float64 x in all lanes."""
    return np.full(WIDTH, x, np.float64)


def load8(a, i):
    """Lanes a[i : i + 8]."""
    return a[i : i + WIDTH].copy()


def store8(a, i, doubles):
    """a[i : i + 8] = doubles."""
    a[i : i + WIDTH] = doubles


def store_pairs8(a, i, even, odd):
    """a[i : i + 16] = lanes of two in turn: even[0], odd[0], even[1], …"""
    a[i : i + 2 * WIDTH : 2], a[i + 1 : i + 2 * WIDTH : 2] = even, odd


def sqrt8(doubles):
    """Square root of each lane."""
    return np.sqrt(doubles)


def where_less8(a, b, yes, no):
    """Lanes of yes where a < b, of no elsewhere."""
    return np.where(a < b, yes, no)


def bits_not_above8(a, b):
    """Bit k of the result is set where a ≤ b in lane k."""
    return int(np.packbits(a <= b, bitorder="little")[0])


def exponent8(doubles):
    """Exponent e of each lane 2^e · m with 1 ≤ m < 2; lanes are positive, finite and not subnormal."""
    return np.frexp(doubles)[1] - 1.0


def mantissa8(doubles):
    """Mantissa m of each lane 2^e · m with 1 ≤ m < 2; lanes are positive, finite and not subnormal."""
    return np.frexp(doubles)[0] * 2.0


def scale8(doubles, exponents):
    """Lanes times 2^e for whole numbers e; neither lanes nor results are 0, subnormal or infinite."""
    return np.ldexp(doubles, exponents.astype(np.int64))


def _place(context, builder, sig, arguments, kind):
    """Pointer to the vector of an LLVM type that starts at element arguments[1] of the array arguments[0]."""
    return pointer(context, builder, sig.args[0], arguments[0], index_of(context, builder, sig, arguments, 1), kind)


@lower(spread8, DOUBLES, FLOAT)
def _spread8(context, builder, sig, arguments):
    return splat(builder, context.cast(builder, arguments[0], sig.args[0], types.float64), _DOUBLES)


@lower(load8, DOUBLES, ARRAY, INTEGER)
def _load8(context, builder, sig, arguments):
    return builder.load(_place(context, builder, sig, arguments, _DOUBLES), align=8)


@lower(store8, types.none, ARRAY, INTEGER, Doubles)
def _store8(context, builder, sig, arguments):
    builder.store(arguments[2], _place(context, builder, sig, arguments, _DOUBLES), align=8)
    return context.get_dummy_value()


@lower(store_pairs8, types.none, ARRAY, INTEGER, Doubles, Doubles)
def _store_pairs8(context, builder, sig, arguments):
    order = [k // 2 + WIDTH * (k % 2) for k in range(2 * WIDTH)]
    pairs = builder.shuffle_vector(arguments[2], arguments[3], ir.Constant(ir.VectorType(ir.IntType(32), 16), order))
    builder.store(pairs, _place(context, builder, sig, arguments, pairs.type), align=8)
    return context.get_dummy_value()


@lower(sqrt8, DOUBLES, Doubles)
def _sqrt8(context, builder, sig, arguments):
    kind = ir.FunctionType(_DOUBLES, [_DOUBLES])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.sqrt.v{WIDTH}f64"), arguments)


@lower(where_less8, DOUBLES, Doubles, Doubles, Doubles, Doubles)
def _where_less8(context, builder, sig, arguments):
    a, b, yes, no = arguments
    return builder.select(builder.fcmp_ordered("<", a, b), yes, no)


@lower(bits_not_above8, types.int64, Doubles, Doubles)
def _bits_not_above8(context, builder, sig, arguments):
    mask = builder.fcmp_ordered("<=", *arguments)
    return builder.zext(builder.bitcast(mask, ir.IntType(WIDTH)), ir.IntType(64))


_BITS = ir.VectorType(ir.IntType(64), WIDTH)
_SHIFTER = 1.5 * 2.0**52  # a small whole number added to it stands in its lowest bits


def _constant(value, kind=_BITS):
    return ir.Constant(kind, [value] * WIDTH)


@lower(exponent8, DOUBLES, Doubles)
def _exponent8(context, builder, sig, arguments):
    bits = builder.lshr(builder.bitcast(arguments[0], _BITS), _constant(52))
    whole = builder.bitcast(builder.or_(bits, _constant(0x4330 << 48)), _DOUBLES)  # 2^52 + biased exponent
    return builder.fsub(whole, _constant(2.0**52 + 1023.0, _DOUBLES))


@lower(mantissa8, DOUBLES, Doubles)
def _mantissa8(context, builder, sig, arguments):
    bits = builder.and_(builder.bitcast(arguments[0], _BITS), _constant((1 << 52) - 1))
    return builder.bitcast(builder.or_(bits, _constant(1023 << 52)), _DOUBLES)


@lower(scale8, DOUBLES, Doubles, Doubles)
def _scale8(context, builder, sig, arguments):
    shifted = builder.bitcast(builder.fadd(arguments[1], _constant(_SHIFTER, _DOUBLES)), _BITS)
    bits = builder.add(builder.bitcast(arguments[0], _BITS), builder.shl(shifted, _constant(52)))
    return builder.bitcast(bits, _DOUBLES)


lower_arithmetic(DOUBLES, _DOUBLES, types.float64)
