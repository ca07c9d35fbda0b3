"""Files that are on the disk whole or not at all, under one spelling and with known bytes."""

import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nmcfast.errors import InputError

LARGEST_JSON = 2**28  # bytes; a seal has some 80 for a shard
_TEMPORARY = re.compile(r"\.tmp-(?P<host>.+)-(?P<pid>\d+)-[0-9a-f]{8}-(?P<name>.+)")


def json_bytes(document: Any) -> bytes:
    """The one spelling of a JSON document, so that equal documents are equal files."""
    text = json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def read_json(path: Path) -> Any:
    """A JSON document; InputError naming the file when it cannot be read as one."""
    try:
        if path.exists() and not is_regular(path):
            raise ValueError("a pipe, a device, a folder or a link, expected a regular file")
        if path.stat().st_size > LARGEST_JSON:
            raise ValueError(f"{path.stat().st_size} bytes, expected at most {LARGEST_JSON}")
        document = json.loads(path.read_bytes())
        json_bytes(document)  # refuses what Python reads beyond JSON: NaN, half characters
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{path}: not a readable JSON file ({reason})") from error
    return document


def sha256_file(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary(final: Path) -> Path:
    """A hidden name beside `final` that tells who writes there."""
    return final.parent / f".tmp-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}-{final.name}"


def write_file(final: Path, data: bytes) -> None:
    """Put a file in place whole, on the disk, replacing an older one."""
    draft = temporary(final)
    try:
        draft.write_bytes(data)
        fsync(draft)
        os.rename(draft, final)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    fsync(final.parent)


def write_if_other(final: Path, data: bytes) -> bool:
    """Put a file in place as `write_file` does, unless it holds these bytes: a finished library may be read-only."""
    other = not (is_regular(final) and final.stat().st_size == len(data) and final.read_bytes() == data)
    if other:
        write_file(final, data)
    return other


def write_parts(final: Path, parts: Iterable[bytes], digest: str | None = None) -> bool:
    """The same for bytes that come in parts, of which one at a time is held.

    digest: the SHA-256 that they must have together; what has another is not put in place.
    """
    draft = temporary(final)
    try:
        made = HashedFile(draft)
        try:
            for part in parts:
                made.write(part)
        finally:
            made.close()
        held = sha256_file(final) if is_regular(final) else None
        if made.digest != held and digest in (None, made.digest):
            fsync(draft)
            os.rename(draft, final)
            fsync(final.parent)
            return True
    finally:
        draft.unlink(missing_ok=True)
    return False


def is_regular(path: Path) -> bool:
    """Whether a path is a file that can be read to its end: no folder, pipe or device, and no link."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def sweep(folder: Path, name: str = "") -> int:
    """Remove what dead processes of this machine left half-written in a folder (of one name); how many."""
    return _remove([p for p in folder.glob(".tmp-*") if p.name.endswith(name) and is_abandoned(p.name)])


def sweep_outdone(final: Path) -> int:
    """Remove what any machine began of a file or folder and has not touched since another one's took the final name.

    For workers of other machines, of which nobody can say from here whether they live; how many.
    """
    since = final.stat().st_mtime
    drafts = (p for p in final.parent.glob(f".tmp-*-{final.name}") if is_temporary(p.name))
    return _remove([draft for draft in drafts if _last_change(draft) < since])


def _last_change(path: Path) -> float:
    """When something in a folder changed last (s); infinity when somebody is just removing it."""
    try:
        return max(p.lstat().st_mtime for p in (path, *path.rglob("*")))
    except FileNotFoundError:
        return float("inf")


def _remove(paths: list[Path]) -> int:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)  # another sweep may be at it
        else:
            path.unlink(missing_ok=True)
    return len(paths)


def is_temporary(name: str) -> bool:
    """Whether a name is one that `temporary` gives."""
    return _TEMPORARY.fullmatch(name) is not None


def is_abandoned(name: str) -> bool:
    """Whether a name is one that `temporary` gave to a process of this machine that is no more."""
    match = _TEMPORARY.fullmatch(name)
    if match is None or match["host"] != socket.gethostname():
        return False
    try:
        os.kill(int(match["pid"]), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:  # alive, somebody else's
        return False
    return False


class HashedFile:
    """A new file that counts and hashes what is written to it."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "xb")  # noqa: SIM115  closed by close(), the file outlives this function
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def close(self) -> None:
        self._file.close()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def entry(self, path: str) -> dict[str, Any]:
        return {"path": path, "bytes": self.size, "sha256": self.digest}
