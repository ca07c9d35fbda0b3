"""A library at a URL as a folder in which one shard at a time lies: what `verify` looks at, fetched and let go again.

What the store lists and the format does not know lies there as an empty file, so that it is named as foreign.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

from nmcfast.errors import InputError, NmcfastError
from nmcfast.export import formats, release, root, shards
from nmcfast.export.verify import Check, Seen
from nmcfast.export.verify_shard import ShardReport
from nmcfast.objects.store import Store

Over = Callable[[Check, list[int], Seen], None]


@dataclass(frozen=True)
class Copy:
    """The folder, and where it comes from; workers open the store anew."""

    path: Path
    url: str
    options: dict[str, Any]

    @staticmethod
    @contextmanager
    def of(url: str, options: dict[str, Any]) -> "Iterator[Copy]":
        """A copy with all that lies beside the shards, and an empty folder for each shard that is there."""
        with tempfile.TemporaryDirectory(prefix="nmcfast-verify-") as folder:
            copy = Copy(Path(folder) / "library", url, options)
            copy._begin()
            yield copy

    def _begin(self) -> None:
        store = Store(self.url, self.options)
        (self.path / "shards").mkdir(parents=True)
        self._write("zarr.json", store.read("zarr.json"))  # InputError when nobody answers, or there is none
        recipe = self._recipe()
        names = {root.MODEL, root.SEAL, "shards/zarr.json", *release.FILES, release.UNFINISHED}
        names |= {*root.beside(recipe)} if recipe else set()
        for name, data in store.read_all(sorted(names)):
            if data is not None:
                self._write(name, data)
        if recipe is not None:
            total = shards.shard_count(recipe)
            for folder in ("", "shards"):
                self._mark_foreign(store, folder, total)
            for number in self._numbers(store, total):
                (self.path / "shards" / shards.shard_name(number)).mkdir()

    def _recipe(self) -> dict[str, Any] | None:
        try:
            return root.read_bare_recipe(self.path)
        except NmcfastError:  # `verify` says what is wrong with it
            return None

    def _mark_foreign(self, store: Store, folder: str, total: int) -> None:
        for name in store.names(folder) if store.lists else ():
            shard = folder and _number_of(name, total) is not None
            if not shard and not (self.path / folder / name).exists():
                self._write(f"{folder}/{name}".lstrip("/"))

    def _numbers(self, store: Store, total: int) -> list[int]:
        """Shards that are there: with a manifest, or, in a library that was complete, with anything."""
        listed = map(partial(_number_of, total=total), store.names("shards")) if store.lists else range(total)
        numbers = [number for number in listed if number is not None]
        if (self.path / root.SEAL).is_file():
            return numbers
        manifests = {n: f"shards/{shards.shard_name(n)}/{shards.MANIFEST}" for n in numbers}
        there = store.existing([*manifests.values()])
        return [number for number in numbers if manifests[number] in there]

    def _write(self, name: str, data: bytes = b"") -> None:
        """A file below the folder; InputError for a name that leads elsewhere, or through a file."""
        parts = name.split("/")
        try:
            if any(part in ("", ".", "..") or "\0" in part for part in parts):
                raise ValueError("leads elsewhere")
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_bytes(data)
        except (FileExistsError, NotADirectoryError, IsADirectoryError, ValueError) as error:
            raise InputError(f"{self.url}: holds an object {name!r}, which no file beside the others can be") from error

    def over(self, over: Over, check: Check, numbers: list[int], seen: Seen) -> None:
        """Have shards checked, each fetched before."""
        over(_Fetched(self, check), numbers, seen)

    def fetch(self, number: int) -> None:
        """Put all of a shard into its folder; what is missing is not there."""
        store, name = Store(self.url, self.options), f"shards/{shards.shard_name(number)}"
        recipe = root.read_recipe(self.path)
        known = formats.bulk_module(recipe["format"]).shard_files(recipe, shards.shard_range(recipe, number))
        known |= {shards.MANIFEST}
        for place, data in store.read_all([f"{name}/{path}" for path in sorted(known)]):
            if data is not None:
                self._write(place, data)
        for path in set(store.walk(name)) - known if store.lists else ():
            self._write(f"{name}/{path}")

    def let_go(self, number: int) -> None:
        """Remove a shard but its manifest, which a release is compared with."""
        folder = self.path / "shards" / shards.shard_name(number)
        for entry in folder.iterdir():
            if entry.is_dir():
                rmtree(entry)
            elif entry.name != shards.MANIFEST:
                entry.unlink()


@dataclass(frozen=True)
class _Fetched:
    """A check of a shard that fetches it first."""

    copy: Copy
    check: Check

    def __call__(self, number: int) -> ShardReport:
        self.copy.fetch(number)
        try:
            return self.check(number)
        finally:
            self.copy.let_go(number)


def _number_of(name: str, total: int) -> int | None:
    """The number of the shard, of so many, that a folder is named by; None for another name."""
    number = int(name) if name.isascii() and name.isdigit() and len(name) < 20 else total
    return number if number < total and shards.shard_name(number) == name else None
