"""nmcfast generate --repair: what is damaged of a library, made again."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from nmcfast.cli.bars import ParticleBar, ShardBar
from nmcfast.cli.common import counted, local, prepare, remark, say, worker_count
from nmcfast.cli.indices import read_indices
from nmcfast.errors import DamageError, InputError, NmcfastError
from nmcfast.objects.store import as_url
from nmcfast.options import GenerateOptions


def repair(options: argparse.Namespace, chosen: GenerateOptions, given: dict[str, Any]) -> int:
    """Options that were given must be those that the library was made with; the others are taken from it."""
    for name in ("overwrite", "shards", "scheduler"):
        if given.get(name):
            raise InputError(f"--{name}: cannot be had with --repair, which makes what is damaged and nothing else")

    from nmcfast.bulk import library_recipe
    from nmcfast.export import root
    from nmcfast.export.stream import text_of
    from nmcfast.library.check import verify_library
    from nmcfast.library.repair import repair_library
    from nmcfast.model import load_model
    from nmcfast.surface import Surface

    if url := as_url(options.out):
        raise InputError(
            f"--repair: not at a URL: remove the shards that 'nmcfast verify {url}' names, and run generate without it"
        )
    path, workers = local(Path(options.out)), worker_count(chosen.workers)
    model = load_model(chosen.model)
    indices = [] if chosen.indices is None else read_indices(Path(chosen.indices))
    recipe = library_recipe(
        model,
        count=len(indices) or chosen.count,
        seed=chosen.seed,
        labels=not chosen.no_labels,
        voxel_size=chosen.voxel_size,
        shard_size=chosen.shard_size,
        format=chosen.format,
        surface=Surface.of(chosen.surface, chosen.parts, chosen.smallest_grain),
        where=chosen.where,
        indices=text_of(indices),
    )
    fields = {"no_labels": "labels", "model": "model_sha256"}
    asked = {fields.get(name, name) for name in given}
    try:
        held = root.read_recipe(path)
    except NmcfastError:
        held = recipe  # said by repair_library, unless the options are those of the library
    root.require_same(path, held, held | {name: value for name, value in recipe.items() if name in asked})
    prepare(options, model)
    with ParticleBar(options, None) as bar, ShardBar(options, "verifying") as checked:
        done = repair_library(
            path,
            recipe=recipe,
            model=model,
            workers=workers,
            progress=bar,
            begun=bar.begin,
            check=partial(verify_library, workers=workers, progress=checked),
        )
    result = {
        "path": str(done.path),
        "shards_made": list(done.shards),
        "files_written": list(done.files),
        "refused": list(done.refused),
        "problems": list(done.problems),
        "root_sha256": done.root_sha256,
    }
    say(options, result, "\n".join(_lines(done)))
    for other in done.other_versions:
        remark(options, f"{other}: bytes may differ for that alone; install that version to repair it")
    return DamageError.exit_code if done.problems or done.refused else 0


def _lines(done: Any) -> list[str]:
    from nmcfast.export.shards import shard_name

    names = ", ".join(map(shard_name, done.shards))
    made = f"{counted(len(done.shards), 'shard')} made again ({names})" if names else "no shard made again"
    wrote = f", written again: {', '.join(done.files)}" if done.files else ""
    left = counted(len(done.problems), "problem") + " left" if done.problems else "all as recorded"
    seal = f", root hash {done.root_sha256}" if done.root_sha256 else ""
    lines = [f"{done.path}: {made}{wrote}; {left}{seal}"]
    if done.refused:
        names = ", ".join(map(shard_name, done.refused))
        lines.append(f"shard {names}: left, this library is not what its recipe gives: complete.json lists another one")
    return lines + list(done.problems)
