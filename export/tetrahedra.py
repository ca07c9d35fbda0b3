"""A particle as conforming tetrahedra: what a writer of meshes gets, whatever the format."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

# Sides of a tetrahedron in the order of Abaqus, S1 … S4, corners counter-clockwise from outside.
SIDES = np.array([(0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3)])
# Nodes of edges behind the four corners, in the order of Abaqus, Exodus, NASTRAN, VTK and XDMF.
EDGES = np.array([(0, 1), (1, 2), (0, 2), (0, 3), (1, 3), (2, 3)])
OUTER, INTERFACES, COHESIVE = 1_000_001, 1_000_002, 1_000_003  # numbers of groups; no grain has one of these
FIRST_PAIR = 1_000_004  # of the groups of pairs of grains

Sides = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class TetDeck:
    """A particle of n grains as m tetrahedra of p points.

    points (p, 3) µm; cells (m, 4) int32, rows of points, of positive volume, grain by grain; with six nodes of edges
    behind the corners, in the order of EDGES, (m, 10). grain (m,): label of each cell, 1 … n, ascending. facets (f, 3)
    or (f, 6): triangles between two grains and of the outer surface, each once, counter-clockwise seen from the second
    of facet_grains (f, 2), labels, the second 0 outside. volume (n,) µm³ of each grain in the mesh; centroid (n, 3) µm
    of the grain, and orientation (n, 4), as in docs/conventions.md. angle (m,): smallest dihedral angle of each cell,
    degrees. report: figures of the mesh, by name. cohesive (k, 6): wedges without thickness between two grains, three
    nodes of the first of cohesive_grains (k, 2), ascending, and their twins; facets have the nodes of the first.
    """

    index: int
    points: np.ndarray
    cells: np.ndarray
    grain: np.ndarray
    facets: np.ndarray
    facet_grains: np.ndarray
    volume: np.ndarray
    centroid: np.ndarray
    orientation: np.ndarray
    angle: np.ndarray
    report: Mapping[str, Any]
    cohesive: np.ndarray = field(default_factory=lambda: np.empty((0, 6), np.int32))
    cohesive_grains: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))

    def __post_init__(self) -> None:
        if (np.diff(self.grain) < 0).any():
            raise ValueError("cells are not in the order of their grains")

    @property
    def quadratic(self) -> bool:
        return self.cells.shape[1] == 10

    @cached_property
    def groups(self) -> np.ndarray:
        """The labels that have cells, in order."""
        return np.unique(self.grain)

    def blocks(self) -> Iterator[tuple[int, slice]]:
        """Each label that has cells, and which rows these are."""
        ends = np.searchsorted(self.grain, self.groups, side="right")
        starts = np.append(0, ends[:-1])
        for grain, start, end in zip(self.groups.tolist(), starts.tolist(), ends.tolist(), strict=True):
            yield grain, slice(start, end)

    @cached_property
    def outside(self) -> np.ndarray:
        """Which facets (f,) bool are of the outer surface."""
        return self.facet_grains[:, 1] == 0

    @property
    def outer(self) -> np.ndarray:
        """Facets (o, 3) or (o, 6) of the outer surface, counter-clockwise from outside."""
        return self.facets[self.outside]

    @property
    def interfaces(self) -> tuple[np.ndarray, np.ndarray]:
        """Facets (i, 3) or (i, 6) between grains, and the two labels (i, 2) of each, ascending."""
        return self.facets[~self.outside], self.facet_grains[~self.outside]

    @cached_property
    def _paired(self) -> tuple[np.ndarray, np.ndarray]:
        pairs, number = np.unique(self.interfaces[1], axis=0, return_inverse=True)
        return pairs.reshape(-1, 2), number.ravel()

    @property
    def pairs(self) -> np.ndarray:
        """Labels (q, 2) of the grains that share a boundary, ascending."""
        return self._paired[0]

    def facets_of_pairs(self) -> Iterator[tuple[int, int, np.ndarray]]:
        """The two labels of each pair, and which rows of facets are theirs."""
        inner, number = np.flatnonzero(~self.outside), self._paired[1]
        rows = inner[np.argsort(number, kind="stable")]
        parts = np.split(rows, np.cumsum(np.bincount(number, minlength=len(self.pairs)))[:-1])
        for (a, b), part in zip(self.pairs.tolist(), parts, strict=False):
            yield a, b, part

    @cached_property
    def areas(self) -> np.ndarray:
        """Area (q,) µm² of the boundary of each pair, as straight triangles."""
        a, b, c = (self.points[corner] for corner in self.interfaces[0][:, :3].T)
        size = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2.0
        return np.bincount(self._paired[1], size, minlength=len(self.pairs))

    @cached_property
    def sides(self) -> Sides:
        """Row of the cell (f,) of the first grain at each facet, and which of its SIDES (f,) that facet is."""
        return sides_of(self.cells[:, :4], self.grain, self.facets[:, :3], self.facet_grains[:, 0])


def sides_of(cells: np.ndarray, grain: np.ndarray, facets: np.ndarray, owner: np.ndarray) -> Sides:
    """Row of the cell (f,) of a grain at each facet, and which of its SIDES (f,) that facet is.

    cells (m, 4) of grain (m,), facets (f, 3) of the boundary of grain owner (f,). ValueError where there is none.
    """
    touching = np.zeros(int(cells.max()) + 1, bool)
    touching[facets] = True
    near = np.flatnonzero(touching[cells].sum(axis=1) >= 3)
    faces = np.sort(cells[near][:, SIDES], axis=2).reshape(-1, 3)
    known = np.column_stack([np.repeat(grain[near], len(SIDES)), faces])
    place = _rows_among(known, np.column_stack([owner, np.sort(facets, axis=1)]))
    return near[place // len(SIDES)], place % len(SIDES)


def _rows_among(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """For each row of asked (a, c) the number of that row among known (k, c); ValueError where there is none."""
    both = np.concatenate([known, asked])
    new = np.arange(len(both)) >= len(known)
    order = np.lexsort((new, *both.T[::-1]))
    at = np.flatnonzero(new[order])
    found = order[at - 1]
    if len(at) and (at[0] == 0 or (both[found] != both[order[at]]).any()):
        raise ValueError("a facet belongs to no cell")
    out = np.empty(len(asked), np.int64)
    out[order[at] - len(known)] = found
    return out
