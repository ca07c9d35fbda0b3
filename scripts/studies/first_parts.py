"""Does the part of a grain beyond the blocks that meet the shell ever take its centre of mass towards the shell?

    python scripts/studies/first_parts.py --particles 300

`nmcfast.overlay` does not label a grain any further whose part in the blocks of 8³ voxels that meet the shell has its
centre of mass two model voxels beyond the shell, or further. Here all grains found there are labelled whole, and how
much deeper the whole centre lies than that of the first part, along the radius, is compared with those two voxels.
Writes docs/results/first_parts.md.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from nmcfast import load_model
from nmcfast.kernels import runs
from nmcfast.overlay import OUTSIDE, draw_seeds
from nmcfast.region import DEPTH_ERROR, Region
from nmcfast.shells.shell import Shell, draw_shell
from nmcfast.tessellation import Field, Grid, grid_over

RESULT = Path(__file__).parents[2] / "docs" / "results" / "first_parts.md"


def centres(labels: np.ndarray, blocks: np.ndarray, grid: Grid, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Voxels (count,) and centres of mass (count, 3) µm of labels 1 … count in some blocks; NaN without a voxel."""
    sums, boxes = np.empty((count + 1, 4), np.int64), np.empty((count + 1, 6), np.int64)
    runs.measure(*runs.find_runs(labels, blocks), grid.shape[1], sums, boxes)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums[1:, runs.X : runs.Z + 1] / sums[1:, runs.COUNT, None]
    return sums[1:, runs.COUNT], (np.array(grid.first) + mean + 0.5) * grid.size


def depth(shell: Shell, points: np.ndarray) -> np.ndarray:
    return shell.radius(points) - np.linalg.norm(points, axis=1)


def moves(seed: int, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the grains of a particle with a part beyond: depths (n,) µm of the first part's centre and of the whole's.

    And the voxels (n,) of that part.
    """
    model = load_model("nmc811")
    law = model.grains
    shell, margin = draw_shell(model.shell, seed, index)[0], law.reach * law.pixel_um
    region, seeds = Region(shell, margin), draw_seeds(law, shell, margin + law.extent * law.pixel_um, seed, index)
    grid = grid_over(shell.bounds() + np.array([[-margin], [margin]]), law.pixel_um).grown(2)
    _, high = region.depths(grid)
    near, core = high >= 0.0, high >= margin - DEPTH_ERROR
    names, count = np.arange(1, len(seeds) + 1).astype(np.uint32), len(seeds)
    field, labels = Field(seeds, grid, near, law.norm), np.zeros(grid.shape, np.uint32)
    field.label(labels, names, names > 0, core)
    met = region.meets_shell(runs.find_runs(labels, core), grid, count + 1)[1:]
    first, there = centres(labels, core, grid, count)
    field.label(labels, np.where(met, names, 0).astype(np.uint32), met, near & ~core)
    whole, all_ = centres(labels, near, grid, count)
    rows = np.flatnonzero(met & (whole > first) & (first > 0))
    return depth(shell, there[rows]), depth(shell, all_[rows]), (whole - first)[rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--particles", type=int, default=300)
    asked = parser.parse_args()
    before, after, beyond = (
        np.concatenate(parts) for parts in zip(*(moves(7, i) for i in range(asked.particles)), strict=True)
    )
    inward, pixel = after - before, load_model("nmc811").grains.pixel_um
    shares = ", ".join(f"{(inward > 0.001 * nm).sum():,} more than {nm} nm" for nm in (0, 1, 5, 10))
    left_out, kept = before < -OUTSIDE * pixel, after >= 0.0

    def share(chosen: np.ndarray) -> float:
        """Of the voxels further out, those of some grains."""
        return float(beyond[chosen].sum() / beyond.sum())

    command = " ".join(["python", Path(sys.argv[0]).as_posix(), *sys.argv[1:]])
    said = [
        f"The first {asked.particles} particles of seed 7 of `nmc811`: {len(inward):,} grains have voxels in blocks",
        f"that meet the shell and in others. What lies further out took the centre of mass of the whole "
        f"{-np.median(inward) * 1000:.1f} nm",
        f"further out than that of the first part (median), and at most **{inward.max() * 1000:.1f} nm** further in: "
        f"{shares}.",
        f"The rule leaves grains out whose first part has its centre {OUTSIDE * pixel * 1000:g} nm or more beyond the",
        f"shell: {left_out.mean():.0%} of these. Of all of them {kept.mean():.0%} have their centre in the shell;",
        f"the first part of such a grain had its centre {before[kept].min() * 1000:.1f} nm inside or more.",
        f"Of the voxels further out {share(kept):.1%} belong to these, {share(left_out):.0%} to those left out.",
    ]
    RESULT.write_text("\n".join(["# Grains that are not labelled any further", "", f"    {command}", "", *said, ""]))
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
