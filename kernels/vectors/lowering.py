"""How numba is told of functions whose LLVM code is written by hand, and the type of 16 float32 side by side."""

import operator
from collections.abc import Callable
from itertools import product
from types import FunctionType
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

WIDTH = 16
FLOATS = ir.VectorType(ir.FloatType(), WIDTH)
INTS = ir.VectorType(ir.IntType(32), WIDTH)
INTEGER, FLOAT = types.Integer, types.Float
ARRAY = (types.Array, types.CPointer)


class Lanes(types.Type):
    """The numba type of 16 float32."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


def hold(vector: type, kind: Any) -> None:
    """Tell numba that values of a type of vectors are held as an LLVM vector."""

    @register_model(vector)
    class Model(models.PrimitiveModel):
        def __init__(self, manager: Any, held: Any) -> None:
            super().__init__(manager, held, kind)


LANES = Lanes()
hold(Lanes, FLOATS)


def _typed(function: Callable, result: Any, *kinds: Any) -> None:
    """Tell numba that function takes arguments of these kinds and gives result, or what result says of their types."""

    class Template(AbstractTemplate):
        def generic(self, arguments, keywords):
            if len(arguments) != len(kinds) or not all(map(isinstance, arguments, kinds)):
                return None
            return signature(result(*arguments) if isinstance(result, FunctionType) else result, *arguments)

    infer_global(function)(Template)


def pointer(context, builder, array_type, array, index, kind):
    """Pointer to a[index] for elements of the LLVM type kind."""
    is_array = isinstance(array_type, types.Array)
    data = context.make_array(array_type)(context, builder, array).data if is_array else array
    return builder.bitcast(builder.gep(data, [index]), kind.as_pointer())


def splat(builder, value, kind=FLOATS):
    """The scalar value in all places of a vector."""
    vector = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.IntType(32)(0))
    order = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(vector, ir.Constant(kind, ir.Undefined), order)


def index_of(context, builder, sig, arguments, at):
    """Argument number `at` as an index."""
    return context.cast(builder, arguments[at], sig.args[at], types.intp)


def lower(function: Callable, result: Any, *kinds: Any) -> Callable:
    """Decorator of the LLVM code of a function: (context, builder, sig, arguments) -> value."""
    _typed(function, result, *kinds)

    def register(code: Callable) -> Callable:
        for each in product(*(kind if isinstance(kind, tuple) else (kind,) for kind in kinds)):
            lower_builtin(function, *each)(code)
        return code

    return register


def lower_arithmetic(vector: types.Type, kind: Any, item: types.Type) -> None:
    """Make `+ − * /` work on vectors of a type, held as an LLVM vector of items, or on one and a number."""
    names = {operator.add: "fadd", operator.sub: "fsub", operator.mul: "fmul", operator.truediv: "fdiv"}
    own = type(vector)
    for operation, kinds in product(names, ((own, own), (own, FLOAT), (FLOAT, own))):

        @lower(operation, vector, *kinds)
        def apply(context, builder, sig, arguments, name=names[operation]):
            a, b = (
                value if isinstance(each, own) else splat(builder, context.cast(builder, value, each, item), kind)
                for value, each in zip(arguments, sig.args, strict=True)
            )
            return getattr(builder, name)(a, b)
