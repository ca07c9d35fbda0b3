"""Arrays read and written by address, one number or sixteen side by side (`lanes`), as LLVM would: unchecked.

Indices are taken as they are: no wrap-around of negative ones, no bounds check. `raw(a)` is the address of an array for
functions that are called often: numba counts the references of arrays at every call, 5 ns each. Without the compiler
(NUMBA_DISABLE_JIT=1) every function below is ordinary Python on the arrays themselves.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError

from nmcfast.kernels._cache import helper
from nmcfast.kernels.vectors.lowering import (
    ARRAY,
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


@helper
def enlarged(a, size):
    """The array with room for `size` and half as many again."""
    larger = np.empty(size + size // 2, a.dtype)
    for i in range(a.size):
        larger[i] = a[i]
    return larger


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
