"""The voxels of a particle's grains as a mesh of hexahedra: points, cells, outer facets."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

# Corners of a voxel as steps along x, y, z, in the order of VTK, Exodus, Abaqus, Gmsh and NASTRAN.
CORNERS = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)])
# Its sides in the order of Exodus, corners counter-clockwise from outside; Abaqus counts them 3 4 5 6 1 2.
SIDES = ("y-", "x+", "y+", "x-", "z-", "z+")
SIDE_CORNERS = np.array([(0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7), (0, 3, 2, 1), (4, 5, 6, 7)])
_AXIS = {"z": 0, "y": 1, "x": 2}  # of the array of labels


@dataclass(frozen=True, eq=False)
class HexMesh:
    """Hexahedra of p points and m cells, voxels in the order of the array of labels.

    points (p, 3) float64 µm; cells (m, 8) int32, rows of points; grain (m,): the label of each cell, 1 … n;
    voxel (m,) int64: its place in the flattened array of labels; shape (nz, ny, nx) of that array.
    """

    points: np.ndarray
    cells: np.ndarray
    grain: np.ndarray
    voxel: np.ndarray
    shape: tuple[int, int, int]

    @cached_property
    def outer(self) -> tuple[np.ndarray, np.ndarray]:
        """The facets between grains and outside: row of the cell (f,), and side (f,), an index of SIDES."""
        inside = np.zeros([n + 2 for n in self.shape], bool)
        place = np.unravel_index(self.voxel, self.shape)
        inside[tuple(p + 1 for p in place)] = True
        cells, sides = [], []
        for side, name in enumerate(SIDES):
            step = 1 if name[1] == "+" else -1
            beside = tuple(p + 1 + step * (_AXIS[name[0]] == a) for a, p in enumerate(place))
            free = np.flatnonzero(~inside[beside])
            cells.append(free)
            sides.append(np.full(len(free), side, np.int8))
        return np.concatenate(cells), np.concatenate(sides)

    @property
    def outer_quads(self) -> np.ndarray:
        """The outer facets (f, 4) int32, rows of points, counter-clockwise from outside."""
        cell, side = self.outer
        return np.take_along_axis(self.cells[cell], SIDE_CORNERS[side], axis=1)


def hex_mesh(labels: np.ndarray, origin: np.ndarray, voxel_size: float) -> HexMesh:
    """The mesh of the voxels of labels (nz, ny, nx) that are not 0; origin (3,) µm x, y, z; points shared."""
    shape = (int(labels.shape[0]), int(labels.shape[1]), int(labels.shape[2]))
    inside, voxel = labels > 0, np.flatnonzero(labels)
    corners = [tuple(slice(step, step + n) for step, n in zip(c[::-1], shape, strict=True)) for c in CORNERS.tolist()]
    used = np.zeros([n + 1 for n in shape], bool)
    for corner in corners:
        used[corner] |= inside
    number = np.cumsum(used, dtype=np.int32).reshape(used.shape)
    cells = np.empty((len(voxel), len(corners)), np.int32)
    for column, corner in zip(cells.T, corners, strict=True):
        column[:] = number[corner][inside] - 1
    points = np.empty((np.count_nonzero(used), 3))
    for axis, index in zip((2, 1, 0), np.nonzero(used), strict=True):
        points[:, axis] = origin[axis] + index * float(voxel_size)
    return HexMesh(points, cells, labels.ravel()[voxel], voxel, shape)
