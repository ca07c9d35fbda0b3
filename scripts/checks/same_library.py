"""Does another checkout make the same library, byte for byte, and how fast? Both in turn, in processes of their own.

python scripts/checks/same_library.py BEFORE --count 200 --rounds 2 --after OTHER --options="--surface grains"

BEFORE is a checkout of an earlier commit, OTHER of a later one, this one when left out; --options are the later one's
alone. The first library of each, of two particles, compiles and is not counted. Where root hashes differ, as between
versions of the format, the stored arrays are compared file by file.
"""

import argparse
import filecmp
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
ATTRIBUTES = ("zarr.json", "manifest.json", "complete.json")  # name versions and digests


class Made(NamedTuple):
    """A library: its root hash, seconds of the clock and of the processors."""

    root: str
    clock: float
    processor: float


class Tree(NamedTuple):
    """A checkout, and what is said to its `generate`."""

    path: Path
    options: list[str]

    def make(self, count: int, folder: Path) -> Made:
        environment = os.environ | {"PYTHONPATH": str(self.path)}
        command = [sys.executable, "-m", "nmcfast", "generate", str(folder), "--count", str(count), "--seed", str(SEED)]
        command += [*self.options, "--json", "--quiet"]
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, cwd=self.path, env=environment, check=True, capture_output=True)
        clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        return Made(json.loads(done.stdout)["root_sha256"], clock, used)

    @property
    def commit(self) -> str:
        command = ["git", "-C", str(self.path), "describe", "--always", "--dirty"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def compare_arrays(before: Path, after: Path) -> str:
    """How many files of stored arrays are the same, and which arrays are not, or are in one library alone."""
    files = [{p.relative_to(root) for p in root.rglob("*") if p.is_file()} for root in (before, after)]
    files = [{p for p in found if p.name not in ATTRIBUTES} for found in files]
    common, arrays = sorted(files[0] & files[1]), lambda paths: ", ".join(sorted({_array(p) for p in paths})) or "none"
    other = [p for p in common if not filecmp.cmp(before / p, after / p, shallow=False)]
    return (
        f"Files of stored arrays: {len(common) - len(other)} of {len(common)} in both are the same byte for byte;"
        f" other: {arrays(other)}; before alone: {arrays(files[0] - files[1])}; now alone:"
        f" {arrays(files[1] - files[0])}."
    )


def _array(path: Path) -> str:
    """Name of the array that a file of a shard holds a part of."""
    inner = path.parts[2:] or path.parts
    return "/".join(inner[: inner.index("c")] if "c" in inner else inner)


def compare(trees: list[Tree], count: int, rounds: int) -> list[str]:
    """The page: a row a library, and whether all have one root hash or at least the same arrays."""
    rows, roots = [], set()
    with tempfile.TemporaryDirectory() as scratch:
        for number, tree in enumerate(trees):
            tree.make(2, Path(scratch, f"warm{number}"))
        for turn in range(rounds):
            for number, tree in enumerate(trees):
                made = tree.make(count, Path(scratch, f"{turn}-{number}"))
                roots.add(made.root)
                rows.append(f"| {tree.commit} | {made.root} | {made.clock:.1f} | {made.processor:.1f} |")
        arrays = "" if len(roots) == 1 else compare_arrays(Path(scratch, "0-0"), Path(scratch, "0-1"))
    verdict = "One root hash." if len(roots) == 1 else f"{len(roots)} root hashes. {arrays}"
    head = ["| commit | root hash | s of the clock | s of the processors |", "|---|---|---|---|"]
    load = f"Load of the machine at the end {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors."
    return [f"{count} particles of seed {SEED}, one worker, in turn. {verdict} {load}", "", *head, *rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("--after", type=Path, default=HERE)
    parser.add_argument("--options", default="", help="of the later checkout's generate")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    places = {str(options.before): "BEFORE", str(options.after): "OTHER", str(options.output): "PAGE"}
    shown = shlex.join([places.get(word, word) for word in sys.argv[1:]])
    lines = ["# The same library before and after", "", f"    python scripts/checks/same_library.py {shown}", ""]
    trees = [Tree(options.before.resolve(), []), Tree(options.after.resolve(), shlex.split(options.options))]
    text = "\n".join([*lines, *compare(trees, options.count, options.rounds), ""])
    print(text)
    if options.output:
        options.output.write_text(text)


if __name__ == "__main__":
    main()
