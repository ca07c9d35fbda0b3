"""Plain column text: one header line that names columns, or names given by a person, section 4.4."""

import re
from pathlib import Path

from nmcfast.ebsd.assemble import COLUMNS, NEEDED, Columns
from nmcfast.ebsd.map import Phase
from nmcfast.ebsd.notes import Note, Rows, refuse
from nmcfast.ebsd.options import ReadOptions
from nmcfast.ebsd.source import Source
from nmcfast.ebsd.text import peek_style, read_header, read_table
from nmcfast.errors import InputError

_ALIASES = {
    "phi1": "phi1 φ1 phi_1 φ₁ euler1 eulerangle1 e1 eul1 eu1 ph1 varphi1 eulerphi1",
    "Phi": "phi φ capphi phi0 euler2 eulerangle2 e2 eul2 eu2 phicap eulerphi",
    "phi2": "phi2 φ2 phi_2 φ₂ euler3 eulerangle3 e3 eul3 eu3 ph2 varphi2 eulerphi2",
    "x": "x xpos posx pos_x xposition xcoord xcoordinate xsample xum",
    "y": "y ypos posy pos_y yposition ycoord ycoordinate ysample yum",
    "phase": "phase phaseid phase_id phaseindex phasenumber ph",
    "quality": "quality iq imagequality bc bandcontrast patternquality pq",
    "confidence": "confidence ci confidenceindex",
    "fit": "fit mad meanangulardeviation angulardeviation",
    "bands": "bands nbands numberofbands nindexedbands",
    "error": "error errorcode",
}
_NAMES = {re.sub(r"[_\s]", "", name): column for column, names in _ALIASES.items() for name in names.split()}
_UNITS = {
    "deg": "degrees",
    "degree": "degrees",
    "degrees": "degrees",
    "°": "degrees",
    "rad": "radians",
    "radian": "radians",
    "radians": "radians",
    "um": "um",
    "µm": "um",
    "μm": "um",
    "micron": "um",
    "microns": "um",
    "nm": "nm",
    "mm": "mm",
}
_IGNORED = ("skip", "-")


def read_columns(stream: Source, path: Path, options: ReadOptions) -> Columns:
    """Columns of a text file with a header line, or with the names of options.columns; InputError names the line."""
    lines = read_header(stream, path, lambda text: not _is_data(text))
    named = next(((k, names) for k, text in reversed(list(enumerate(lines, 1))) if (names := _header(text))), None)
    first = len(lines) + 1
    style, width = peek_style(stream)
    if options.columns:
        columns, units = _given(options.columns, width, path, first), dict[str, str]()
    elif named is None:
        refuse(
            path, first, "no line names the columns; expected phi1 Phi phi2 x y, or say which is which with --columns"
        )
    else:
        columns, units, count = _found(named[1])
        if count != width:
            refuse(path, first, f"{width} columns, line {named[0]} names {count}; say which is which with --columns")
    rows = Rows(path, first)
    indices = list(columns.values())
    table = read_table(stream, rows, indices, width, style=style, incomplete=options.incomplete)
    data = dict(zip(columns, table.values.T.copy(), strict=True))
    failed = data.pop("error") != 0 if "error" in data else None
    found = Columns(rows, data, {1: Phase("unnamed")}, failed=failed, notes=list(table.notes))
    found.angles = next((units[name] for name in NEEDED[:3] if name in units), None)
    found.unit = next((units[name] for name in ("x", "y") if name in units), "um")
    if "phase" in data:
        numbers = sorted({int(n) for n in data["phase"][data["phase"] > 0][:1_000_000].tolist() if n < 256})
        found.phases = {number: Phase(f"phase {number}") for number in numbers} or found.phases
    said = ", ".join(units[name] for name in ("phi1", "x") if name in units)
    found.notes.append(Note(f"plain columns{f' in {said}' if said else ''}, no symmetry", "--symmetry -3m for NMC"))
    return found


def has_names(text: str) -> bool:
    """Whether a line names the columns that a map needs."""
    return bool(_header(text))


def _is_data(text: str) -> bool:
    """Whether a line holds numbers; a comment or a line with a word does not."""
    words = re.split(r"[\s;,]+", text.strip())
    return bool(words[0]) and all(
        re.fullmatch(r"[-+.\deE]*\d[-+.\deE]*|[-+]?nan", word, re.I) for word in words if word
    )


def _header(text: str) -> list[str]:
    """Names of a header line, empty where it is none."""
    text = text.strip().lstrip("#%").strip()
    for separator in ("\t", ";", ",", None):
        names = [name.strip().strip("\"'") for name in text.split(separator)]
        if set(NEEDED) <= {_column(name)[0] for name in names}:
            return names
    return []


def _column(name: str) -> tuple[str, str]:
    """Column and unit that a name such as "phi1 (deg)" or "X[µm]" stands for, empty where unknown."""
    match = re.fullmatch(r"([^\[(]*?)[\s_]*(?:[\[(]\s*([^\])]*?)\s*[\])])?", name.strip())
    if match is None:
        return "", ""
    bare = re.sub(r"[_\s.-]", "", match[1].lower())
    unit = _UNITS.get((match[2] or "").lower(), "")
    if bare not in _NAMES and (tail := re.fullmatch(r"(.+?)(deg|rad|um|µm|nm)", bare)):
        bare, unit = tail[1], _UNITS[tail[2]]
    return _NAMES.get(bare, ""), unit


def _found(names: list[str]) -> tuple[dict[str, int], dict[str, str], int]:
    columns: dict[str, int] = {}
    units: dict[str, str] = {}
    for k, name in enumerate(names):
        column, unit = _column(name)
        if column and column not in columns:
            columns[column] = k
            if unit:
                units[column] = unit
    return columns, units, len(names)


def _given(names: tuple[str, ...], width: int, path: Path, line: int) -> dict[str, int]:
    known = {name.lower(): name for name in COLUMNS}
    columns = {}
    for k, name in enumerate(names):
        if name.lower() in _IGNORED:
            continue
        if name.lower() not in known and not _column(name)[0]:
            raise InputError(f"--columns: found {name!r}, expected {', '.join(COLUMNS)} or {_IGNORED[0]} for others")
        columns[_column(name)[0] or known[name.lower()]] = k
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise InputError(f"--columns: no {missing[0]}; expected at least {', '.join(NEEDED)}")
    if len(names) > width:
        refuse(path, line, f"{width} columns; --columns names {len(names)}")
    return columns
