"""The files that a release adds to a library, their checksums, and what is wrong with them.

`release.json` is written first and `SHA256SUMS` last: between the two a release is unfinished, and made again.
"""

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


def state(path: Path) -> str:
    """Whether a library is released: "no", "unfinished" or "yes"."""
    if (path / SUMS).is_file():
        return "yes"
    return "unfinished" if (path / SETTINGS).is_file() else "no"


def root_names(recipe: dict[str, Any]) -> tuple[str, ...]:
    """The files of a finished library that lie beside its shards."""
    own = (name for name in root.ROOT_FILES if name != "shards")
    return (*own, *formats.bulk_module(recipe["format"]).LIBRARY_FILES, root.SEAL)


def checksums(path: Path, recipe: dict[str, Any]) -> dict[str, str]:
    """SHA-256 of each file of a released library, by path: of shards as their manifests say, of others as they are.

    A shard whose manifest cannot be read is left out; a file that is missing has "".
    """
    sums = {name: _digest(path / name) for name in (*root_names(recipe), *DOCUMENTS)}
    for number in shards.committed_shards(path):
        folder = f"shards/{shards.shard_name(number)}"
        try:
            entries = {e["path"]: e["sha256"] for e in files.read_json(path / folder / shards.MANIFEST)["files"]}
        except (ValueError, LookupError, TypeError):
            continue
        sums |= {f"{folder}/{name}": digest for name, digest in entries.items()}
        sums[f"{folder}/{shards.MANIFEST}"] = files.sha256_file(path / folder / shards.MANIFEST)
    return sums


def _digest(path: Path) -> str:
    return files.sha256_file(path) if path.is_file() and not path.is_symlink() else ""


def sums_text(sums: dict[str, str]) -> str:
    """The file that `sha256sum -c` reads."""
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))


def problems(path: Path, recipe: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a finished release, as single lines that name the file."""
    held = (path / SUMS).read_bytes()
    expected = checksums(path, recipe)
    if held == sums_text(expected).encode():
        return
    listed = dict(_parsed(held))
    unreadable = {n for n in listed if n.startswith("shards/") and n not in expected}
    wrong = [name for name in sorted(expected) if listed.get(name) != expected[name]]
    for name in wrong:
        if name not in listed:
            yield f"{SUMS}: does not list {name}"
        elif not expected[name]:
            yield f"{name}: missing, {SUMS} lists it"
        else:
            yield f"{name}: SHA-256 differs from {SUMS}"
    for name in sorted(listed.keys() - expected.keys() - unreadable):
        yield f"{SUMS}: lists {name!r}, which is not of the release"
    if not wrong and not unreadable and listed.keys() == expected.keys():
        yield f"{SUMS}: is not written as a release writes it"


def _parsed(held: bytes) -> Iterator[tuple[str, str]]:
    for line in held.decode("utf-8", "replace").splitlines():
        digest, _, name = line.partition("  ")
        yield name, digest
