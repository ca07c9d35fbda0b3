"""Overlay of a shell and a grain architecture, and removal of the grains outside it, section 2.6.

Only what can matter is drawn and labelled. A seed is *relevant* when it lies in the shell widened by `reach`: a grain
whose centre of mass lies in the shell has its seed no further away. Relevant grains extend no further than `extent`
from their seeds, nor do those that compete with them, so seeds are drawn in the shell widened by reach + 2 extent. Both
lengths are numbers of the grain law; each particle checks them on its own grains and starts again with larger ones
where they do not hold.
"""

from dataclasses import dataclass, replace

import numpy as np

from nmcfast.kernels import moments
from nmcfast.model import GrainLaw
from nmcfast.parameters import KAPPA
from nmcfast.particle import Grains, label_dtype
from nmcfast.region import Region
from nmcfast.seeds import cell_side, cells_near, draw_pattern
from nmcfast.shell import Shell, ShellLaw, draw_shell
from nmcfast.tessellation import Grid, Seeds, bounding, grid_over, label

DOMAIN_MARGIN = 2  # model voxels around the grains in which finer voxels may find slivers of them


@dataclass(frozen=True, eq=False)
class Overlay:
    """What is left of a grain architecture in a shell.

    labels (nz, ny, nx) on grid, one model pixel a voxel: i + 1 in kept grain i, 0 elsewhere, cut to the kept grains.
    domain, region: where both hold, the halo keeps the grains apart from what was removed. empty: relevant seeds whose
    grain has no voxel.
    """

    grains: Grains
    halo: Seeds
    labels: np.ndarray
    grid: Grid
    domain: Grid
    region: Region
    empty: int


def draw_seeds(law: GrainLaw, shell: Shell, margin: float, seed: int, index: int) -> Seeds:
    """Seeds with markers in the shell widened by a margin (µm), Algorithm 1; values as stored in float32."""
    mask, first = cells_near(shell, margin, cell_side(law.mu) * law.pixel_um)
    pattern = draw_pattern(mask, first, law.mu, law.pixel_um, seed, index, KAPPA)
    diagonal, offset = law.net.mark(pattern, law.pixel_um)
    diagonal = (diagonal / np.float32(law.pixel_um**2)).astype(np.float64)
    rows = pattern.inner
    own = pattern.table[rows].astype(np.float64)
    return Seeds(own[:, :3].copy(), diagonal, offset.astype(np.float64), own[:, 5].copy())


def overlay(law: GrainLaw, shell: Shell, seed: int, index: int, *, threads: int = 1) -> Overlay:
    """The grains of one architecture whose centre of mass lies inside a shell, section 2.6."""
    reach, extent = law.reach * law.pixel_um, law.extent * law.pixel_um
    while True:
        seeds = draw_seeds(law, shell, reach + 2.0 * extent, seed, index)
        found = _label_relevant(law, shell, seeds, reach, extent, threads)
        if found.reach <= reach and found.extent <= extent:
            return _prune(Region(shell, reach + extent), seeds, found, law.norm)
        reach, extent = max(reach, 1.25 * found.reach), max(extent, 1.25 * found.extent)
        del found  # or a large particle's labels would be in memory twice


def with_margins(law: GrainLaw, shells: ShellLaw, particles: int = 20) -> GrainLaw:
    """The law with the reach and extent that suffice for some particles of seed 0.

    They decide how much is drawn, and how often a particle starts again; not what comes out.
    """
    wide, needed = (10.0 * law.pixel_um, 25.0 * law.pixel_um), []
    for index in range(particles):
        shell, _ = draw_shell(shells, 0, index)
        seeds = draw_seeds(law, shell, wide[0] + 2.0 * wide[1], 0, index)
        found = _label_relevant(law, shell, seeds, *wide, threads=1)
        needed.append((found.reach, found.extent))
    reach, extent = np.ceil(np.max(needed, axis=0) / law.pixel_um)
    return replace(law, reach=float(reach), extent=float(extent))


@dataclass(frozen=True, eq=False)
class _Labelled:
    """Relevant grains on the model grid: rows of the seeds (m,), labels row + 1, voxels (m,), centroids (m, 3) µm,
    boxes (m, 6), and the largest distances of a centroid and of a voxel from its seed, µm. `_prune` uses labels up."""

    rows: np.ndarray
    labels: np.ndarray
    grid: Grid
    voxels: np.ndarray
    centroid: np.ndarray
    boxes: np.ndarray
    reach: float
    extent: float


def _label_relevant(law: GrainLaw, shell: Shell, seeds: Seeds, reach: float, extent: float, threads: int) -> _Labelled:
    relevant = np.linalg.norm(seeds.position, axis=1) <= shell.radius(seeds.position) + reach
    rows = np.flatnonzero(relevant)
    names = np.zeros(len(seeds), label_dtype(len(rows)))
    names[rows] = np.arange(1, len(rows) + 1)
    margin = reach + extent
    grid = grid_over(shell.bounds() + np.array([[-margin], [margin]]), law.pixel_um)
    region = Region(shell, margin)
    near, rim = region.blocks(grid)
    labels = label(seeds, grid, names, relevant, blocks=near, norm=law.norm, threads=threads)
    region.clip(labels, grid, rim)
    sums, boxes = np.empty((1, len(rows) + 1, 10), np.int64), np.empty((1, len(rows) + 1, 6), np.int64)
    moments.moments_serial(labels, sums, boxes)
    sums, boxes = sums[0, 1:], boxes[0, 1:]
    voxels = sums[:, moments.COUNT]
    with np.errstate(invalid="ignore", divide="ignore"):  # an empty grain has no centroid: NaN, and is not kept
        mean = sums[:, moments.X : moments.Z + 1] / voxels[:, None]
    centroid = (np.array(grid.first) + mean + 0.5) * grid.size
    full = voxels > 0
    place = seeds.position[rows]
    lower = (np.array(grid.first) + boxes[:, 2::-1]) * grid.size
    upper = (np.array(grid.first) + boxes[:, :2:-1]) * grid.size
    offset = np.linalg.norm(centroid - place, axis=1)[full]
    spread = np.maximum(place - lower, upper - place)[full]
    return _Labelled(
        rows,
        labels,
        grid,
        voxels,
        centroid,
        boxes,
        float(offset.max(initial=0)),
        float(spread.max(initial=0)),
    )


def _prune(region: Region, seeds: Seeds, found: _Labelled, norm: str) -> Overlay:
    kept = found.voxels > 0
    kept[kept] = region.shell.contains(found.centroid[kept])
    names = np.zeros(len(kept) + 1, label_dtype(int(kept.sum())))
    names[1:][kept] = np.arange(1, kept.sum() + 1)
    boxes = found.boxes[kept]
    low, high = (boxes[:, :3].min(axis=0), boxes[:, 3:].max(axis=0)) if kept.any() else (np.zeros(3, int),) * 2
    labels = _packed(found.labels, low, high, names)
    x, y, z = (int(f + a) for f, a in zip(found.grid.first, low[::-1], strict=True))
    rows = found.rows[kept]
    own = seeds.take(rows)
    grains = Grains(
        own.position, own.diagonal, own.offset, own.angle,
        centroid=_stored(found.centroid[kept]), volume=_stored(found.voxels[kept] * found.grid.size**3),
        components=_part_counts(labels, len(rows)),
    )  # fmt: skip
    inner = np.zeros(len(seeds), bool)
    inner[rows] = True
    grid = Grid((x, y, z), labels.shape, found.grid.size)
    domain = grid.grown(DOMAIN_MARGIN)
    halo = seeds.take(np.flatnonzero(bounding(seeds, domain, inner, blocks=region.blocks(domain)[0], norm=norm)))
    return Overlay(grains, halo, labels, grid, domain, region, int((found.voxels == 0).sum()))


def _packed(labels: np.ndarray, low: np.ndarray, high: np.ndarray, names: np.ndarray) -> np.ndarray:
    """names[labels] from low to high (3,), z y x, in the memory of the labels: a large particle fills much of it."""
    z, y, x = (int(n) for n in high - low)
    packed = labels.reshape(-1).view(names.dtype)[: z * y * x].reshape(z, y, x)
    moments.renamed_box(labels, low, names, packed)
    return packed


def _part_counts(labels: np.ndarray, grains: int) -> np.ndarray:
    """Face-connected parts of each grain (n,) int64."""
    counts = np.empty(grains + 1, np.int64)
    moments.part_counts(labels, counts)
    return counts[1:]


def _stored(values: np.ndarray) -> np.ndarray:
    """Values as they come back from storage in float32."""
    return values.astype(np.float32).astype(np.float64)
