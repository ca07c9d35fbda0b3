"""Text exports: header lines and rows of numbers, read in blocks, with the line number of every fault."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from nmcfast.ebsd.notes import Note, Rows, refuse
from nmcfast.ebsd.source import Source

LONGEST_LINE = 1 << 16
MOST_HEADER_LINES = 100_000
MOST_ROWS = 200_000_000
_NAN = re.compile(r"(?<!\S)[-+]?(?:1[.,]#\w+|nan\(\w*\)|n/?a|none|null)(?!\S)", re.IGNORECASE)  # Windows prints 1.#QNAN


@dataclass(frozen=True)
class Style:
    """How rows are written: what parts columns (None: blanks), and whether numbers have decimal commas."""

    separator: str | None = None
    comma: bool = False

    def words(self, line: str) -> list[str]:
        return [word.strip() for word in line.split(self.separator)] if line.strip() else []


@dataclass(frozen=True)
class Table:
    """Rows of a text file: numbers (n, k), where they stand, names of the text column, their index; notes."""

    values: NDArray[np.float64]
    rows: Rows
    names: tuple[str, ...] = ()
    name_index: NDArray[np.int32] | None = None
    notes: tuple[Note, ...] = ()


def read_header(stream: Source, path: Path, belongs: Callable[[str], bool], line: int = 1) -> list[str]:
    """Lines from here on that belong to the header; the stream is left at the first line that does not.

    Raises InputError for a binary file, an endless line or an endless header.
    """
    header: list[str] = []
    while True:
        raw = stream.readline(LONGEST_LINE + 1)
        _check_line(raw.rstrip(b"\n"), path, line + len(header))
        text = decoded(raw).strip("\r\n\ufeff")
        if not raw or not belongs(text):
            stream.push_back(raw)
            return header
        header.append(text)
        if len(header) > MOST_HEADER_LINES:
            refuse(path, line + len(header), f"the header is longer than {MOST_HEADER_LINES:,} lines")


def decoded(raw: bytes) -> str:
    """Text of a line in UTF-8, or in Latin-1 where it is not."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def positive_number(path: Path, line: int, field: str, text: str, whole: bool = False) -> float:
    """A header's number, > 0 and ≤ 2e8, with decimal point or comma; whole: without decimals."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = np.nan
    if not 0 < value <= MOST_ROWS or (whole and value % 1):
        kind = "a whole number from 1" if whole else "a number above 0"
        refuse(path, line, f"{field} is {text.strip()[:40]!r}; expected {kind} and at most {MOST_ROWS:,}")
    return value


def skip_blank_lines(stream: Source, path: Path, line: int) -> int:
    """Number of the first line from `line` on that is not empty; the stream is left there."""
    return line + len(read_header(stream, path, lambda text: not text.strip(), line))


def peek_style(stream: Source) -> tuple[Style, int]:
    """How the row that comes next is written, and its number of columns."""
    raw = stream.readline(LONGEST_LINE + 1)
    stream.push_back(raw)
    style = style_of(decoded(raw))
    return style, len(style.words(decoded(raw)))


def style_of(row: str) -> Style:
    """Separator and decimal sign of a row of numbers: a comma parts columns where blanks, tabs or ; do not."""
    if ";" in row:
        return Style(";", "," in row)
    if "," not in row:
        return Style()
    parts = row.split()
    if "." in row or len(parts) == 1 or all(part.endswith(",") for part in parts[:-1]):
        return Style(",")
    return Style(None, True)


def read_table(
    stream: Source,
    rows: Rows,
    columns: Sequence[int],
    width: int,
    text_column: int | None = None,
    style: Style | None = None,
    incomplete: bool = False,
) -> Table:
    """Rows from here to the end of the file, each of `width` columns; keeps the numbers of `columns`.

    text_column, the last one, holds text with or without blanks. Empty lines and comments after the last row are left
    out; so is, where `incomplete`, a last row that is cut. Memory: the kept numbers and one block of the file. Raises
    InputError, with the line, for a row of another width, a word where a number is kept, an empty line before the
    last row, or more than 2e8 rows.
    """
    style = style or Style()
    blocks: list[NDArray[np.float64]] = []
    codes: list[NDArray[np.int32]] = []
    names: dict[str, int] = {}
    notes: list[Note] = []
    line = rows.first
    for lines, last in _blocks(stream, rows.path, line):
        lines = [text.replace(",", ".") for text in lines] if style.comma else lines
        if last and incomplete and len(style.words(lines[-1])) < width:
            notes.append(Note(f"line {line + len(lines) - 1} is cut and left out"))
            lines = lines[:-1]
        if lines and text_column is not None:
            lines, block_codes = _split_text(lines, text_column, names, rows.path, line)
            codes.append(block_codes)
        if lines:
            blocks.append(_parse(lines, rows.path, line, columns, width - (text_column is not None), style))
        line += len(lines)
        if line - rows.first > MOST_ROWS:
            refuse(rows.path, line, f"more than {MOST_ROWS:,} rows; crop the map")
    if not blocks:
        refuse(rows.path, rows.first, "the file ends before the first row of data; expected rows of numbers")
    notes += [Note("numbers have decimal commas")] * style.comma
    index = np.concatenate(codes) if codes else None
    return Table(np.concatenate(blocks), rows, tuple(names), index, tuple(notes))


def _blocks(stream: Source, path: Path, line: int) -> Iterator[tuple[list[str], bool]]:
    """Lists of whole lines of about a block together, and whether they are the last; without what trails the rows."""
    tail: list[bytes] = []
    rest = b""
    while chunk := stream.read():
        *complete, rest = (rest + chunk).split(b"\n")
        _check_line(rest, path, line + len(tail) + len(complete))
        lines, held = _strip_tail([*tail, *complete])
        if lines[:-1]:  # one is held back: who asks wants to know the last
            yield _decode(lines[:-1], path, line), False
            line += len(lines) - 1
        tail = [*lines[-1:], *held]
    lines, _ = _strip_tail([*tail, rest])
    if lines:
        yield _decode(lines, path, line), True


def _strip_tail(lines: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Lines up to the last row, and the empty lines and comments behind it."""
    keep = len(lines)
    while keep and (not lines[keep - 1].strip() or lines[keep - 1].lstrip()[:1] in b"#%"):
        keep -= 1
    return lines[:keep], lines[keep:]


def _decode(lines: list[bytes], path: Path, line: int) -> list[str]:
    for number, raw in enumerate(lines):
        _check_line(raw, path, line + number)
    return decoded(b"\n".join(lines)).split("\n")


def _check_line(raw: bytes, path: Path, line: int) -> None:
    if len(raw) > LONGEST_LINE:
        refuse(path, line, f"longer than {LONGEST_LINE:,} characters; not a text export of an EBSD map")
    if b"\0" in raw:
        refuse(path, line, "holds a zero byte; not a plain text export (save it as ASCII, UTF-8 or UTF-16)")


def _split_text(
    lines: list[str], column: int, names: dict[str, int], path: Path, first_line: int
) -> tuple[list[str], NDArray[np.int32]]:
    rows = [line.split(None, column) for line in lines]
    for number, row in enumerate(rows):
        if len(row) <= column:
            refuse(
                path,
                first_line + number,
                f"{len(row)} columns; expected {column + 1}, the last one a phase name",
            )
    codes = [names.setdefault(row[column].strip(), len(names)) for row in rows]
    return [" ".join(row[:column]) for row in rows], np.array(codes, dtype=np.int32)


def _parse(
    lines: list[str], path: Path, first_line: int, columns: Sequence[int], width: int, style: Style
) -> NDArray[np.float64]:
    table = _loaded(lines, style)
    if table.shape != (len(lines), width):  # also where empty lines were skipped
        table = _loaded([_with_nan(line, style) for line in lines], style)
    if table.shape != (len(lines), width):
        _name_bad_line(lines, path, first_line, width, style)
    return table[:, columns]


def _loaded(lines: list[str], style: Style) -> NDArray[np.float64]:
    """Numbers of rows; an empty array where there is anything else."""
    try:
        if any(map(str.strip, lines)):
            return np.loadtxt(lines, ndmin=2, comments=None, delimiter=style.separator)
    except ValueError:
        pass  # who called names the line
    return np.empty((0, 0))


def _with_nan(line: str, style: Style) -> str:
    """A row with "nan" for all words that mean it, empty cells among them."""
    cells = (_NAN.sub("nan", word) or "nan" for word in style.words(line))
    return (style.separator or " ").join(cells)


def _name_bad_line(lines: list[str], path: Path, first_line: int, width: int, style: Style) -> NoReturn:
    """Refuse the first line that is not `width` numbers."""
    for number, line in enumerate(lines, first_line):
        words = style.words(line)
        if len(words) != width:
            refuse(
                path,
                number,
                f"{line.strip()[:40]!r} has {len(words)} columns; expected {width} as in the first row (a file cut"
                " short at the end of a row is read with --incomplete)",
            )
        for column, word in enumerate(words, 1):
            try:
                np.loadtxt([word], comments=None)
            except ValueError:
                refuse(path, number, f"column {column} is {word[:40]!r}; expected a number")
    refuse(path, first_line, f"rows of {width} numbers were expected")
