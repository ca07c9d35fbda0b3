"""Checks one shard: its manifest, every byte the manifest tells, and what the arrays say."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nmcfast.errors import DamageError, NmcfastError
from nmcfast.export import contents, files, formats, shards

Found = dict[str, os.stat_result]  # what lies in the folder of a shard, by path


@dataclass(frozen=True)
class ShardReport:
    """What was seen of a shard: problems, numbers of files and bytes, SHA-256 of its manifest ("" without one).

    rows: SHA-256 of its table, "" where that was not, or cannot be, read.
    """

    number: int
    problems: tuple[str, ...]
    files: int
    bytes: int
    manifest: str
    rows: str


def check_shard(path: Path, recipe: dict[str, Any], sealed: dict[str, str], values: bool, number: int) -> ShardReport:
    """A shard of a library; sealed: SHA-256 of manifests by name of the shard, of a finished library.

    values: whether to look at what arrays and labels say where every byte is as the manifest has it.
    """
    name = shards.shard_name(number)
    folder = path / "shards" / name
    manifest = folder / shards.MANIFEST
    digest = files.sha256_file(manifest) if files.is_regular(manifest) else ""
    reader = formats.bulk_module(recipe["format"]).ShardReader(path, number, recipe)
    found = dict(_walk(folder))
    problems = [f"shard {name}, {line}" for line in _shard_problems(reader, number, values, found)]
    if digest and sealed.get(name, digest) != digest:
        problems.append(f"shard {name}, {shards.MANIFEST}: SHA-256 differs from complete.json")
    size = sum(state.st_size for state in found.values())
    return ShardReport(number, tuple(problems), len(found), size, digest, _rows_digest(reader) if values else "")


def _rows_digest(reader: Any) -> str:
    try:
        return hashlib.sha256(reader.table.tobytes()).hexdigest()
    except DamageError:
        return ""


def _shard_problems(reader: Any, number: int, values: bool, found: Found) -> Iterator[str]:
    folder, recipe = reader.folder, reader.recipe
    expected = formats.bulk_module(recipe["format"]).shard_files(recipe, reader.particles)
    try:
        listed = _listed_files(folder, number, recipe)
        damaged = list(_file_problems(folder, listed, expected, found))
    except (NmcfastError, ValueError) as error:
        damaged = [f"{shards.MANIFEST}: {error}", *_place_problems(expected, found)]
    yield from damaged
    if damaged:
        yield from contents.unreadable(reader)
    elif values:
        yield from contents.problems(reader)


def _listed_files(folder: Path, number: int, recipe: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 by path, of a manifest that is right in everything else; else ValueError."""
    held = files.read_json(folder / shards.MANIFEST)
    if not isinstance(held, dict) or not isinstance(held.get("files"), list):
        raise ValueError("is not a manifest")
    particles = shards.shard_range(recipe, number)
    expected = shards.manifest(number, particles.start, len(particles), recipe, held["files"])
    for field, value in expected.items():
        if held.get(field) != value:
            raise ValueError(
                f"says {field} = {held.get(field)!r}, expected {value!r}: shard of another place or recipe"
            )
    if (folder / shards.MANIFEST).read_bytes() != files.json_bytes(expected):
        raise ValueError("was not written by this format")
    entries = list(map(_entry, held["files"]))
    if [path for path, _ in entries] != sorted(dict(entries)):
        raise ValueError("lists a file twice or out of order")
    return dict(entries)


def _entry(entry: Any) -> tuple[str, tuple[int, str]]:
    kinds = {"path": str, "bytes": int, "sha256": str}
    if not isinstance(entry, dict) or {k: type(v) for k, v in entry.items()} != kinds:
        raise ValueError(f"has an entry that is not path, bytes, sha256: {entry!r}")
    return entry["path"], (entry["bytes"], entry["sha256"])


def _file_problems(folder: Path, listed: dict[str, tuple[int, str]], expected: set[str], found: Found) -> Iterator[str]:
    """Only paths that the format expects are ever opened, so a manifest cannot lead out of its folder."""
    for path in sorted(listed.keys() ^ expected):
        yield f"{path}: {'foreign to' if path in listed else 'missing from'} the manifest"
    yield from _place_problems(expected, found)
    for path in sorted(expected & listed.keys()):
        size, digest = listed[path]
        if path not in found or not stat.S_ISREG(found[path].st_mode):
            continue
        if (held := found[path].st_size) != size:
            yield f"{path}: {held} bytes, the manifest says {size}"
        elif files.sha256_file(folder / path) != digest:
            yield f"{path}: SHA-256 differs from the manifest"


def foreign_files(folder: Path, expected: set[str]) -> list[str]:
    """What lies in the folder of a shard, and is not of its format."""
    return _foreign(dict(_walk(folder)), expected)


def _foreign(found: Found, expected: set[str]) -> list[str]:
    return sorted(found.keys() - expected - {shards.MANIFEST})


def _place_problems(expected: set[str], found: Found) -> Iterator[str]:
    """Files that are not there, not files, or not the format's."""
    for path in _foreign(found, expected):
        yield f"{path}: foreign, not in the manifest"
    for path in sorted(expected):
        if path not in found:
            yield f"{path}: missing"
        elif not stat.S_ISREG(found[path].st_mode):
            yield f"{path}: not a regular file"


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Everything in a folder but real folders, in any order and however deep; links are not followed.

    Nothing where there is no folder, as of a shard that was lost.
    """
    todo = [""] if folder.is_dir() else []
    while todo:
        below = todo.pop()
        with os.scandir(folder / below) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    todo.append(f"{below}{entry.name}/")
                else:
                    yield below + entry.name, entry.stat(follow_symlinks=False)
