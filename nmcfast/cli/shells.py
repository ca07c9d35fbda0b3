"""nmcfast shells: the table of shells alone, to choose from before there are grains."""

import argparse
from pathlib import Path
from typing import Any

from nmcfast.cli.common import command, counted, local, refuse_existing, say
from nmcfast.errors import InputError
from nmcfast.options import MODEL, GenerateOptions


def add(commands: Any) -> None:
    text = "the table of shells alone, a row for each particle that there would be"
    parser = command(commands, "shells", run, text, "nmcfast shells shells.parquet --model nmc811 --count 1000000")
    parser.add_argument("output", type=Path, metavar="OUT.parquet")
    parser.add_argument("--model", default=MODEL, help=f"name of a model or a model file ({MODEL})")
    parser.add_argument("--count", type=int, default=100_000, help="particles (100000)")
    parser.add_argument("--seed", type=int, default=GenerateOptions.seed, help=f"seed ({GenerateOptions.seed})")
    parser.add_argument("--where", default="", metavar="CONDITION", help="rows that meet a condition alone")
    parser.add_argument("--compactness", action="store_true", help="the column compactness too, 2 ms a shell")
    parser.add_argument("--overwrite", action="store_true", help="replace the file")


def run(options: argparse.Namespace) -> int:
    import numpy as np

    from nmcfast.export import files
    from nmcfast.export.parquet import table_bytes
    from nmcfast.model import load_model
    from nmcfast.shells.choice import check_condition, shell_table
    from nmcfast.workers.processes import available_workers

    output = local(options.output)
    refuse_existing(options)
    if not 1 <= options.count <= 10**9:
        raise InputError(f"--count: found {options.count}, expected 1 to 1000000000")
    if not 0 <= options.seed < 2**64:
        raise InputError(f"--seed: found {options.seed}, expected a whole number from 0 to 2⁶⁴ − 1")
    if options.where:
        check_condition(options.where)
    law = load_model(options.model).shell
    table, rejected = shell_table(
        law, options.seed, options.count, hull=options.compactness, where=options.where, threads=available_workers()
    )
    rows = len(table["index"])
    whole = np.empty(rows, [(name, values.dtype) for name, values in table.items()])
    for name, values in table.items():
        whole[name] = values
    files.write_file(output, table_bytes(whole, "shells"))
    said = f"{output}: {counted(rows, 'shell')} of {options.count}, {rejected} attempts rejected"
    low_high = {name: (float(v.min()), float(v.max())) for name, v in table.items() if rows and name != "index"}
    lines = [f"  {name:<17} {low:.4g} to {high:.4g}" for name, (low, high) in low_high.items()]
    result = {"path": str(output), "shells": rows, "of": options.count, "rejected": rejected, "ranges": low_high}
    say(options, result, "\n".join([said, *lines]))
    return 0
