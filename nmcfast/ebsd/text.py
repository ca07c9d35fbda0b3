"""Text exports: header lines and rows of numbers, read in blocks, with the line number of every fault."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from nmcfast.errors import InputError

BLOCK_BYTES = 1 << 20
LONGEST_LINE = 1 << 16
MOST_HEADER_LINES = 100_000
MOST_ROWS = 200_000_000


@dataclass(frozen=True)
class Table:
    """Rows of a text file: numbers (n, k), line of the first row, names of the text column, their index."""

    values: NDArray[np.float64]
    first_line: int
    names: tuple[str, ...] = ()
    name_index: NDArray[np.int32] | None = None


def refuse(path: Path, line: int, problem: str) -> NoReturn:
    """Raise the InputError of one line of a file."""
    raise InputError(f"{path}, line {line}: {problem}")


def read_header(stream: BinaryIO, path: Path, belongs: Callable[[str], bool], line: int = 1) -> list[str]:
    """Lines from here on that belong to the header; the stream is left at the first line that does not.

    Raises InputError for a binary file, an endless line or an endless header.
    """
    header: list[str] = []
    while True:
        start = stream.tell()
        raw = stream.readline(LONGEST_LINE + 1)
        _check_line(raw, path, line + len(header))
        text = raw.decode("latin-1").strip("\r\n\ufeff").removeprefix("ï»¿")
        if not raw or not belongs(text):
            stream.seek(start)
            return header
        header.append(text)
        if len(header) > MOST_HEADER_LINES:
            refuse(path, line + len(header), f"the header is longer than {MOST_HEADER_LINES:,} lines")


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


def read_table(
    stream: BinaryIO,
    path: Path,
    first_line: int,
    columns: Sequence[int],
    width: int,
    text_column: int | None = None,
    decimal_comma: bool = False,
) -> Table:
    """Rows from here to the end of the file, each of `width` columns; keeps the numbers of `columns`.

    text_column, the last one, holds text with or without blanks. Memory: the kept numbers and one block of
    the file. Raises InputError, with the line, for a row of another width, a word or a number that is not
    finite where a number is kept, an empty line before the last row, or more than 2e8 rows.
    """
    blocks: list[NDArray[np.float64]] = []
    codes: list[NDArray[np.int32]] = []
    names: dict[str, int] = {}
    line = first_line
    for lines in _blocks(stream, path, first_line, decimal_comma):
        if text_column is not None:
            lines, block_codes = _split_text(lines, text_column, names, path, line)
            codes.append(block_codes)
        blocks.append(_parse(lines, path, line, columns, width - (text_column is not None)))
        line += len(lines)
        if line - first_line > MOST_ROWS:
            refuse(path, line, f"more than {MOST_ROWS:,} rows; crop the map")
    if not blocks:
        refuse(path, first_line, "the file ends before the first row of data")
    index = np.concatenate(codes) if codes else None
    return Table(np.concatenate(blocks), first_line, tuple(names), index)


def _blocks(stream: BinaryIO, path: Path, line: int, decimal_comma: bool) -> Iterator[list[str]]:
    """Lists of whole lines of about BLOCK_BYTES together; empty lines at the end of the file are left out."""
    rest, empty = b"", 0
    while chunk := stream.read(BLOCK_BYTES):
        *complete, rest = (rest + chunk).split(b"\n")
        _check_line(rest, path, line + len(complete))
        lines, empty = _strip_tail([b""] * empty + complete)
        if lines:
            yield _decode(lines, path, line, decimal_comma)
            line += len(lines)
    lines, _ = _strip_tail([b""] * empty + [rest])
    if lines:
        yield _decode(lines, path, line, decimal_comma)


def _strip_tail(lines: list[bytes]) -> tuple[list[bytes], int]:
    keep = len(lines)
    while keep and not lines[keep - 1].strip():
        keep -= 1
    return lines[:keep], len(lines) - keep


def _decode(lines: list[bytes], path: Path, line: int, decimal_comma: bool) -> list[str]:
    for number, raw in enumerate(lines):
        _check_line(raw, path, line + number)
    text = b"\n".join(lines).decode("latin-1").replace("\r", "")
    return (text.replace(",", ".") if decimal_comma else text).split("\n")


def _check_line(raw: bytes, path: Path, line: int) -> None:
    if len(raw) > LONGEST_LINE:
        refuse(path, line, f"longer than {LONGEST_LINE:,} characters; not a text export of an EBSD map")
    if b"\0" in raw:
        refuse(path, line, "holds a zero byte; not a plain text export (save it as ASCII or UTF-8)")


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


def _parse(lines: list[str], path: Path, first_line: int, columns: Sequence[int], width: int) -> NDArray[np.float64]:
    try:
        table = np.loadtxt(lines, ndmin=2, comments=None)
    except ValueError:
        _name_bad_line(lines, path, first_line, width)
    if table.shape != (len(lines), width):  # loadtxt skips empty lines
        _name_bad_line(lines, path, first_line, width)
    kept = table[:, columns]
    if not np.isfinite(kept).all():
        bad = int(np.argmin(np.isfinite(kept).all(axis=1)))
        refuse(path, first_line + bad, f"a number is not finite: {lines[bad].strip()[:80]!r}")
    return kept


def _name_bad_line(lines: list[str], path: Path, first_line: int, width: int) -> NoReturn:
    """Refuse the first line that is not `width` numbers."""
    for number, line in enumerate(lines, first_line):
        words = line.split()
        if len(words) != width:
            refuse(
                path,
                number,
                f"{len(words)} columns; the first row has {width} (file cut short or damaged here?)",
            )
        for column, word in enumerate(words, 1):
            try:
                np.loadtxt([word], comments=None)
            except ValueError:
                refuse(path, number, f"column {column} is {word[:40]!r}; expected a number")
    refuse(path, first_line, f"rows of {width} numbers were expected")
