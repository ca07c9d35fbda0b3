"""Where compiled kernels are kept: one folder for each state of the kernel sources.

numba's own cache looks at one file at a time, so a kernel that inlines a helper of another file would go on
running old machine code after an edit or an upgrade. A folder named by the digest of all kernel files cannot.
"""

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

from numba import config, types
from numba.core.caching import FunctionCache
from numba.core.registry import CPUDispatcher

from nmcfast.errors import InputError


def sources_digest(root: Path = Path(__file__).parent) -> str:
    """First 16 hexadecimal digits of the SHA-256 of all kernel sources, those of sub-packages too, in order of path."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
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
            return _own(folder)
    except OSError:  # a read-only home: compile again in each boot rather than fail
        other = Path(tempfile.gettempdir()) / f"nmcfast-{os.getuid()}-{folder.name}"
        other.mkdir(mode=0o700, exist_ok=True)
        return _own(other)


def _own(folder: Path) -> Path:
    """The folder, if nobody else can put compiled code there, which would be run; else InputError."""
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid not in (os.getuid(), 0):
        raise InputError(
            f"{folder}: the cache of compiled kernels is somebody else's: set NUMBA_CACHE_DIR to one of yours"
        )
    return folder


_OPTIONS = {"nogil": True, "no_cfunc_wrapper": True}  # nobody calls kernels from C


class _Cache(FunctionCache):
    def _index_key(self, sig: Any, codegen: Any) -> Any:
        """By types and machine alone: the folder knows the sources, and functions closed over have no lasting key."""
        return sig, codegen.magic_tuple()


class _Kernel(CPUDispatcher):
    def get_call_template(self, args: Any, kws: Any) -> Any:
        """As numba's, but a constant is passed like any other number: else each one compiles the callee again."""
        return super().get_call_template(
            tuple(types.unliteral(t) for t in args), {name: types.unliteral(t) for name, t in kws.items()}
        )


class _Helper(_Kernel):
    def __call__(self, *args: Any, **keywords: Any) -> Any:
        raise TypeError(f"{self.py_func.__name__} is for compiled code alone: make it a kernel")


def kernel(function: Callable) -> Any:
    """The function compiled when it is first called, from Python or by another one."""
    return _dispatcher(_Kernel, function, _OPTIONS)


def helper(function: Callable) -> Any:
    """A function that only compiled ones call: what Python would need to call it takes long to compile."""
    return _dispatcher(_Helper, function, _OPTIONS | {"no_cpython_wrapper": True})


def made_of(function: Callable, name: str) -> Any:
    """A helper of a function that is defined within another one, for what that one was given: under its own name."""
    return helper(_named(function, name))


def _dispatcher(kind: type[CPUDispatcher], function: Callable, options: dict[str, bool]) -> Any:
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        return function
    compiled = kind(function, targetoptions={"nopython": True, **options})
    compiled._cache = _Cache(function)  # type: ignore[attr-defined]
    return compiled


def twins(function: Callable, name: str) -> tuple[Any, Any]:
    """The function compiled for one thread and for many: name_serial, name_parallel.

    numba's cache knows what it compiled by name and types, not by options: under one name, a process that finds both
    compiled runs either for either.
    """
    return (
        _dispatcher(_Kernel, _named(function, f"{name}_serial"), _OPTIONS),
        _dispatcher(_Kernel, _named(function, f"{name}_parallel"), _OPTIONS | {"parallel": True}),
    )


def _named(function: Callable, name: str) -> Callable:
    same = FunctionType(function.__code__, function.__globals__, name, function.__defaults__, function.__closure__)
    same.__module__, same.__qualname__, same.__doc__ = function.__module__, name, function.__doc__
    return same
