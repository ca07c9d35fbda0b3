"""The measurement grid of an EBSD map, found in the coordinates: headers can be wrong."""

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from nmcfast.ebsd.notes import Rows
from nmcfast.ebsd.text import MOST_ROWS

Array = NDArray[np.float64]
Index = NDArray[np.int64]

SLACK = 0.02  # of a step, beyond rounding in print
COARSEST = 0.3  # of a step: more rounding leaves half steps of hexagonal grids undecided
EMPTIEST = 4  # cells per point: beyond it a coordinate is damaged, not the map full of holes
LONGER = (1, 8, 64, np.inf)  # steps of the longest gap that a step is fitted across, one after the other


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


def infer_grid(x: Array, y: Array, rows: Rows, said: tuple[float | None, float | None] = (None, None)) -> Grid:
    """Grid on which all points lie, from their coordinates alone.

    x, y (n,) in one unit; said: the header's steps, taken where all coordinates agree with them within half a printed
    digit, otherwise steps are fitted by least squares. Raises InputError, with the line, for a point farther from
    every place of a square or hexagonal grid than print explains, a repeated point, or less than 2 × 2 points.
    """
    for name, coordinate in (("x", x), ("y", y)):
        _refuse_not_finite(coordinate, name, rows)
        _refuse_outlier(coordinate, rows)
    scale = np.sqrt(np.ptp(x) * np.ptp(y) / len(x))
    if not 0 < scale < np.inf:
        rows.refuse(
            len(x) - 1,
            f"the file ends after {len(x)} points that span no area; expected at least 2 rows and 2 columns",
        )
    row, dy = _levels(y, scale, said[1], rows)
    column, shifted, dx = _columns(x, row, scale, said[0], rows)
    shape = int(row.max()) + 1, int(column.max()) + 1
    if shape[0] * shape[1] > min(EMPTIEST * len(x), MOST_ROWS):
        size = f"{shape[0]:,} rows and {shape[1]:,} columns"
        _refuse_far(x if shape[1] > shape[0] else y, rows, f"makes {len(x):,} points a grid of {size}")
    _refuse_repeats(row * shape[1] + column, rows)
    kind = "square" if shifted < 0 else "hexagonal"
    return Grid(kind, (dx, dy), shape, row, column, (float(x.min()), float(y.min())), shifted)


def neighbour_pairs(layout: Grid) -> tuple[Index, Index]:
    """Pairs of neighbouring points, each once: 4 neighbours on a square grid, 6 on a hexagonal one.

    Neighbours are those of the true grid; a missing point has none.
    """
    cells = cells_of(layout)
    above, below = cells[:-1], cells[1:]
    pairs = [(cells[:, :-1], cells[:, 1:]), (above, below)]
    if layout.kind == "hexagonal":  # the second lower neighbour: right of a shifted row's point, left of another's
        shifted = (np.arange(len(above)) % 2 == layout.shifted)[:, None]
        pairs.append((np.where(shifted, above[:, :-1], above[:, 1:]), np.where(shifted, below[:, 1:], below[:, :-1])))
    first = np.concatenate([a.ravel() for a, _ in pairs])
    second = np.concatenate([b.ravel() for _, b in pairs])
    both = (first >= 0) & (second >= 0)
    return first[both], second[both]


def cells_of(layout: Grid) -> Index:
    """Point of each place (rows, columns), −1 where there is none."""
    cells = np.full(layout.shape, -1, dtype=np.int64)
    cells[layout.row, layout.column] = np.arange(len(layout.row))
    return cells


def places_of(layout: Grid) -> Array:
    """Places (n, 2) of points on the exact grid, µm from the array's corner half a step outside the first point.

    Print rounds coordinates, each format otherwise; the grid is the same.
    """
    (dx, dy), shift = layout.step, 0.5 * (layout.row % 2 == layout.shifted)
    return np.stack([(layout.column + shift + 0.5) * dx, (layout.row + 0.5) * dy], axis=1)


def half_digits(values: Array) -> Array:
    """Half a unit of the last digit that each value was printed with, 0 where values were not rounded.

    All values of a file are printed either with as many decimals, or with as many significant digits: the larger of
    both bounds holds.
    """
    values, which = np.unique(np.abs(values), return_inverse=True)
    decimals = np.full(len(values), -1)
    for count in range(10):
        scaled = values * 10.0**count
        decimals[(decimals < 0) & (np.abs(scaled - np.rint(scaled)) < 1e-4)] = count
    if (decimals < 0).any():
        return np.zeros(len(which))
    exponent = np.floor(np.log10(np.where(values > 0, values, 1.0)) + 1e-9)
    significant = int((exponent + 1 + decimals)[values > 0].max(initial=1))
    return 0.5 * np.maximum(10.0 ** -decimals.max(), 10.0 ** (exponent + 1 - max(significant, 4)))[which]


def _levels(y: Array, scale: float, said: float | None, rows: Rows) -> tuple[Index, float]:
    """Row of each point and the distance of rows."""
    values, which = np.unique(y, return_inverse=True)
    level = np.append(0, np.cumsum(np.diff(values) > 0.1 * scale))  # smaller gaps are rounding in print
    if level[-1] == 0:
        _refuse_far(y, rows, "leaves the points without rows")
    printed = half_digits(y)
    height, digit = (np.bincount(level, v) / np.bincount(level) for v in (values, half_digits(values)))
    place, step = _counted(height, np.zeros(len(height), dtype=np.int64), digit)
    _refuse_span(y, step, rows, "rows are")
    row = np.maximum(place, np.arange(len(place)))[level][which]
    step = _agreed(y, row.astype(np.float64), printed, said)
    off = _distance(y, row.astype(np.float64), printed, step)
    if off.max() > 1:
        bad = int(np.argmax(off))
        rows.refuse(bad, f"y = {y[bad]:g} lies between rows, which are {step:g} apart; expected a regular grid")
    return row, step


def _columns(x: Array, row: Index, scale: float, said: float | None, rows: Rows) -> tuple[Index, int, float]:
    """Column of each point, the parity of the rows that are shifted by half a step, the step along rows."""
    order = np.lexsort((x, row))
    sorted_x, sorted_row = x[order], row[order]
    if not ((np.diff(sorted_row) == 0) & (np.diff(sorted_x) > 0.1 * scale)).any():
        rows.refuse(0, "from here on no row holds two points; expected at least 2 rows and 2 columns")
    printed = half_digits(x)
    along, step = _counted(sorted_x, sorted_row, printed[order], 0.1 * scale)
    _refuse_span(x, step, rows, "points are")
    start = np.flatnonzero(np.diff(sorted_row, prepend=-1))
    line = np.cumsum(np.diff(sorted_row, prepend=-1) != 0) - 1
    mean_x, mean_along = (np.bincount(line, v) / np.bincount(line) for v in (sorted_x, along))
    first = (mean_x - step * mean_along - x.min()) / step  # place of each row's first point
    column, shifted = _starts(first, sorted_row[start])
    place = np.empty(len(x), dtype=np.int64)
    place[order] = column[line] + along
    place -= place.min()
    exact = place + 0.5 * (row % 2 == shifted)
    step = _agreed(x, exact, printed, said)
    off = _distance(x, exact, printed, step)
    if off.max() > 1:
        rows.refuse(
            int(np.argmax(off)),
            f"x = {x[int(np.argmax(off))]:g}: the point lies on no square or hexagonal grid with the others, whose step"
            f" is {step:g}; expected a regular grid",
        )
    return place, shifted, step


def _counted(values: Array, line: Index, printed: Array, least: float = 0.0) -> tuple[Index, float]:
    """Steps of each value from the first of its line, values sorted in each, and the step.

    The step is that of the median gap at first, then fitted by least squares to what gaps of one step hold together,
    and again with longer gaps, whose numbers of steps a better step tells apart.
    """
    gaps, same = np.diff(values), np.diff(line) == 0
    step = near = float(np.median(gaps[same & (gaps > least)]))
    for longest in LONGER:
        steps = np.maximum(np.rint(gaps / step), 0)
        if longest == 1:
            held = same & (np.abs(gaps - near) <= printed[1:] + printed[:-1] + 0.25 * near)
            steps = np.ones_like(gaps)
        else:
            held = same & (gaps < longest * step)
        along = np.append(0.0, np.cumsum(np.where(held, steps, 0)))
        piece = np.append(0, np.cumsum(~held))
        along -= along[np.flatnonzero(np.diff(piece, prepend=-1))][piece]
        mean, middle = (np.bincount(piece, v) / np.bincount(piece) for v in (values, along))
        apart = along - middle[piece]
        if (spread := float((apart**2).sum())) > 0:
            step = float(((values - mean[piece]) * apart).sum()) / spread
    return along.astype(np.int64), step


def _starts(first: Array, row: Index) -> tuple[Index, int]:
    """Column of each row's first point and the parity of the rows that lie half a step to the right."""
    half = np.abs(first % 1 - 0.5) < 0.25
    shares = np.bincount(row % 2, half, 2) / np.maximum(np.bincount(row % 2, minlength=2), 1)
    shifted = int(np.argmax(shares)) if shares.max() > 0.5 else -1
    return np.rint(first - 0.5 * (row % 2 == shifted)).astype(np.int64), shifted


def _agreed(values: Array, place: Array, printed: Array, said: float | None) -> float:
    """The header's step where every coordinate agrees with it within print, otherwise that of least squares."""
    centred = place - place.mean()
    fitted = float((values * centred).sum() / (centred**2).sum())
    if said is not None and abs(said - fitted) < 0.5 * fitted:
        off = values - said * place
        bound = printed + 1e-7 * np.abs(values).max()
        if (off - bound).max() <= (off + bound).min():
            return said
    return fitted


def _distance(values: Array, place: Array, printed: Array, step: float) -> Array:
    """How far coordinates lie from a grid, in units of what print explains, twice over as the fit is not exact."""
    off = values - step * place
    allowed = np.minimum(2 * printed, COARSEST * step) + SLACK * step
    return np.abs(off - off.mean()) / allowed


def _refuse_not_finite(coordinate: Array, name: str, rows: Rows) -> None:
    if not np.isfinite(coordinate).all():
        bad = int(np.argmin(np.isfinite(coordinate)))
        rows.refuse(bad, f"{name} is {coordinate[bad]:g}, a number that is not finite; expected a coordinate")


def _refuse_outlier(coordinate: Array, rows: Rows) -> None:
    """Refuse a coordinate that would hide the step; in a whole map the farthest is two spreads away."""
    distance = np.abs(coordinate - np.median(coordinate))
    if 0 < np.median(distance) < distance.max() / 1000:
        _refuse_far(coordinate, rows, "is far off the others")


def _refuse_span(coordinate: Array, step: float, rows: Rows, what: str) -> None:
    if not step > 0 or np.ptp(coordinate) / step > MOST_ROWS:
        _refuse_far(coordinate, rows, f"is far off: {what} {step:g} apart")


def _refuse_far(coordinate: Array, rows: Rows, problem: str) -> NoReturn:
    """Refuse the line of the coordinate that is farthest from the others."""
    bad = int(np.argmax(np.abs(coordinate - np.median(coordinate))))
    rows.refuse(bad, f"coordinate {coordinate[bad]:g} {problem}")


def _refuse_repeats(cell: Index, rows: Rows) -> None:
    order = np.argsort(cell, kind="stable")
    again = np.flatnonzero(np.diff(cell[order]) == 0)
    if len(again):
        k = again[np.argmin(order[again + 1])]
        rows.refuse(int(order[k + 1]), f"repeats the point of {rows.name(int(order[k]))}")
