"""nmcfast generate: make a library of particles, or continue one."""

import argparse
import csv
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from nmcfast.cli.common import (
    ParticleBar,
    add_options,
    chosen_options,
    command,
    counted,
    local,
    number_range,
    prepare,
    say,
    worker_count,
)
from nmcfast.errors import InputError, MissingExtraError
from nmcfast.options import GenerateOptions, kinds


def add(commands: Any) -> None:
    parser = command(
        commands,
        "generate",
        run,
        "make a library of particles, or continue one",
        "nmcfast generate lib.zarr --count 1000 --seed 1 --workers auto",
    )
    parser.add_argument("out", type=Path, metavar="OUT")
    add_options(parser, GenerateOptions)
    parser.add_argument("--config", type=Path, metavar="FILE.toml", help="options by their long names, _ for -")


def run(options: argparse.Namespace) -> int:
    chosen = chosen_options(options, GenerateOptions, _read_config(options.config) if options.config else None)
    shard_range, workers = number_range("--shards", "shard", chosen.shards), worker_count(chosen.workers)
    out = local(options.out)

    from nmcfast.bulk import generate_library
    from nmcfast.model import load_model

    model, count = load_model(chosen.model), chosen.count
    indices = None if chosen.indices is None else _read_indices(Path(chosen.indices))
    if indices is not None:
        if count not in (GenerateOptions.count, len(indices)):
            raise InputError(f"--count: found {count}, {chosen.indices} has {len(indices)}: leave --count out")
        count = len(indices)
    prepare(options, model)
    with ParticleBar(options, count) as bar:
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


def _read_indices(path: Path) -> list[int]:
    """Indices of particles: the column index of a Parquet or CSV table, else numbers with blanks, commas or lines."""
    try:
        if path.suffix == ".parquet":
            return _column_of(path)
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    if path.suffix == ".csv":
        rows = list(csv.DictReader(lines))
        if not rows or "index" not in rows[0]:
            raise InputError(f"{path}: no column index, expected one as in the table of nmcfast shells")
        words = [(number, row["index"] or "") for number, row in enumerate(rows, 2)]
    else:
        cut = [(number, line.partition("#")[0]) for number, line in enumerate(lines, 1)]
        words = [(number, word) for number, line in cut for word in line.replace(",", " ").split()]
    for number, word in words:
        if not (word.isascii() and word.isdigit()):
            raise InputError(f"{path}: line {number}: found {word!r}, expected the index of a particle, 0 or more")
    return [int(word) for _, word in words]


def _column_of(path: Path) -> list[int]:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ImportError as error:
        raise MissingExtraError(f"{path} needs pyarrow: pip install 'nmcfast[tables]', or give a text file") from error
    try:
        if "index" not in parquet.read_schema(path).names:
            raise InputError(f"{path}: no column index, expected one as in the table of nmcfast shells")
        column = parquet.read_table(path, columns=["index"])["index"].to_pylist()
    except ArrowInvalid as error:
        raise InputError(f"{path}: not a Parquet file ({error})") from None
    for index in column:
        if not isinstance(index, int):
            raise InputError(f"{path}: column index: found {index!r}, expected whole numbers")
    return column


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
