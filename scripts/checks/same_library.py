"""Does another checkout make the same library, byte for byte, and how fast? Both in turn, in processes of their own.

python scripts/checks/same_library.py BEFORE --count 200 --rounds 2 --output docs/results/house.md

BEFORE is a checkout of an earlier commit. The first library of each, of two particles, compiles and is not counted.
"""

import argparse
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parents[2]
SEED = 1


class Made(NamedTuple):
    """A library: its root hash, seconds of the clock and of the processors."""

    root: str
    clock: float
    processor: float


def make(tree: Path, count: int, folder: Path) -> Made:
    """`nmcfast generate` of a checkout."""
    environment = os.environ | {"PYTHONPATH": str(tree)}
    command = [sys.executable, "-m", "nmcfast", "generate", str(folder), "--count", str(count), "--seed", str(SEED)]
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*command, "--json", "--quiet"], cwd=tree, env=environment, check=True, capture_output=True)
    clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Made(json.loads(done.stdout)["root_sha256"], clock, used)


def commit_of(tree: Path) -> str:
    command = ["git", "-C", str(tree), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def compare(trees: list[Path], count: int, rounds: int) -> list[str]:
    """The page: a row a library, and whether all have one root hash."""
    rows, roots = [], set()
    with tempfile.TemporaryDirectory() as scratch:
        for tree in trees:
            make(tree, 2, Path(scratch, f"warm{trees.index(tree)}"))
        for turn in range(rounds):
            for number, tree in enumerate(trees):
                made = make(tree, count, Path(scratch, f"{turn}-{number}"))
                roots.add(made.root)
                rows.append(f"| {commit_of(tree)} | {made.root} | {made.clock:.1f} | {made.processor:.1f} |")
    verdict = "One root hash." if len(roots) == 1 else f"{len(roots)} root hashes: the libraries differ."
    head = ["| commit | root hash | s of the clock | s of the processors |", "|---|---|---|---|"]
    load = f"Load of the machine at the end {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors."
    return [f"{count} particles of seed {SEED}, one worker, in turn. {verdict} {load}", "", *head, *rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    shown = shlex.join(["BEFORE" if word == str(options.before) else word for word in sys.argv[1:]])
    lines = ["# The same library before and after", "", f"    python scripts/checks/same_library.py {shown}", ""]
    text = "\n".join([*lines, *compare([options.before.resolve(), HERE], options.count, options.rounds), ""])
    print(text)
    if options.output:
        options.output.write_text(text)


if __name__ == "__main__":
    main()
