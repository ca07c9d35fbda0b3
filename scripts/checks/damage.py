"""Damages a released library in many ways: `verify` must find each, name the place, and the repair must undo it.

    python scripts/checks/damage.py --flips 1000 --others 200 --output docs/results/damage.md

A flip changes one bit anywhere in a file of the release, every file equally often. The others cut a file, remove it or
a shard, exchange two files or two shards, put a file of another library in its place, or something foreign beside it.
After each, `generate --repair`, and `nmcfast release` where a file of that is damaged, must give every byte back, and
the root hash. What is foreign is named and left: it is taken away here. Case k of a seed is always the same.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from small_model import heading, small_model, tree

from nmcfast import generate_library
from nmcfast.bulk import library_recipe
from nmcfast.export import formats, release, root
from nmcfast.export.shards import shard_name
from nmcfast.export.verify import verify
from nmcfast.library.repair import repair_library
from nmcfast.release.release import release_library

SAID = {"creators": ("Doe, Jane",), "date": "2026-11-28"}
COUNT, SHARD_SIZE, SEED = 5, 2, 3
Damage = Callable[["Case"], tuple[str, ...]]  # gives paths, one of which must be named


@dataclass
class Case:
    """A copy of the release `sound` at `path`, to be damaged; `other` is a release of another seed."""

    sound: Path
    other: Path
    path: Path
    rng: random.Random

    def file(self) -> str:
        return self.rng.choice(sorted(tree(self.sound)))

    def shard(self) -> str:
        return f"shards/{shard_name(self.rng.randrange(-(-COUNT // SHARD_SIZE)))}"


def flip(case: Case) -> tuple[str, ...]:
    name = case.file()
    data = bytearray((case.path / name).read_bytes())
    while not data:
        name = case.file()
        data = bytearray((case.path / name).read_bytes())
    data[case.rng.randrange(len(data))] ^= 1 << case.rng.randrange(8)
    (case.path / name).write_bytes(data)
    return (name,)


def cut(case: Case) -> tuple[str, ...]:
    name = case.file()
    data = (case.path / name).read_bytes()
    (case.path / name).write_bytes(data[: case.rng.randrange(len(data))])
    return (name,)


def missing(case: Case) -> tuple[str, ...]:
    name = case.file()
    (case.path / name).unlink()
    return (name,)


def missing_shard(case: Case) -> tuple[str, ...]:
    name = case.shard()
    shutil.rmtree(case.path / name)
    return (name,)


def swapped(case: Case) -> tuple[str, ...]:
    """Two files of one shard or of two, of different bytes, each in the place of the other."""
    one = other = case.file()
    while (case.path / one).read_bytes() == (case.path / other).read_bytes():
        other = case.file()
    held = (case.path / one).read_bytes()
    (case.path / one).write_bytes((case.path / other).read_bytes())
    (case.path / other).write_bytes(held)
    return one, other


def swapped_shards(case: Case) -> tuple[str, ...]:
    one, other = "shards/000000", "shards/000001"
    (case.path / one).rename(case.path / "aside")
    (case.path / other).rename(case.path / one)
    (case.path / "aside").rename(case.path / other)
    return one, other


def of_another(case: Case) -> tuple[str, ...]:
    """A file as another library has it in this place."""
    name = case.file()
    while (case.other / name).read_bytes() == (case.path / name).read_bytes():
        name = case.file()
    shutil.copyfile(case.other / name, case.path / name)
    return (name,)


def shard_of_another(case: Case) -> tuple[str, ...]:
    name = case.shard()
    shutil.rmtree(case.path / name)
    shutil.copytree(case.other / name, case.path / name)
    return (name,)


def foreign(case: Case) -> tuple[str, ...]:
    """Something beside the files, in any folder."""
    folder = case.rng.choice(["", *sorted({str(Path(name).parent) for name in tree(case.sound)})])
    name = f"{folder}/{case.rng.choice(['notes.txt', '.hidden', 'c', '000007'])}".removeprefix("./").removeprefix("/")
    while (case.path / name).exists():
        name += "x"
    (case.path / name).write_bytes(b"foreign")
    return (name,)


OTHERS: tuple[Damage, ...] = (
    cut,
    missing,
    missing_shard,
    swapped,
    swapped_shards,
    of_another,
    shard_of_another,
    foreign,
)


@dataclass
class Seen:
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def is_named(places: tuple[str, ...], problems: tuple[str, ...]) -> bool:
    """Whether a line of what is wrong names each place: a shard and, but for whole shards, the file in it.

    A file of the release and its checksum may differ by damage to either: then the line names both.
    """
    return all(any(_names(line, place) for line in problems) for place in places)


def _names(line: str, place: str) -> bool:
    parts = place.split("/")
    if place == release.SUMS and line.endswith(f" {release.SUMS}"):
        return True
    if parts[0] != "shards" or len(parts) == 1 or not parts[1].isdigit():
        return line.startswith(f"{place}:")
    inner = "/".join(parts[2:])
    if place == f"shards/{parts[1]}":
        return line.startswith((f"shard {parts[1]}", f"{place}:"))
    return line.startswith((f"shard {parts[1]}, {inner}:", f"{place}:"))


def make(path: Path, form: str, seed: int = SEED) -> Path:
    generate_library(path, small_model(), count=COUNT, seed=seed, shard_size=SHARD_SIZE, format=form)
    release_library(path, **SAID)
    return path


def undo(case: Case, form: str) -> str:
    """What a user does about it; the root hash after."""
    for name in tree(case.path).keys() - tree(case.sound).keys():
        (case.path / name).unlink()
    recipe = library_recipe(
        small_model(), count=COUNT, seed=SEED, labels=True, voxel_size=0.05, shard_size=SHARD_SIZE, format=form
    )
    done = repair_library(case.path, recipe=recipe, model=small_model())
    if verify(case.path).problems:
        if not release.is_as_listed(case.path, release.SETTINGS):  # or these are wrong: say all anew
            (case.path / release.SETTINGS).unlink()
        release_library(case.path, **SAID, overwrite=True)
    return done.root_sha256 or root.read_seal(case.path, recipe)["root_sha256"]


def check(form: str, cases: list[Damage], seed: int, folder: Path) -> Seen:
    """Each damage done to a copy of a release of a format, found and undone."""
    seen, sound = Seen(), make(folder / f"{form}-sound", form)
    other = make(folder / f"{form}-other", form, SEED + 1)
    recipe = root.read_recipe(sound)
    wanted, digest = tree(sound), root.read_seal(sound, recipe)["root_sha256"]
    for number, damage in enumerate(cases):
        path = shutil.copytree(sound, folder / "copy")
        case = Case(sound, other, path, random.Random(f"{seed} {form} {number}"))
        places = damage(case)
        said = f"{form}, case {number}, {damage.__name__} of {', '.join(places)}"
        seen.counts[damage.__name__] += 1
        try:
            problems = verify(path).problems
            if not problems:
                seen.failures.append(f"{said}: not found")
            elif not is_named(places, problems):
                seen.failures.append(f"{said}: not named by {problems}")
            if undo(case, form) != digest or tree(path) != wanted:
                seen.failures.append(f"{said}: not undone: {verify(path).problems}")
        except Exception as error:  # whatever it is, it is what this script looks for
            seen.failures.append(f"{said}: {type(error).__name__}: {error}")
        shutil.rmtree(path)
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--formats", nargs="+", default=[*formats.BULK])
    parser.add_argument("--flips", type=int, default=1000, help="shared out over the formats")
    parser.add_argument("--others", type=int, default=200, help="likewise")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    start, names = time.perf_counter(), ["flip", *(damage.__name__ for damage in OTHERS)]
    rows, failures = [f"| format | {' | '.join(names)} | failures |", f"|---|{'---|' * len(names)}---|"], list[str]()
    kinds = len(options.formats)
    for number, form in enumerate(options.formats):
        flips, others = (range(number, n, kinds) for n in (options.flips, options.others))
        cases = [flip] * len(flips) + [OTHERS[k // kinds % len(OTHERS)] for k in others]
        with tempfile.TemporaryDirectory() as temporary:
            seen = check(form, cases, options.seed, Path(temporary))
        rows.append(f"| {form} | {' | '.join(str(seen.counts[n]) for n in names)} | {len(seen.failures)} |")
        failures += seen.failures
    said = __doc__.split("\n\n", 2)[2].strip().replace("\n", " ")
    told = (
        f"Damages done, in {time.perf_counter() - start:.0f} s; a failure is one not found, not named, or not undone:"
    )
    lines = [*heading("Damage found, named and undone"), said, told, "\n".join(rows), *failures]
    options.output.write_text("\n\n".join(lines) + "\n")
    print(options.output.read_text())
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
