"""Oxford Channel text maps (.ctf), with decimal point or comma, section 4.4."""

from pathlib import Path
from typing import BinaryIO

import numpy as np

from nmcfast.ebsd.complete import Promise, check_complete
from nmcfast.ebsd.grid import infer_grid
from nmcfast.ebsd.map import EbsdMap, Phase
from nmcfast.ebsd.text import Table, positive_number, read_header, read_table, refuse
from nmcfast.misorientation import LAUE_GROUPS

_LAUE = {
    "1": "-1",
    "2": "2/m",
    "3": "mmm",
    "4": "4/m",
    "5": "4/mmm",
    "6": "-3",
    "7": "-3m",
    "8": "6/m",
    "9": "6/mmm",
    "10": "m-3",
    "11": "m-3m",
}
_NEEDED = ("Phase", "X", "Y", "Euler1", "Euler2", "Euler3")
_KEPT = (*_NEEDED, "Bands", "MAD", "BC")


def read_ctf(stream: BinaryIO, path: Path, incomplete: bool = False) -> EbsdMap:
    """Map of a Channel text file, section 4.4; its degrees become radians.

    Unindexed: phase 0, or a negative MAD. Points of a phase ≥ 1 without bands, filled in by the vendor's
    clean-up, keep their orientation and are counted in the notes. Raises InputError naming file and line.
    """
    lines = read_header(stream, path, lambda text: text.split()[:2] != ["Phase", "X"])
    names = stream.readline().decode("latin-1").split()
    first = len(lines) + 2
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        refuse(
            path,
            first - 1,
            f"no column {missing[0]}; expected a line 'Phase X Y Bands Error Euler1 …' before the data",
        )
    start = stream.tell()
    width = len(stream.readline(1 << 16).split())
    stream.seek(start)
    if width < 1 + max(names.index(name) for name in _NEEDED):
        refuse(path, first, f"{width} columns; the header names {len(names)}")
    kept = [name for name in _KEPT if name in names[:width]]
    promise = _promise(lines, path)
    table = read_table(stream, path, first, [names.index(name) for name in kept], width, decimal_comma=True)
    notes = [f"rows have {width} values for {len(names)} column names; the last are absent"] * (width != len(names))
    return _build(path, _phases(lines, path), promise, kept, table, notes, incomplete)


def _build(
    path: Path,
    phases: dict[int, Phase],
    promise: Promise,
    kept: list[str],
    table: Table,
    notes: list[str],
    incomplete: bool,
) -> EbsdMap:
    data = {name: table.values[:, k].copy() for k, name in enumerate(kept)}
    grid = infer_grid(data["X"], data["Y"], path, table.first_line)
    last_line = table.first_line + len(table.values) - 1
    notes = notes + check_complete(grid, promise, path, last_line, incomplete)
    unknown = ~np.isin(data["Phase"], [0, *phases])
    if unknown.any():
        bad = int(np.argmax(unknown))
        refuse(path, table.first_line + bad, f"phase {data['Phase'][bad]:g}; the header names {len(phases)}")
    absent = np.full(len(table.values), np.nan)
    fit = data.get("MAD", absent)
    indexed = (data["Phase"] > 0) & ~(fit < 0)
    filled = indexed & (data.get("Bands", absent) == 0)
    if filled.any():
        notes.append(f"{filled.sum():,} indexed points have no bands: orientations filled in by the vendor's clean-up")
    return EbsdMap(
        path=path,
        x=data["X"],
        y=data["Y"],
        euler=np.deg2rad(np.stack([data["Euler1"], data["Euler2"], data["Euler3"]], axis=1)),
        indexed=indexed,
        phase=data["Phase"].astype(np.int32),
        quality=data.get("BC", absent),
        confidence=absent,
        fit=fit,
        phases=phases,
        layout=grid,
        notes=tuple(notes),
    )


def _promise(lines: list[str], path: Path) -> Promise:
    found = {}
    for line, text in enumerate(lines, 1):
        key, _, value = text.partition("\t")
        if key in ("XCells", "YCells", "XStep", "YStep"):
            found[key] = positive_number(path, line, key, value, whole=key.endswith("Cells"))
    columns = int(found["XCells"]) if "XCells" in found else None
    return Promise(
        kind="square",  # the format has no word for a hexagonal grid
        step=(found.get("XStep"), found.get("YStep")),
        rows=int(found["YCells"]) if "YCells" in found else None,
        columns=None if columns is None else (columns, columns),
    )


def _phases(lines: list[str], path: Path) -> dict[int, Phase]:
    """Phases by number, from the lines after `Phases n`."""
    start = next((k for k, text in enumerate(lines) if text.split()[:1] == ["Phases"]), None)
    if start is None:
        refuse(path, len(lines) + 1, "no line 'Phases n' before the column names")
    words = lines[start].split()
    found = len(lines) - start - 1
    if words[1:] != [str(found)]:
        refuse(
            path,
            start + 1,
            f"{lines[start].strip()[:40]!r}, but {found} lines follow before the column names",
        )
    return {k: _phase(text, path, start + 1 + k) for k, text in enumerate(lines[start + 1 :], 1)}


def _phase(text: str, path: Path, line: int) -> Phase:
    parts = text.split("\t")
    if len(parts) < 4 or parts[3].strip() not in _LAUE:
        refuse(path, line, f"a phase needs cell, angles, name and a Laue group from 1 to {len(LAUE_GROUPS) - 1}")
    return Phase(parts[2].strip(), _LAUE[parts[3].strip()], x_axis="a*")
