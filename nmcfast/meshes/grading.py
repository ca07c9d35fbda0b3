"""How coarse a mesh may get, and where: inside grains, and by place; the size asked for is the least."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csgraph

from nmcfast.errors import InputError
from nmcfast.meshes.start import Tetrahedra

Sizes = Callable[[np.ndarray], np.ndarray]
_SLOPE = 1.0  # µm that cells may grow a µm away from the boundaries
_EDGES = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


@dataclass(frozen=True)
class Grading:
    """Sizes in µm: inside, that of cells far from all boundaries; where, points (n, 3) µm -> sizes (n,) at these.

    What is less than the size of the mesh counts as that. Raises InputError for an inside that is not positive.
    """

    inside: float | None = None
    where: Sizes | None = None

    def __post_init__(self) -> None:
        if self.inside is not None and not 0.0 < self.inside < np.inf:
            raise InputError(f"inside: found {self.inside} µm, expected a positive number")

    def depths(self, mesh: Tetrahedra) -> np.ndarray:
        """How far nodes (n,) lie from boundaries, µm, as far as that tells: 0 where all is alike."""
        return np.zeros(len(mesh.points)) if self.inside is None else depths(mesh, self.inside / _SLOPE)

    def wanted(self, points: np.ndarray, depth: np.ndarray, size: float) -> np.ndarray:
        """The size (n,) µm that cells about each point (n, 3) of a mesh of a size may have, at a depth (n,).

        Raises InputError when `where` does not give as many positive numbers as points.
        """
        out = np.full(len(points), size)
        if self.where is not None:
            given = np.asarray(self.where(points.copy()), float)
            if given.shape != out.shape or not (given > 0.0).all():
                raise InputError(f"sizes: found {_told(given)}, expected {len(out)} positive numbers, one a point")
            out = np.maximum(out, given)
        if self.inside is not None:
            out = np.maximum(out, np.minimum(self.inside, size + _SLOPE * depth))
        return out


def _told(given: np.ndarray) -> str:
    return f"the shape {given.shape}" if given.ndim != 1 or not given.size else f"{given.size}, {given.min()} the least"


def depths(mesh: Tetrahedra, most: float) -> np.ndarray:
    """How far nodes (n,) lie from boundaries along edges, µm, at most so far: 0 where cells of two names meet.

    Outside counts as a name.
    """
    nodes = len(mesh.points)
    cells, names = mesh.cells[mesh.names >= 0], mesh.names[mesh.names >= 0]
    least, greatest = np.full(nodes + 1, np.iinfo(np.int32).max), np.full(nodes + 1, -1)
    for corner in range(4):
        np.minimum.at(least, cells[:, corner], names)
        np.maximum.at(greatest, cells[:, corner], names)
    edges = np.concatenate([cells[names > 0][:, pair] for pair in _EDGES])
    low, high = np.sort(edges, axis=1).astype(np.int64).T
    edges = np.column_stack(np.divmod(np.unique(low * nodes + high), nodes))
    length = np.linalg.norm(mesh.points[edges[:, 0]] - mesh.points[edges[:, 1]], axis=1)
    graph = coo_array((length, edges.T), shape=(nodes, nodes)).tocsr()
    boundary = np.flatnonzero((least < greatest)[:nodes])
    depth: np.ndarray = csgraph.dijkstra(graph, directed=False, indices=boundary, min_only=True, limit=most)
    return np.minimum(depth, most)
