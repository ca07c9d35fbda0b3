"""The inside of a shell on grids, Eq. (7): a voxel belongs to it when its centre does, |x| ≤ X(x / |x|), to the bit."""

import math
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from nmcfast.kernels.shells import star
from nmcfast.shells.shell import Shell
from nmcfast.tessellation import Grid

EDGE = 4  # voxels of an edge of the blocks that are told apart; labels are asked for by twice that
CELLS = 64  # of an edge of a face of the cube: a table of 25,350 radii
_STEP = 2.0 / CELLS
_REACH = _STEP / math.sqrt(2.0)  # rad, farthest that any direction is from one of the table, at most

Shift = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Inside:
    """The points of a shell, on any grid."""

    shell: Shell

    @cached_property
    def _table(self) -> tuple[np.ndarray, float]:
        """Radii (6, n + 1, n + 1) µm on the faces of a cube, and how far off what is bilinear in between may be.

        X less the middle of its range is, on every great circle, a trigonometric polynomial of degree L, A its
        largest modulus. A is at most the largest of the table over cos(L t), t the farthest that a direction lies from
        one of the table (M. Riesz); derivatives are at most L A and L² A (Bernstein). Along an edge of a face a
        direction moves on a great circle, by at most da, its speed changes by at most 0.65 da: |∂²X / ∂a²| ≤ (L² +
        0.65 L) A, and bilinear interpolation is off by an eighth of the step squared times both second derivatives.
        """
        directions, _ = _directions()
        radius = self.shell.radius(directions)
        order = round(math.sqrt(self.shell.coefficients.size)) - 1
        amplitude = 0.5 * (radius.max() - radius.min()) / math.cos(order * _REACH)
        error = _STEP**2 / 4.0 * (order**2 + 0.65 * order) * amplitude + 1e-9 * radius.max()
        return radius.reshape(6, CELLS + 1, CELLS + 1), float(error)

    def blocks(self, grid: Grid, shift: Shift = (0.0, 0.0, 0.0)) -> tuple[np.ndarray, np.ndarray]:
        """Blocks of 4³ voxels (z, y, x) bool that may have a voxel inside, and those among them that may have others.

        shift x, y, z µm moves the grid.
        """
        (table, error), shape = self._table, tuple(-(-n // EDGE) for n in grid.shape)
        rim, near = np.zeros(shape, bool), np.empty(shape, bool)
        origin = grid.origin + shift
        star.surface_blocks(table, error, _directions()[1], origin, grid.size, grid.shape, EDGE, rim)
        star.inner_blocks(table, origin, grid.size, EDGE, rim, near)
        return near, rim

    def clip(
        self, labels: np.ndarray, grid: Grid, near: np.ndarray, rim: np.ndarray, shift: Shift = (0.0, 0.0, 0.0)
    ) -> None:
        """Set labels (nz, ny, nx) to 0 outside, with the blocks that `blocks` found."""
        table, error = self._table
        star.clip(labels, near, rim, EDGE, table, error, self.shell.coefficients, grid.origin + shift, grid.size)


def in_eights(near: np.ndarray) -> np.ndarray:
    """Blocks of 8³ voxels (z, y, x) bool that have a part of blocks of 4³ voxels."""
    even = np.pad(near, [(0, n % 2) for n in near.shape])
    nz, ny, nx = (n // 2 for n in even.shape)
    return np.logical_or.reduce(even.reshape(nz, 2, ny, 2, nx, 2), axis=(1, 3, 5))


@cache
def _directions() -> tuple[np.ndarray, np.ndarray]:
    """Directions of the table, (n, 3) as points of a cube and (6, m, m, 3) of length 1."""
    points = np.empty((6 * (CELLS + 1) ** 2, 3))
    star.directions(CELLS, points)
    units = points / np.linalg.norm(points, axis=1)[:, None]
    return points, units.reshape(6, CELLS + 1, CELLS + 1, 3)
