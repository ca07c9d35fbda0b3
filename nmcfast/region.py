"""How far from its shell a particle is looked at, section 2.6: as far as seeds were drawn to say whose a point is."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nmcfast.kernels import lattice
from nmcfast.kernels.gbpd.layout import BLOCK_EDGE
from nmcfast.shells.shell import Shell
from nmcfast.tessellation import Grid

Runs = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # see `kernels.runs`
STEP = 0.4  # µm, of the lattice on which the radius of a shell is evaluated
DEPTH_ERROR = STEP / 2  # of what is linear in between; a tenth of it mostly, most of it on small rough shells


@dataclass(frozen=True, eq=False)
class Region:
    """The points within `margin` µm of the inside of a shell, along the radius: |x| ≤ X(x / |x|) + margin.

    How deep inside a point lies is evaluated on a lattice of 0.4 µm and linear along x, y, z in between: some 0.01 µm
    off, more than 0.1 µm in places of small rough shells; the same for voxels of any size.
    """

    shell: Shell
    margin: float

    @cached_property
    def _lattice(self) -> tuple[np.ndarray, np.ndarray]:
        """Depths (z, y, x) µm, negative outside, and the place of the first (3,) µm."""
        low, high = self.shell.bounds() + np.array([[-self.margin], [self.margin]])
        first, last = np.floor(low / STEP).astype(int) - 1, np.ceil(high / STEP).astype(int) + 1
        x, y, z = (np.arange(a, b + 1) * STEP for a, b in zip(first, last, strict=True))
        points = np.stack(np.broadcast_arrays(x[None, None], y[None, :, None], z[:, None, None]), axis=-1)
        distance = np.linalg.norm(points, axis=-1)
        points[distance == 0.0] = (1.0, 0.0, 0.0)  # no direction is the centre's
        radius = self.shell.radius(points.reshape(-1, 3)).reshape(distance.shape)
        return radius + self.margin - distance, first * STEP

    def depth(self, points: np.ndarray) -> np.ndarray:
        """How far inside the region points (n, 3) µm lie, µm along the radius -> (n,)."""
        out = np.empty(len(points))
        depths, corner = self._lattice
        lattice.values_at(depths, corner, STEP, np.ascontiguousarray(points, np.float64), out)
        return out

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Whether points (n, 3) µm lie in the region -> (n,)."""
        return self.depth(points) >= 0.0

    def depths(self, grid: Grid, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> tuple[np.ndarray, np.ndarray]:
        """The least and the largest depth µm in the box of the voxel centres of each block of 8³ voxels (z, y, x).

        Blocks of a largest depth of 0 or more have a part of the region, of `margin` or more one of the shell.
        """
        low, high = (np.empty(tuple(-(-n // BLOCK_EDGE) for n in grid.shape)) for _ in range(2))
        depths, corner = self._lattice
        lattice.block_range(depths, corner, STEP, grid.origin + shift, grid.size, grid.shape, BLOCK_EDGE, low, high)
        return low, high

    def meets_shell(self, found: Runs, grid: Grid, count: int) -> np.ndarray:
        """Which of labels 0 … count − 1 have a voxel in the shell, by the runs of a grid -> (count,) bool.

        Or less than 0.2 µm outside: in places its depth is not known better, see `DEPTH_ERROR`.
        """
        met = np.zeros(count, bool)
        depths, corner = self._lattice
        bound = self.margin - DEPTH_ERROR
        lattice.mark_above(*found, grid.shape, depths, corner, STEP, grid.origin, grid.size, bound, met)
        return met

    def clip(
        self,
        labels: np.ndarray,
        grid: Grid,
        rim: np.ndarray,
        count: int,
        shift: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> np.ndarray:
        """Set labels (nz, ny, nx) outside the region to 0, in the blocks (z, y, x) bool of a rim.

        Returns how deep inside labels 0 … count − 1 end, (count,) µm: the least depth of their voxels in the rim,
        infinite for those without.
        """
        least = np.full(count, np.inf)
        depths, corner = self._lattice
        lattice.clip(labels, rim, BLOCK_EDGE, depths, corner, STEP, grid.origin + shift, grid.size, least)
        return least
