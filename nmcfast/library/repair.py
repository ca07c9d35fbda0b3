"""Damaged shards of a library made again from its recipe, and nothing else; a library that is not what it gives."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nmcfast.bulk import make_library
from nmcfast.errors import DamageError, InputError, NmcfastError
from nmcfast.export import files, formats, lock, root, shards
from nmcfast.export.verify import Report, verify
from nmcfast.export.verify_shard import foreign_files
from nmcfast.library.reproduce import other_versions
from nmcfast.model import Model, model_from_bytes
from nmcfast.plan import Plan
from nmcfast.workers.processes import Progress

Verify = Callable[[Path], Report]


@dataclass(frozen=True)
class Repaired:
    """What `repair_library` did: shards made again, files beside them written again, problems that are left.

    refused: shards that the recipe gives otherwise than complete.json lists them; they were left as they are.
    """

    path: Path
    shards: tuple[int, ...]
    files: tuple[str, ...]
    refused: tuple[int, ...]
    problems: tuple[str, ...]
    root_sha256: str | None
    other_versions: tuple[str, ...]


def repair_library(
    path: str | Path,
    *,
    recipe: dict[str, Any] | None = None,
    model: Model | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    begun: Callable[[Plan], None] | None = None,
    check: Verify = verify,
) -> Repaired:
    """Verify a library and make again what is wrong: each damaged shard, the files beside the shards.

    recipe and model: for a library whose own are damaged; they must be those that it was made with. check: `verify`, or
    one that shares the shards out. What is foreign is left and named. A finished library gets its old root hash back,
    or DamageError says that it never was what its recipe gives. Raises as `make_library`, too.
    """
    path = Path(path)
    recipe = _recipe_of(path, recipe)
    data = _model_of(path, recipe, model)
    with lock.alone(path, "let it end"):
        for folder in (path, path / "shards"):
            files.sweep(folder)
        written = root.restore(path, recipe, data)
        report = check(path)
        todo = [n for n in report.damaged if not _in_the_way(path, recipe, n)]
        made, refused = _make_again(path, recipe, data, todo, workers, progress, begun)
        if not refused:
            written += _seal_again(path, recipe)
    problems = check(path).problems if todo or written else report.problems
    sealed = (path / root.SEAL).is_file() and not problems
    digest = root.read_seal(path, recipe)["root_sha256"] if sealed else None
    return Repaired(
        path, tuple(made), tuple(written), tuple(refused), problems, digest, other_versions(recipe) if refused else ()
    )


def _recipe_of(path: Path, given: dict[str, Any] | None) -> dict[str, Any]:
    """The library's own recipe, or, where that cannot be believed, the one given, if it is the one of complete.json.

    Nor is it believed where complete.json is of the one given: another library's zarr.json lies there.
    """
    try:
        own = root.read_recipe(path)
        sealed = given is not None and given != own and _sealed_recipe(path) == shards.recipe_digest(given)
        return given if given is not None and sealed else own
    except NmcfastError as error:
        said = _sealed_recipe(path)
        if given is None or said is None or (path / "shards").is_symlink():
            raise
        if shards.recipe_digest(given) != said:
            raise DamageError(
                f"{error}; {root.SEAL} is of another recipe than these options give: use those that it was made with"
            ) from error
        return given


def _sealed_recipe(path: Path) -> str | None:
    """SHA-256 of the recipe by complete.json, None where that does not say."""
    try:
        held = files.read_json(path / root.SEAL)
        return str(held["recipe_sha256"])
    except (InputError, LookupError, TypeError):
        return None


def _model_of(path: Path, recipe: dict[str, Any], given: Model | None) -> bytes:
    try:
        return root.read_model(path, recipe)
    except DamageError as error:
        if given is None or given.digest != recipe["model_sha256"]:
            raise DamageError(f"{error}, or give the model with --model: expected {recipe['model_name']}") from error
        return given.to_bytes()


def _in_the_way(path: Path, recipe: dict[str, Any], number: int) -> bool:
    """Whether something that is no part of the library lies where a shard goes: it would be lost."""
    folder = path / "shards" / shards.shard_name(number)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        return True
    expected = formats.bulk_module(recipe["format"]).shard_files(recipe, shards.shard_range(recipe, number))
    return bool(foreign_files(folder, expected))


def _make_again(
    path: Path,
    recipe: dict[str, Any],
    model: bytes,
    todo: list[int],
    workers: int,
    progress: Progress | None,
    begun: Callable[[Plan], None] | None,
) -> tuple[list[int], list[int]]:
    """Shards that took the place of damaged ones, and those that are not what complete.json lists."""
    if not todo:
        return [], []
    try:
        sealed = root.read_seal(path, recipe)["shards"]
    except NmcfastError:
        sealed = {}
    law = model_from_bytes(model, str(path / root.MODEL))
    aside = files.temporary(path / root.MODEL).with_suffix("")  # within the library: the same file system
    try:
        make_library(aside, recipe, law, model, todo, workers, progress, begun)
        made = {n: aside / "shards" / shards.shard_name(n) for n in todo}
        digests = {n: files.sha256_file(folder / shards.MANIFEST) for n, folder in made.items()}
        other = [n for n in todo if sealed.get(shards.shard_name(n), digests[n]) != digests[n]]
        same = [n for n in todo if n not in other]
        for number in same:
            shards.replace_shard(made[number], path / "shards" / shards.shard_name(number))
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return same, other


def _seal_again(path: Path, recipe: dict[str, Any]) -> list[str]:
    """Write the files beside the shards of a finished library again that are not as they were; their names.

    What complete.json lists otherwise, as of another version of a package, is left: `verify` names it.
    """
    numbers = shards.committed_shards(path)
    if numbers != list(range(shards.shard_count(recipe))):
        return []
    try:
        held = root.read_seal(path, recipe)
    except NmcfastError:
        held = None
    try:
        written = root.write_beside(path, recipe, held["files"] if held else None)
    except DamageError:  # of a shard that something foreign keeps from being made again: `verify` names both
        return []
    seal = held or root.seal_document(path, recipe, numbers)
    return written + [root.SEAL] * files.write_if_other(path / root.SEAL, files.json_bytes(seal))
