"""What a library costs to look at, by the number of its shards: with the table of a finished library, and without.

    python scripts/checks/shard_costs.py --shards 10 100 1000 --output docs/results/shard_costs.md

Libraries of one small particle a shard, without labels. Each command is a call in a process that has everything
imported; best of three. "Without" is the same library whose table.npy is away, as libraries of format 4 are.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from small_model import heading, small_model

from nmcfast import generate_library, open_library
from nmcfast.export import table
from nmcfast.export.verify import verify
from nmcfast.library.summary import short_lines, summarise


def best(call: Callable[[], object], times: int = 3) -> float:
    """Milliseconds of the fastest of some calls."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        took.append(1e3 * (time.perf_counter() - begun))
    return min(took)


def costs(path: Path) -> dict[str, float]:
    """Milliseconds of each thing that is asked of a library."""

    def info() -> object:
        return short_lines(summarise(open_library(path)))

    made = {
        "open": best(lambda: len(open_library(path))),
        "table": best(lambda: open_library(path).table),
        "info": best(info),
    }
    held = path / table.FILE
    aside = held.rename(path.parent / table.FILE)
    made["table without"] = best(lambda: open_library(path).table, 1)
    made["info without"] = best(info, 1)
    aside.rename(held)
    made["verify"] = best(lambda: verify(path), 1)
    made["verify --checksums"] = best(lambda: verify(path, values=False), 1)
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--format", default="zarr")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    rows = list[str]()
    for shards in options.shards:
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / "lib"
            generate_library(
                path, small_model(), count=shards, seed=3, shard_size=1, labels=False, format=options.format
            )
            found = costs(path)
        if not rows:
            rows = [f"| shards | {' | '.join(found)} |", f"|---|{'---|' * len(found)}"]
        rows.append(f"| {shards} | {' | '.join(f'{ms:.1f}' for ms in found.values())} |")
    said = __doc__.split("\n\n", 2)[2].strip().replace("\n", " ")
    lines = [*heading(f"Cost by the number of shards, {options.format}"), said, "Milliseconds:", "\n".join(rows)]
    options.output.write_text("\n\n".join(lines) + "\n")
    print(options.output.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
