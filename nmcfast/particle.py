"""A particle: the grains whose centre of mass lies inside a shell, and what bounds them, section 2.6."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nmcfast.errors import InputError
from nmcfast.export.schema import ParticleRecord
from nmcfast.filling import connect, fill, label_dtype
from nmcfast.inside import Inside
from nmcfast.kernels import moments
from nmcfast.region import Region
from nmcfast.shells.shell import Shell
from nmcfast.surface import Surface
from nmcfast.tessellation import Grid, Seeds, grid_over, grid_within, joined, label

if TYPE_CHECKING:
    from nmcfast.meshes.grading import Sizes
    from nmcfast.meshes.mesh import Mesh


@dataclass(frozen=True, eq=False)
class Grains(Seeds):
    """The kept grains of a particle, n of them; row i is label i + 1.

    Besides what Seeds hold: centroid (n, 3) µm and volume (n,) µm³ on the model grid, components (n,): face-connected
    parts there (cells of Eq. (8) can be disconnected), orientation (n, 4): unit quaternions w, x, y, z, w ≥ 0, that
    turn crystal axes into those of the particle; none until they are drawn.
    """

    centroid: np.ndarray
    volume: np.ndarray
    components: np.ndarray
    orientation: np.ndarray = field(default_factory=lambda: np.empty((0, 4)))


@dataclass(frozen=True, eq=False)
class Volume:
    """Labels (nz, ny, nx) uint16 or uint32 on cubic voxels, 0 outside; voxel centres at origin + (k + 0.5) voxel_size.

    origin (3,) µm in x, y, z order.
    """

    labels: np.ndarray
    origin: np.ndarray
    voxel_size: float

    def split(self) -> tuple["Volume", np.ndarray]:
        """The volume with each face-connected part under a label of its own, and the grain (c,) of each label 1 … c.

        The largest part of grain i keeps label i; the others, which cells of Eq. (8) can have, follow behind the last.
        """
        number, grain, main = _parts(self.labels)
        last = int(self.labels.max(initial=0))
        extra = np.flatnonzero(~main & (grain > 0))
        names = np.where(main, grain, 0)
        names[extra] = last + 1 + np.arange(len(extra))
        owner = np.concatenate([np.arange(1, last + 1), grain[extra]])
        labels = names.astype(label_dtype(len(owner)))[number]
        return Volume(labels, self.origin, self.voxel_size), owner

    def largest_parts(self) -> tuple["Volume", int]:
        """The volume with only the largest face-connected part of each grain, and the voxels that became 0."""
        number, grain, main = _parts(self.labels)
        labels = np.where(main, grain, 0).astype(self.labels.dtype)[number]
        lost = int(np.count_nonzero(self.labels) - np.count_nonzero(labels))
        return Volume(labels, self.origin, self.voxel_size), lost


@dataclass(frozen=True, eq=False)
class Section:
    """Labels (ny, nx) on a plane z = height, 0 outside; pixel centres at origin + (k + 0.5) pixel_size.

    origin (2,) µm in x, y order.
    """

    labels: np.ndarray
    origin: np.ndarray
    pixel_size: float
    height: float


@dataclass(frozen=True, eq=False)
class Particle:
    """One particle. `facts` holds its scalars: descriptors of the shell, rejected draws, counts (see docs/format.md).

    surface "shell": the inside of the shell, shared out among the grains; the halo is empty, domain (2, 3) µm a box of
    the shell. surface "grains": the union of the grains, section 2.6 as printed; domain: the box of the grains on the
    model grid and two model voxels around it. In it, and as near to the shell as facts["margin"] µm, the halo bounds
    the grains; elsewhere nothing belongs to the particle. parts: what becomes of crumbs, see `Surface`.
    """

    index: int
    shell: Shell
    grains: Grains
    halo: Seeds
    norm: str
    domain: np.ndarray
    facts: Mapping[str, float] = field(repr=False)
    surface: str = "grains"
    parts: str = "keep"

    def voxelize(self, voxel_size: float = 0.05, *, threads: int = 1) -> Volume:
        """Labels of the kept grains on voxels of any size (µm), cut to the grains, Eq. (8).

        Centres of voxels lie in the shell, or in the domain of a particle of surface "grains"; crumbs go to neighbours
        on this grid where parts is "merge". Raises InputError when the size is not positive or the volume would not fit
        into memory.
        """
        grid = self._grid(voxel_size)
        if self.surface == "shell":
            labels, blocks = fill(self.grains, Inside(self.shell), grid, self.norm, threads=threads)
            if self.parts == "merge":
                connect(labels, blocks, len(self.grains))
        else:
            low, high = self._region.depths(grid)
            near = high >= 0.0
            labels = self._label(grid, near, threads=threads)
            self._region.clip(labels, grid, near & (low < 0.0), len(self.grains) + 1)
        labels, first = _cut(labels, grid.first)
        return Volume(labels, np.array(first) * grid.size, grid.size)

    def section(self, height: float = 0.0, pixel_size: float = 0.05) -> Section:
        """Labels of the kept grains on the plane z = height (µm), Eq. (8); pixels over the domain of the particle.

        Crumbs stay where they are, whatever `parts` is: in a plane, parts of a grain that hang together look apart.
        """
        if not np.isfinite(height):
            raise InputError(f"height: found {height}, expected a number of µm")
        grid = self._grid(pixel_size)
        plane = Grid((grid.first[0], grid.first[1], 0), (1, *grid.shape[1:]), grid.size)
        if not self.domain[0, 2] <= height <= self.domain[1, 2]:
            labels = np.zeros(plane.shape, label_dtype(len(self.grains)))
        else:
            shift = (0.0, 0.0, height - 0.5 * grid.size)
            if self.surface == "shell":
                labels, _ = fill(self.grains, Inside(self.shell), plane, self.norm, shift=shift)
                return Section(labels[0], plane.origin[:2], grid.size, float(height))
            low, high = self._region.depths(plane, shift)
            near = high >= 0.0
            labels = self._label(plane, near, shift=shift)
            self._region.clip(labels, plane, near & (low < 0.0), len(self.grains) + 1, shift)
        return Section(labels[0], plane.origin[:2], grid.size, float(height))

    def mesh(
        self,
        size: float = 0.1,
        *,
        across: float | None = None,
        inside: float | None = None,
        sizes: "Sizes | None" = None,
        smallest_grain: int = 1,
        threads: int = 1,
    ) -> "Mesh":
        """Conforming tetrahedra of about a size µm, nodes on the boundaries of the grains; see docs/meshes.md.

        across: so many to the diameter of a ball of the mean grain's volume, instead of a size. inside: the size, µm,
        that those far from boundaries may have; sizes: points (n, 3) µm -> sizes (n,) µm that they may have there,
        boundaries too. smallest_grain: grains of fewer tetrahedra go to a neighbour. Of a particle of surface "grains"
        the largest part that hangs together.
        Raises InputError for a size that is not positive, too coarse for any grain, or would not fit into memory.
        """
        from nmcfast.meshes.body import Body, Cluster  # the kernels of meshes are compiled for those who mesh
        from nmcfast.meshes.grading import Grading
        from nmcfast.meshes.mesh import mesh_of

        if across is not None:
            size = self.mean_diameter / across if across > 0.0 else across
        grading = None if inside is None and sizes is None else Grading(inside, sizes)
        if self.surface == "shell":
            return mesh_of(Body(self.grains, self.shell, self.norm), size, threads, smallest_grain, grading)
        given = self.halo, self.domain, self._region
        return mesh_of(Cluster(self.grains, self.shell, self.norm, *given), size, threads, smallest_grain, grading)

    @property
    def mean_diameter(self) -> float:
        """The diameter of a ball of the mean grain's volume, µm."""
        return float((6.0 / np.pi * self.grains.volume.mean()) ** (1.0 / 3.0))

    def _grid(self, size: float) -> Grid:
        """The voxels of a size that can belong to the particle."""
        return grid_over(self.domain, size) if self.surface == "shell" else grid_within(self.domain, size)

    @property
    def _region(self) -> Region:
        return Region(self.shell, self.facts["margin"])

    def _label(
        self, grid: Grid, blocks: np.ndarray, threads: int = 1, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ) -> np.ndarray:
        kept, halo = len(self.grains), len(self.halo)
        names = np.zeros(kept + halo, label_dtype(kept))
        names[:kept] = np.arange(1, kept + 1)
        seeds = joined(self.grains, self.halo)
        return label(seeds, grid, names, names > 0, blocks=blocks, norm=self.norm, threads=threads, shift=shift)

    def to_record(self, volume: Volume | None, voxel_size: float) -> ParticleRecord:
        """The particle as the arrays that are stored, with its labels or without; see docs/format.md."""
        grid = self._grid(voxel_size)
        g, h = self.grains, self.halo
        return ParticleRecord(
            index=self.index,
            coefficients=self.shell.coefficients,
            position=g.position,
            diagonal=g.diagonal,
            offset=g.offset,
            angle=g.angle,
            centroid=g.centroid,
            volume=g.volume,
            orientation=g.orientation,
            components=g.components,
            halo_position=h.position,
            halo_diagonal=h.diagonal,
            halo_offset=h.offset,
            halo_angle=h.angle,
            domain_lower=self.domain[0],
            domain_upper=self.domain[1],
            box_origin=grid.origin if volume is None else volume.origin,
            box_shape=np.array(grid.shape if volume is None else volume.labels.shape),
            labels=None if volume is None else volume.labels,
            scalars=self.facts,
        )

    @classmethod
    def from_record(cls, record: ParticleRecord, *, norm: str, surface: Surface) -> "Particle":
        """The particle that `to_record` wrote."""
        own = _seeds(record.position, record.diagonal, record.offset, record.angle)
        halo = _seeds(record.halo_position, record.halo_diagonal, record.halo_offset, record.halo_angle)
        grains = Grains(
            own.position,
            own.diagonal,
            own.offset,
            own.angle,
            _wide(record.centroid),
            _wide(record.volume),
            np.asarray(record.components),
            _wide(record.orientation),
        )
        domain = np.stack([_wide(record.domain_lower), _wide(record.domain_upper)])
        shell, facts = Shell(_wide(record.coefficients)), dict(record.scalars)
        return cls(record.index, shell, grains, halo, norm, domain, facts, surface.kind, surface.parts)


def _wide(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float64)


def _seeds(*arrays: np.ndarray) -> Seeds:
    position, diagonal, offset, angle = (_wide(a) for a in arrays)
    return Seeds(position, diagonal, offset, angle)


def _parts(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Part of each voxel (nz, ny, nx), grain of each part (c,), and whether it is the largest, the first of equals."""
    number = np.empty(labels.shape, np.int32)
    grain, size = moments.components(labels, number)
    order = np.lexsort((np.arange(len(size)), -size, grain))
    main = np.zeros(len(size), bool)
    main[order[np.diff(grain[order], prepend=-1) > 0]] = True
    return number, grain, main


def _cut(labels: np.ndarray, first: tuple[int, int, int]) -> tuple[np.ndarray, tuple[int, int, int]]:
    """Labels cut to the voxels that are not 0, and the index of their first voxel along x, y, z."""
    spans = []
    for axis in range(3):
        used = np.flatnonzero(labels.any(axis=tuple(a for a in range(3) if a != axis)))
        spans.append(slice(used[0], used[-1] + 1) if len(used) else slice(0, 0))
    z, y, x = (span.start for span in spans)
    return np.ascontiguousarray(labels[tuple(spans)]), (
        first[0] + int(x),
        first[1] + int(y),
        first[2] + int(z),
    )
