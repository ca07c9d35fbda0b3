"""The inside of a shell shared out among kept grains, on grids of any voxel size: Eq. (8) where |x| ≤ X(x / |x|)."""

from dataclasses import dataclass

import numpy as np

from nmcfast.inside import Inside, Shift, in_eights
from nmcfast.kernels import crumbs, runs
from nmcfast.tessellation import Grid, Seeds, label

Runs = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # see `kernels.runs`


@dataclass(frozen=True)
class Mended:
    """What was done to make grains connected: parts and voxels given to neighbours, voxels taken away as loose."""

    crumbs: int = 0
    crumb_voxels: int = 0
    loose_voxels: int = 0


def fill(
    seeds: Seeds, inside: Inside, grid: Grid, norm: str, *, threads: int = 1, shift: Shift = (0.0, 0.0, 0.0)
) -> tuple[np.ndarray, np.ndarray]:
    """Labels i + 1 of seeds i at the voxel centres in a shell, 0 outside, Eq. (8) -> (nz, ny, nx) uint16 or uint32.

    Also which blocks of 8³ voxels (z, y, x) bool have a part of the shell. shift x, y, z µm moves the grid.
    """
    near, rim = inside.blocks(grid, shift)
    asked = in_eights(near)
    names = np.arange(1, len(seeds) + 1).astype(label_dtype(len(seeds)))
    everyone = np.ones(len(seeds), bool)
    labels = label(seeds, grid, names, everyone, blocks=asked, norm=norm, threads=threads, shift=shift)
    inside.clip(labels, grid, near, rim, shift)
    return labels, asked


def connect(labels: np.ndarray, blocks: np.ndarray, count: int) -> tuple[Runs, Mended]:
    """Make labels 1 … count one solid of connected grains, in place; their runs, and what was changed.

    blocks (z, y, x) bool, of 8³ voxels: elsewhere labels are 0.
    First what hangs together with the largest solid part by no face becomes 0; then every face-connected part of a
    grain but its largest goes to the neighbour with which it has most faces in common, the lower label of equals.
    """
    found: Runs = runs.find_runs(labels, blocks)
    loose = crumbs.drop_loose(labels, *found)
    parts, voxels = crumbs.give_away(labels, *found, count + 1)
    return found, Mended(int(parts), int(voxels), int(loose))


def label_dtype(grains: int) -> np.dtype:
    """The smallest type that holds the labels of so many grains: uint16 or uint32."""
    return np.dtype(np.uint16 if grains <= np.iinfo(np.uint16).max else np.uint32)
