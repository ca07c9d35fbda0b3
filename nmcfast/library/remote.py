"""A library in an object store, or anywhere fsspec reaches: shards are fetched whole when they are first needed.

A shard is the unit of fetching as it is of writing: a few files, whose SHA-256 the manifest knows. They are checked
before the shard takes its name in the local cache. What is in the cache is a library like any other.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nmcfast.errors import DamageError, InputError, NmcfastError
from nmcfast.export import files, formats, root, shards, table
from nmcfast.library.library import Library
from nmcfast.objects.store import Store


def cache_folder(url: str) -> Path:
    """Where the fetched parts of a library are kept: below NMCFAST_CACHE, or the user's cache folder."""
    chosen, user = os.environ.get("NMCFAST_CACHE"), os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    base = Path(chosen) if chosen else Path(user).expanduser() / "nmcfast"
    return base / "libraries" / hashlib.sha256(url.encode()).hexdigest()[:32]


class RemoteLibrary(Library):
    """A library at a URL. InputError when it cannot be reached or is none, DamageError when a shard is not whole."""

    def __init__(self, url: str, storage_options: Mapping[str, Any] | None = None) -> None:
        self.url, self._options = url.rstrip("/"), dict(storage_options or {})
        self._store = Store(self.url, self._options)
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
        wanted = {name: self._store.read(name) for name in root.ROOT_FILES if name != "shards"}
        if self._store.exists(root.SEAL):
            wanted[root.SEAL] = self._store.read(root.SEAL)
        held = path / "zarr.json"
        if held.is_file() and held.read_bytes() != wanted["zarr.json"]:
            shutil.rmtree(path)
        (path / "shards").mkdir(parents=True, exist_ok=True)
        files.sweep(path / "shards")
        (path / root.SEAL).unlink(missing_ok=True)
        for name, data in wanted.items():
            files.write_file(path / name, data)

    def _committed(self) -> list[int]:
        """Shards whose manifest, which is written last, is there; in a finished library those of which anything is.

        All of a finished library where the store cannot list, as plain web servers.
        """
        sealed = (self.path / root.SEAL).is_file()
        try:
            names = self._store.names("shards")
        except InputError:
            if not sealed:
                raise
            names = []
        numbers = sorted(int(name) for name in names if re.fullmatch("[0-9]{6,}", name))
        if sealed:
            return numbers or self._sealed()
        there = self._store.existing([*map(_manifest, numbers)])
        return [number for number in numbers if _manifest(number) in there]

    def _sealed(self) -> list[int]:
        """All shards of a library that says it is finished, none of another."""
        return [*range(shards.shard_count(self.recipe))] if (self.path / root.SEAL).is_file() else []

    def _has(self, number: int) -> bool:
        if (self.path / root.SEAL).is_file():
            return number in self._committed()
        return self._store.exists(_manifest(number))

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
            files.write_file(held, self._store.read(table.FILE))
        return held

    def _fetch_shard(self, number: int, draft: Path) -> None:
        name = f"shards/{shards.shard_name(number)}"
        listed = self._listed(name, draft)
        module = formats.bulk_module(self.recipe["format"])
        wanted = sorted(module.shard_files(self.recipe, shards.shard_range(self.recipe, number)))
        for place, data in self._store.read_all([f"{name}/{path}" for path in wanted]):  # none that only a manifest has
            path = place.removeprefix(f"{name}/")
            if data is None:
                raise DamageError(
                    f"{self.url}/{place}: missing, the manifest of its shard lists it: restore it from a copy"
                )
            if hashlib.sha256(data).hexdigest() != listed.get(path):
                raise DamageError(f"{self.url}/{place}: SHA-256 differs from the manifest")
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).write_bytes(data)

    def _listed(self, name: str, draft: Path) -> dict[str, str]:
        """SHA-256 of each file of a shard by its manifest, which is kept in the draft."""
        draft.mkdir()
        try:
            (draft / shards.MANIFEST).write_bytes(self._store.read(f"{name}/{shards.MANIFEST}"))
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


def _manifest(number: int) -> str:
    return f"shards/{shards.shard_name(number)}/{shards.MANIFEST}"
