"""EDAX text maps: .ang, versions 1 to 7, and OIM grain exports with `# Column n:` headers, section 4.4."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmcfast.ebsd.assemble import NEEDED, Columns
from nmcfast.ebsd.complete import Promise
from nmcfast.ebsd.map import Phase
from nmcfast.ebsd.notes import Note, Rows, refuse
from nmcfast.ebsd.options import ReadOptions
from nmcfast.ebsd.source import Source
from nmcfast.ebsd.symmetry import EDAX_CODES, laue_of
from nmcfast.ebsd.text import Table, peek_style, positive_number, read_header, read_table

# Position of each quantity in an .ang row; versions 1 to 6 only ever appended columns.
_ANG = ("phi1", "Phi", "phi2", "x", "y", "quality", "confidence", "phase", "detector", "fit")
_KEPT = (*NEEDED, "quality", "confidence", "phase", "fit")
_GRID_KEYS = ("GRID", "XSTEP", "YSTEP", "NCOLS_ODD", "NCOLS_EVEN", "NROWS")
_KEYS = {key.lower(): key for key in ("Phase", "MaterialName", "Symmetry", *_GRID_KEYS, "Column", "COLUMN_HEADERS")}
MOST_PHASES = 255


@dataclass
class _Header:
    phases: dict[int, dict[str, tuple[int, str]]] = field(default_factory=dict)  # number -> key -> line, value
    grid: dict[str, tuple[int, str]] = field(default_factory=dict)  # key -> line, value
    columns: dict[str, int] = field(default_factory=dict)  # name -> index, where the header names columns
    count: int = 0  # columns the header names
    in_degrees: bool = False
    notes: list[Note] = field(default_factory=list)


def read_ang(stream: Source, path: Path, options: ReadOptions) -> Columns:
    """Columns of an .ang file or an OIM grain export (one row a point), section 4.4; InputError names file and line."""
    lines = read_header(stream, path, lambda text: text.lstrip().startswith("#") or not text.strip())
    header = _parse_header(lines, path)
    first = len(lines) + 1
    style, found = peek_style(stream)
    text_column = header.columns.get("phase name")
    width = found if text_column is None else text_column + 1
    columns = header.columns or {name: k for k, name in enumerate(_ANG[:found])}
    absent = [name for name in NEEDED if name not in columns]
    if width < 6 or width < header.count:
        refuse(path, first, f"{found} columns; expected {header.count or '6 to 14'} in each row")
    if absent:
        refuse(
            path, first - 1, f"the header names columns, but none for {absent[0]}; say which is which with --columns"
        )
    kept = [name for name in _KEPT if name in columns]
    indices = [columns[name] for name in kept]
    rows = Rows(path, first)
    table = read_table(stream, rows, indices, width, text_column, style, options.incomplete)
    data = dict(zip(kept, table.values.T.copy(), strict=True))
    claim = "degrees" if header.in_degrees else "radians"
    notes = [*table.notes, *header.notes]
    return Columns(rows, _named(data, table), _phases(header, table), _promise(header, path), claim, notes=notes)


def _named(data: dict[str, NDArray[np.float64]], table: Table) -> dict[str, NDArray[np.float64]]:
    """Columns of a file whose rows name their phase, with its number."""
    return data if table.name_index is None else {**data, "phase": table.name_index.astype(np.float64)}


def _phases(header: _Header, table: Table) -> dict[int, Phase]:
    if table.name_index is not None:
        return {k: Phase(name) for k, name in enumerate(table.names)}
    return {number: _phase(number, entry) for number, entry in header.phases.items()} or {0: Phase("unnamed")}


def _phase(number: int, entry: dict[str, tuple[int, str]]) -> Phase:
    line, symmetry = entry.get("symmetry", (0, ""))
    said = f"line {line}: Symmetry is {symmetry[:40]!r}" if line else ""
    laue = EDAX_CODES.get(symmetry) or laue_of(symmetry)
    return Phase(entry.get("name", (0, f"phase {number}"))[1], laue, said=said)


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
        key, value = _KEYS.get(key.lower(), key), value.strip()
        if key == "Phase" and value[:1].isdecimal():
            number = _phase_number(path, line, value.split()[0])
            header.phases[number] = {}
        elif key == "MaterialName":
            if number not in header.phases or "name" in header.phases[number]:
                number = len(header.phases) + 1  # OIM 5 starts a phase without a `# Phase n` line
            header.phases.setdefault(number, {})["name"] = (line, value)
        elif key == "Symmetry" and number in header.phases:
            header.phases[number]["symmetry"] = (line, value)
        elif key in _GRID_KEYS:
            header.grid[key] = (line, value)
        elif key == "Column":
            _grain_export_column(header, value, path, line)
        elif key == "COLUMN_HEADERS":
            _named_columns(header, value)
        if "acom" in text.lower():
            header.notes.append(Note("the header names ACOM (ASTAR), whose coordinates are in nm", "--unit nm"))
    return header


def _phase_number(path: Path, line: int, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= MOST_PHASES):
        refuse(path, line, f"Phase is {text[:40]!r}; expected a whole number from 0 to {MOST_PHASES}")
    return int(text)


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
