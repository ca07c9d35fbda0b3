"""Who works on a library: many may make shards of it, or one may remove it.

The folder itself is locked (flock), so nothing is left behind and a dead process holds nothing. Where a file system has
no locks, as some of a network, nothing is locked and nothing is refused.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nmcfast.errors import InputError

_NO_LOCKS = (errno.ENOLCK, errno.EBADF, errno.EINVAL, errno.ENOTSUP)


@contextmanager
def at_work(path: Path) -> Iterator[bool]:
    """Make shards of a library beside others; whether it is still the one at its path, safe from now on."""
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        yield False
        return
    try:
        _lock(folder, fcntl.LOCK_SH)
        yield _is_still(folder, path)
    finally:
        os.close(folder)


@contextmanager
def alone(path: Path, remedy: str) -> Iterator[None]:
    """Have a library for oneself. InputError, with what else to do, while another process makes shards of it."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise InputError(f"{path}: another process is making it: stop that one first, or {remedy}") from None
    finally:
        os.close(folder)


def _lock(folder: int, kind: int) -> None:
    try:
        fcntl.flock(folder, kind)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _is_still(folder: int, path: Path) -> bool:
    held = os.fstat(folder)
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return (held.st_dev, held.st_ino) == (there.st_dev, there.st_ino)
