"""Oxford Channel text maps (.ctf), with decimal point or comma, section 4.4."""

import re
from pathlib import Path

from nmcfast.ebsd.assemble import Columns
from nmcfast.ebsd.complete import Promise
from nmcfast.ebsd.map import Phase
from nmcfast.ebsd.notes import Note, Rows, refuse
from nmcfast.ebsd.options import ReadOptions
from nmcfast.ebsd.source import Source
from nmcfast.ebsd.symmetry import OXFORD_NUMBERS, laue_of_space_group
from nmcfast.ebsd.text import (
    LONGEST_LINE,
    decoded,
    peek_style,
    positive_number,
    read_header,
    read_table,
    skip_blank_lines,
)

_COLUMNS = {
    "phase": "phase",
    "x": "x",
    "y": "y",
    "euler1": "phi1",
    "euler2": "Phi",
    "euler3": "phi2",
    "bands": "bands",
    "error": "error",
    "mad": "fit",
    "bc": "quality",
}
_WRITTEN = {"phase": "Phase", "x": "X", "y": "Y", "phi1": "Euler1", "Phi": "Euler2", "phi2": "Euler3"}


def read_ctf(stream: Source, path: Path, options: ReadOptions) -> Columns:
    """Columns of a Channel text file, section 4.4; InputError names file and line."""
    lines = read_header(stream, path, lambda text: _words(text)[:2] != ["phase", "x"])
    names = _words(decoded(stream.readline(LONGEST_LINE)))
    first = skip_blank_lines(stream, path, len(lines) + 2)
    columns = {_COLUMNS[name]: k for k, name in enumerate(names) if name in _COLUMNS}
    missing = [name for name in _WRITTEN if name not in columns]
    if missing:
        expected = "expected a line 'Phase X Y Bands Error Euler1 …' before the data"
        refuse(path, len(lines) + 1, f"no column {_WRITTEN[missing[0]]}; {expected}")
    style, width = peek_style(stream)
    if width < 1 + max(columns[name] for name in _WRITTEN):
        refuse(path, first, f"{width} columns; the header names {len(names)}")
    kept = [name for name in columns if columns[name] < width]
    promise, rows = _promise(lines, path), Rows(path, first)
    indices = [columns[name] for name in kept]
    table = read_table(stream, rows, indices, width, style=style, incomplete=options.incomplete)
    data = dict(zip(kept, table.values.T.copy(), strict=True))
    notes = list(table.notes)
    if width != len(names):
        notes.append(Note(f"rows have {width} values for {len(names)} column names; the last are absent"))
    failed = data.pop("error") != 0 if "error" in data else None
    phases = _phases(lines, path)
    return Columns(rows, data, phases, promise, "degrees", failed=failed, notes=notes, zero_is_none=True)


def _words(text: str) -> list[str]:
    return text.lower().replace(";", " ").replace(",", " ").split()


def _promise(lines: list[str], path: Path) -> Promise:
    found = {}
    for line, text in enumerate(lines, 1):
        key, _, value = re.sub(r"[\t ]+", "\t", text.strip()).partition("\t")
        name = {"xcells": "XCells", "ycells": "YCells", "xstep": "XStep", "ystep": "YStep"}.get(key.lower())
        if name:
            found[name] = positive_number(path, line, name, value, whole=name.endswith("Cells"))
    columns = int(found["XCells"]) if "XCells" in found else None
    return Promise(
        kind="square",  # the format has no word for a hexagonal grid
        step=(found.get("XStep"), found.get("YStep")),
        rows=int(found["YCells"]) if "YCells" in found else None,
        columns=None if columns is None else (columns, columns),
    )


def _phases(lines: list[str], path: Path) -> dict[int, Phase]:
    """Phases by number, from the lines after `Phases n`."""
    start = next((k for k, text in enumerate(lines) if text.lower().split()[:1] == ["phases"]), None)
    if start is None:
        refuse(path, len(lines) + 1, "no line 'Phases n' before the column names")
    words = lines[start].split()
    stated = [(line, text) for line, text in enumerate(lines[start + 1 :], start + 2) if text.strip()]
    if words[1:] != [str(len(stated))]:
        refuse(
            path,
            start + 1,
            f"{lines[start].strip()[:40]!r}, but {len(stated)} lines follow before the column names",
        )
    return {k: _phase(text, path, line) for k, (line, text) in enumerate(stated, 1)}


def _phase(text: str, path: Path, line: int) -> Phase:
    """A phase `cell, angles, name, Laue group, space group`; Laue group 0 is an unknown one, as of amorphous phases."""
    parts = [part.strip() for part in text.split("\t")]
    laue = parts[3] if len(parts) > 3 else ""
    if laue != "0" and laue not in OXFORD_NUMBERS:
        refuse(path, line, f"a phase needs cell, angles, name and a Laue group from 1 to 11, found {laue[:40]!r}")
    said = f"line {line}: Laue group {laue}"
    if laue == "0" and len(parts) > 4 and parts[4].isdecimal() and (hint := laue_of_space_group(int(parts[4]))):
        said += f", beside space group {parts[4]}, which is {hint}"
    return Phase(parts[2], OXFORD_NUMBERS.get(laue), x_axis="a*", said=said)
