"""Indices of particles as people have them: a column of a table, or numbers as text."""

import csv
from pathlib import Path

from nmcfast.errors import InputError, MissingExtraError


def read_indices(path: Path) -> list[int]:
    """Indices of particles: the column index of a Parquet or CSV table, else numbers with blanks, commas or lines."""
    try:
        if path.suffix == ".parquet":
            return _column_of(path)
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    if path.suffix == ".csv":
        rows = list(csv.DictReader(lines))
        if not rows or "index" not in rows[0]:
            raise InputError(f"{path}: no column index, expected one as in the table of nmcfast shells")
        words = [(number, row["index"] or "") for number, row in enumerate(rows, 2)]
    else:
        cut = [(number, line.partition("#")[0]) for number, line in enumerate(lines, 1)]
        words = [(number, word) for number, line in cut for word in line.replace(",", " ").split()]
    for number, word in words:
        if not (word.isascii() and word.isdigit()):
            raise InputError(f"{path}: line {number}: found {word!r}, expected the index of a particle, 0 or more")
    return [int(word) for _, word in words]


def _column_of(path: Path) -> list[int]:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ImportError as error:
        raise MissingExtraError(f"{path} needs pyarrow: pip install 'nmcfast[tables]', or give a text file") from error
    try:
        if "index" not in parquet.read_schema(path).names:
            raise InputError(f"{path}: no column index, expected one as in the table of nmcfast shells")
        column = parquet.read_table(path, columns=["index"])["index"].to_pylist()
    except ArrowInvalid as error:
        raise InputError(f"{path}: not a Parquet file ({error})") from None
    for index in column:
        if not isinstance(index, int):
            raise InputError(f"{path}: column index: found {index!r}, expected whole numbers")
    return column
