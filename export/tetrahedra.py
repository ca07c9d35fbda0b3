"""A particle as conforming tetrahedra: what a writer of meshes gets, whatever the format."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

# Sides of a tetrahedron in the order of Abaqus, S1 … S4, corners counter-clockwise from outside.
SIDES = np.array([(0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3)])


@dataclass(frozen=True, eq=False)
class TetDeck:
    """A particle of n grains as m tetrahedra of p points.

    points (p, 3) µm; cells (m, 4) int32, rows of points, of positive volume; grain (m,): label of each cell, 1 … n.
    facets (f, 3): triangles between two grains and of the outer surface, each once, counter-clockwise seen from the
    second of facet_grains (f, 2), labels, the second 0 outside. volume (n,) µm³ of each grain in the mesh; centroid
    (n, 3) µm of the grain, and orientation (n, 4), as in docs/conventions.md. size µm, as it was asked for. report:
    figures of the mesh, by name.
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
    size: float
    report: Mapping[str, Any]

    @property
    def groups(self) -> np.ndarray:
        """The labels that have cells, in order."""
        return np.unique(self.grain)

    @cached_property
    def outer(self) -> np.ndarray:
        """Facets (o, 3) of the outer surface, counter-clockwise from outside."""
        return self.facets[self.facet_grains[:, 1] == 0]

    @cached_property
    def interfaces(self) -> tuple[np.ndarray, np.ndarray]:
        """Facets (i, 3) between grains, and the two labels (i, 2) of each, ascending."""
        inner = self.facet_grains[:, 1] > 0
        return self.facets[inner], self.facet_grains[inner]

    @cached_property
    def outer_sides(self) -> tuple[np.ndarray, np.ndarray]:
        """The outer surface as row of the cell (o,) and side (o,), an index of SIDES."""
        asked = np.sort(self.outer, axis=1)
        keys = {tuple(face) for face in asked.tolist()}
        touching = np.zeros(len(self.points), bool)
        touching[self.outer] = True
        near = np.flatnonzero(touching[self.cells].sum(axis=1) >= 3)
        cells, sides = [], []
        for side, corners in enumerate(SIDES):
            faces = np.sort(self.cells[near][:, corners], axis=1)
            found = [tuple(face) in keys for face in faces.tolist()]
            cells.append(near[found])
            sides.append(np.full(len(cells[-1]), side))
        return np.concatenate(cells), np.concatenate(sides)
