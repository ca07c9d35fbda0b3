"""A library in an object store, or anywhere fsspec reaches: shards are fetched whole when they are first needed.

A shard is the unit of fetching as it is of writing: a few files, whose SHA-256 the manifest knows. They are checked
before the shard takes its name in the local cache. What is in the cache is a library like any other.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nmcfast.errors import DamageError, InputError, MissingExtraError, NmcfastError
from nmcfast.export import files, formats, root, shards, table
from nmcfast.library.library import Library

_AT_ONCE = 32  # objects under way at once
_EXTRAS = {"s3": "s3", "s3a": "s3", "http": "remote", "https": "remote"}  # by the scheme of the URL


def cache_folder(url: str) -> Path:
    """Where the fetched parts of a library are kept: below NMCFAST_CACHE, or the user's cache folder."""
    chosen, user = os.environ.get("NMCFAST_CACHE"), os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    base = Path(chosen) if chosen else Path(user).expanduser() / "nmcfast"
    return base / "libraries" / hashlib.sha256(url.encode()).hexdigest()[:32]


class RemoteLibrary(Library):
    """A library at a URL. InputError when it cannot be reached or is none, DamageError when a shard is not whole."""

    def __init__(self, url: str, storage_options: Mapping[str, Any] | None = None) -> None:
        self.url, self._options = url.rstrip("/"), dict(storage_options or {})
        self._fs, self._root = _filesystem(self.url, self._options)
        path = cache_folder(self.url)
        self._fetch_root(path)
        try:
            super().__init__(path)
        except NmcfastError as error:  # it speaks of the copy
            raise type(error)(str(error).replace(str(path), self.url)) from error

    @property
    def name(self) -> str:
        return self.url

    def __reduce__(self) -> tuple[Any, ...]:
        return RemoteLibrary, (self.url, self._options)

    def _fetch_root(self, path: Path) -> None:
        """The documents of the library, anew each time it is opened; shards of another recipe go."""
        wanted = {name: self._cat(name) for name in root.ROOT_FILES if name != "shards"}
        with self._reaching(root.SEAL):
            sealed = self._fs.exists(f"{self._root}/{root.SEAL}")
        if sealed:
            wanted[root.SEAL] = self._cat(root.SEAL)
        held = path / "zarr.json"
        if held.is_file() and held.read_bytes() != wanted["zarr.json"]:
            shutil.rmtree(path)
        (path / "shards").mkdir(parents=True, exist_ok=True)
        files.sweep(path / "shards")
        (path / root.SEAL).unlink(missing_ok=True)
        for name, data in wanted.items():
            files.write_file(path / name, data)

    def _committed(self) -> list[int]:
        """Shards that the store lists; where it cannot list, as plain web servers, those of a finished library."""
        try:
            with self._reaching("shards"):
                entries = self._fs.ls(f"{self._root}/shards", detail=False)
        except InputError:
            if not (self.path / root.SEAL).is_file():
                raise
            entries = []
        names = [entry.rstrip("/").rpartition("/")[2] for entry in entries]
        return sorted(int(name) for name in names if name.isdigit()) or self._sealed()

    def _sealed(self) -> list[int]:
        """All shards of a library that says it is finished, none of another."""
        return [*range(shards.shard_count(self.recipe))] if (self.path / root.SEAL).is_file() else []

    def _has(self, number: int) -> bool:
        return number in self._committed()

    def _require(self, number: int) -> None:
        folder = self.path / "shards" / shards.shard_name(number)
        if folder.is_dir():
            return
        super()._require(number)
        draft = files.temporary(folder)
        try:
            self._fetch_shard(number, draft)
            os.rename(draft, folder)
        except OSError as error:
            if error.errno not in shards.TAKEN:  # else another process fetched it
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _table_file(self, digest: str) -> Path:
        """The table in the local cache: fetched unless it is there as sealed. The shards are not."""
        held = self.path / table.FILE
        if not files.is_regular(held) or files.sha256_file(held) != digest:
            files.write_file(held, self._cat(table.FILE))
        return held

    def _fetch_shard(self, number: int, draft: Path) -> None:
        name = f"shards/{shards.shard_name(number)}"
        listed = self._listed(name, draft)
        module = formats.bulk_module(self.recipe["format"])
        wanted = sorted(module.shard_files(self.recipe, shards.shard_range(self.recipe, number)))
        for path, data in self._cat_all(name, wanted):  # never a path that only the manifest knows
            if hashlib.sha256(data).hexdigest() != listed.get(path):
                raise DamageError(f"{self.url}/{name}/{path}: SHA-256 differs from the manifest")
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).write_bytes(data)

    def _cat_all(self, folder: str, paths: list[str]) -> Iterator[tuple[str, bytes]]:
        """The objects of a shard by path, several under way at once. DamageError for one that is not there."""
        for start in range(0, len(paths), _AT_ONCE):
            batch = paths[start : start + _AT_ONCE]
            places = {path: f"{self._root}/{folder}/{path}" for path in batch}
            with self._reaching(folder):
                fetched = self._fs.cat([*places.values()], on_error="return")
            held = {self._fs._strip_protocol(place): data for place, data in fetched.items()}
            for path, place in places.items():
                yield path, self._whole(f"{folder}/{path}", held.get(self._fs._strip_protocol(place)))

    def _whole(self, name: str, data: bytes | Exception | None) -> bytes:
        if isinstance(data, bytes):
            return data
        if data is None or isinstance(data, FileNotFoundError):
            raise DamageError(f"{self.url}/{name}: missing, the manifest of its shard lists it: restore it from a copy")
        with self._reaching(name):
            raise data

    def _listed(self, name: str, draft: Path) -> dict[str, str]:
        """SHA-256 of each file of a shard by its manifest, which is kept in the draft."""
        draft.mkdir()
        try:
            (draft / shards.MANIFEST).write_bytes(self._cat(f"{name}/{shards.MANIFEST}"))
        except InputError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            raise DamageError(
                f"{self.url}/{name}: {shards.MANIFEST} is missing: restore the shard from a copy"
            ) from error
        try:
            held = files.read_json(draft / shards.MANIFEST)
            if held["recipe_sha256"] != shards.recipe_digest(self.recipe):
                raise ValueError("it is of another recipe")
            return {entry["path"]: entry["sha256"] for entry in held["files"]}
        except (ValueError, LookupError, TypeError) as error:
            raise DamageError(
                f"{self.url}/{name}/{shards.MANIFEST}: is no manifest of this library: {error}"
            ) from error

    def _cat(self, name: str) -> bytes:
        with self._reaching(name):
            return self._fs.cat_file(f"{self._root}/{name}")

    @contextmanager
    def _reaching(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each store has errors of its own
            missing = isinstance(error, FileNotFoundError)
            reason = "no such object" if missing else " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"{self.url}/{name}: cannot be fetched ({reason})") from error


def _filesystem(url: str, options: dict[str, Any]) -> tuple[Any, str]:
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
