"""The items of a list that belong in each of eight others, selected without a branch: bit k of a byte for list k.

Bytes stand in the order of the candidates, eight in an uint64. A branch for every candidate and list would be
mispredicted too often: it took as long as the tests that set the bits.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from nmcfast.kernels.vectors.lowering import ARRAY, INTEGER, index_of, lower, pointer

EIGHT = 8  # candidates at a time: what may be written behind the end of a list
_FIRST_BITS = 0x0101010101010101  # of eight bytes
_GATHER = 0x0102040810204080  # times these bits: they stand side by side in the highest byte


def put_pair(flags, pair, bits):
    """Set the bytes of candidates 2 pair and 2 pair + 1 of flags, uint64: the low and the high byte of bits."""
    flags.view(np.uint16)[pair] = bits


def bits_of(flags, k, eight):
    """Bit k of the bytes of candidates 8 eight …, as a number of eight bits, the first candidate's the lowest."""
    return int(np.packbits(flags[eight : eight + 1].view(np.uint8) >> k & 1, bitorder="little")[0])


def select(lists, end, start, bits):
    """Copy those of lists[start : start + 8] whose bit is set to lists[end :], int32; where they end.

    As many as seven places behind may be overwritten.
    """
    chosen = lists[start : start + EIGHT][(bits >> np.arange(EIGHT) & 1).astype(bool)]
    lists[end : end + chosen.size] = chosen
    return end + chosen.size


@lower(put_pair, types.none, ARRAY, INTEGER, INTEGER)
def _put_pair(context, builder, sig, arguments):
    value = context.cast(builder, arguments[2], sig.args[2], types.uint16)
    first = pointer(context, builder, sig.args[0], arguments[0], ir.IntType(64)(0), value.type)
    builder.store(value, builder.gep(first, [index_of(context, builder, sig, arguments, 1)]))
    return context.get_dummy_value()


@lower(bits_of, types.int64, ARRAY, INTEGER, INTEGER)
def _bits_of(context, builder, sig, arguments):
    word = ir.IntType(64)
    place = pointer(context, builder, sig.args[0], arguments[0], index_of(context, builder, sig, arguments, 2), word)
    bits = builder.lshr(builder.load(place), context.cast(builder, arguments[1], sig.args[1], types.int64))
    return builder.lshr(builder.mul(builder.and_(bits, word(_FIRST_BITS)), word(_GATHER)), word(56))


def _orders(builder):
    """The table of places that bring the set ones of eight bits to the front, in order: (256, 8) bytes, as LLVM."""
    kind, rows = ir.ArrayType(ir.IntType(8), EIGHT), []
    for bits in range(256):
        chosen = [k for k in range(EIGHT) if bits >> k & 1]
        rows.append(ir.Constant(kind, chosen + [0] * (EIGHT - len(chosen))))
    table = ir.ArrayType(kind, 256)
    return cgutils.global_constant(builder.module, "nmcfast_orders", ir.Constant(table, rows))


@lower(select, types.int64, ARRAY, INTEGER, INTEGER, INTEGER)
def _select(context, builder, sig, arguments):
    end, start, bits = (index_of(context, builder, sig, arguments, k) for k in (1, 2, 3))
    eight = ir.VectorType(ir.IntType(32), EIGHT)
    source, target = (pointer(context, builder, sig.args[0], arguments[0], place, eight) for place in (start, end))
    items = builder.load(source, align=4)
    if "+avx2" in context.codegen()._tm_features.split(","):
        order = builder.gep(_orders(builder), [ir.IntType(64)(0), bits, ir.IntType(64)(0)])
        bytes_ = builder.load(builder.bitcast(order, ir.VectorType(ir.IntType(8), EIGHT).as_pointer()), align=1)
        kind = ir.FunctionType(eight, [eight, eight])
        permute = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx2.permd")
        builder.store(builder.call(permute, [items, builder.zext(bytes_, eight)]), target, align=4)
    else:
        mask = builder.bitcast(builder.trunc(bits, ir.IntType(8)), ir.VectorType(ir.IntType(1), EIGHT))
        kind = ir.FunctionType(ir.VoidType(), [eight, ir.IntType(32).as_pointer(), mask.type])
        compress = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.compressstore.v8i32")
        builder.call(compress, [items, builder.bitcast(target, ir.IntType(32).as_pointer()), mask])
    return builder.add(end, builder.ctpop(bits))
