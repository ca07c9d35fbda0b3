"""Overlay of a shell and a grain architecture, and removal of the grains outside it, section 2.6.

Only what can matter is drawn and labelled, by two lengths of the grain law. Labels reach as far as `reach` beyond the
shell: kept grains, whose centre of mass lies in the shell, stick out less, and their seeds lie no further from that
centre. No seed holds a point further away than `extent`, so seeds are drawn up to reach + extent beyond the shell. Each
particle checks both on its own grains and starts again with larger ones where they do not hold.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from nmcfast.filling import Runs, label_dtype
from nmcfast.kernels import runs
from nmcfast.kernels.gbpd.layout import BLOCK_EDGE
from nmcfast.model import GrainLaw
from nmcfast.parameters import KAPPA
from nmcfast.particle import Grains, Volume
from nmcfast.region import DEPTH_ERROR, Region
from nmcfast.seeds import cell_side, cells_near, draw_arranged, draw_pattern
from nmcfast.shells.law import Law
from nmcfast.shells.shell import Shell, draw_shell
from nmcfast.tessellation import Field, Grid, Seeds, grid_over

CUT = 2.0  # model voxels from the end of the region: a grain with a voxel there may be cut off by it
OUTSIDE = 2.0  # model voxels beyond the shell: where a grain's first part has its centre of mass, the whole has not
DOMAIN_MARGIN = 2  # model voxels around the grains in which finer voxels may find slivers of them


@dataclass(frozen=True, eq=False)
class Overlay:
    """What is left of a grain architecture in a shell.

    grid: of the model's pixels, cut to the kept grains; runs: labels i + 1 of kept grains i on a larger grid with ny
    rows a plane, in which this one begins at voxel low (3,), z y x. domain, region: where both hold, the halo keeps the
    grains apart from what was removed. empty: seeds in the shell whose grain has no voxel.
    """

    grains: Grains
    halo: Seeds
    runs: Runs
    low: np.ndarray
    ny: int
    grid: Grid
    domain: Grid
    region: Region
    empty: int

    @property
    def bounds(self) -> np.ndarray:
        """Corners (2, 3) µm of the domain."""
        return self.domain.bounds

    @property
    def margin(self) -> float:
        """How far around the shell the region reaches, µm."""
        return self.region.margin

    @property
    def counts(self) -> dict[str, int]:
        """What a particle says of itself; nothing is given away here."""
        return {"empty_seeds": self.empty, "crumbs": 0, "crumb_voxels": 0, "loose_voxels": 0, "small_grains": 0}

    @cached_property
    def volume(self) -> Volume:
        """Labels on the grid, one model pixel a voxel: i + 1 in kept grain i, 0 elsewhere."""
        labels = np.empty(self.grid.shape, self.runs[0].dtype)
        runs.write(*self.runs, self.ny, self.low, labels)
        return Volume(labels, self.grid.origin, self.grid.size)


def draw_seeds(law: GrainLaw, shell: Shell, margin: float, seed: int, index: int) -> Seeds:
    """Seeds with markers in the shell widened by a margin (µm), Algorithm 1; values as stored in float32."""
    mask, first = cells_near(shell, margin, cell_side(law.mu * law.arrangement.densest) * law.pixel_um)
    where = (mask, first, law.mu, law.pixel_um, seed, index, KAPPA)
    pattern = draw_pattern(*where) if law.arrangement.plain else draw_arranged(*where, law.arrangement)
    diagonal, offset = law.net.mark(pattern, law.pixel_um)
    rows = pattern.inner
    own = pattern.table[rows].astype(np.float64)
    diagonal = law.arrangement.stretched(diagonal, own[:, :3], law.pixel_um)
    diagonal = (diagonal / np.float32(law.pixel_um**2)).astype(np.float64)
    return Seeds(own[:, :3].copy(), diagonal, offset.astype(np.float64), own[:, 5].copy())


def overlay(law: GrainLaw, shell: Shell, seed: int, index: int, *, threads: int = 1) -> Overlay:
    """The grains of one architecture whose centre of mass lies inside a shell, section 2.6."""
    return _prune(_labelled(law, shell, seed, index, threads))


def kept_seeds(law: GrainLaw, shell: Shell, seed: int, index: int, *, threads: int = 1) -> tuple[Seeds, int]:
    """The seeds of these grains alone, in the same order, and the seeds in the shell whose grain has no voxel."""
    found = _labelled(law, shell, seed, index, threads)
    return found.field.seeds.take(found.rows[found.kept]), found.empty


def _labelled(law: GrainLaw, shell: Shell, seed: int, index: int, threads: int) -> "_Labelled":
    reach, extent = law.reach * law.pixel_um, law.extent * law.pixel_um
    while True:
        seeds = draw_seeds(law, shell, reach + extent, seed, index)
        found = _label_region(law, Region(shell, reach), seeds, threads)
        if found.reach <= reach and found.extent <= extent:
            return found
        reach, extent = max(reach, 1.25 * found.reach), max(extent, 1.25 * found.extent)
        del found  # or a large particle's labels would be in memory twice


def with_margins(law: GrainLaw, shells: Law, particles: int = 20) -> GrainLaw:
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

    field: the seeds over the grid of the region, whose blocks near (z, y, x) bool have a part of it. rows (m,): seeds
    of the grains; runs of labels row + 1 in the blocks that meet the shell, inside, and in the others, outside, see
    `kernels.runs`; voxels (m,), centroids (m, 3) µm, boxes (m, 6); kept (m,): those whose centre of mass lies in the
    shell; of others not all need be labelled. empty: seeds in the shell without a voxel. reach: how far beyond
    the shell the region must go for none of these to be cut off, as far as their voxels in its rim tell, and for none
    to be missed whose seed is as far from its centre of mass; extent: the largest distance of a voxel of theirs from
    its seed along an axis; µm.
    """

    region: Region
    field: Field
    near: np.ndarray
    rows: np.ndarray
    inside: Runs
    outside: Runs
    voxels: np.ndarray
    centroid: np.ndarray
    boxes: np.ndarray
    kept: np.ndarray
    empty: int
    reach: float
    extent: float


def _label_region(law: GrainLaw, region: Region, seeds: Seeds, threads: int, rim: float = 0.0) -> _Labelled:
    """Grains of the seeds in a region; how far they stick out is looked for `rim` µm deep, else where they are cut.

    First the blocks that meet the shell are labelled, then the others for the grains that were found there and for the
    seeds in the shell: a grain that is kept is one of them, and most of the others are never labelled. Nor are those
    whose first part has its centre of mass `OUTSIDE` the shell: what lies further out takes it further away.
    A grain may lie across the end of the region. It is kept if the centre of mass of its part within lies in the shell:
    the region is then too small, which `reach` says. If not, what lies further out takes the centre further away.
    """
    depth = region.depth(seeds.position)
    rows = np.flatnonzero(depth >= 0.0)
    names = np.zeros(len(seeds), label_dtype(len(rows)))
    names[rows] = np.arange(1, len(rows) + 1)
    margin = region.margin
    inner = depth[rows] >= margin
    grid = grid_over(region.shell.bounds() + np.array([[-margin], [margin]]), law.pixel_um).grown(DOMAIN_MARGIN)
    cut = CUT * grid.size
    low, high = region.depths(grid)
    near, core = high >= 0.0, high >= margin - DEPTH_ERROR
    end = near & (low < max(rim, cut))
    field, labels, count = Field(seeds, grid, near, law.norm), np.zeros(grid.shape, names.dtype), len(rows) + 1
    field.label(labels, names, names > 0, core, threads)
    ends_at = region.clip(labels, grid, end & core, count)
    inside: Runs = runs.find_runs(labels, core)
    open_ = region.meets_shell(inside, grid, count)
    open_[1:] |= inner
    sums, boxes = _measured(inside, grid, count)
    open_[1:] &= ~_lies_outside(region.shell, _centroids(sums, grid), OUTSIDE * grid.size)
    names[~open_[names]] = 0
    further = field.label(labels, names, names > 0, near & ~core, threads)
    ends_at = np.minimum(ends_at, region.clip(labels, grid, end & further, count))[1:]
    outside: Runs = runs.find_runs(labels, further)
    more, wider = _measured(outside, grid, count)
    sums += more
    boxes = np.concatenate([np.minimum(boxes[:, :3], wider[:, :3]), np.maximum(boxes[:, 3:], wider[:, 3:])], axis=1)
    voxels, place, centroid = sums[:, runs.COUNT], seeds.position[rows], _centroids(sums, grid)
    kept = open_[1:] & (voxels > 0)
    kept[kept] = region.shell.contains(centroid[kept])
    ends = (np.array(grid.first) + boxes.reshape(-1, 2, 3)[kept][:, :, ::-1]) * grid.size
    sticks_out = margin + cut - ends_at[kept]
    shifted = np.linalg.norm(centroid - place, axis=1)[kept]
    reach = max(
        float(sticks_out[sticks_out > (0.0 if rim else margin)].max(initial=0.0)), float(shifted.max(initial=0.0))
    )
    extent = float(np.abs(ends - place[kept][:, None]).max(initial=0.0))
    empty = int((voxels[inner] == 0).sum())
    return _Labelled(region, field, near, rows, inside, outside, voxels, centroid, boxes, kept, empty, reach, extent)


def _measured(found: Runs, grid: Grid, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Sums and boxes of labels 1 … count − 1, see `kernels.runs.measure`."""
    sums, boxes = np.empty((count, 4), np.int64), np.empty((count, 6), np.int64)
    runs.measure(*found, grid.shape[1], sums, boxes)
    return sums[1:], boxes[1:]


def _centroids(sums: np.ndarray, grid: Grid) -> np.ndarray:
    """Centres of mass (m, 3) µm of sums (m, 4); NaN where there is no voxel."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums[:, runs.X : runs.Z + 1] / sums[:, runs.COUNT, None]
    return (np.array(grid.first) + mean + 0.5) * grid.size


def _lies_outside(shell: Shell, points: np.ndarray, distance: float) -> np.ndarray:
    """Whether points (m, 3) µm, NaN for none, lie further than a distance from the shell, along the radius -> (m,)."""
    found = np.isfinite(points[:, 0])
    found[found] = np.linalg.norm(points[found], axis=1) > shell.radius(points[found]) + distance
    return found


def _prune(found: _Labelled) -> Overlay:
    kept, whole, seeds = found.kept, found.field.grid, found.field.seeds
    names = np.zeros(len(kept) + 1, label_dtype(int(kept.sum())))
    names[1:][kept] = np.arange(1, kept.sum() + 1)
    boxes = found.boxes[kept]
    low, high = (boxes[:, :3].min(axis=0), boxes[:, 3:].max(axis=0)) if kept.any() else (np.zeros(3, int),) * 2
    nz, ny, nx = (int(n) for n in high - low)
    own_runs: Runs = runs.merged(*found.inside, *found.outside, names)
    parts = np.empty(int(kept.sum()) + 1, np.int64)
    runs.count_parts(*own_runs, whole.shape[1], parts)
    x, y, z = (int(f + a) for f, a in zip(whole.first, low[::-1], strict=True))
    rows = found.rows[kept]
    own = seeds.take(rows)
    grains = Grains(
        own.position,
        own.diagonal,
        own.offset,
        own.angle,
        centroid=_stored(found.centroid[kept]),
        volume=_stored(found.voxels[kept] * whole.size**3),
        components=parts[1:],
    )
    inner = np.zeros(len(seeds), bool)
    inner[rows] = True
    grid = Grid((x, y, z), (nz, ny, nx), whole.size)
    around = np.zeros_like(found.near)
    around[
        tuple(
            slice(max(a - DOMAIN_MARGIN, 0) // BLOCK_EDGE, -(-(b + DOMAIN_MARGIN) // BLOCK_EDGE))
            for a, b in zip(low, high, strict=True)
        )
    ] = True
    halo = seeds.take(np.flatnonzero(found.field.bounding(inner, found.near & around)))
    domain = grid.grown(DOMAIN_MARGIN)
    return Overlay(grains, halo, own_runs, low, whole.shape[1], grid, domain, found.region, found.empty)


def _stored(values: np.ndarray) -> np.ndarray:
    """Values as they come back from storage in float32."""
    return values.astype(np.float32).astype(np.float64)
