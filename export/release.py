"""The files that a release adds to a library, their checksums, and what is wrong with them.

`SHA256SUMS` is written last. While the others are written, and until somebody goes on where that was interrupted,
`release.unfinished` is there: without it a release that has no `SHA256SUMS` has lost them.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nmcfast.export import files, formats, root, shards

SETTINGS = "release.json"
SUMS = "SHA256SUMS"
INDEX = "index.parquet"
CARD = "README.md"
CITATION = "CITATION.cff"
LICENSE = "LICENSE"
CROISSANT = "croissant.json"
CRATE = "ro-crate-metadata.json"
DOCUMENTS = (SETTINGS, INDEX, CARD, CITATION, LICENSE, CROISSANT, CRATE)
FILES = (*DOCUMENTS, SUMS)
UNFINISHED = "release.unfinished"


def state(path: Path) -> str:
    """Whether a library is released: "no", "unfinished" or "yes"."""
    if os.path.lexists(path / UNFINISHED):
        return "unfinished"
    return "yes" if any(os.path.lexists(path / name) for name in (SETTINGS, SUMS)) else "no"


def root_names(recipe: dict[str, Any]) -> tuple[str, ...]:
    """The files of a finished library that lie beside its shards."""
    own = (name for name in root.ROOT_FILES if name != "shards")
    return (*own, *root.beside(recipe), root.SEAL)


def checksums(path: Path, recipe: dict[str, Any]) -> dict[str, str]:
    """SHA-256 of each file of a released library, by path: of shards as their manifests say, of others as they are.

    Files of a shard whose manifest cannot be read are as they are, too; one that is missing has "".
    """
    sums = {name: _digest(path / name) for name in (*root_names(recipe), *DOCUMENTS)}
    module = formats.bulk_module(recipe["format"])
    for number in shards.finished_shards(path, recipe):
        folder = f"shards/{shards.shard_name(number)}"
        try:
            entries = {e["path"]: e["sha256"] for e in files.read_json(path / folder / shards.MANIFEST)["files"]}
        except (ValueError, LookupError, TypeError):
            held = sorted(module.shard_files(recipe, shards.shard_range(recipe, number)))
            entries = {name: _digest(path / folder / name) for name in held}
        sums |= {f"{folder}/{name}": digest for name, digest in entries.items()}
        sums[f"{folder}/{shards.MANIFEST}"] = _digest(path / folder / shards.MANIFEST)
    return sums


def _digest(path: Path) -> str:
    return files.sha256_file(path) if files.is_regular(path) else ""


def sums_text(sums: dict[str, str]) -> str:
    """The file that `sha256sum -c` reads."""
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))


def problems(path: Path, recipe: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a finished release, as single lines that name the file."""
    if not files.is_regular(path / SUMS):
        yield f"{SUMS}: missing from a library that was released: 'nmcfast release' writes it again"
        return
    held = (path / SUMS).read_bytes()
    expected = checksums(path, recipe)
    if held == sums_text(expected).encode():
        return
    listed = dict(_parsed(held))
    gone = {n for n in listed if n.startswith("shards/") and n not in expected}  # with their shard, which is named
    wrong = [name for name in sorted(expected) if listed.get(name) != expected[name]]
    other = [name for name in wrong if name in listed and expected[name]]
    if 2 * len(other) > len(expected):  # it, and not most of the files
        yield f"{SUMS}: differs from {len(other)} of {len(expected)} files: is of another release"
        return
    for name in wrong:
        if name not in listed:
            yield f"{SUMS}: does not list {name}"
        elif not expected[name]:
            yield f"{name}: missing, {SUMS} lists it"
        else:
            yield f"{name}: SHA-256 differs from {SUMS}"
    for name in sorted(listed.keys() - expected.keys() - gone):
        yield f"{SUMS}: lists {name!r}, which is not of the release"
    if not wrong and not gone and listed.keys() == expected.keys():
        yield f"{SUMS}: is not written as a release writes it"


def is_as_listed(path: Path, name: str) -> bool:
    """Whether a file is the one that SHA256SUMS lists; so is one that nothing lists."""
    listed = dict(_parsed((path / SUMS).read_bytes())) if files.is_regular(path / SUMS) else {}
    return listed.get(name, _digest(path / name)) == _digest(path / name)


def changed(path: Path) -> Iterator[str]:
    """The same for a library whose recipe cannot be read: what differs of all files that SHA256SUMS lists."""
    if not files.is_regular(path / SUMS):
        return
    for name, digest in _parsed((path / SUMS).read_bytes()):
        if _is_within(path, name) and _digest(path / name) != digest:
            yield f"{name}: SHA-256 differs from {SUMS}" if os.path.lexists(path / name) else f"{name}: missing"


def _is_within(path: Path, name: str) -> bool:
    """Whether a name leads to a place in a library, and not through a link out of it."""
    if "\0" in name or len(name) > 255 or ".." in Path(name).parts or Path(name).is_absolute():
        return False
    return not any((path / parent).is_symlink() for parent in Path(name).parents)


def _parsed(held: bytes) -> Iterator[tuple[str, str]]:
    for line in held.decode("utf-8", "replace").splitlines():
        digest, _, name = line.partition("  ")
        yield name, digest
