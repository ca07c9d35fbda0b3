"""Conditions on the columns of a table, such as "sphericity > 0.9 and grains < 400"; nothing else can be said."""

import ast
import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from nmcfast.errors import InputError

_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.Not: np.logical_not,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.And: np.logical_and,
    ast.Or: np.logical_or,
}


def names_in(expression: str) -> set[str]:
    """Names of the columns that an expression speaks of; InputError when it cannot be read."""
    return {node.id for node in ast.walk(_parsed(expression)) if isinstance(node, ast.Name)}


def matching(expression: str, columns: Mapping[str, np.ndarray], rows: int) -> np.ndarray:
    """Which rows (rows,) bool of a table meet a condition: numbers, names, + − * / % **, comparisons, and or not.

    Columns of text can be compared with text, == and !=. InputError naming what the expression holds beyond that, an
    unknown column, or a value that is no condition.
    """
    try:
        with np.errstate(all="ignore"):  # what is not a number meets no condition
            value = np.asarray(_value(_parsed(expression).body, expression, columns))
    except (TypeError, RecursionError) as error:  # arithmetic with conditions; thousands of brackets
        raise InputError(f"expression {expression!r}: cannot be computed ({error})") from error
    if value.dtype != bool:
        raise InputError(f"expression {expression!r}: gives numbers, expected a condition on them")
    return np.broadcast_to(value, (rows,)).copy()


def _parsed(expression: str) -> ast.Expression:
    try:
        return ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise InputError(f"expression {expression!r}: cannot be read ({reason})") from error


def _value(node: ast.expr, expression: str, columns: Mapping[str, np.ndarray]) -> Any:
    def of(part: ast.expr) -> Any:
        return _value(part, expression, columns)

    match node:
        case ast.Constant(value=bool() | int() | float() as number):
            return np.float64(number) if not isinstance(number, bool) else number
        case ast.Name(id=name):
            if name not in columns:
                raise InputError(f"expression {expression!r}: no column {name!r}, expected one of {sorted(columns)}")
            if columns[name].dtype.kind == "U":
                raise InputError(f"expression {expression!r}: {name} is text: compare it, {name} == '…'")
            return _signed(columns[name])
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](of(left), of(right))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](of(operand))
        case ast.BoolOp(op=op, values=values):
            return reduce(_OPERATORS[type(op)], map(of, values))
        case ast.Compare(
            left=ast.Name(id=name), ops=[ast.Eq() | ast.NotEq() as op], comparators=[ast.Constant(value=str() as text)]
        ) if name in columns and columns[name].dtype.kind == "U":
            return _OPERATORS[type(op)](columns[name], text)
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _OPERATORS for op in ops):
            sides = [of(left), *map(of, others)]
            pairs = zip(ops, sides, sides[1:], strict=False)
            return reduce(np.logical_and, [_OPERATORS[type(op)](a, b) for op, a, b in pairs])
    raise InputError(f"expression {expression!r}: {ast.unparse(node)!r} is not a number, a column or a comparison")


def _signed(column: np.ndarray) -> np.ndarray:
    """Whole numbers as floats, in which differences below 0 do not wrap around."""
    return column.astype(np.float64) if column.dtype.kind in "ui" else column
