"""Conforming tetrahedra of a particle: nodes on the boundaries of the grains, each facet between two grains shared."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nmcfast.errors import InputError, NmcfastError
from nmcfast.kernels.meshes import stars
from nmcfast.meshes.body import Body
from nmcfast.meshes.grading import Grading
from nmcfast.meshes.optimise import fault_of, optimised
from nmcfast.meshes.quadratic import Quadratic, quadratic
from nmcfast.meshes.quality import Quality, quality_of
from nmcfast.meshes.split import Pairs, Split, split
from nmcfast.meshes.start import Tetrahedra, lattice_over, repaired, without_outside

_PACKING = 0.9  # mesh size over the edge of the lattice's cells
# Where a corner of the lattice lies, in cells: another one is tried where the first gives no manifold.
_OFFSETS = np.array([(0.0, 0.0, 0.0), (0.29, 0.13, 0.41), (0.47, 0.37, 0.11), (0.17, 0.43, 0.31), (0.37, 0.23, 0.05)])


@dataclass(frozen=True, eq=False)
class Mesh:
    """Tetrahedra of n grains, p points, m cells, f facets.

    points (p, 3) µm; cells (m, 4) int32 rows of points, of positive volume; grain (m,) row of the grain of each cell;
    facets (f, 3): triangles between two grains and of the outer surface, each once, counter-clockwise seen from the
    second of facet_grains (f, 2), which is the higher row, or −1 outside. size µm, as it was asked for; missing: rows
    of the grains that got no cell; heirs: the row that got most of the place of each, −1 where it is too small to have
    any, or outside; left_out: of them those that do not hang together with the rest. body: what they are cells of.
    """

    points: np.ndarray
    cells: np.ndarray
    grain: np.ndarray
    facets: np.ndarray
    facet_grains: np.ndarray
    size: float
    missing: np.ndarray
    heirs: np.ndarray
    left_out: np.ndarray
    quality: Quality
    body: Body

    @cached_property
    def volume(self) -> np.ndarray:
        """Volume of each grain (n,) µm³, 0 for those without a cell."""
        p = self.points[self.cells]
        six = np.einsum("ij,ij->i", p[:, 1] - p[:, 0], np.cross(p[:, 2] - p[:, 0], p[:, 3] - p[:, 0]))
        return np.bincount(self.grain, six / 6.0, minlength=self._grains)

    def split(self, pairs: Pairs | None = None) -> Split:
        """The mesh opened along the boundaries of pairs of grains, by rows, all where None; see `meshes.split`."""
        return split(self.points, self.cells, self.grain, self.facets, self.facet_grains, pairs)

    def quadratic(self) -> Quadratic:
        """The mesh with nodes in the middle of edges, on the boundaries; see `meshes.quadratic`."""
        return quadratic(self.points, self.cells, self.grain, self.facets, self.facet_grains, self.body)

    @property
    def _grains(self) -> int:
        return int(max(self.grain.max(initial=-1), self.missing.max(initial=-1))) + 1


def mesh_of(body: Body, size: float, threads: int = 1, smallest: int = 1, grading: Grading | None = None) -> Mesh:
    """Tetrahedra of a body of about a size µm; grains of fewer cells than smallest are given to their neighbours.

    grading: where cells may be coarser than that; None for nowhere.

    Raises InputError for a size that is not positive, too small or too coarse, and for a body without grains.

    The lattice is moved and tried again, four times at most, should names not become manifold; then NmcfastError.
    """
    if not (np.isfinite(size) and size > 0.0):
        raise InputError(f"size: found {size} µm, expected a positive number")
    if len(body.grains) == 0:
        raise InputError("grains: found none, a mesh needs at least one: choose another particle")
    extent = 0.5 * float((body.bounds[1] - body.bounds[0]).max())
    if size > extent:
        raise InputError(f"size: of {size} µm is too coarse for a particle of {extent:.3g} µm: choose a smaller one")
    edge, fault = size / _PACKING, None
    for offset in _OFFSETS:
        lattice = lattice_over(body, edge, offset, threads)
        if not (lattice.names > 0).any():
            raise InputError(f"size: of {size} µm is too coarse for any grain: choose a smaller one")
        exact = lattice.names.copy()
        cut = repaired(lattice, body, edge, smallest)
        if cut is not None:
            heirs = _heirs(exact, lattice.names, len(body.grains))
            mesh = optimised(without_outside(lattice), body, size, threads, grading)
            fault = fault_of(mesh)
            if fault is None:
                return _finished(mesh, body, size, cut - 1, heirs)
    raise NmcfastError(f"size: no sound mesh of {size} µm ({fault or 'names do not become manifold'}): choose another")


def _heirs(exact: np.ndarray, names: np.ndarray, grains: int) -> np.ndarray:
    """Which row (n,) has most of the cells that each grain had; −1 where it had none, or they are outside."""
    keys, counts = np.unique(exact.astype(np.int64) * (grains + 1) + names, return_counts=True)
    out = np.full(grains + 1, -1)
    keys = keys[np.argsort(counts, kind="stable")]
    out[keys // (grains + 1)] = keys % (grains + 1) - 1  # the most frequent last
    return out[1:]


def _finished(t: Tetrahedra, body: Body, size: float, cut: np.ndarray, heirs: np.ndarray) -> Mesh:
    none = np.empty((0, 3), np.int32), np.empty((0, 2), np.int32)
    given = t.cells, t.names, t.beside, False
    count = stars.facets(*given, *none)
    facets, pairs = np.empty((count, 3), np.int32), np.empty((count, 2), np.int32)
    stars.facets(*given, facets, pairs)
    inside = t.names > 0
    grain = t.names[inside] - 1
    missing = np.setdiff1d(np.arange(len(body.grains)), grain)
    told = missing, heirs[missing], np.intersect1d(missing, cut)
    return Mesh(t.points, t.cells[inside], grain, facets, pairs - 1, size, *told, quality_of(t, body, size), body)
