"""Sixteen float32 side by side: a value that numba keeps in vector registers, written like a scalar.

LLVM's vectoriser gives up on loops over few candidates or voxels. Here the vectors are said in the source: `+ − * /`
work on lanes, or on lanes and a float32; LLVM splits them into what the machine has (one, two or four registers).
Without the compiler (NUMBA_DISABLE_JIT=1) lanes are NumPy arrays of 16 and every function below is ordinary Python.
"""

from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from nmcfast.kernels.vectors.lowering import (
    FLOAT,
    FLOATS,
    INTEGER,
    INTS,
    LANES,
    WIDTH,
    Lanes,
    lower,
    lower_arithmetic,
    splat,
)


def spread(x):
    """The float32 x in all lanes."""
    return np.full(WIDTH, x, np.float32)


def sqrt(lanes):
    """Square root of each lane."""
    return np.sqrt(lanes)


def multiply_add(a, b, c):
    """a b + c, rounded once on every machine, since what the halo keeps depends on it: slow where only software can."""
    return (np.asarray(a, np.float64) * b + c).astype(np.float32)


def least(a, b):
    """The smaller of two lanes."""
    return np.where(a < b, a, b)


def most(a, b):
    """The larger of two lanes."""
    return np.where(a < b, b, a)


def where_less(a, b, yes, no):
    """Lanes of yes where a < b, of no elsewhere: the bits as they are, whatever they mean."""
    return np.where(a < b, yes.view(np.int32), no.view(np.int32)).view(np.float32)


def halves(x, y):
    """x in the first eight lanes, y in the others."""
    return np.repeat(np.array([x, y], np.float32), WIDTH // 2)


def both(a, b, k):
    """Lane k of a in the first eight lanes, of b in the others; k is a constant."""
    return np.repeat(np.array([a[k], b[k]], np.float32), WIDTH // 2)


def low_twice(lanes):
    """The first eight lanes, twice."""
    return np.tile(lanes[: WIDTH // 2], 2)


def high_twice(lanes):
    """The last eight lanes, twice."""
    return np.tile(lanes[WIDTH // 2 :], 2)


def swapped(lanes):
    """The last eight lanes, then the first."""
    return np.roll(lanes, WIDTH // 2)


def lower_peak(lanes):
    """The highest of the first eight lanes or the highest of the last eight, whichever is lower."""
    return min(lanes[: WIDTH // 2].max(), lanes[WIDTH // 2 :].max())


def bits_unless_above(a, b):
    """Bit k of the result is set unless a > b in lane k."""
    return int(np.packbits(~(a > b), bitorder="little").view(np.uint16)[0])


def first_bit(bits):
    """Number of the lowest bit that is set."""
    return (int(bits) & -int(bits)).bit_length() - 1


def spread_bits(n):
    """The bits of the int32 n in all lanes, to be carried about as if they were floats."""
    return np.full(WIDTH, n, np.int32).view(np.float32)


@lower(spread, LANES, FLOAT)
def _spread(context, builder, sig, arguments):
    return splat(builder, context.cast(builder, arguments[0], sig.args[0], types.float32))


def _call(builder, name, *arguments):
    """Call of the LLVM intrinsic `name` on lanes."""
    kind = ir.FunctionType(FLOATS, [FLOATS] * len(arguments))
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{WIDTH}f32")
    return builder.call(function, arguments)


@lower(sqrt, LANES, Lanes)
def _sqrt(context, builder, sig, arguments):
    return _call(builder, "sqrt", *arguments)


@lower(multiply_add, LANES, Lanes, Lanes, Lanes)
def _multiply_add(context, builder, sig, arguments):
    return _call(builder, "fma", *arguments)


@lower(least, LANES, Lanes, Lanes)
def _least(context, builder, sig, arguments):
    a, b = arguments
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


@lower(most, LANES, Lanes, Lanes)
def _most(context, builder, sig, arguments):
    a, b = arguments
    return builder.select(builder.fcmp_ordered("<", a, b), b, a)


@lower(where_less, LANES, Lanes, Lanes, Lanes, Lanes)
def _where_less(context, builder, sig, arguments):
    a, b, yes, no = arguments
    return builder.select(builder.fcmp_ordered("<", a, b), yes, no)


@lower(halves, LANES, FLOAT, FLOAT)
def _halves(context, builder, sig, arguments):
    x, y = (splat(builder, value) for value in arguments)
    order = [k if k < WIDTH // 2 else WIDTH + k for k in range(WIDTH)]
    return builder.shuffle_vector(x, y, ir.Constant(INTS, order))


@lower(both, LANES, Lanes, Lanes, types.IntegerLiteral)
def _both(context, builder, sig, arguments):
    k = sig.args[2].literal_value
    order = [k] * (WIDTH // 2) + [WIDTH + k] * (WIDTH // 2)
    return builder.shuffle_vector(arguments[0], arguments[1], ir.Constant(INTS, order))


def _lower_shuffle(function: Callable, order: list[int]) -> None:
    @lower(function, LANES, Lanes)
    def apply(context, builder, sig, arguments):
        return builder.shuffle_vector(arguments[0], arguments[0], ir.Constant(INTS, order))


_lower_shuffle(low_twice, [*range(8), *range(8)])
_lower_shuffle(high_twice, [*range(8, 16), *range(8, 16)])
_lower_shuffle(swapped, [*range(8, 16), *range(8)])


@lower(lower_peak, types.float32, Lanes)
def _lower_peak(context, builder, sig, arguments):
    lanes = arguments[0]
    for step in (4, 2, 1, 8):
        turned = builder.shuffle_vector(lanes, lanes, ir.Constant(INTS, [k ^ step for k in range(WIDTH)]))
        better = builder.fcmp_ordered("<" if step == 8 else ">", turned, lanes)
        lanes = builder.select(better, turned, lanes)
    return builder.extract_element(lanes, ir.IntType(32)(0))


@lower(bits_unless_above, types.int64, Lanes, Lanes)
def _bits_unless_above(context, builder, sig, arguments):
    mask = builder.fcmp_unordered("<=", *arguments)
    return builder.zext(builder.bitcast(mask, ir.IntType(WIDTH)), ir.IntType(64))


@lower(first_bit, types.int64, INTEGER)
def _first_bit(context, builder, sig, arguments):
    bits = context.cast(builder, arguments[0], sig.args[0], types.int64)
    return builder.cttz(bits, ir.IntType(1)(1))


@lower(spread_bits, LANES, INTEGER)
def _spread_bits(context, builder, sig, arguments):
    number = context.cast(builder, arguments[0], sig.args[0], types.int32)
    return builder.bitcast(splat(builder, number, INTS), FLOATS)


lower_arithmetic(LANES, FLOATS, types.float32)
