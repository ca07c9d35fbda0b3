"""Is the map whole, and does its header tell the truth?"""

from dataclasses import dataclass

import numpy as np

from nmcfast.ebsd.grid import Grid
from nmcfast.ebsd.notes import Note, Rows

CROPPED_ROWS = 2  # whole rows that a header may count too many: crops of the vendors' programs do that
CROPPED_SHARE = 0.1  # of the points that a header may count too many


@dataclass(frozen=True)
class Promise:
    """What a header says of the grid; None where it is silent."""

    kind: str | None = None
    step: tuple[float | None, float | None] = (None, None)
    rows: int | None = None
    columns: tuple[int, int] | None = None  # in rows 1, 3, … and in rows 2, 4, …

    @property
    def points(self) -> int | None:
        """Number of points the header promises."""
        if self.rows is None or self.columns is None:
            return None
        odd, even = self.columns
        return (self.rows + 1) // 2 * odd + self.rows // 2 * even


def check_complete(grid: Grid, promise: Promise, rows: Rows, incomplete: bool) -> list[Note]:
    """Notes on where header and coordinates disagree; the coordinates are believed.

    Raises InputError for a file that was cut short, unless incomplete is True: it holds whole rows or stops inside
    one, and its header, with the right step, promises more than CROPPED_ROWS whole rows or CROPPED_SHARE of the points
    beyond them.
    """
    shortfall, much = _missing_at_the_end(grid, promise)
    if shortfall and much and not incomplete:
        rows.refuse(
            len(grid.row) - 1,
            f"the file ends early: {shortfall}; export it again or read what there is with --incomplete",
        )
    notes = [Note(f"incomplete: {shortfall}")] if shortfall else []
    holes = _holes(grid)
    if holes and not shortfall:
        notes.append(Note(f"{holes:,} places of the grid hold no point"))
    return notes + [Note(text) for text in _disagreements(grid, promise)]


def _missing_at_the_end(grid: Grid, promise: Promise) -> tuple[str, bool]:
    """What is missing of a file cut short, empty for a whole one, and whether it is more than crops explain."""
    counts = np.bincount(grid.row)
    whole = _whole_rows(grid)
    broken = np.flatnonzero(counts < whole).tolist()
    last = int(grid.row[-1])
    promised = promise.rows if promise.rows and _steps_agree(grid, promise) else grid.shape[0]
    points = promise.points or promised * int(counts.max())
    much = len(grid.row) < (1 - CROPPED_SHARE) * points
    if broken == [last] and last == grid.shape[0] - 1:
        text = f"row {last + 1} has {counts[last]} of {whole[last]} points"
        return text, much and promised > grid.shape[0]
    if promised > grid.shape[0] and not broken:
        text = f"{grid.shape[0]:,} of the {promised:,} rows the header promises"
        return text, much and promised > grid.shape[0] + CROPPED_ROWS
    return "", False


def _whole_rows(grid: Grid) -> np.ndarray:
    """Points a whole row has: the largest count, on hexagonal grids apart for either kind of row."""
    counts = np.bincount(grid.row)
    if grid.shifted < 0:
        return np.full(len(counts), counts.max())
    whole = np.empty_like(counts)
    for parity in (0, 1):
        whole[parity::2] = counts[parity::2].max()
    return whole


def _holes(grid: Grid) -> int:
    return int((_whole_rows(grid) - np.bincount(grid.row)).sum())


def _steps_agree(grid: Grid, promise: Promise) -> bool:
    """Along rows, within 2 %; some writers give hexagonal grids the point distance as row distance."""
    dx = promise.step[0]
    return dx is not None and abs(dx - grid.step[0]) <= 0.02 * grid.step[0]


def _disagreements(grid: Grid, promise: Promise) -> list[str]:
    if promise == Promise():  # columns without a header
        return []
    notes = []
    if promise.kind is not None and promise.kind != grid.kind:
        notes.append(f"the header says {promise.kind} grid, the coordinates are {grid.kind}")
    for axis, said, found in zip("xy", promise.step, grid.step, strict=True):
        if said is None:
            notes.append(f"the header has no {axis} step; {found:.5g} µm follows from the coordinates")
        elif abs(said - found) > 0.02 * found:
            notes.append(f"the header says {axis} step {said:g} µm, the coordinates {found:.5g} µm")
    if promise.kind is None:
        notes.append(f"the header names no grid; the coordinates are {grid.kind}")
    if promise.points not in (None, len(grid.row)):
        notes.append(f"the header says {promise.points:,} points, the file has {len(grid.row):,}")
    if grid.kind == "hexagonal" and abs(grid.step[1] / grid.step[0] - np.sqrt(3) / 2) > 0.02:
        notes.append(f"rows are {grid.step[1] / grid.step[0]:.3f} steps apart, 0.866 in a regular hexagonal grid")
    return notes
