"""EDAX text maps: .ang, versions 1 to 7, and OIM grain exports with `# Column n:` headers, section 4.4."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from nmcfast.ebsd.complete import Promise, check_complete
from nmcfast.ebsd.grid import infer_grid
from nmcfast.ebsd.map import EbsdMap, Phase
from nmcfast.ebsd.text import Table, positive_number, read_header, read_table, refuse
from nmcfast.misorientation import laue_group

# Position of each quantity in an .ang row; versions 1 to 6 only ever appended columns.
_ANG = ("phi1", "Phi", "phi2", "x", "y", "quality", "confidence", "phase", "detector", "fit")
_NEEDED = ("phi1", "Phi", "phi2", "x", "y")
_KEPT = (*_NEEDED, "quality", "confidence", "phase", "fit")
_SYMMETRY = {  # EDAX codes
    "1": "-1",
    "2": "112/m",
    "20": "2/m",
    "21": "2/m",
    "22": "mmm",
    "4": "4/m",
    "42": "4/mmm",
    "3": "-3",
    "32": "-3m",
    "6": "6/m",
    "62": "6/mmm",
    "23": "m-3",
    "43": "m-3m",
}
_TURN = 2 * np.pi


@dataclass
class _Header:
    phases: dict[int, dict[str, str]] = field(default_factory=dict)
    grid: dict[str, tuple[int, str]] = field(default_factory=dict)  # key -> line, value
    columns: dict[str, int] = field(default_factory=dict)  # name -> index, where the header names columns
    count: int = 0  # columns the header names
    in_degrees: bool = False


def read_ang(stream: BinaryIO, path: Path, incomplete: bool = False) -> EbsdMap:
    """Map of an .ang file or an OIM grain export (one row a point), section 4.4.

    Unindexed: confidence −1; a Φ of 2π or 4π or any angle of 4π; fit 180 with confidence ≤ 0; a phase that a
    header of several phases does not name. Raises InputError naming file and line.
    """
    lines = read_header(stream, path, lambda text: text.startswith("#") or not text.strip())
    header = _parse_header(lines, path)
    first = len(lines) + 1
    words = _peek(stream)
    text_column = header.columns.get("phase name")
    width = len(words) if text_column is None else text_column + 1
    columns = header.columns or {name: k for k, name in enumerate(_ANG[: len(words)])}
    absent = [name for name in _NEEDED if name not in columns]
    if width < 6 or width < header.count:
        refuse(path, first, f"{len(words)} columns; expected {header.count or '6 to 14'} in each row")
    if absent:
        refuse(path, first - 1, f"the header names columns, but none for {absent[0]}")
    kept = [name for name in _KEPT if name in columns]
    table = read_table(stream, path, first, [columns[name] for name in kept], width, text_column)
    return _build(path, header, dict(zip(kept, table.values.T, strict=True)), table, incomplete)


def _build(
    path: Path, header: _Header, data: Mapping[str, NDArray[np.float64]], table: Table, incomplete: bool
) -> EbsdMap:
    x, y = data["x"].copy(), data["y"].copy()
    grid = infer_grid(x, y, path, table.first_line)
    notes = check_complete(grid, _promise(header, path), path, table.first_line + len(x) - 1, incomplete)
    absent = np.full(len(x), np.nan)
    euler = np.stack([data[name] for name in _NEEDED[:3]], axis=1)
    if header.in_degrees:
        euler = np.deg2rad(euler)
    confidence, fit = data.get("confidence", absent), data.get("fit", absent)
    phases, phase, stray = _phases(header, data, table, path)
    if stray.any():
        notes.append(f"{stray.sum():,} points of a phase that the header does not name are taken as unindexed")
    return EbsdMap(
        path=path,
        x=x,
        y=y,
        euler=euler,
        indexed=~(_unindexed(euler, confidence, fit) | stray),
        phase=phase,
        quality=data.get("quality", absent).copy(),
        confidence=confidence.copy(),
        fit=fit.copy(),
        phases=phases,
        layout=grid,
        notes=tuple(notes),
    )


def _unindexed(euler: NDArray, confidence: NDArray, fit: NDArray) -> NDArray[np.bool_]:
    def near(angles: NDArray, value: float) -> NDArray:
        return np.abs(angles - value) < 1e-3  # printed with 5 decimals

    marked = near(euler[:, 1], _TURN) | near(euler, 2 * _TURN).any(axis=1)  # Φ ends at π, φ1 and φ2 at 2π
    with np.errstate(invalid="ignore"):  # absent columns are NaN
        return marked | (confidence < -0.5) | ((fit >= 180) & (confidence <= 0))


def _phases(
    header: _Header, data: Mapping[str, NDArray], table: Table, path: Path
) -> tuple[dict[int, Phase], NDArray[np.int32], NDArray[np.bool_]]:
    """Phases by number, phase of each point, points whose phase the header does not name."""
    if table.name_index is not None:
        named = {k: Phase(name) for k, name in enumerate(table.names)}
        return named, table.name_index, np.zeros(len(table.values), dtype=np.bool_)
    phases = {
        number: Phase(entry.get("name", f"phase {number}"), _laue(entry.get("symmetry", "")))
        for number, entry in header.phases.items()
    } or {0: Phase("unnamed")}
    number = data.get("phase", np.zeros(len(table.values)))
    if np.abs(number).max() > 2**31 - 1:
        bad = int(np.argmax(np.abs(number)))
        refuse(path, table.first_line + bad, f"phase {number[bad]:g}; expected a small whole number")
    if len(phases) == 1:  # files of one phase number it 0 or 1, or put another column there
        return (
            phases,
            np.full(len(number), next(iter(phases)), dtype=np.int32),
            np.zeros(len(number), dtype=np.bool_),
        )
    return phases, number.astype(np.int32), ~np.isin(number, list(phases))


def _laue(symmetry: str) -> str | None:
    return _SYMMETRY.get(symmetry) or laue_group(symmetry)


def _promise(header: _Header, path: Path) -> Promise:
    def number(key: str, whole: bool = False) -> float | None:
        if key not in header.grid:
            return None
        line, text = header.grid[key]
        return positive_number(path, line, key, text, whole)

    kind = {"sqrgrid": "square", "hexgrid": "hexagonal"}.get(header.grid.get("GRID", (0, ""))[1].strip().lower())
    rows, odd, even = (number(key, whole=True) for key in ("NROWS", "NCOLS_ODD", "NCOLS_EVEN"))
    columns = None if odd is None or even is None else (int(odd), int(even))
    return Promise(kind, (number("XSTEP"), number("YSTEP")), None if rows is None else int(rows), columns)


def _parse_header(lines: list[str], path: Path) -> _Header:
    header = _Header()
    number = 0
    for line, text in enumerate(lines, 1):
        key, _, value = re.sub(r"[:\s]+", " ", text.lstrip("# \t"), count=1).partition(" ")
        if key == "Phase" and value[:1].isdecimal():
            number = int(positive_number(path, line, key, value.split()[0], whole=True))
            header.phases[number] = {}
        elif key == "MaterialName":
            if number not in header.phases or "name" in header.phases[number]:
                number = len(header.phases) + 1  # OIM 5 starts a phase without a `# Phase n` line
            header.phases.setdefault(number, {})["name"] = value.strip()
        elif key == "Symmetry" and number in header.phases:
            header.phases[number]["symmetry"] = value.strip()
        elif key in ("GRID", "XSTEP", "YSTEP", "NCOLS_ODD", "NCOLS_EVEN", "NROWS"):
            header.grid[key] = (line, value)
        elif key == "Column":
            _grain_export_column(header, value, path, line)
        elif key == "COLUMN_HEADERS":
            _named_columns(header, value)
    return header


def _named_columns(header: _Header, value: str) -> None:
    """Columns of a version 7 header: names separated by commas."""
    wanted = {
        "phi1": "phi1",
        "phi": "Phi",
        "phi2": "phi2",
        "x": "x",
        "y": "y",
        "iq": "quality",
        "ci": "confidence",
        "phase index": "phase",
        "phase": "phase",
        "fit": "fit",
    }
    names = [name.strip().lower() for name in value.split(",")]
    header.columns = {wanted[name]: k for k, name in enumerate(names) if name in wanted}
    header.count = len(names)


def _grain_export_column(header: _Header, value: str, path: Path, line: int) -> None:
    """One line `Column 4-5: x, y (coordinates of point in microns)` of a grain export."""
    match = re.match(r"(\d{1,3})(?:\s*-\s*(\d{1,3}))?\s*:?\s*(.*)", value)
    if match is None:  # prose that begins with the word
        return
    if int(match[1]) == 0:
        refuse(path, line, f"'Column {value[:40]}'; expected 'Column n: name' or 'Column n-m: names'")
    first, last, text = int(match[1]) - 1, int(match[2] or match[1]) - 1, match[3].lower()
    if "average" in text:
        refuse(path, line, "one row a grain; export the OIM grain file of type 1, which has one row a point")
    header.count = max(header.count, first + 1, last + 1)
    if "phi1" in text and last == first + 2:
        header.columns.update(phi1=first, Phi=first + 1, phi2=first + 2)
        header.in_degrees = "degree" in text
    elif re.match(r"x\W+y\b", text) and last == first + 1:
        header.columns.update(x=first, y=first + 1)
    else:
        name = _GRAIN_EXPORT_NAMES.get(re.split(r"[\s(]", text, maxsplit=1)[0])
        if name == "phase" and "name" in text:
            name = "phase name"
        if name:
            header.columns[name] = first


_GRAIN_EXPORT_NAMES = {"iq": "quality", "ci": "confidence", "fit": "fit", "phase": "phase"}


def _peek(stream: BinaryIO) -> list[bytes]:
    start = stream.tell()
    words = stream.readline(1 << 16).split()
    stream.seek(start)
    return words
