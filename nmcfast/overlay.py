"""Overlay of a shell and a grain architecture, and removal of the grains outside it, section 2.6.

Only what can matter is drawn and labelled, by two lengths of the grain law. Labels reach as far as `reach` beyond the
shell: kept grains, whose centre of mass lies in the shell, stick out less, and their seeds lie no further from that
centre. No seed holds a point further away than `extent`, so seeds are drawn up to reach + extent beyond the shell. Each
particle checks both on its own grains and starts again with larger ones where they do not hold.
"""

from dataclasses import dataclass, replace

import numpy as np

from nmcfast.kernels import runs
from nmcfast.model import GrainLaw
from nmcfast.parameters import KAPPA
from nmcfast.particle import Grains, label_dtype
from nmcfast.region import Region
from nmcfast.seeds import cell_side, cells_near, draw_pattern
from nmcfast.shell import Shell, ShellLaw, draw_shell
from nmcfast.tessellation import Grid, Seeds, bounding, grid_over, label

Runs = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # see `kernels.runs`
CUT = 2.0  # model voxels from the end of the region: a grain with a voxel there may be cut off by it
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
        seeds = draw_seeds(law, shell, reach + extent, seed, index)
        found = _label_region(law, Region(shell, reach), seeds, threads)
        if found.reach <= reach and found.extent <= extent:
            return _prune(seeds, found, law.norm)
        reach, extent = max(reach, 1.25 * found.reach), max(extent, 1.25 * found.extent)
        del found  # or a large particle's labels would be in memory twice


def with_margins(law: GrainLaw, shells: ShellLaw, particles: int = 20) -> GrainLaw:
    """The law with the extent that suffices for some particles of seed 0, and the reach for nine in ten of them.

    They decide how much is drawn, and how often a particle starts again; not what comes out.
    """
    wide, needed = (40.0 * law.pixel_um, 40.0 * law.pixel_um), []
    for index in range(particles):
        shell, _ = draw_shell(shells, 0, index)
        seeds = draw_seeds(law, shell, sum(wide), 0, index)
        found = _label_region(law, Region(shell, wide[0]), seeds, threads=1, rim=np.inf)
        needed.append((found.reach, found.extent))
    reach, extent = np.array(needed).T / law.pixel_um
    return replace(law, reach=float(np.ceil(np.quantile(reach, 0.9))), extent=float(np.ceil(extent.max())))


@dataclass(frozen=True, eq=False)
class _Labelled:
    """Grains of a region on the model grid.

    rows (m,): their seeds; runs of labels row + 1, see `kernels.runs`; voxels (m,), centroids (m, 3) µm, boxes (m, 6);
    kept (m,): those whose centre of mass lies in the shell. reach: how far beyond the shell the region must go for none
    of these to be cut off, as far as their voxels in its rim tell, and for none to be missed whose seed is as far from
    its centre of mass; extent: the largest distance of a voxel of theirs from its seed along an axis; µm.
    """

    region: Region
    grid: Grid
    rows: np.ndarray
    runs: Runs
    voxels: np.ndarray
    centroid: np.ndarray
    boxes: np.ndarray
    kept: np.ndarray
    reach: float
    extent: float


def _label_region(law: GrainLaw, region: Region, seeds: Seeds, threads: int, rim: float = 0.0) -> _Labelled:
    """Grains of the seeds in a region; how far they stick out is looked for `rim` µm deep, else where they are cut.

    A grain may lie across the end of the region. It is kept if the centre of mass of its part within lies in the shell:
    the region is then too small, which `reach` says. If not, what lies further out takes the centre further away.
    """
    rows = np.flatnonzero(region.contains(seeds.position))
    names = np.zeros(len(seeds), label_dtype(len(rows)))
    names[rows] = np.arange(1, len(rows) + 1)
    margin = region.margin
    grid = grid_over(region.shell.bounds() + np.array([[-margin], [margin]]), law.pixel_um)
    cut = CUT * grid.size
    near, outer = region.blocks(grid, rim=max(rim, cut))
    labels = label(seeds, grid, names, names > 0, blocks=near, norm=law.norm, threads=threads)
    depth = region.clip(labels, grid, outer, len(rows) + 1)[1:]
    found: Runs = runs.find_runs(labels)
    sums, boxes = np.empty((len(rows) + 1, 4), np.int64), np.empty((len(rows) + 1, 6), np.int64)
    runs.measure(*found, grid.shape[1], sums, boxes)
    sums, boxes = sums[1:], boxes[1:]
    voxels, place = sums[:, runs.COUNT], seeds.position[rows]
    with np.errstate(invalid="ignore", divide="ignore"):  # an empty grain has no centroid: NaN, and is not kept
        mean = sums[:, runs.X : runs.Z + 1] / voxels[:, None]
    centroid = (np.array(grid.first) + mean + 0.5) * grid.size
    kept = voxels > 0
    kept[kept] = region.shell.contains(centroid[kept])
    ends = (np.array(grid.first) + boxes.reshape(-1, 2, 3)[kept][:, :, ::-1]) * grid.size
    sticks_out = margin + cut - depth[kept]
    shifted = np.linalg.norm(centroid - place, axis=1)[kept]
    reach = max(
        float(sticks_out[sticks_out > (0.0 if rim else margin)].max(initial=0.0)), float(shifted.max(initial=0.0))
    )
    extent = float(np.abs(ends - place[kept][:, None]).max(initial=0.0))
    return _Labelled(region, grid, rows, found, voxels, centroid, boxes, kept, reach, extent)


def _prune(seeds: Seeds, found: _Labelled, norm: str) -> Overlay:
    kept, region = found.kept, found.region
    names = np.zeros(len(kept) + 1, label_dtype(int(kept.sum())))
    names[1:][kept] = np.arange(1, kept.sum() + 1)
    boxes = found.boxes[kept]
    low, high = (boxes[:, :3].min(axis=0), boxes[:, 3:].max(axis=0)) if kept.any() else (np.zeros(3, int),) * 2
    nz, ny, nx = (int(n) for n in high - low)
    labels = np.empty((nz, ny, nx), names.dtype)
    own_runs: Runs = runs.renamed(*found.runs, names)
    runs.write(*own_runs, found.grid.shape[1], low, labels)
    parts = np.empty(int(kept.sum()) + 1, np.int64)
    runs.count_parts(*own_runs, found.grid.shape[1], parts)
    x, y, z = (int(f + a) for f, a in zip(found.grid.first, low[::-1], strict=True))
    rows = found.rows[kept]
    own = seeds.take(rows)
    grains = Grains(
        own.position, own.diagonal, own.offset, own.angle,
        centroid=_stored(found.centroid[kept]), volume=_stored(found.voxels[kept] * found.grid.size**3),
        components=parts[1:],
    )  # fmt: skip
    inner = np.zeros(len(seeds), bool)
    inner[rows] = True
    grid = Grid((x, y, z), (nz, ny, nx), found.grid.size)
    domain = grid.grown(DOMAIN_MARGIN)
    halo = seeds.take(np.flatnonzero(bounding(seeds, domain, inner, blocks=region.blocks(domain)[0], norm=norm)))
    return Overlay(grains, halo, labels, grid, domain, region, int((found.voxels == 0).sum()))


def _stored(values: np.ndarray) -> np.ndarray:
    """Values as they come back from storage in float32."""
    return values.astype(np.float32).astype(np.float64)
