"""Generate a library again from its recipe and compare: the proof that it is what it says it is.

Recipe, model file and complete.json are enough. Where the shards are there too, every file of them is compared.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nmcfast import __version__
from nmcfast.bulk import chosen_shards, make_library
from nmcfast.errors import DamageError, InputError
from nmcfast.export import files, formats, root, schema, shards
from nmcfast.model import model_from_bytes
from nmcfast.plan import Plan
from nmcfast.workers.processes import Progress


@dataclass(frozen=True)
class Reproduced:
    """What was compared: shards, files, the lines that name a difference, the root hash of the source and of what was
    generated (None when only some shards were), programs of other versions than the recipe names.
    """

    path: Path
    shards: range
    made: int
    compared: int
    differences: tuple[str, ...]
    root_sha256: str
    made_root_sha256: str | None
    other_versions: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.differences


def reproduce_library(
    source: str | Path,
    output: str | Path,
    *,
    shard_range: range | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    begun: Callable[[Plan], None] | None = None,
    compared: Callable[[int, int], None] | None = None,
) -> Reproduced:
    """Generate the library at `source` again at `output`, or some of its shards, and compare; output stays.

    An interrupted run goes on. begun and progress as for `generate_library`; compared is called with the numbers of
    shards compared and to compare. Raises InputError when source is no finished library and when output is something
    else, DamageError when recipe, model or complete.json were changed: then there is nothing to generate from.
    """
    source, output = Path(source), Path(output)
    recipe, model = _read(source)
    seal = root.read_seal(source, recipe)
    wanted = chosen_shards(shard_range, shards.shard_count(recipe))
    if output.resolve() == source.resolve():
        raise InputError(f"{output}: is the library itself; choose another output")
    law = model_from_bytes(model, str(source / root.MODEL))
    made = make_library(output, recipe, law, model, wanted, workers, progress, begun)
    seen, differences = 0, list[str]()
    for done, number in enumerate(wanted, 1):
        count, found = _compare(source, output, number, recipe, seal)
        seen, differences = seen + count, [*differences, *found]
        if compared is not None:
            compared(done, len(wanted))
    whole = len(wanted) == shards.shard_count(recipe)
    if whole:
        differences += _beside(source, output, recipe, seal)
    digest = made.root_sha256 if whole else None
    if digest is not None and not differences and digest != seal["root_sha256"]:
        differences.append(f"{root.SEAL}: root hash {seal['root_sha256']}, the recipe gives {digest}")
    return Reproduced(
        output, wanted, made.made, seen, tuple(differences), seal["root_sha256"], digest, other_versions(recipe)
    )


def _read(source: Path) -> tuple[dict[str, Any], bytes]:
    """Recipe and model file of a library, or of a folder that holds these alone."""
    for name in ("zarr.json", root.MODEL):
        if not (source / name).is_file():
            raise InputError(
                f"{source / name}: missing: a library is generated again from zarr.json, {root.MODEL} and {root.SEAL}"
            )
    recipe = root.read_bare_recipe(source)
    return recipe, root.read_model(source, recipe)


def other_versions(recipe: dict[str, Any]) -> tuple[str, ...]:
    """Programs of other versions here than the recipe names, each as a line."""
    here = {"nmcfast": __version__, **formats.bulk_module(recipe["format"]).encoders()}
    return tuple(
        f"{name} {version}, the recipe says {recipe[name]}"
        for name, version in here.items()
        if recipe.get(name, version) != version
    )


def _compare(
    source: Path, output: Path, number: int, recipe: dict[str, Any], seal: dict[str, Any]
) -> tuple[int, list[str]]:
    """How many files of a shard were compared, and what differs."""
    name = shards.shard_name(number)
    mine, theirs = output / "shards" / name, source / "shards" / name
    listed = {e["path"]: e["sha256"] for e in files.read_json(mine / shards.MANIFEST)["files"]}
    listed[shards.MANIFEST] = files.sha256_file(mine / shards.MANIFEST)
    sealed = seal["shards"][name] == listed[shards.MANIFEST]
    if not theirs.is_dir():
        if (source / "shards").is_dir():
            return 0, [f"shard {name}: missing"]
        return 1, [] if sealed else [f"shard {name}: the recipe gives another {shards.MANIFEST} than {root.SEAL} lists"]
    wrong = [
        path
        for path, digest in sorted(listed.items())
        if not (theirs / path).is_file() or files.sha256_file(theirs / path) != digest
    ]
    said = [f"shard {name}, {path}: is not what the recipe gives" for path in wrong]
    if said:
        said += [f"shard {name}, {line}" for line in _arrays(source, output, number, recipe)]
    elif not sealed:
        said = [f"shard {name}: {root.SEAL} lists another {shards.MANIFEST} than there is"]
    return len(listed), said


def _arrays(source: Path, output: Path, number: int, recipe: dict[str, Any]) -> Iterator[str]:
    """Which arrays differ between two shards, or that only their encoding does."""
    reader = formats.bulk_module(recipe["format"]).ShardReader
    theirs, mine = reader(source, number, recipe), reader(output, number, recipe)
    same = True
    for variable in schema.VARIABLES:
        try:
            equal = np.array_equal(theirs.array(variable).read(), mine.array(variable).read())
        except DamageError as error:
            equal = False
            yield f"{variable.name} cannot be read: {error}"
        else:
            if not equal:
                yield f"{variable.name}: other values than the recipe gives"
        same = same and equal
    for row, index in enumerate(mine.particles if recipe["labels"] else ()):
        try:
            equal = np.array_equal(theirs.labels(row), mine.labels(row))
        except DamageError as error:
            equal = False
            yield f"labels of particle {index} cannot be read: {error}"
        else:
            if not equal:
                yield f"labels of particle {index}: other values than the recipe gives"
        same = same and equal
    if same:
        yield "every array has the values that the recipe gives: only their encoding differs"


def _beside(source: Path, output: Path, recipe: dict[str, Any], seal: dict[str, Any]) -> list[str]:
    """What differs of the files beside the shards."""
    said, alone = [], not (source / "shards").is_dir()
    for name, digest in root.file_digests(output, recipe).items():
        held = seal["files"].get(name) if alone else root.file_digests(source, recipe)[name]
        if held != digest:
            said.append(f"{name}: is not what the recipe gives")
    return said
