"""A shard becomes visible whole or not at all, and its manifest says every byte it must hold.

A shard is written into a hidden folder beside the others, flushed to the disk and renamed once. What does not
have its final name does not exist. Nothing here depends on the file format of the shard.
"""

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nmcfast.errors import DamageError, InputError, NoSpaceError
from nmcfast.export.files import HashedFile, fsync, is_regular, json_bytes, read_json, temporary

MANIFEST = "manifest.json"

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)


def shard_name(number: int) -> str:
    return f"{number:06d}"


def shard_count(recipe: dict[str, Any]) -> int:
    return -(-recipe["count"] // recipe["shard_size"])


def shard_range(recipe: dict[str, Any], number: int) -> range:
    """Global numbers of the particles of a shard."""
    if not 0 <= number < shard_count(recipe):
        raise InputError(f"shard {number} does not exist, expected 0 to {shard_count(recipe) - 1}")
    rows = range(number * recipe["shard_size"], min((number + 1) * recipe["shard_size"], recipe["count"]))
    return range(recipe["first"] + rows.start, recipe["first"] + rows.stop)


def committed_shards(library: Path) -> list[int]:
    """Numbers of the finished shards of a library, ascending."""
    with os.scandir(library / "shards") as entries:
        named = [entry for entry in entries if re.fullmatch("[0-9]{6,}", entry.name)]
        return sorted(int(entry.name) for entry in named if entry.is_dir(follow_symlinks=False))


def finished_shards(library: Path, recipe: dict[str, Any]) -> list[int]:
    """Those that the recipe asks for."""
    return [number for number in committed_shards(library) if number < shard_count(recipe)]


def weight(library: Path, number: int) -> int:
    """Bytes of a finished shard by its manifest; DamageError where that does not tell."""
    path = library / "shards" / shard_name(number) / MANIFEST
    try:
        return sum(entry["bytes"] for entry in read_json(path)["files"]) + path.stat().st_size
    except (ValueError, LookupError, TypeError) as error:
        raise DamageError(f"{path}: is no manifest: run 'nmcfast verify'") from error


@contextmanager
def clear_when_full(path: Path, library: Path, recipe: dict[str, Any]) -> Iterator[None]:
    """Turns a full disk into a NoSpaceError that names the path and tells what is finished."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        done = f"{len(committed_shards(library))} of {shard_count(recipe)} shards are finished and intact"
        remedy = "free some space and run the same command again to continue"
        raise NoSpaceError(f"{path}: no space left on the disk; {done}: {remedy}") from error


def replace_shard(made: Path, final: Path) -> None:
    """Put a whole shard in the place of a damaged or missing one. Killed in between, the shard is missing."""
    aside = temporary(final)
    if final.is_dir():
        os.rename(final, aside)
    os.rename(made, final)
    fsync(final.parent)
    shutil.rmtree(aside, ignore_errors=True)  # what remains is swept at the next start


class ShardFolder:
    """The files of one shard on their way to the final name; `commit` or `abort` ends it."""

    def __init__(self, library: Path, number: int, recipe: dict[str, Any]) -> None:
        self.library, self.number, self.recipe = library, number, recipe
        self.final = library / "shards" / shard_name(number)
        self._draft = temporary(self.final)
        self._files: dict[str, HashedFile] = {}
        with self.guard():
            self._draft.mkdir()

    def create(self, path: str) -> HashedFile:
        """A new file, path relative with "/"; an earlier one of that path is forgotten."""
        target = self._draft / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self.discard(path)
        self._files[path] = HashedFile(target)
        return self._files[path]

    def discard(self, path: str) -> None:
        if path in self._files:
            self._files.pop(path).close()
            self.path(path).unlink(missing_ok=True)

    def path(self, path: str) -> Path:
        return self._draft / path

    def write(self, path: str, data: bytes) -> None:
        file = self.create(path)
        file.write(data)
        file.close()

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Leave nothing behind when the body fails or is interrupted; a full disk becomes a NoSpaceError."""
        try:
            with clear_when_full(self.final, self.library, self.recipe):
                yield
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Remove the unfinished shard; harmless after `commit`."""
        for file in self._files.values():
            with suppress(OSError):  # closing flushes, and the disk may be full: the file goes anyway
                file.close()
        shutil.rmtree(self._draft, ignore_errors=True)  # what remains is swept at the next start

    def commit(self, first: int, particles: int) -> None:
        """Write the manifest, flush everything, take the final name.

        When another process was faster, its shard stays if it is the same, else DamageError.
        """
        for file in self._files.values():
            file.close()
        files = [self._files[path].entry(path) for path in sorted(self._files)]
        document = manifest(self.number, first, particles, self.recipe, files)
        self.path(MANIFEST).write_bytes(json_bytes(document))
        for folder, _, names in os.walk(self._draft, topdown=False):
            for path in (*names, "."):
                fsync(Path(folder, path))
        self._rename(json_bytes(document))
        fsync(self.final.parent)

    def _rename(self, document: bytes) -> None:
        try:
            os.rename(self._draft, self.final)
        except OSError as error:
            if error.errno not in TAKEN:
                raise
            manifest = self.final / MANIFEST
            if not is_regular(manifest) or manifest.read_bytes() != document:
                raise DamageError(
                    f"{self.final}: exists and differs from what its recipe gives here: run 'nmcfast verify'"
                ) from error
            self.abort()


def manifest(
    number: int, first: int, particles: int, recipe: dict[str, Any], files: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "shard": number,
        "first": first,
        "particles": particles,
        "recipe_sha256": recipe_digest(recipe),
        "files": files,
    }


def recipe_digest(recipe: dict[str, Any]) -> str:
    return hashlib.sha256(json_bytes(recipe)).hexdigest()
