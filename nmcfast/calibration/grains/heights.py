"""Sections that do not pass through the particle's centre: how high above it their planes lie. Ours, not the paper's.

A plane at a height cuts radial grains aslant, and none of its grains is nearer to the centre than the height. So
sections are compared with simulated ones of the same heights. s sections, n simulated ones, m statistics.
"""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmcfast.errors import InputError

Array = NDArray[np.float64]
COLUMNS = ("file", "height_um")
MOST_BYTES = 1 << 20  # of a table


def read_heights(path: Path, sections: Sequence[Path]) -> dict[str, float]:
    """Heights µm by file name of a table (CSV) with the columns file and height_um; InputError names what is wrong.

    Above the centre or below it is the same. Every file must be one of the sections, whose names must differ then;
    sections that the table does not name have no height.
    """
    names = [section.name for section in sections]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{path}: several sections are called {twice[0]}; --heights needs different file names")
    heights: dict[str, float] = {}
    for line, row in enumerate(_rows(path), 2):
        name, value = Path(row["file"].strip()).name, _number(row["height_um"])
        if name not in names:
            raise InputError(f"{path}: line {line}: file {name!r} is none of the sections of the command line")
        if value is None:
            raise InputError(f"{path}: line {line}: height_um is {row['height_um']!r}, expected a number of µm")
        if name in heights:
            raise InputError(f"{path}: line {line}: file {name!r} stands twice")
        heights[name] = abs(value)
    return heights


def _rows(path: Path) -> list[dict[str, str]]:
    """Rows of a table by column."""
    try:
        if not path.is_file():
            raise InputError(f"{path}: not a file; --heights takes a table with the columns {' and '.join(COLUMNS)}")
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: {path.stat().st_size:,} bytes, expected a table of a line a section")
        lines = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a table of text ({error})") from None
    header, *rows = [[cell.strip() for cell in line] for line in lines if any(cell.strip() for cell in line)] or [[]]
    if missing := [name for name in COLUMNS if name not in header]:
        raise InputError(f"{path}: no column {missing[0]}; the first line must name {' and '.join(COLUMNS)}")
    if short := [row for row in rows if len(row) != len(header)]:
        raise InputError(f"{path}: {','.join(short[0])!r} has {len(short[0])} columns, the first line {len(header)}")
    return [dict(zip(header, row, strict=True)) for row in rows]


def _number(text: str) -> float | None:
    """The finite number that a text is, if it is one."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def evenly(count: int, heights: Array) -> int:
    """So many simulated sections or a few more, that those of s heights in turn have each as often as the others."""
    return -(-count // len(heights)) * len(heights) if np.any(heights != heights[0]) else count


def scatter(rows: Array, heights: Array) -> Array:
    """Covariance (m, m) of the statistics (n, m) of sections of heights (n,), without what the height explains.

    That is a quadratic function of the height; sections of one height have their plain covariance.
    """
    different = min(len(np.unique(heights)), 3)
    if different == 1:
        return np.cov(rows.T)
    powers = np.vander(heights / heights.max(), different, increasing=True)
    left = rows - powers @ np.linalg.lstsq(powers, rows)[0]
    return left.T @ left / (len(rows) - different)
