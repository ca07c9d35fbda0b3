"""What the headers of all HDF5 maps say: cells, steps, and where points lie if no column does."""

import numpy as np
from numpy.typing import NDArray

from nmcfast.ebsd.complete import Promise
from nmcfast.ebsd.h5 import Group
from nmcfast.ebsd.notes import Rows
from nmcfast.ebsd.text import MOST_ROWS
from nmcfast.errors import InputError

Array = NDArray[np.float64]


def rows_of(data: Group) -> Rows:
    """Points of a data group for messages, counted from 1."""
    return Rows(data.path, 1, f"{data.name}, point")


def positive(header: Group, name: str, whole: bool = False) -> float | None:
    """A number above 0 of a header, None where there is none; InputError for anything else."""
    text = header.value(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not 0 < value <= MOST_ROWS or (whole and value % 1):
        kind = "a whole number from 1" if whole else "a number above 0"
        header.refuse(name, f"is {text[:40]!r}; expected {kind} and at most {MOST_ROWS:,}")
    return value


def promise_of(cells: tuple[float | None, ...], step: tuple[float | None, ...], kind: str | None = None) -> Promise:
    """What (columns, rows) and steps along (x, y) promise; steps of single precision as they were typed."""
    columns, rows = (None if cell is None else int(cell) for cell in cells)
    dx, dy = (None if value is None else float(np.format_float_positional(np.float32(value))) for value in step)
    return Promise(kind, (dx, dy), rows, None if columns is None else (columns, columns))


def places(data: Group, names: tuple[str, str], count: int, promise: Promise) -> tuple[Array, Array]:
    """Coordinates of points: columns, or where these are missing or have holes, row by row from the header."""
    if all(name in data for name in names):
        x, y = (data.column(name, count) for name in names)
        if np.isfinite(x).all() and np.isfinite(y).all():
            return x, y
    (dx, dy), columns = promise.step, promise.columns
    if dx is None or dy is None or columns is None or promise.points != count:
        problem = f"is missing, and cells and steps of the header are not those of {count:,} points"
        raise InputError(f"{data.path}, {data.name}/{names[0]}: {problem}")
    row, column = np.divmod(np.arange(count), columns[0])
    return column * dx, row * dy
