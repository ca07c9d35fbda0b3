"""What a store holds of a library, and its end: the files beside the shards, and complete.json last."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nmcfast.errors import DamageError, InputError, NmcfastError
from nmcfast.export import files, root, shards, table
from nmcfast.objects.bucket import Bucket
from nmcfast.objects.shard import Draft, fetch, require

_AT_ONCE = 512  # manifests held at once
_OTHERS = "or another URL"


def no_library(url: str) -> InputError:
    return InputError(f"{url}: not an nmcfast library, and something is there: choose another URL")


def require_recipe(bucket: Bucket, draft: Draft, record: str) -> None:
    """Raise what is wrong with a library of another recipe, which the store holds at this place."""
    copy = draft.path / "held"
    copy.mkdir()
    (copy / record).write_bytes(bucket.read(record) or b"")
    try:
        held = root.read_bare_recipe(copy)
    except NmcfastError as error:  # it speaks of the copy
        raise type(error)(str(error).replace(str(copy), bucket.url)) from error
    root.require_same(bucket.url, held, draft.recipe, _OTHERS)
    raise DamageError(f"{bucket.url}/{record}: is not written as this recipe is")


def sent_shards(bucket: Bucket, recipe: dict[str, Any]) -> dict[int, str]:
    """SHA-256 of manifests by number, of the shards whole in the store. DamageError for one of another recipe."""
    named = [int(name) for name in bucket.folders("shards") if re.fullmatch("[0-9]{6,12}", name)]
    numbers = sorted(number for number in named if number < shards.shard_count(recipe))
    digest, found = shards.recipe_digest(recipe), dict[int, str]()
    for start in range(0, len(numbers), _AT_ONCE):
        names = {n: f"shards/{shards.shard_name(n)}/{shards.MANIFEST}" for n in numbers[start : start + _AT_ONCE]}
        held = bucket.read_all([*names.values()])
        for number, name in names.items():
            if (data := held[name]) is not None:
                if not _is_manifest(data, number, digest):
                    raise DamageError(f"{bucket.url}/{name}: is no manifest of this library: remove its folder")
                found[number] = hashlib.sha256(data).hexdigest()
    return found


def _is_manifest(data: bytes, number: int, digest: str) -> bool:
    try:
        held = json.loads(data)
        return (held["shard"], held["recipe_sha256"]) == (number, digest)
    except (ValueError, LookupError, TypeError, RecursionError):
        return False


def finish(bucket: Bucket, draft: Draft) -> tuple[int, str | None]:
    """Seal a library whose shards are all there: how many are, and the root hash, None when some are missing.

    Nothing is written to one that is sealed; DamageError when it is no longer what its seal says.
    """
    recipe = draft.recipe
    there = sent_shards(bucket, recipe)
    if len(there) < shards.shard_count(recipe):
        return len(there), None
    held = bucket.read(root.SEAL)
    if held is not None:
        return len(there), _sealed(bucket, draft, there, held)
    for number, manifest in there.items():
        if not draft.has(number):
            fetch(bucket, draft, number, manifest)
    beside = _write_beside(draft)
    require(bucket, bucket.create_all({path.name: path for path in beside}))
    seal = root.seal_of(recipe, _named(there), {path.name: files.sha256_file(path) for path in beside})
    require(bucket, {root.SEAL: bucket.create(root.SEAL, files.json_bytes(seal))})
    return len(there), seal["root_sha256"]


def _named(there: dict[int, str]) -> dict[str, str]:
    return {shards.shard_name(number): there[number] for number in sorted(there)}


def _write_beside(draft: Draft) -> list[Path]:
    """Make the files beside the shards in the draft, of what it keeps of all shards; their paths."""
    recipe, library = draft.recipe, draft.library
    made: dict[str, Iterator[bytes]] = {
        name: iter([data]) for name, data in draft.module.library_files(library, recipe).items()
    }
    if table.is_kept(recipe):
        made[table.FILE] = _table(draft)
    for name, parts in made.items():
        files.write_parts(library / name, parts)
    return [library / name for name in root.beside(recipe)]


def _table(draft: Draft) -> Iterator[bytes]:
    yield table.header(draft.recipe)
    yield from (draft.rows_of(number) for number in range(shards.shard_count(draft.recipe)))


def _sealed(bucket: Bucket, draft: Draft, there: dict[int, str], held: bytes) -> str:
    """The root hash of a library that is what its seal says."""
    (draft.library / root.SEAL).write_bytes(held)
    try:
        seal = root.read_seal(draft.library, draft.recipe)
    except NmcfastError as error:
        raise DamageError(f"{bucket.url}/{root.SEAL}: does not agree with the recipe, or with itself") from error
    finally:
        (draft.library / root.SEAL).unlink()
    same = seal["shards"] == _named(there)
    if not same or not all(bucket.holds(name, digest) for name, digest in seal["files"].items()):
        raise DamageError(f"{bucket.url}: is not what {root.SEAL} says: 'nmcfast verify' names what is wrong")
    return seal["root_sha256"]
