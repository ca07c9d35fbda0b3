"""Where compiled kernels are kept: one folder for each state of the kernel sources.

numba's own cache looks at one file at a time, so a kernel that inlines a helper of another file would go on
running old machine code after an edit or an upgrade. A folder named by the digest of all kernel files cannot.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

from numba import njit


def sources_digest() -> str:
    """First 16 hexadecimal digits of the SHA-256 of all kernel sources, in order of file name."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """A writable folder for compiled kernels: under NUMBA_CACHE_DIR or the user's cache, else a temporary one."""
    base = os.environ.get("NUMBA_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "nmcfast"
    )
    folder = Path(base) / sources_digest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:  # a read-only home: compile again in each boot rather than fail
        return Path(tempfile.gettempdir()) / f"nmcfast-{os.getuid()}-{folder.name}"


def twins(function: Callable, name: str) -> tuple[Any, Any]:
    """The function compiled for one thread and for many: name_serial, name_parallel.

    numba's cache knows what it compiled by name and types, not by options: under one name, a process that finds both
    compiled runs either for either.
    """
    return (
        njit(cache=True, nogil=True)(_named(function, f"{name}_serial")),
        njit(cache=True, nogil=True, parallel=True)(_named(function, f"{name}_parallel")),
    )


def _named(function: Callable, name: str) -> Callable:
    same = FunctionType(function.__code__, function.__globals__, name, function.__defaults__)
    same.__module__, same.__qualname__, same.__doc__ = function.__module__, name, function.__doc__
    return same
