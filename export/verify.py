"""Checks a library against its recipe, its manifests and the schema, byte by byte and label by label."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nmcfast.errors import FormatVersionError, NmcfastError
from nmcfast.export import files, release, root, shards, table
from nmcfast.export.verify_shard import ShardReport, check_shard

Check = Callable[[int], ShardReport]
Seen = Callable[[ShardReport], None]


def one_by_one(check: Check, numbers: list[int], seen: Seen) -> None:
    """Check each shard, here; `seen` gets what was found."""
    for number in numbers:
        seen(check(number))


@dataclass(frozen=True)
class Report:
    """What `verify` saw; `problems` are single lines that name shard, file and particle.

    damaged: numbers of the shards with a problem, and of those missing from a library that was complete.
    """

    path: Path | str
    shards: int
    expected_shards: int
    particles: int
    files: int
    bytes: int
    sealed: bool
    problems: tuple[str, ...]
    released: str = "no"  # "unfinished", "yes"
    damaged: tuple[int, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.problems


def verify(
    path: Path,
    progress: Callable[[int, int], None] | None = None,
    *,
    released: bool = True,
    values: bool = True,
    over: Callable[[Check, list[int], Seen], None] = one_by_one,
) -> Report:
    """Everything that is wrong with a library; a missing shard is wrong once the library was complete.

    `progress` is called with the numbers of shards done and to do. released: check what `nmcfast release` wrote, too.
    values: look at what arrays and labels say, too, where every byte is as it was recorded. over: what checks the
    shards, in any order. InputError when `path` is no library, or one of another version of the format.
    """
    if not root.is_library(path) and not root.lost_recipe(path):
        root.read_recipe(path)  # says why
    try:
        recipe = root.read_recipe(path)
    except FormatVersionError:  # its records agree: not damaged, but not for this program
        raise
    except NmcfastError as error:
        said = [f"{error}; of the rest only what {release.SUMS} lists was checked", *release.changed(path)]
        return Report(path, 0, 0, 0, 0, 0, False, tuple(said), release.state(path))
    total, found = shards.shard_count(recipe), shards.finished_shards(path, recipe)
    sealed, seal_problems = _read_seal(path, recipe)
    seen: dict[int, ShardReport] = {}

    def note(report: ShardReport) -> None:
        seen[report.number] = report
        if progress is not None:
            progress(len(seen), len(found))

    over(partial(check_shard, path, recipe, sealed, values), found, note)
    missing = set(range(total)) - set(found) if os.path.lexists(path / root.SEAL) else set[int]()
    problems = [*_root_problems(path, recipe), *seal_problems]
    problems += [f"shard {shards.shard_name(n)}: missing from a library that was complete" for n in sorted(missing)]
    problems += [line for number in sorted(seen) for line in seen[number].problems]
    problems += _table_problems(path, recipe, seen)
    state = release.state(path)
    if released and state == "yes":
        problems += release.problems(path, recipe)
    return Report(
        path,
        len(found),
        total,
        sum(len(shards.shard_range(recipe, n)) for n in found),
        sum(report.files for report in seen.values()),
        sum(report.bytes for report in seen.values()),
        os.path.lexists(path / root.SEAL),
        tuple(problems),
        state,
        tuple(sorted(missing | {n for n, report in seen.items() if report.problems})),
    )


def _root_problems(path: Path, recipe: dict[str, Any]) -> Iterator[str]:
    known = {*root.ROOT_FILES, *root.beside(recipe), root.SEAL}
    known |= {*release.FILES, release.UNFINISHED} if release.state(path) != "no" else set()
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
        numbered = re.fullmatch(r"[0-9]{6,}", entry.name) and int(entry.name) < total
        ours = numbered and entry.is_dir() and not entry.is_symlink()
        if not ours and entry.name != "zarr.json" and not files.is_temporary(entry.name):
            yield f"shards/{entry.name}: foreign, expected 000000 to {shards.shard_name(total - 1)}"


def _table_problems(path: Path, recipe: dict[str, Any], seen: dict[int, ShardReport]) -> Iterator[str]:
    """Where the table of a finished library is not that of its shards."""
    file = path / table.FILE
    if not table.is_kept(recipe) or not os.path.lexists(path / root.SEAL) or not files.is_regular(file):
        return
    for number, report in sorted(seen.items()):
        if report.rows and report.rows != table.rows_digest(file, recipe, number):
            yield f"{table.FILE}: its rows of shard {shards.shard_name(number)} are not those of the shard"


def _abandoned(path: Path) -> Iterator[str]:
    """Half-written files in a sealed library: nobody will finish them. In another the next run sweeps what is dead."""
    if not os.path.lexists(path / root.SEAL):
        return
    for folder in (path, path / "shards"):
        for entry in sorted(folder.glob(".tmp-*")):
            if files.is_temporary(entry.name):
                yield f"{entry.relative_to(path)}: left half-written by a run that ended: remove it"


def _bytes(path: Path) -> bytes:
    """The file's bytes; none when it is missing, which differs from whatever was expected."""
    return path.read_bytes() if files.is_regular(path) else b""


def _read_seal(path: Path, recipe: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    """SHA-256 of manifests that a finished library lists, and what is wrong with its complete.json.

    One that does not agree with itself lists nothing that could be believed.
    """
    if not os.path.lexists(path / root.SEAL):
        return {}, []
    try:
        held = root.read_seal(path, recipe)
    except NmcfastError:
        return {}, [f"{root.SEAL}: does not agree with the recipe, or with its own root_sha256"]
    found, listed = root.file_digests(path, recipe), held["files"]
    differing = [name for name, digest in found.items() if listed.get(name, digest) != digest]
    problems = [
        f"{name}: {'SHA-256 differs from' if found[name] else 'missing, but in'} {root.SEAL}" for name in differing
    ]
    if _bytes(path / root.SEAL) != files.json_bytes(held) or listed.keys() != found.keys():
        problems.append(f"{root.SEAL}: was not written by this format")
    return held["shards"], problems
