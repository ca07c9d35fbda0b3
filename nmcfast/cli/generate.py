"""nmcfast generate: make a library of particles, or continue one."""

import argparse
import tomllib
from pathlib import Path
from typing import Any

from nmcfast.cli.common import ParticleBar, command, counted, local, number_range, prepare, say, worker_count
from nmcfast.errors import InputError


def add(commands: Any) -> None:
    parser = command(
        commands,
        "generate",
        run,
        "make a library of particles, or continue one",
        "nmcfast generate lib.zarr --count 1000 --seed 1 --workers auto",
    )
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--count", type=int, help="particles (100)")
    parser.add_argument("--seed", type=int, help="seed of all random numbers (0)")
    parser.add_argument("--model", help="name of a model or a model file (nmc811)")
    parser.add_argument("--format", help="format of the shards (zarr)")
    parser.add_argument("--surface", help="where particles end: shell, at their shells; grains, section 2.6 (shell)")
    parser.add_argument("--parts", help="crumbs of grains: merge, give them to neighbours; keep (merge)")
    parser.add_argument("--smallest-grain", type=int, metavar="N", help="voxels; smaller grains are given away (1)")
    parser.add_argument("--voxel-size", type=float, help="edge of a voxel of the labels, µm (0.05)")
    parser.add_argument("--no-labels", action="store_true", default=None, help="store no label volumes")
    parser.add_argument("--shard-size", type=int, metavar="N", help="particles of a shard (64)")
    parser.add_argument("--shards", metavar="I:J", help="make only shards I to J − 1, as one job of several")
    parser.add_argument("--workers", metavar="N|auto", help="processes, one thread each (1)")
    parser.add_argument("--config", type=Path, metavar="FILE.toml", help="options by their long names, _ for -")
    parser.add_argument("--overwrite", action="store_true", default=None, help="replace the library at OUT")


_GENERATE: dict[str, tuple[type, Any]] = {
    "count": (int, 100),
    "seed": (int, 0),
    "model": (str, "nmc811"),
    "format": (str, "zarr"),
    "surface": (str, None),
    "parts": (str, None),
    "smallest_grain": (int, None),
    "voxel_size": (float, 0.05),
    "no_labels": (bool, False),
    "shard_size": (int, 64),
    "shards": (str, None),
    "workers": (str, "1"),
    "overwrite": (bool, False),
}


def run(options: argparse.Namespace) -> int:
    settings = {name: default for name, (_, default) in _GENERATE.items()}
    settings |= _read_config(options.config) if options.config else {}
    settings |= {name: getattr(options, name) for name in settings if getattr(options, name) is not None}
    shard_range, workers = number_range("--shards", "shard", settings["shards"]), worker_count(settings["workers"])
    out = local(options.out)

    from nmcfast.generate import generate_library
    from nmcfast.model import load_model

    model = load_model(settings["model"])
    prepare(options, model)
    with ParticleBar(options, settings["count"]) as bar:
        made = generate_library(
            out,
            model,
            count=settings["count"],
            seed=settings["seed"],
            labels=not settings["no_labels"],
            voxel_size=settings["voxel_size"],
            shard_size=settings["shard_size"],
            format=settings["format"],
            surface=settings["surface"],
            parts=settings["parts"],
            smallest_grain=settings["smallest_grain"],
            shard_range=shard_range,
            workers=workers,
            overwrite=settings["overwrite"],
            progress=bar,
        )
    result = {
        "path": str(made.path),
        "shards_made": made.made,
        "shards": made.present,
        "of": made.expected,
        "root_sha256": made.root_sha256,
        "rejected_shells": bar.rejected,
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
    for name, value in table.items():
        if name not in _GENERATE:
            raise InputError(f"{path}: {name} is not an option, expected some of {', '.join(_GENERATE)}")
        kind = _GENERATE[name][0]
        if name == "workers" and type(value) is int:
            table[name] = str(value)
        elif type(value) is not kind and not (kind is float and type(value) is int):
            raise InputError(f"{path}: {name} = {value!r}, expected {kind.__name__}")
    return table
