"""A shard on its way to a store: made whole on the disk as any other, sent, its manifest last, and removed."""

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

from nmcfast.errors import DamageError
from nmcfast.export import files, formats, root, shards
from nmcfast.generate import make_shard
from nmcfast.model import Model, load_model
from nmcfast.objects.bucket import Bucket
from nmcfast.workers.processes import Progress, Task

REPEATED = "repeated"  # what a message begins with that tells how many requests were made again
_AGAIN = "and run the same command again"


class Draft:
    """A folder of this run: an empty library in which shards are made, and what is kept of those that were sent.

    Kept are the manifest, the rows of the table, and what the files beside the shards are made from.
    """

    def __init__(self, path: Path, recipe: dict[str, Any]) -> None:
        self.path, self.recipe = path, recipe
        self.library, self.rows, self.notes = path / "library", path / "rows", path / "uploads"
        self.module = formats.bulk_module(recipe["format"])

    def begin(self, model_file: bytes) -> None:
        self.rows.mkdir()
        self.notes.mkdir()
        root.create_library(self.library, self.recipe, model_file)

    def shard(self, number: int) -> Path:
        return self.library / "shards" / shards.shard_name(number)

    def has(self, number: int) -> bool:
        return self._row_file(number).is_file()

    def rows_of(self, number: int) -> bytes:
        return self._row_file(number).read_bytes()

    def keep(self, number: int) -> None:
        """Keep what the end of the run needs of a whole shard, and nothing else of it."""
        self._row_file(number).write_bytes(self.module.ShardReader(self.library, number, self.recipe).table.tobytes())
        kept = {shards.MANIFEST}
        if self.module.LIBRARY_FILES:
            kept |= self.module.table_files(self.recipe, shards.shard_range(self.recipe, number))
        folder = self.shard(number)
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_dir():
                path.rmdir()
            elif path.relative_to(folder).as_posix() not in kept:
                path.unlink()

    def _row_file(self, number: int) -> Path:
        return self.rows / shards.shard_name(number)


def shard_maker(url: str, options: dict[str, Any], path: Path, recipe: dict[str, Any]) -> Task:
    """What makes and sends a shard, in a worker."""
    draft = Draft(path, recipe)
    bucket = Bucket(url, options, draft.notes)
    return partial(_in_worker, bucket, draft, load_model(draft.library / root.MODEL))


def _in_worker(bucket: Bucket, draft: Draft, model: Model, number: int, tell: Progress) -> None:
    before = bucket.repeated
    try:
        make_and_send(bucket, draft, model, number, tell)
    finally:
        tell(REPEATED, bucket.repeated - before)


def make_and_send(bucket: Bucket, draft: Draft, model: Model, number: int, tell: Progress) -> None:
    """Make a shard and send it. DamageError when the store has other bytes under one of its names."""
    make_shard(draft.library, draft.recipe, model, number, tell)
    send(bucket, draft.shard(number), shards.shard_name(number))
    draft.keep(number)


def send(bucket: Bucket, folder: Path, name: str) -> None:
    """Create the objects of a shard, and its manifest when all are there."""
    listed = files.read_json(folder / shards.MANIFEST)["files"]
    objects: dict[str, bytes | Path] = {f"shards/{name}/{e['path']}": folder / e["path"] for e in listed}
    require(bucket, bucket.create_all(objects))
    manifest = f"shards/{name}/{shards.MANIFEST}"
    require(bucket, {manifest: bucket.create(manifest, folder / shards.MANIFEST)})


def require(bucket: Bucket, made: dict[str, bool]) -> None:
    """DamageError that names an object of other bytes than the recipe gives."""
    for name, same in made.items():
        if not same:
            raise DamageError(f"{bucket.url}/{name}: is there, not as the recipe gives it here: remove it {_AGAIN}")


def fetch(bucket: Bucket, draft: Draft, number: int, manifest: str) -> None:
    """Put what a draft keeps of a shard into it, of one that another run sent; manifest: its SHA-256.

    DamageError for an object that is missing or not what the manifest says.
    """
    folder, name = draft.shard(number), f"shards/{shards.shard_name(number)}"
    _write(bucket, folder, name, {shards.MANIFEST: manifest})
    listed = {e["path"]: e["sha256"] for e in files.read_json(folder / shards.MANIFEST)["files"]}
    wanted = draft.module.table_files(draft.recipe, shards.shard_range(draft.recipe, number))
    _write(bucket, folder, name, {path: listed.get(path, "") for path in wanted})
    draft.keep(number)


def _write(bucket: Bucket, folder: Path, name: str, wanted: dict[str, str]) -> None:
    """Write objects by path below a name into a folder; each must have its SHA-256."""
    held = bucket.read_all([f"{name}/{path}" for path in sorted(wanted)])
    for path, digest in sorted(wanted.items()):
        data = held[f"{name}/{path}"]
        if data is None or hashlib.sha256(data).hexdigest() != digest:
            wrong = "missing" if data is None else "SHA-256 differs from the manifest"
            raise DamageError(f"{bucket.url}/{name}/{path}: {wrong}: remove the folder {name} {_AGAIN}")
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
