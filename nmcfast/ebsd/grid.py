"""The measurement grid of an EBSD map, found in the coordinates: headers can be wrong."""

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from nmcfast.ebsd.text import MOST_ROWS, refuse

Array = NDArray[np.float64]
Index = NDArray[np.int64]

SLACK = 0.2  # of a step: a point farther from its place belongs to no grid
EMPTIEST = 4  # cells per point: beyond it a coordinate is damaged, not the map full of holes


@dataclass(frozen=True)
class Grid:
    """Rows and columns of a map's points.

    kind "square" or "hexagonal", step (dx along a row, dy between rows) µm, shape (rows, columns), row and
    column (n,), corner (x, y) µm of the point (0, 0); rows of parity `shifted` lie half a step to the right
    (−1: none do).
    """

    kind: str
    step: tuple[float, float]
    shape: tuple[int, int]
    row: Index
    column: Index
    corner: tuple[float, float]
    shifted: int


def infer_grid(x: Array, y: Array, path: Path, first_line: int) -> Grid:
    """Grid on which all points lie, from their coordinates alone.

    x, y (n,) µm; point i stands in line first_line + i of the file. Raises InputError, with the line, for a
    point between the places of a square or hexagonal grid, a repeated point, or less than 2 × 2 points.
    """
    for coordinate in (x, y):
        _refuse_outlier(coordinate, path, first_line)
    scale = np.sqrt(np.ptp(x) * np.ptp(y) / len(x))
    if not 0 < scale < np.inf:
        end = first_line + len(x) - 1
        refuse(
            path,
            end,
            f"the file ends after {len(x)} points that span no area; expected at least 2 rows and 2 columns",
        )
    row, dy = _levels(y, scale, path, first_line)
    dx = _step_along_rows(x, row, scale, path, first_line)
    column, shifted = _columns((x - x.min()) / dx, row, path, first_line)
    shape = int(row.max()) + 1, int(column.max()) + 1
    if shape[0] * shape[1] > min(EMPTIEST * len(x), MOST_ROWS):
        size = f"{shape[0]:,} rows and {shape[1]:,} columns"
        _refuse_far(x if shape[1] > shape[0] else y, path, first_line, f"makes {len(x):,} points a grid of {size}")
    _refuse_repeats(row * shape[1] + column, path, first_line)
    kind = "square" if shifted < 0 else "hexagonal"
    return Grid(kind, (dx, dy), shape, row, column, (float(x.min()), float(y.min())), shifted)


def _levels(y: Array, scale: float, path: Path, first_line: int) -> tuple[Index, float]:
    """Row of each point and the distance of rows."""
    levels = np.unique(y)
    gaps = np.diff(levels)
    gaps = gaps[gaps > 0.1 * scale]  # smaller ones are rounding in print
    if len(gaps) == 0:
        _refuse_far(y, path, first_line, "leaves the points without rows")
    step = float(np.median(gaps))
    extent = float(np.ptp(levels))
    if extent / step > MOST_ROWS:
        _refuse_far(y, path, first_line, f"is far off: rows are {step:g} µm apart")
    step = extent / round(extent / step)
    place = (y - levels[0]) / step
    row = np.rint(place).astype(np.int64)
    off = np.abs(place - row) > SLACK
    if off.any():
        bad = int(np.argmax(off))
        refuse(path, first_line + bad, f"y = {y[bad]:g} µm lies between rows, which are {step:g} µm apart")
    return row, step


def _step_along_rows(x: Array, row: Index, scale: float, path: Path, first_line: int) -> float:
    order = np.lexsort((x, row))
    gaps = np.diff(x[order])
    inside = (np.diff(row[order]) == 0) & (gaps > 0.1 * scale)
    if not inside.any():
        refuse(path, first_line, "from here on no row holds two points; expected at least 2 rows and 2 columns")
    step = float(np.median(gaps[inside]))
    if np.ptp(x) / step > MOST_ROWS:
        _refuse_far(x, path, first_line, f"is far off: points are {step:g} µm apart")
    starts = np.flatnonzero(np.diff(row[order], prepend=-1))
    widths = np.maximum.reduceat(x[order], starts) - np.minimum.reduceat(x[order], starts)
    return float(widths.sum() / np.rint(widths / step).sum())


def _columns(place: Array, row: Index, path: Path, first_line: int) -> tuple[Index, int]:
    """Column of each point and the parity of the rows that are shifted by half a step."""
    half = np.abs(place % 1 - 0.5) < 0.5 - SLACK  # nearer a half place than its slack allows a whole one
    shares = np.bincount(row % 2, half, 2) / np.maximum(np.bincount(row % 2, minlength=2), 1)
    shifted = int(np.argmax(shares)) if shares.max() > 0.5 else -1
    place = place - 0.5 * (row % 2 == shifted)
    column = np.rint(place).astype(np.int64)
    off = np.abs(place - column) > SLACK
    if off.any():
        bad = int(np.argmax(off))
        refuse(path, first_line + bad, "the point lies on no square or hexagonal grid with the others")
    return column, shifted


def _refuse_outlier(coordinate: Array, path: Path, first_line: int) -> None:
    """Refuse a coordinate that would hide the step; in a whole map the farthest is two spreads away."""
    distance = np.abs(coordinate - np.median(coordinate))
    if 0 < np.median(distance) < distance.max() / 1000:
        _refuse_far(coordinate, path, first_line, "is far off the others")


def _refuse_far(coordinate: Array, path: Path, first_line: int, problem: str) -> NoReturn:
    """Refuse the line of the coordinate that is farthest from the others."""
    bad = int(np.argmax(np.abs(coordinate - np.median(coordinate))))
    refuse(path, first_line + bad, f"coordinate {coordinate[bad]:g} µm {problem}")


def _refuse_repeats(cell: Index, path: Path, first_line: int) -> None:
    order = np.argsort(cell, kind="stable")
    again = np.flatnonzero(np.diff(cell[order]) == 0)
    if len(again):
        k = again[np.argmin(order[again + 1])]
        refuse(path, first_line + int(order[k + 1]), f"repeats the point of line {first_line + int(order[k])}")
