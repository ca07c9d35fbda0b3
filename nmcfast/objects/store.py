"""Objects of a library at a URL, read through fsspec: whole, or an error that names them; a missing one is no zeros."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nmcfast.errors import InputError, MissingExtraError

_AT_ONCE = 32  # objects under way at once
_EXTRAS = {"s3": "s3", "s3a": "s3", "http": "remote", "https": "remote"}  # by the scheme of the URL
_UNLISTED = ("http", "https")  # web servers: what a folder holds is theirs to tell, and mostly not told


def as_url(path: str | Path) -> str | None:
    """The URL that a path is, also where pathlib made its two slashes one; None for a path."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/(/?)", str(path))
    return None if found is None else f"{found[1]}://{str(path)[found.end() :]}".rstrip("/")


class Store:
    """The objects below a URL by their names. Whatever cannot be reached is an InputError."""

    def __init__(self, url: str, options: dict[str, Any] | None = None) -> None:
        self.url = url.rstrip("/")
        self._fs, self._root = filesystem(self.url, options or {})

    def read(self, name: str) -> bytes:
        """The bytes of an object; InputError, of FileNotFoundError, when there is none."""
        with self._reaching(name):
            return self._fs.cat_file(f"{self._root}/{name}")

    def read_all(self, names: list[str]) -> Iterator[tuple[str, bytes | None]]:
        """The bytes of objects by name, several under way at once; None for one that is not there."""
        for start in range(0, len(names), _AT_ONCE):
            places = {name: f"{self._root}/{name}" for name in names[start : start + _AT_ONCE]}
            with self._reaching(next(iter(places))):
                fetched = self._fs.cat([*places.values()], on_error="return")
            held = {self._fs._strip_protocol(place): data for place, data in fetched.items()}
            for name, place in places.items():
                yield name, self._present(name, held.get(self._fs._strip_protocol(place)))

    def _present(self, name: str, data: bytes | Exception | None) -> bytes | None:
        if isinstance(data, bytes):
            return data
        if data is None or isinstance(data, FileNotFoundError):
            return None
        with self._reaching(name):
            raise data

    def exists(self, name: str) -> bool:
        with self._reaching(name):
            return self._fs.exists(f"{self._root}/{name}")

    def existing(self, names: list[str]) -> set[str]:
        """Which of these objects are there; several are asked for at once."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return {name for name, there in zip(names, pool.map(self.exists, names), strict=True) if there}

    def names(self, folder: str) -> list[str]:
        """Names of what a folder holds, objects and folders; none when there is no such folder."""
        with self._reaching(folder):
            try:
                entries = self._fs.ls(f"{self._root}/{folder}".rstrip("/"), detail=False)
            except FileNotFoundError:
                return []
        return sorted({name for entry in entries if (name := entry.rstrip("/").rpartition("/")[2])})

    @property
    def lists(self) -> bool:
        """Whether the store can be asked what there is."""
        return self.url.partition("://")[0] not in _UNLISTED

    def walk(self, folder: str) -> list[str]:
        """Names of all objects below a folder, relative to it, where the store lists."""
        place = f"{self._root}/{folder}"
        with self._reaching(folder):
            found = self._fs.find(place)
        start = len(self._fs._strip_protocol(place)) + 1
        return sorted(name for entry in found if (name := self._fs._strip_protocol(entry)[start:]))

    @contextmanager
    def _reaching(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each store has errors of its own
            missing = isinstance(error, FileNotFoundError)
            reason = "no such object" if missing else " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"{self.url}/{name}: cannot be fetched ({reason})") from error


def filesystem(url: str, options: dict[str, Any]) -> tuple[Any, str]:
    """fsspec's file system for a URL, and the path in it. MissingExtraError when the store needs a package."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError("libraries at a URL need fsspec: pip install 'nmcfast[remote]'") from error
    try:
        fs, path = url_to_fs(url, **{"use_listings_cache": False, **options})
    except ImportError as error:  # of the store's own package, which the message names
        extra = _EXTRAS.get(url.partition("://")[0])
        remedy = f": pip install 'nmcfast[{extra}]'" if extra else ""
        raise MissingExtraError(f"{url}: {' '.join(str(error).split())}{remedy}") from error
    except Exception as error:
        raise InputError(f"{url}: not a URL that fsspec knows ({' '.join(str(error).split())})") from error
    return fs, path.rstrip("/")
