"""The sizes that were asked for: a table of 10⁶ shells, a library of chosen sizes, one root hash in any order.

python scripts/checks/chosen_sizes.py --count 1000 --output docs/results/chosen_sizes.md

Everything runs as the program. The orders of shards are tried on the first particles of the same library.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from nmcfast import open_library

MODEL, SEED, WHERE, SHELLS, SOME = "nmc811", 1, "d_max > 8 and d_max < 12", 1_000_000, 48
GENERATE = ["--model", MODEL, "--seed", str(SEED), "--where", WHERE, "--no-labels", "--shard-size", "8"]


def nmcfast(*arguments: str) -> tuple[dict, float]:
    """What a command says with --json, and how long it took, s."""
    start = time.monotonic()
    command = [sys.executable, "-m", "nmcfast", *arguments, "--json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout), time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = "\n".join([*head(options.count), *shells(Path(folder)), *sizes(Path(folder), options.count)])
        text = "\n".join([text, *orders(Path(folder)), ""])
    if options.output:
        options.output.write_text(text)
    print(text)


def head(count: int) -> list[str]:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    command = f"python scripts/checks/chosen_sizes.py --count {count} --output docs/results/chosen_sizes.md"
    return [
        "# Particles of the sizes that were asked for",
        "",
        f"    {command}",
        "",
        f'Model `{MODEL}`, seed {SEED}, `--where "{WHERE}"`, two cores that other work shared; commit',
        f"{commit.stdout.strip()}.",
        "",
    ]


def shells(folder: Path) -> list[str]:
    """Seconds for the table of many shells, and of those among them that meet the condition."""
    common = ["--model", MODEL, "--seed", str(SEED), "--count", str(SHELLS)]
    _, every = nmcfast("shells", str(folder / "all.parquet"), *common)
    _, chosen = nmcfast("shells", str(folder / "chosen.parquet"), *common, "--where", WHERE)
    return [
        f"- `nmcfast shells` of {SHELLS:,} shells: {every:.0f} s, {every / SHELLS * 1e6:.0f} µs a shell with its",
        f"  descriptors and the file; with `--where`: {chosen:.0f} s.",
    ]


def sizes(folder: Path, count: int) -> list[str]:
    """A library of the sizes asked for, read back."""
    library = folder / "library"
    _, seconds = nmcfast("generate", str(library), *GENERATE, "--count", str(count), "--workers", "2")
    table = open_library(library).table
    d_max, passed_over = table["d_max"], table["rejected_where"]
    assert len(d_max) == count and ((d_max > 8.0) & (d_max < 12.0)).all()
    _, verified = nmcfast("verify", str(library))
    return [
        f"- `nmcfast generate` of {count:,} particles, two workers: {seconds:.0f} s, {count / seconds:.1f} a second;",
        f"  d_max {d_max.min():.3f} to {d_max.max():.3f} µm, {int(table['grains'].sum()):,} grains; a share of",
        f"  {count / (count + passed_over.sum()):.3f} of {int(count + passed_over.sum()):,} shells met the condition;",
        f"  median {np.median(table['grains']):.0f} grains. `nmcfast verify`: {verified:.0f} s, ok.",
    ]


def orders(folder: Path) -> list[str]:
    """One root hash for one worker, for two, and for shards made one by one from the last to the first."""
    common, roots = [*GENERATE, "--count", str(SOME)], []
    for workers in ("1", "2"):
        said, _ = nmcfast("generate", str(folder / f"workers{workers}"), *common, "--workers", workers)
        roots.append(said["root_sha256"])
    for first in reversed(range(SOME // 8)):
        backwards = ["--shards", f"{first}:{first + 1}", "--workers", "1"]
        said, _ = nmcfast("generate", str(folder / "backwards"), *common, *backwards)
    roots.append(said["root_sha256"])
    assert len(set(roots)) == 1, roots
    return [
        f"- The first {SOME} particles by one worker, by two, and shard by shard from the last to the first:",
        f"  one root hash, {roots[0][:16]}…",
    ]


if __name__ == "__main__":
    main()
