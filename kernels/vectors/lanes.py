"""Sixteen float32 side by side: a value that numba keeps in vector registers, written like a scalar.

LLVM's vectoriser gives up on loops over few candidates or voxels. Here the vectors are said in the source: `+ − * /`
work on lanes, or on lanes and a float32; LLVM splits them into what the machine has (one, two or four registers).
Without the compiler (NUMBA_DISABLE_JIT=1) lanes are NumPy arrays of 16 and every function below is ordinary Python.

Indices into arrays are taken as they are: no wrap-around of negative ones, no bounds check. `raw(a)` is the address of
an array, for functions that are called often: numba counts the references of arrays at every call, 5 ns each.
"""

import operator
from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError

from nmcfast.kernels.vectors.lowering import (
    ARRAY,
    FLOAT,
    FLOATS,
    INTEGER,
    INTS,
    LANES,
    WIDTH,
    Lanes,
    index_of,
    lower,
    pointer,
    splat,
)

_MASK = ir.VectorType(ir.IntType(1), WIDTH)


def raw(a):
    """The address of the contiguous array a, which must outlive it; the array itself without the compiler."""
    return a.reshape(-1)


def at(a, i):
    """a[i]."""
    return a[i]


def put(a, i, x):
    """a[i] = x."""
    a[i] = x


def spread(x):
    """The float32 x in all lanes."""
    return np.full(WIDTH, x, np.float32)


def load(a, i):
    """Lanes a[i : i + 16]."""
    return a[i : i + WIDTH].copy()


def store(a, i, lanes):
    """a[i : i + 16] = lanes."""
    a[i : i + WIDTH] = lanes


def gather(a, index, k, shift):
    """Lanes a[index[k] + shift], …, a[index[k + 15] + shift] for int32 indices."""
    return a[index[k : k + WIDTH] + shift]


def transpose(out, k, a, index, rows):
    """out[k + 16 r + i] = a[index[i] + r] for 16 int32 indices i and the first of 16 rows r; `rows` is a constant."""
    for r in range(rows):
        out[k + WIDTH * r : k + WIDTH * (r + 1)] = a[index[:WIDTH] + r]


def sqrt(lanes):
    """Square root of each lane."""
    return np.sqrt(lanes)


def inverse_root(lanes):
    """1 / √ of each lane, within 2⁻²¹ of itself; which last bits come out depends on the machine. Lanes ≥ 1e-30."""
    return np.float32(1.0) / np.sqrt(lanes)


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


def lowest(lanes):
    """The smallest of the 16 lanes."""
    return lanes.min()


def bits_unless_above(a, b):
    """Bit k of the result is set unless a > b in lane k."""
    return int(np.packbits(~(a > b), bitorder="little").view(np.uint16)[0])


def first_bit(bits):
    """Number of the lowest bit that is set."""
    return (int(bits) & -int(bits)).bit_length() - 1


def spread_bits(n):
    """The bits of the int32 n in all lanes, to be carried about as if they were floats."""
    return np.full(WIDTH, n, np.int32).view(np.float32)


def bits_at(a, i):
    """The bits of a[i], a float32, as an int32."""
    return int(a[i : i + 1].view(np.int32)[0])


def put_bits(a, i, n):
    """Make the bits of a[i], a float32, those of the int32 n."""
    a[i : i + 1].view(np.int32)[0] = n


def prefetch(a, i):
    """A hint that a[i] is soon looked at or written."""


def put_plane(out, k, row, lanes):
    """out[k + i row : k + i row + 4], i = 0 … 3, = the bits of the lanes: the way back from `spread_bits`.

    out is of any integer type.
    """
    for i in range(4):
        out[k + i * row : k + i * row + 4] = lanes.view(np.int32)[4 * i : 4 * i + 4]


def put_eight(out, k, x):
    """out[k : k + 8] = x for out of any integer type."""
    out[k : k + 8] = x


def _address(array):
    if array.layout != "C":
        raise TypingError(f"raw: found {array}, expected a contiguous array")
    return types.CPointer(array.dtype)


@lower(raw, _address, types.Array)
def _raw(context, builder, sig, arguments):
    return context.make_array(sig.args[0])(context, builder, arguments[0]).data


@lower(at, lambda array, i: array.dtype, ARRAY, INTEGER)
def _at(context, builder, sig, arguments):
    index = index_of(context, builder, sig, arguments, 1)
    model = context.data_model_manager[sig.return_type]  # a bool is kept as a byte
    held = builder.load(pointer(context, builder, sig.args[0], arguments[0], index, model.get_data_type()))
    return model.from_data(builder, held)


@lower(put, types.none, ARRAY, INTEGER, (types.Integer, types.Float, types.Boolean))
def _put(context, builder, sig, arguments):
    index = index_of(context, builder, sig, arguments, 1)
    value = context.cast(builder, arguments[2], sig.args[2], sig.args[0].dtype)
    value = context.data_model_manager[sig.args[0].dtype].as_data(builder, value)
    builder.store(value, pointer(context, builder, sig.args[0], arguments[0], index, value.type))
    return context.get_dummy_value()


@lower(spread, LANES, FLOAT)
def _spread(context, builder, sig, arguments):
    return splat(builder, context.cast(builder, arguments[0], sig.args[0], types.float32))


@lower(load, LANES, ARRAY, INTEGER)
def _load(context, builder, sig, arguments):
    at = index_of(context, builder, sig, arguments, 1)
    return builder.load(pointer(context, builder, sig.args[0], arguments[0], at, FLOATS), align=4)


@lower(store, types.none, ARRAY, INTEGER, Lanes)
def _store(context, builder, sig, arguments):
    at = index_of(context, builder, sig, arguments, 1)
    builder.store(arguments[2], pointer(context, builder, sig.args[0], arguments[0], at, FLOATS), align=4)
    return context.get_dummy_value()


@lower(gather, LANES, ARRAY, ARRAY, INTEGER, INTEGER)
def _gather(context, builder, sig, arguments):
    at = index_of(context, builder, sig, arguments, 2)
    index = builder.load(pointer(context, builder, sig.args[1], arguments[1], at, INTS), align=4)
    shift = index_of(context, builder, sig, arguments, 3)
    start = pointer(context, builder, sig.args[0], arguments[0], shift, ir.FloatType())
    wide = ir.VectorType(ir.IntType(64), WIDTH)  # llvmlite has no getelementptr of vectors
    offsets = builder.shl(builder.sext(index, wide), ir.Constant(wide, [2] * WIDTH))
    address = splat(builder, builder.ptrtoint(start, ir.IntType(64)), wide)
    pointers = builder.inttoptr(builder.add(offsets, address), ir.VectorType(start.type, WIDTH))
    mask = ir.Constant(_MASK, [1] * WIDTH)
    kind = ir.FunctionType(FLOATS, [pointers.type, ir.IntType(32), _MASK, FLOATS])
    name = f"llvm.masked.gather.v{WIDTH}f32.v{WIDTH}p0"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, [pointers, ir.IntType(32)(4), mask, ir.Constant(FLOATS, ir.Undefined)])


@lower(transpose, types.none, ARRAY, INTEGER, ARRAY, ARRAY, types.IntegerLiteral)
def _transpose(context, builder, sig, arguments):
    vectors = []
    for i in range(WIDTH):
        entry = context.get_constant(types.intp, i)
        start = builder.load(pointer(context, builder, sig.args[3], arguments[3], entry, ir.IntType(32)))
        start = builder.sext(start, entry.type)
        vectors.append(builder.load(pointer(context, builder, sig.args[2], arguments[2], start, FLOATS), align=4))
    for step in (1, 2, 4, 8):  # vectors i and i + step trade the halves of each run of 2 step lanes
        low = ir.Constant(INTS, [k if not k & step else WIDTH + k - step for k in range(WIDTH)])
        high = ir.Constant(INTS, [k + step if not k & step else WIDTH + k for k in range(WIDTH)])
        for i in range(WIDTH):
            if not i & step:
                a, b = vectors[i], vectors[i + step]
                vectors[i], vectors[i + step] = builder.shuffle_vector(a, b, low), builder.shuffle_vector(a, b, high)
    begin = index_of(context, builder, sig, arguments, 1)
    for r in range(sig.args[4].literal_value):
        place = builder.add(begin, context.get_constant(types.intp, WIDTH * r))
        builder.store(vectors[r], pointer(context, builder, sig.args[0], arguments[0], place, FLOATS), align=4)
    return context.get_dummy_value()


def _call(builder, name, *arguments):
    """Call of the LLVM intrinsic `name` on lanes."""
    kind = ir.FunctionType(FLOATS, [FLOATS] * len(arguments))
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{WIDTH}f32")
    return builder.call(function, arguments)


@lower(sqrt, LANES, Lanes)
def _sqrt(context, builder, sig, arguments):
    return _call(builder, "sqrt", *arguments)


@lower(inverse_root, LANES, Lanes)
def _inverse_root(context, builder, sig, arguments):
    q = arguments[0]
    if "+avx" not in context.codegen()._tm_features.split(","):
        return builder.fdiv(ir.Constant(FLOATS, [1.0] * WIDTH), _call(builder, "sqrt", q))
    eight = ir.VectorType(ir.FloatType(), 8)
    estimate = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(eight, [eight]), "llvm.x86.avx.rsqrt.ps.256"
    )
    halves = (ir.Constant(ir.VectorType(ir.IntType(32), 8), [*range(k, k + 8)]) for k in (0, 8))
    low, high = (builder.call(estimate, [builder.shuffle_vector(q, q, half)]) for half in halves)
    y = builder.shuffle_vector(low, high, ir.Constant(INTS, [*range(16)]))  # 12 bits of it; Newton's step doubles them
    half, most = (ir.Constant(FLOATS, [x] * WIDTH) for x in (-0.5, 1.5))
    return builder.fmul(y, _call(builder, "fma", builder.fmul(builder.fmul(q, y), half), y, most))


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


@lower(lowest, types.float32, Lanes)
def _lowest(context, builder, sig, arguments):
    lanes, step = arguments[0], WIDTH // 2
    while step:
        order = ir.Constant(INTS, [(k + step) % WIDTH for k in range(WIDTH)])
        turned = builder.shuffle_vector(lanes, lanes, order)
        lanes = builder.select(builder.fcmp_ordered("<", turned, lanes), turned, lanes)
        step //= 2
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


@lower(bits_at, types.int32, ARRAY, INTEGER)
def _bits_at(context, builder, sig, arguments):
    at = index_of(context, builder, sig, arguments, 1)
    return builder.load(pointer(context, builder, sig.args[0], arguments[0], at, ir.IntType(32)))


@lower(put_bits, types.none, ARRAY, INTEGER, INTEGER)
def _put_bits(context, builder, sig, arguments):
    at = index_of(context, builder, sig, arguments, 1)
    number = context.cast(builder, arguments[2], sig.args[2], types.int32)
    builder.store(number, pointer(context, builder, sig.args[0], arguments[0], at, ir.IntType(32)))
    return context.get_dummy_value()


@lower(prefetch, types.none, ARRAY, INTEGER)
def _prefetch(context, builder, sig, arguments):
    byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
    place = pointer(
        context, builder, sig.args[0], arguments[0], index_of(context, builder, sig, arguments, 1), ir.IntType(8)
    )
    kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [place, word(0), word(3), word(1)])  # for reading: the hint for writing gains less
    return context.get_dummy_value()


@lower(put_plane, types.none, ARRAY, INTEGER, INTEGER, Lanes)
def _put_plane(context, builder, sig, arguments):
    item = context.get_data_type(sig.args[0].dtype)
    labels, kind = builder.bitcast(arguments[3], INTS), ir.VectorType(item, WIDTH)
    if item.width != 32:
        labels = builder.trunc(labels, kind) if item.width < 32 else builder.sext(labels, kind)
    place, row = (index_of(context, builder, sig, arguments, k) for k in (1, 2))
    for i in range(4):
        order = ir.Constant(ir.VectorType(ir.IntType(32), 4), [*range(4 * i, 4 * i + 4)])
        four = builder.shuffle_vector(labels, labels, order)
        builder.store(four, pointer(context, builder, sig.args[0], arguments[0], place, four.type), align=1)
        place = builder.add(place, row)
    return context.get_dummy_value()


@lower(put_eight, types.none, ARRAY, INTEGER, INTEGER)
def _put_eight(context, builder, sig, arguments):
    value = context.cast(builder, arguments[2], sig.args[2], sig.args[0].dtype)
    kind = ir.VectorType(value.type, 8)
    vector = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.IntType(32)(0))
    vector = builder.shuffle_vector(vector, vector, ir.Constant(ir.VectorType(ir.IntType(32), 8), [0] * 8))
    place = index_of(context, builder, sig, arguments, 1)
    builder.store(vector, pointer(context, builder, sig.args[0], arguments[0], place, kind), align=1)
    return context.get_dummy_value()


_ARITHMETIC = {operator.add: "fadd", operator.sub: "fsub", operator.mul: "fmul", operator.truediv: "fdiv"}


def _lower_arithmetic(operation: Callable, name: str, kinds: tuple[type, type]) -> None:
    @lower(operation, LANES, *kinds)
    def apply(context, builder, sig, arguments):
        a, b = (
            value if isinstance(kind, Lanes) else _spread(context, builder, types.float32(kind), [value])
            for value, kind in zip(arguments, sig.args, strict=True)
        )
        return getattr(builder, name)(a, b)


for _operation, _name in _ARITHMETIC.items():
    for _kinds in ((Lanes, Lanes), (Lanes, FLOAT), (FLOAT, Lanes)):
        _lower_arithmetic(_operation, _name, _kinds)
