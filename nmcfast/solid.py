"""A solid particle: grains are kept as in section 2.6, then the inside of their shell is shared out among them."""

from dataclasses import dataclass

import numpy as np

from nmcfast.filling import Mended, Runs, connect, fill
from nmcfast.inside import Inside
from nmcfast.kernels import runs
from nmcfast.model import GrainLaw
from nmcfast.overlay import kept_seeds
from nmcfast.particle import Grains, Volume
from nmcfast.shells.shell import Shell
from nmcfast.surface import Surface
from nmcfast.tessellation import Grid, Seeds, grid_over


@dataclass(frozen=True, eq=False)
class Solid:
    """The inside of a shell as connected grains, one model pixel a voxel.

    volume: labels i + 1 of grains i; bounds (2, 3) µm: a box of the shell. empty: seeds in the shell whose grain of
    section 2.6 has no voxel. small: grains that were kept and then given away. mended: what became of crumbs.
    """

    grains: Grains
    volume: Volume
    bounds: np.ndarray
    empty: int
    small: int
    mended: Mended

    halo = Seeds(np.empty((0, 3)), np.empty((0, 3)), np.empty(0), np.empty(0))  # nothing but the shell bounds it
    margin = 0.0

    @property
    def counts(self) -> dict[str, int]:
        """What a particle says of itself."""
        return {"empty_seeds": self.empty, "small_grains": self.small, **vars(self.mended)}


def solid(law: GrainLaw, shell: Shell, seed: int, index: int, surface: Surface, *, threads: int = 1) -> Solid:
    """The solid particle of one shell and one architecture; without grains when none has its centre of mass inside.

    Kept grains of fewer voxels than `surface.smallest_grain` are left out, and the rest is shared out again until there
    are none of these: voxels only come to those that are left, but for crumbs, which may find another place.
    """
    seeds, empty = kept_seeds(law, shell, seed, index, threads=threads)
    inside, bounds, count = Inside(shell), shell.bounds(), len(seeds)
    grid = grid_over(bounds, law.pixel_um)
    while True:
        labels, found, mended = _shared_out(seeds, inside, grid, law.norm, surface.parts, threads)
        sums, boxes = np.empty((len(seeds) + 1, 4), np.int64), np.empty((len(seeds) + 1, 6), np.int64)
        runs.measure(*found, grid.shape[1], sums, boxes)
        enough = sums[1:, runs.COUNT] >= surface.smallest_grain
        if enough.all():
            break
        seeds = seeds.take(np.flatnonzero(enough))
    tight, first = _cut(labels, grid, boxes[1:])
    grains = _grains(seeds, sums[1:], grid, _parts(found, grid, len(seeds), surface.parts))
    volume = Volume(tight, first * grid.size, grid.size)
    return Solid(grains, volume, bounds, empty, count - len(seeds), mended)


def _shared_out(
    seeds: Seeds, inside: Inside, grid: Grid, norm: str, parts: str, threads: int
) -> tuple[np.ndarray, Runs, Mended]:
    """Labels on a grid, their runs, and what was mended."""
    labels, blocks = fill(seeds, inside, grid, norm, threads=threads)
    if parts == "merge":
        return labels, *connect(labels, blocks, len(seeds))
    return labels, runs.find_runs(labels, blocks), Mended()


def _cut(labels: np.ndarray, grid: Grid, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels cut to the boxes (n, 6) of `runs.measure`, and the index (3,) of their first voxel along x, y, z."""
    if len(boxes) == 0:
        return labels[:0, :0, :0], np.array(grid.first)
    low, high = boxes[:, :3].min(axis=0), boxes[:, 3:].max(axis=0)
    part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    return np.ascontiguousarray(labels[part]), np.array(grid.first) + low[::-1]


def _parts(found: Runs, grid: Grid, count: int, parts: str) -> np.ndarray:
    """Face-connected parts (n,) of grains; `connect` leaves one of each."""
    counts = np.ones(count + 1, np.int64)
    if parts == "keep":
        runs.count_parts(*found, grid.shape[1], counts)
    return counts[1:]


def _grains(seeds: Seeds, sums: np.ndarray, grid: Grid, parts: np.ndarray) -> Grains:
    """The grains of seeds (n,) by their sums (n, 4) of `runs.measure`; values as they come back from float32."""
    mean = sums[:, runs.X : runs.Z + 1] / sums[:, runs.COUNT, None]
    centroid = (np.array(grid.first) + mean + 0.5) * grid.size
    volume = sums[:, runs.COUNT] * grid.size**3
    return Grains(
        seeds.position,
        seeds.diagonal,
        seeds.offset,
        seeds.angle,
        centroid=centroid.astype(np.float32).astype(np.float64),
        volume=volume.astype(np.float32).astype(np.float64),
        components=parts,
    )
