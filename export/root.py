"""The root of a library: the recipe, of which everything is a function, the model file, the final seal."""

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nmcfast.errors import DamageError, InputError, NoSpaceError
from nmcfast.export import files, formats, lock, shards, table
from nmcfast.export.schema import check_recipe

KIND = "nmcfast library"
MODEL = "model.safetensors"
SEAL = "complete.json"
ROOT_FILES = ("zarr.json", MODEL, "shards", "shards/zarr.json")


def group_document(attributes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The zarr.json of a Zarr v3 group."""
    return {"zarr_format": 3, "node_type": "group", "attributes": attributes or {}}


def root_document(recipe: dict[str, Any]) -> dict[str, Any]:
    """The zarr.json of a library, whose attributes are its recipe and the digest of it."""
    digest = shards.recipe_digest(recipe)
    return group_document({"kind": KIND, "recipe": recipe, "recipe_sha256": digest})


def create_library(path: Path, recipe: dict[str, Any], model: bytes) -> None:
    """Make an empty library, or accept and sweep the one that is there when it has the same recipe.

    Raises InputError, and changes nothing, when `path` is something else or was made with another recipe; DamageError
    when its model file is not the recipe's.
    """
    check_recipe(recipe, str(path))
    formats.bulk_module(recipe["format"])
    if hashlib.sha256(model).hexdigest() != recipe["model_sha256"]:
        raise InputError(f"{path}: recipe model_sha256 is not the SHA-256 of the model given with it")
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        require_same(path, read_recipe(path), recipe)
        read_model(path, recipe)
        for folder, name in ((path.parent, path.name), (path, ""), (path / "shards", "")):
            files.sweep(folder, name)
        return
    files.sweep(path.parent, path.name)
    try:
        with shards.clear_when_full(path, path, recipe):
            _write_root(path, recipe, model)
    except NoSpaceError:
        raise
    except OSError as error:
        if error.errno not in shards.TAKEN or not path.exists():
            raise InputError(f"{path}: cannot be made ({error.strerror}): choose another place") from error
        require_same(path, read_recipe(path), recipe)  # another process was faster


def _write_root(path: Path, recipe: dict[str, Any], model: bytes) -> None:
    draft = files.temporary(path)
    try:
        (draft / "shards").mkdir(parents=True)
        (draft / "zarr.json").write_bytes(files.json_bytes(root_document(recipe)))
        (draft / MODEL).write_bytes(model)
        (draft / "shards" / "zarr.json").write_bytes(files.json_bytes(group_document()))
        for name in (*ROOT_FILES, "."):
            files.fsync(draft / name)
        os.rename(draft, path)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    files.fsync(path.parent)


def require_same(
    path: Path | str, held: dict[str, Any], wanted: dict[str, Any], others: str = "another path, or --overwrite"
) -> None:
    """InputError, naming the field and what others than the same parameters can do, when two recipes differ."""
    for field in sorted({*held, *wanted}):
        if held.get(field) != wanted.get(field):
            raise InputError(
                f"{path}: made with {field} = {held.get(field)!r}, asked for {wanted.get(field)!r}: "
                f"use the same parameters to continue it, {others}"
            )


def is_library(path: Path) -> bool:
    """Whether a path looks like a library, damaged or not; one whose shards lie elsewhere, behind a link, does not."""
    folder = path / "shards"
    return (path / "zarr.json").is_file() and folder.is_dir() and not folder.is_symlink()


def lost_recipe(path: Path) -> bool:
    """Whether a folder is a library that was complete, but for its zarr.json, which is not there."""
    folder = path / "shards"
    whole = (path / SEAL).is_file() and folder.is_dir() and not folder.is_symlink()
    return whole and not os.path.lexists(path / "zarr.json")


def read_recipe(path: Path) -> dict[str, Any]:
    """The recipe of a library. InputError for what is none, DamageError for a changed or lost recipe."""
    if not path.exists():
        raise InputError(f"{path}: no such library")
    if lost_recipe(path):
        raise DamageError(f"{path / 'zarr.json'}: missing: restore it from a copy, or generate --repair as it was made")
    if not is_library(path):
        raise InputError(f"{path}: not an nmcfast library (a folder that holds zarr.json and shards)")
    return read_bare_recipe(path)


def read_bare_recipe(path: Path) -> dict[str, Any]:
    """The recipe in the zarr.json of a folder, whether its shards are there or not. Raises as `read_recipe`."""
    document = files.read_json(path / "zarr.json")
    if not _is_ours(document):
        raise InputError(f"{path / 'zarr.json'}: attribute kind is not {KIND!r}: not an nmcfast library")
    attributes = document["attributes"]
    recipe = attributes.get("recipe")
    if attributes.get("recipe_sha256") == shards.recipe_digest(recipe):  # else nothing in it can be believed
        check_recipe(recipe, str(path / "zarr.json"))
    if document != root_document(recipe):
        raise DamageError(f"{path / 'zarr.json'}: was changed after the library was made (recipe_sha256 differs)")
    return recipe


def read_model(path: Path, recipe: dict[str, Any], place: str | None = None) -> bytes:
    """The model file of a library, called `place` in errors. DamageError when it is missing or not the recipe's."""
    file, said = path / MODEL, f"{place or path}/{MODEL}"
    if not file.is_file():
        raise DamageError(f"{said}: missing: restore it from a copy")
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest() != recipe["model_sha256"]:
        raise DamageError(f"{said}: SHA-256 is not that of the recipe: restore it from a copy")
    return data


def _is_ours(document: Any) -> bool:
    attributes = document.get("attributes") if isinstance(document, dict) else None
    return isinstance(attributes, dict) and attributes.get("kind") == KIND


def seal_document(library: Path, recipe: dict[str, Any], numbers: list[int]) -> dict[str, Any]:
    """The complete.json of a library with these finished shards; root_sha256 covers recipe, manifests and files."""
    folder = library / "shards"
    names = [shards.shard_name(n) for n in numbers]
    digests = {name: _manifest_digest(folder / name / shards.MANIFEST) for name in names}
    return seal_of(recipe, digests, file_digests(library, recipe))


def _manifest_digest(path: Path) -> str:
    if not files.is_regular(path):
        raise DamageError(f"{path}: missing or not a file: 'nmcfast generate --repair' makes its shard again")
    return files.sha256_file(path)


def seal_of(recipe: dict[str, Any], manifests: Any, beside: Any) -> dict[str, Any]:
    """The complete.json over SHA-256 of manifests by shard and of the files beside the shards by name."""
    contents = {
        "particles": recipe["count"],
        "recipe_sha256": shards.recipe_digest(recipe),
        "shards": manifests,
        "files": beside,
    }
    return {**contents, "root_sha256": hashlib.sha256(files.json_bytes(contents)).hexdigest()}


def read_seal(path: Path, recipe: dict[str, Any]) -> dict[str, Any]:
    """The complete.json of a finished library, when it agrees with itself and with the recipe.

    InputError when there is none, DamageError when it does not agree.
    """
    if not (path / SEAL).is_file():
        raise InputError(f"{path}: has no {SEAL}: finish it with 'nmcfast generate' and the same parameters")
    held = files.read_json(path / SEAL)
    manifests, beside = (held.get(k) if isinstance(held, dict) else None for k in ("shards", "files"))
    names = {shards.shard_name(n) for n in range(shards.shard_count(recipe))}
    whole = isinstance(manifests, dict) and isinstance(beside, dict) and manifests.keys() == names
    if not whole or held != seal_of(recipe, manifests, beside):
        raise DamageError(f"{path / SEAL}: does not agree with the recipe, or with its own root_sha256")
    return held


def beside(recipe: dict[str, Any]) -> tuple[str, ...]:
    """Names of the files that a finished library has beside its shards, made from these."""
    return (*formats.bulk_module(recipe["format"]).LIBRARY_FILES, *([table.FILE] if table.is_kept(recipe) else []))


def file_digests(library: Path, recipe: dict[str, Any]) -> dict[str, str]:
    """SHA-256 of these files, by name; "" for one that is missing."""
    paths = [library / name for name in beside(recipe)]
    return {path.name: files.sha256_file(path) if files.is_regular(path) else "" for path in paths}


def write_beside(library: Path, recipe: dict[str, Any], listed: dict[str, str] | None = None) -> list[str]:
    """Write these files where they are not there, or other than their shards give them; the names of those.

    listed: SHA-256 by name of a seal; what is as it says is not made, and what these programs make otherwise is left.
    """
    held = {} if listed is None else file_digests(library, recipe)
    todo = [name for name in beside(recipe) if listed is None or held[name] != listed.get(name)]
    made: dict[str, Iterable[bytes]] = {table.FILE: table.parts(library, recipe)}
    if set(todo) - {table.FILE}:
        files_of_format = formats.bulk_module(recipe["format"]).library_files(library, recipe)
        made |= {name: [data] for name, data in files_of_format.items()}
    expected = dict.fromkeys(todo) if listed is None else {name: listed.get(name, "") for name in todo}
    return [name for name in todo if files.write_parts(library / name, made[name], expected[name])]


def finish_library(library: Path) -> str | None:
    """Seal a library whose shards all exist and return its root hash; None when some are missing.

    Nothing is written to one that is sealed already; DamageError when it is no longer what its seal says.
    """
    recipe = read_recipe(library)
    numbers = shards.committed_shards(library)
    if numbers != list(range(shards.shard_count(recipe))):
        return None
    if os.path.lexists(library / SEAL):
        held = read_seal(library, recipe)
        if seal_document(library, recipe, numbers) != held:
            raise DamageError(
                f"{library}: is not what {SEAL} says: 'nmcfast verify' names what is wrong, 'nmcfast generate --repair'"
                " makes it again"
            )
        return held["root_sha256"]
    return seal_library(library, recipe, numbers)


def seal_library(library: Path, recipe: dict[str, Any], numbers: list[int]) -> str:
    """Write what lies beside the shards of a library that has them all, complete.json last; the root hash."""
    with shards.clear_when_full(library / SEAL, library, recipe):
        write_beside(library, recipe)
        seal = seal_document(library, recipe, numbers)
        files.write_if_other(library / SEAL, files.json_bytes(seal))
    return seal["root_sha256"]


def restore(path: Path, recipe: dict[str, Any], model: bytes) -> list[str]:
    """Write the files of `create_library` again that are not as the recipe gives them; their names."""
    (path / "shards").mkdir(exist_ok=True)
    wanted = {"zarr.json": root_document(recipe), "shards/zarr.json": group_document()}
    documents = {MODEL: model, **{name: files.json_bytes(document) for name, document in wanted.items()}}
    return [name for name, data in documents.items() if files.write_if_other(path / name, data)]


def remove_library(path: Path) -> None:
    """Delete a library, and nothing else: InputError when the path is not one."""
    if path.is_symlink() or not is_library(path) or not _is_ours(files.read_json(path / "zarr.json")):
        raise InputError(f"{path}: not an nmcfast library, refused to remove it")
    doomed = files.temporary(path)
    with lock.alone(path, "leave out --overwrite to work beside it"):
        os.rename(path, doomed)  # gone at once under its name, whatever happens during the removal
    shutil.rmtree(doomed)
