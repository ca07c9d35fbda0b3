"""Labels of a volume of one tile and of eight: the time a voxel, in turn.

python scripts/bench/tiles.py --output docs/results/tiles.md

A tile is 256³ voxels; each looks at all seeds of a volume once. Seeds fill the volume evenly. Processor time of one
thread, the least of the rounds.
"""

import argparse
import subprocess
import time
from pathlib import Path

import numpy as np

from nmcfast.tessellation import Grid, Seeds, label

DENSITY, SIZE, EDGES, ROUNDS = 9.0, 0.05, (256, 512), 4  # seeds a µm³, µm, voxels


def seeds_in(edge: int) -> Seeds:
    rng, length = np.random.default_rng(edge), edge * SIZE
    count = int(DENSITY * length**3)
    diagonal = np.repeat([[1.0, 9.0, 9.0]], count, 0)
    return Seeds(rng.uniform(0.0, length, (count, 3)), diagonal, np.zeros(count), rng.uniform(0.0, 6.28, count))


def nanoseconds(seeds: Seeds, edge: int) -> float:
    """Processor time of a voxel."""
    names, every = np.arange(1, len(seeds) + 1).astype(np.uint32), np.ones(len(seeds), bool)
    start = time.process_time()
    label(seeds, Grid((0, 0, 0), (edge,) * 3, SIZE), names, every)
    return (time.process_time() - start) / edge**3 * 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    seeds = {edge: seeds_in(edge) for edge in EDGES}
    nanoseconds(seeds_in(32), 32)  # compiled and loaded
    found = {edge: [] for edge in EDGES}
    for _ in range(ROUNDS):
        for edge in EDGES:
            found[edge].append(nanoseconds(seeds[edge], edge))
    best = {edge: min(times) for edge, times in found.items()}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    one, eight = EDGES
    text = f"""# One tile and eight

    python scripts/bench/tiles.py --output docs/results/tiles.md

Commit {commit.stdout.strip()}; {DENSITY:g} seeds a µm³, ratio of axes 3, voxels of {SIZE} µm; least of {ROUNDS} rounds
in turn.

| volume | seeds | ns a voxel | times that of one tile |
|---|---|---|---|
| {one}³ | {len(seeds[one]):,} | {best[one]:.2f} | 1 |
| {eight}³ | {len(seeds[eight]):,} | {best[eight]:.2f} | {best[eight] / best[one]:.2f} |
"""
    if options.output:
        options.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
