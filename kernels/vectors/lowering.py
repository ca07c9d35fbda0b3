"""How numba is told of functions whose LLVM code is written by hand, and the type of 16 float32 side by side."""

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


LANES = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(manager, lanes, FLOATS)


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
    """The scalar value in all lanes."""
    vector = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.IntType(32)(0))
    order = ir.Constant(INTS, [0] * WIDTH)
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
