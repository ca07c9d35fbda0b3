"""HDF5 files as groups and columns, read without trust: no link leaves the file, nothing outgrows what is stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nmcfast.ebsd.h5_heaps import check_heaps
from nmcfast.ebsd.source import FREE_BYTES, MOST_EXPANSION
from nmcfast.ebsd.text import MOST_ROWS
from nmcfast.errors import InputError

MOST_OBJECTS = 10_000
DEEPEST = 8
MOST_TEXTS = 1000
_FAILURES = (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError, MemoryError, NotImplementedError)


class Group:
    """A group of a file: children by name, columns, numbers and texts; InputError names file and place."""

    def __init__(self, path: Path, group: h5py.Group) -> None:
        self.path = path
        self._group = group

    @property
    def name(self) -> str:
        return str(self._group.name)

    def __contains__(self, name: str) -> bool:
        return name in self._group

    def names(self) -> list[str]:
        return [str(name) for name in self._group]

    def child(self, name: str, depth: int = 0) -> Any:
        """A `Group`, a dataset, or None where there is no such child; soft links are followed within the file."""
        if name not in self._group and not isinstance(self._group.get(name, getlink=True), h5py.ExternalLink):
            return None
        link = self._group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            self.refuse(name, f"leads to another file, {link.filename[:80]!r}; expected the data itself")
        if isinstance(link, h5py.SoftLink):
            if depth >= DEEPEST:
                self.refuse(name, "is a chain of links; expected the data itself")
            return self._linked(link.path, depth + 1)
        found = self._group[name]
        return Group(self.path, found) if isinstance(found, h5py.Group) else found

    def is_group(self, name: str) -> bool:
        """Whether a hard link leads to a group."""
        link = self._group.get(name, getlink=True)
        return isinstance(link, h5py.HardLink) and self._group.get(name, getclass=True) is h5py.Group

    def group(self, name: str) -> "Group":
        found = self.child(name)
        if not isinstance(found, Group):
            self.refuse(name, "is missing or no group; expected a group")
        return found

    def column(self, name: str, count: int | None = None, width: int = 1) -> NDArray[np.float64]:
        """Numbers (n,), or (n, width) for a width above 1, of a dataset; count: how many points there must be."""
        dataset = self.child(name)
        if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "iufb":
            kind = dataset.dtype if isinstance(dataset, h5py.Dataset) else "no dataset"
            self.refuse(name, f"is {kind}; expected numbers")
        self._check_size(name, dataset)
        if dataset.size % width or (count is not None and dataset.size != count * width):
            self.refuse(name, f"has shape {dataset.shape}; expected {count or 'n'} × {width} numbers")
        with np.errstate(invalid="ignore"):  # of a damaged file's numbers that are none
            values = np.asarray(dataset[()], dtype=np.float64)
        return values.reshape(-1, width) if width > 1 else values.ravel()

    def value(self, name: str) -> str | None:
        """The first number or text of a dataset or attribute as text, None where there is neither."""
        found = self.child(name)
        if not isinstance(found, h5py.Dataset):
            return None
        if found.size == 0 or found.size > MOST_TEXTS:
            return None
        if not is_plain(found.dtype):
            self.refuse(name, "is neither numbers nor text; export the map again")
        self._check_size(name, found)
        return _text(found[()])

    def symbol(self, name: str) -> str | None:
        """The attribute Symbol of a dataset."""
        found = self.child(name)
        has = isinstance(found, h5py.Dataset) and "Symbol" in found.attrs
        return _text(found.attrs["Symbol"]) if has and is_plain(found.attrs.get_id("Symbol").dtype) else None

    def refuse(self, name: str, problem: str) -> Any:
        raise InputError(f"{self.path}, {self.name.rstrip('/')}/{name}: {problem}")

    def _linked(self, target: str, depth: int) -> Any:
        here: Any = Group(self.path, self._group.file["/"]) if target.startswith("/") else self
        for part in [part for part in target.split("/") if part and part != "."]:
            if not isinstance(here, Group):
                return None
            here = here.child(part, depth)
        return here

    def _check_size(self, name: str, dataset: h5py.Dataset) -> None:
        """Refuse data that lie elsewhere, that are not there, or that would grow beyond what is stored."""
        if dataset.external or dataset.is_virtual:
            self.refuse(name, "has its data in other files; expected the data itself")
        numbers = float(np.prod(dataset.shape, dtype=float))
        if numbers > 9 * MOST_ROWS:
            self.refuse(name, f"claims {numbers:.3g} numbers; expected at most {MOST_ROWS:,} points")
        stored = dataset.id.get_storage_size()
        wanted = numbers * dataset.dtype.itemsize
        if dataset.dtype.kind != "O" and dataset.chunks:
            wanted = max(wanted, float(np.prod(dataset.chunks, dtype=float)) * dataset.dtype.itemsize)
        if stored == 0 and numbers > 0:
            self.refuse(name, f"claims {numbers:,.0f} numbers and holds none; export the map again")
        if wanted > max(FREE_BYTES, MOST_EXPANSION * stored):
            self.refuse(name, f"grows from {stored:,} bytes to {wanted:,.0f}; expected at most {MOST_EXPANSION} times")


@contextmanager
def open_h5(path: Path) -> Iterator[Group]:
    """The root of a file; whatever HDF5 stumbles over in a damaged one becomes one InputError."""
    check_heaps(path)
    try:
        with h5py.File(path, "r") as file:
            yield Group(path, file["/"])
    except InputError:
        raise
    except _FAILURES as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: cannot be read as HDF5: {reason}; export the map again") from None


def groups_below(root: Group) -> Iterator[Group]:
    """All groups that hard links lead to, the root first; InputError where there are too many."""
    pending, seen = [(root, 0)], 0
    while pending:
        here, depth = pending.pop(0)
        yield here
        for name in here.names():
            seen += 1
            if seen > MOST_OBJECTS:
                here.refuse(name, f"is one of more than {MOST_OBJECTS:,} objects; export the map alone")
            if depth < DEEPEST and here.is_group(name):
                pending.append((here.group(name), depth + 1))


def is_plain(dtype: np.dtype) -> bool:
    """Whether values are numbers or text: HDF5 itself may crash on a damaged list or reference."""
    return dtype.kind in "iufbSU" or h5py.check_string_dtype(dtype) is not None


def _text(value: Any) -> str:
    first = np.asarray(value, dtype=object).ravel()[0]
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
