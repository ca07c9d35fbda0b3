"""nmcfast generate: make a library of particles, or continue one."""

import argparse
import tomllib
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

from nmcfast.cli.bars import ParticleBar
from nmcfast.cli.common import (
    add_options,
    chosen_options,
    command,
    counted,
    given_options,
    number_range,
    place,
    prepare,
    remark,
    say,
    warn,
    worker_count,
)
from nmcfast.cli.indices import read_indices
from nmcfast.errors import InputError
from nmcfast.options import GenerateOptions, kinds


def add(commands: Any) -> None:
    parser = command(
        commands,
        "generate",
        run,
        "make a library of particles, or continue one",
        "nmcfast generate lib.zarr --count 1000 --seed 1 --workers auto",
    )
    parser.add_argument("out", metavar="OUT", help="a folder, or a URL s3://BUCKET/NAME")
    add_options(parser, GenerateOptions)
    parser.add_argument("--config", type=Path, metavar="FILE.toml", help="options by their long names, _ for -")


def run(options: argparse.Namespace) -> int:
    config = _read_config(options.config) if options.config else {}
    chosen = chosen_options(options, GenerateOptions, config)
    if chosen.repair:
        from nmcfast.cli.repair import repair

        return repair(options, chosen, given_options(options, GenerateOptions, config))
    shard_range, workers = number_range("--shards", "shard", chosen.shards), worker_count(chosen.workers)
    out = place(options.out)

    from nmcfast.bulk import generate_library
    from nmcfast.calibration.grains.verdict import verdict_of
    from nmcfast.model import load_model
    from nmcfast.workers.clusters import dask_cluster

    model, count = load_model(chosen.model), chosen.count
    indices = None if chosen.indices is None else read_indices(Path(chosen.indices))
    if indices is not None:
        if count not in (GenerateOptions.count, len(indices)):
            raise InputError(f"--count: found {count}, {chosen.indices} has {len(indices)}: leave --count out")
        count = len(indices)
    prepare(options, model)
    cluster = dask_cluster(chosen.scheduler) if chosen.scheduler else nullcontext()
    with cluster as executor, ParticleBar(options, count) as bar:
        made = generate_library(
            out,
            model,
            count=count,
            seed=chosen.seed,
            labels=not chosen.no_labels,
            voxel_size=chosen.voxel_size,
            shard_size=chosen.shard_size,
            format=chosen.format,
            surface=chosen.surface,
            parts=chosen.parts,
            smallest_grain=chosen.smallest_grain,
            where=chosen.where,
            indices=indices,
            shard_range=shard_range,
            workers=workers,
            overwrite=chosen.overwrite,
            progress=bar,
            begun=bar.begin,
            executor=executor,
        )
    warn(options, verdict_of(model.provenance))  # not before: what is refused is refused in one line
    if made.repeated:
        remark(options, f"{counted(made.repeated, 'request')} to the store failed and did not when made again")
    result = {
        "path": str(made.path),
        "shards_made": made.made,
        "shards": made.present,
        "of": made.expected,
        "root_sha256": made.root_sha256,
        "rejected_shells": bar.rejected,
        "repeated_requests": made.repeated,
    }
    state = f"complete, root hash {made.root_sha256}" if made.root_sha256 else "incomplete"
    text = f"{made.path}: {counted(made.made, 'shard')} made, {made.present} of {made.expected} there, {state}"
    say(options, result, f"{text}\nlook at it: nmcfast info {made.path}; check it: nmcfast verify {made.path}")
    return 0


def _read_config(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML: {error}") from None
    known = {chosen.name: kinds(chosen) for chosen in fields(GenerateOptions)}
    for name, value in table.items():
        if name not in known:
            raise InputError(f"{path}: {name} is not an option, expected some of {', '.join(known)}")
        if type(value) not in known[name]:
            raise InputError(f"{path}: {name} = {value!r}, expected {known[name][0].__name__}")
    return table
