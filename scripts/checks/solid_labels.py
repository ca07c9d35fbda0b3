"""Labels of stored particles of surface "shell" beside the definition, from all seeds around their shells.

python scripts/checks/solid_labels.py --output docs/results/solid_labels.md

By definition: seeds twice as far around the shell as the program draws them are labelled on the model grid, all of
them by `label_grid`; those whose centre of mass lies in the shell are kept; voxels of any grid get the label of the
best kept seed where |x| ≤ X(x / |x|), 0 elsewhere. From storage: a library on disk with `parts = "keep"`. Those of
`parts = "merge"` may differ at crumbs alone, and are one solid of connected grains.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from nmcfast import generate_library, load_model, open_library
from nmcfast.kernels import label_grid
from nmcfast.overlay import draw_seeds
from nmcfast.particle import Particle, Volume
from nmcfast.tessellation import Grid, Seeds, grid_over

SEED, SIZES, HEIGHTS, LARGEST = 1, (0.03, 0.05, 0.128), (-0.77, 0.0, 1.234), 100.0  # µm, µm, µm³
MODEL = load_model("nmc811")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    counts = {"particles": 0, "grains": 0, "voxels": 0, "pixels": 0, "wrong": 0, "crumb voxels": 0, "not one": 0}
    with tempfile.TemporaryDirectory() as folder:
        for parts in ("keep", "merge"):
            generate_library(Path(folder, parts), MODEL, count=options.count, seed=SEED, labels=False, parts=parts)
        kept, merged = (open_library(Path(folder, parts)) for parts in ("keep", "merge"))
        for index in range(options.count):
            if kept.table["shell_volume_um3"][index] <= LARGEST:
                compare(kept[index], merged[index], counts)
    text = report(counts, options.count)
    if options.output:
        options.output.write_text(text)
    print(text)


def compare(kept: Particle, merged: Particle, counts: dict[str, int]) -> None:
    """Add one particle to the counts."""
    seeds = seeds_by_definition(kept)
    counts["particles"] += 1
    counts["grains"] += len(seeds)
    counts["wrong"] += not np.array_equal(seeds.position, kept.grains.position)
    for size in SIZES:
        grid = grid_over(kept.shell.bounds(), size)
        wanted = labels_by_definition(kept, seeds, grid.origin, grid.shape, size)
        found = on_grid(kept.voxelize(size), grid)
        counts["voxels"] += found.size
        counts["wrong"] += int(np.count_nonzero(found != wanted))
        mended = merged.voxelize(size)
        counts["crumb voxels"] += int(np.count_nonzero(on_grid(mended, grid) != wanted))
        pieces, grains = len(mended.split()[1]), int(mended.labels.max())  # a grain without a voxel is no piece
        solid = Volume((mended.labels > 0).astype(np.uint8), mended.origin, size)
        counts["not one"] += pieces > grains or len(solid.split()[1]) != 1
    for height in HEIGHTS:
        section = kept.section(height, 0.02)
        origin = np.append(section.origin, height - 0.01)
        wanted = labels_by_definition(kept, seeds, origin, (1, *section.labels.shape), 0.02)
        counts["pixels"] += wanted.size
        counts["wrong"] += int(np.count_nonzero(section.labels != wanted[0]))


def seeds_by_definition(particle: Particle) -> Seeds:
    """The seeds whose grain, among all seeds around, has its centre of mass in the shell, section 2.6."""
    law = MODEL.grains
    reach, extent = 2.0 * law.reach * law.pixel_um, 2.0 * law.extent * law.pixel_um
    seeds = draw_seeds(law, particle.shell, reach + extent, SEED, particle.index)
    grid = grid_over(particle.shell.bounds() + np.array([[-reach], [reach]]), law.pixel_um)
    labels = label_grid(seeds.position, seeds.metric, seeds.offset, grid.shape, grid.origin, grid.size).ravel()
    voxels, centroid = np.bincount(labels, minlength=len(seeds)), np.empty((len(seeds), 3))
    for axis in range(3):
        place = (np.arange(grid.shape[2 - axis]) + 0.5) * grid.size + grid.origin[axis]
        side = np.broadcast_to(place.reshape([-1 if k == 2 - axis else 1 for k in range(3)]), grid.shape)
        centroid[:, axis] = np.bincount(labels, side.ravel(), minlength=len(seeds)) / np.maximum(voxels, 1)
    return seeds.take(np.flatnonzero((voxels > 0) & particle.shell.contains(centroid)))


def labels_by_definition(
    particle: Particle, seeds: Seeds, origin: np.ndarray, shape: tuple[int, ...], size: float
) -> np.ndarray:
    """Labels i + 1 of the kept seeds in the shell, 0 outside; rows of voxels at a time."""
    labels = label_grid(seeds.position, seeds.metric, seeds.offset, shape, origin, size) + 1
    z, y, x = ((np.arange(n) + 0.5) * size + o for n, o in zip(shape, origin[::-1], strict=True))
    for k in range(shape[0]):
        points = np.stack(np.broadcast_arrays(x[None], y[:, None], z[k]), axis=-1).reshape(-1, 3)
        labels[k][~particle.shell.contains(points).reshape(shape[1:])] = 0
    return labels


def on_grid(volume: Volume, grid: Grid) -> np.ndarray:
    """The labels of a volume in their place on a grid."""
    whole = np.zeros(grid.shape, volume.labels.dtype)
    first = np.rint((volume.origin - grid.origin) / grid.size).astype(int)[::-1]
    whole[tuple(slice(a, a + n) for a, n in zip(first, volume.labels.shape, strict=True))] = volume.labels
    return whole


def report(counts: dict[str, int], count: int) -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    sizes, heights = (", ".join(f"{v:g}" for v in values) for values in (SIZES, HEIGHTS))
    return f"""# Labels from storage are those of the definition

    python scripts/checks/solid_labels.py --count {count} --output docs/results/solid_labels.md

{counts["particles"]} particles of `nmc811`, seed {SEED}, with shells up to {LARGEST:.0f} µm³, at commit {commit}:
{counts["grains"]} grains, {counts["voxels"]:,} voxels of {sizes} µm, {counts["pixels"]:,} pixels of planes
at z = {heights} µm. Different grains, voxels or pixels: **{counts["wrong"]}**.

With crumbs given away {counts["crumb voxels"]:,} voxels have another label; volumes that are not one solid of
connected grains: **{counts["not one"]}**.
"""


if __name__ == "__main__":
    main()
