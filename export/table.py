"""The table of all particles of a finished library in one file, so that nobody opens every shard for it.

A NumPy file of one row a particle, dtype `schema.table_dtype()`, written when the last shard is there. It is a function
of the shards as they are of the recipe, and complete.json says its SHA-256: without it, or where it is not the one
that was sealed, the tables of the shards say the same, later.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nmcfast.export import formats, schema, shards
from nmcfast.export.files import is_regular

FILE = "table.npy"
_SINCE = 5  # version of the format
_ALIGNED = 64


def is_kept(recipe: dict[str, Any]) -> bool:
    """Whether a finished library of this recipe has the file."""
    return recipe["format_version"] >= _SINCE


def header(recipe: dict[str, Any]) -> bytes:
    """What a NumPy file, version 1.0, begins with; `numpy.save` pads it by other rules in other versions."""
    said = {"descr": schema.table_dtype().descr, "fortran_order": False, "shape": (recipe["count"],)}
    text = f"{said!r}".encode()
    start = b"\x93NUMPY\x01\x00"
    blank = -(len(start) + 2 + len(text) + 1) % _ALIGNED
    return start + (len(text) + blank + 1).to_bytes(2, "little") + text + b" " * blank + b"\n"


def parts(library: Path, recipe: dict[str, Any]) -> Iterator[bytes]:
    """The bytes of the file, from the shards: the header, and the rows of one after the other."""
    yield header(recipe)
    reader = formats.bulk_module(recipe["format"]).ShardReader
    for number in range(shards.shard_count(recipe)):
        yield reader(library, number, recipe).table.tobytes()


def read(path: Path, recipe: dict[str, Any], digest: str) -> np.ndarray | None:
    """The rows of all particles from the file at a path; None when its SHA-256 is another, or there is none."""
    start, dtype = header(recipe), schema.table_dtype()
    if not is_regular(path) or path.stat().st_size != len(start) + recipe["count"] * dtype.itemsize:
        return None
    data = path.read_bytes()
    if not data.startswith(start) or hashlib.sha256(data).hexdigest() != digest:
        return None
    return np.frombuffer(data, dtype, offset=len(start))


def rows_digest(path: Path, recipe: dict[str, Any], number: int) -> str:
    """SHA-256 of the rows of a shard as they stand in the file; of fewer where that is cut off."""
    itemsize, members = schema.table_dtype().itemsize, shards.shard_range(recipe, number)
    with open(path, "rb") as file:
        file.seek(len(header(recipe)) + (members.start - recipe["first"]) * itemsize)
        return hashlib.sha256(file.read(len(members) * itemsize)).hexdigest()
