"""Is the map whole, and does its header tell the truth?"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nmcfast.ebsd.grid import Grid
from nmcfast.ebsd.text import refuse


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


def check_complete(grid: Grid, promise: Promise, path: Path, last_line: int, incomplete: bool) -> list[str]:
    """Notes on where header and coordinates disagree; the coordinates are believed.

    Raises InputError for a file that was cut short, unless incomplete is True: it stops inside a row while
    all other rows are whole, or its header has the right step and promises more rows.
    """
    shortfall = _missing_at_the_end(grid, promise)
    if shortfall and not incomplete:
        refuse(
            path,
            last_line,
            f"the file ends early: {shortfall}; export it again or read it with incomplete=True",
        )
    notes = [f"incomplete: {shortfall}"] if shortfall else []
    holes = _holes(grid)
    if holes and not shortfall:
        notes.append(f"{holes:,} places of the grid hold no point")
    return notes + _disagreements(grid, promise)


def _missing_at_the_end(grid: Grid, promise: Promise) -> str:
    """What is missing of a file cut short, empty for a whole one."""
    counts = np.bincount(grid.row)
    whole = _whole_rows(grid)
    broken = np.flatnonzero(counts < whole)
    last = int(grid.row[-1])
    if broken.tolist() == [last]:
        return f"row {last + 1} has {counts[last]} of {whole[last]} points"
    if promise.rows and promise.rows > grid.shape[0] and len(broken) == 0 and _steps_agree(grid, promise):
        return f"{grid.shape[0]:,} of the {promise.rows:,} rows the header promises"
    return ""


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
