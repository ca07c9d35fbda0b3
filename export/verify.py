"""Checks a library against its recipe, its manifests and the schema, byte by byte and label by label."""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nmcfast.errors import FormatVersionError, InputError, NmcfastError
from nmcfast.export import contents, files, formats, release, root, shards


@dataclass(frozen=True)
class Report:
    """What `verify` saw; `problems` are single lines that name shard, file and particle."""

    path: Path
    shards: int
    expected_shards: int
    particles: int
    files: int
    bytes: int
    sealed: bool
    problems: tuple[str, ...]
    released: str = "no"  # "unfinished", "yes"

    @property
    def ok(self) -> bool:
        return not self.problems


def verify(path: Path, progress: Callable[[int, int], None] | None = None, *, released: bool = True) -> Report:
    """Everything that is wrong with a library; a missing shard is wrong once the library was complete.

    `progress` is called with the numbers of shards done and to do. released: check what `nmcfast release` wrote, too.
    InputError when `path` is no library, or one of another version of the format.
    """
    if not root.is_library(path):
        root.read_recipe(path)  # says why
    try:
        recipe = root.read_recipe(path)
    except FormatVersionError:  # its records agree: not damaged, but not for this program
        raise
    except NmcfastError as error:
        return Report(path, 0, 0, 0, 0, 0, False, (f"{error}; nothing else was checked",))
    problems = list(_root_problems(path, recipe))
    found = [n for n in shards.committed_shards(path) if n < shards.shard_count(recipe)]
    count = size = 0
    for done, number in enumerate(found, 1):
        problems += [f"shard {shards.shard_name(number)}, {p}" for p in _shard_problems(path, number, recipe)]
        sizes = [state.st_size for _, state in _walk(path / "shards" / shards.shard_name(number))]
        count, size = count + len(sizes), size + sum(sizes)
        if progress is not None:
            progress(done, len(found))
    state = release.state(path)
    if released and state == "yes":
        problems += release.problems(path, recipe)
    particles = sum(len(shards.shard_range(recipe, n)) for n in found)
    sealed = (path / root.SEAL).exists()
    return Report(path, len(found), shards.shard_count(recipe), particles, count, size, sealed, tuple(problems), state)


def _root_problems(path: Path, recipe: dict[str, Any]) -> Iterator[str]:
    known = {*root.ROOT_FILES, *formats.bulk_module(recipe["format"]).LIBRARY_FILES, root.SEAL}
    known |= {*release.FILES} if release.state(path) != "no" else set()
    for name in sorted(p.name for p in path.iterdir()):
        if name not in known and not files.is_temporary(name):
            yield f"{name}: foreign, not part of a library"
    yield from _abandoned(path)
    for name, document in (
        ("zarr.json", root.root_document(recipe)),
        ("shards/zarr.json", root.group_document()),
    ):
        if _bytes(path / name) != files.json_bytes(document):
            yield f"{name}: is not what the recipe gives"
    model = path / root.MODEL
    if hashlib.sha256(_bytes(model)).hexdigest() != recipe["model_sha256"]:
        yield f"{root.MODEL}: SHA-256 is not that of the recipe"
    total = shards.shard_count(recipe)
    for entry in sorted((path / "shards").iterdir()):
        numbered = re.fullmatch(r"\d{6,}", entry.name) and int(entry.name) < total
        ours = numbered and entry.is_dir() and not entry.is_symlink()
        if not ours and entry.name != "zarr.json" and not files.is_temporary(entry.name):
            yield f"shards/{entry.name}: foreign, expected 000000 to {shards.shard_name(total - 1)}"
    if (path / root.SEAL).exists():
        yield from _seal_problems(path, recipe)


def _abandoned(path: Path) -> Iterator[str]:
    """Half-written files in a sealed library, or of processes that are no more: nobody will finish them."""
    sealed = (path / root.SEAL).exists()
    for folder in (path, path / "shards"):
        for entry in sorted(folder.glob(".tmp-*")):
            if files.is_temporary(entry.name) and (sealed or files.is_abandoned(entry.name)):
                yield f"{entry.relative_to(path)}: left half-written by a run that ended: remove it"


def _bytes(path: Path) -> bytes:
    """The file's bytes; none when it is missing, which differs from whatever was expected."""
    return path.read_bytes() if files.is_regular(path) else b""


def _seal_problems(path: Path, recipe: dict[str, Any]) -> Iterator[str]:
    folder, found = path / "shards", shards.committed_shards(path)
    missing = set(range(shards.shard_count(recipe))) - set(found)
    for number in sorted(missing):
        yield f"shard {shards.shard_name(number)}: missing from a library that was complete"
    held = [n for n in found if (folder / shards.shard_name(n) / shards.MANIFEST).is_file()]
    expected = root.seal_document(path, recipe, held)
    differing = []
    for kind, said in (("shards", f"shard {{}}, {shards.MANIFEST}"), ("files", "{}")):
        sealed = _sealed_digests(path / root.SEAL, kind)
        differing += [said.format(n) for n, digest in expected[kind].items() if sealed.get(n, digest) != digest]
    for name in differing:
        yield f"{name}: SHA-256 differs from {root.SEAL}"
    if not missing and not differing and _bytes(path / root.SEAL) != files.json_bytes(expected):
        yield f"{root.SEAL}: does not agree with the recipe and the manifests of the shards"


def _sealed_digests(seal: Path, kind: str) -> dict[str, Any]:
    """SHA-256 of manifests by shard, or of files by name, as far as it can be read; the caller compares the bytes."""
    try:
        digests = files.read_json(seal)[kind]
    except (InputError, LookupError, TypeError):
        return {}
    return digests if isinstance(digests, dict) else {}


def _shard_problems(path: Path, number: int, recipe: dict[str, Any]) -> Iterator[str]:
    folder = path / "shards" / shards.shard_name(number)
    module = formats.bulk_module(recipe["format"])
    try:
        listed = _listed_files(folder, number, recipe)
    except (NmcfastError, ValueError) as error:
        yield f"{shards.MANIFEST}: {error}"
        return
    damaged = list(_file_problems(folder, listed, module.shard_files(recipe, shards.shard_range(recipe, number))))
    yield from damaged
    reader = module.ShardReader(path, number, recipe)
    yield from contents.problems(reader) if not damaged else contents.unreadable(reader)


def _listed_files(folder: Path, number: int, recipe: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 by path, of a manifest that is right in everything else; else ValueError."""
    held = files.read_json(folder / shards.MANIFEST)
    if not isinstance(held, dict) or not isinstance(held.get("files"), list):
        raise ValueError("is not a manifest")
    particles = shards.shard_range(recipe, number)
    expected = shards.manifest(number, particles.start, len(particles), recipe, held["files"])
    for field, value in expected.items():
        if held.get(field) != value:
            raise ValueError(
                f"says {field} = {held.get(field)!r}, expected {value!r}: shard of another place or recipe"
            )
    if (folder / shards.MANIFEST).read_bytes() != files.json_bytes(expected):
        raise ValueError("was not written by this format")
    entries = list(map(_entry, held["files"]))
    if [path for path, _ in entries] != sorted(dict(entries)):
        raise ValueError("lists a file twice or out of order")
    return dict(entries)


def _entry(entry: Any) -> tuple[str, tuple[int, str]]:
    kinds = {"path": str, "bytes": int, "sha256": str}
    if not isinstance(entry, dict) or {k: type(v) for k, v in entry.items()} != kinds:
        raise ValueError(f"has an entry that is not path, bytes, sha256: {entry!r}")
    return entry["path"], (entry["bytes"], entry["sha256"])


def _file_problems(folder: Path, listed: dict[str, tuple[int, str]], expected: set[str]) -> Iterator[str]:
    """Only paths that the format expects are ever opened, so a manifest cannot lead out of its folder."""
    for path in sorted(listed.keys() ^ expected):
        yield f"{path}: {'foreign to' if path in listed else 'missing from'} the manifest"
    found = dict(_walk(folder))
    for path in sorted(found.keys() - expected - {shards.MANIFEST}):
        yield f"{path}: foreign, not in the manifest"
    for path in sorted(expected & listed.keys()):
        size, digest = listed[path]
        state = found.get(path)
        if state is None:
            yield f"{path}: missing"
        elif not stat.S_ISREG(state.st_mode):
            yield f"{path}: not a regular file"
        elif state.st_size != size:
            yield f"{path}: {state.st_size} bytes, the manifest says {size}"
        elif files.sha256_file(folder / path) != digest:
            yield f"{path}: SHA-256 differs from the manifest"


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Everything in a folder but real folders; links are not followed."""
    for parent, folders, others in os.walk(folder):
        for name in (*folders, *others):
            path = Path(parent, name)
            state = path.lstat()
            if not stat.S_ISDIR(state.st_mode):
                yield path.relative_to(folder).as_posix(), state
