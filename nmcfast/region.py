"""How far from its shell a particle is looked at, section 2.6: as far as seeds were drawn to say whose a point is."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nmcfast.kernels import lattice
from nmcfast.kernels.ceilings import BLOCK_EDGE
from nmcfast.shell import Shell
from nmcfast.tessellation import Grid

STEP = 0.4  # µm, of the lattice on which the radius of a shell is evaluated


@dataclass(frozen=True, eq=False)
class Region:
    """The points within `margin` µm of the inside of a shell, along the radius: |x| ≤ X(x / |x|) + margin.

    How deep inside a point lies is evaluated on a lattice of 0.4 µm and linear along x, y, z in between: some 0.01 µm
    off, the same for voxels of any size.
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

    def blocks(
        self, grid: Grid, shift: tuple[float, float, float] = (0.0, 0.0, 0.0), rim: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Blocks of 8³ voxels (z, y, x) with a voxel centre in the region, and those with one that lies outside or
        less than `rim` µm inside it."""
        low, high = (np.empty(tuple(-(-n // BLOCK_EDGE) for n in grid.shape)) for _ in range(2))
        depths, corner = self._lattice
        lattice.block_range(depths, corner, STEP, grid.origin + shift, grid.size, grid.shape, BLOCK_EDGE, low, high)
        return high >= 0.0, low < rim

    def clip(
        self, labels: np.ndarray, grid: Grid, rim: np.ndarray, count: int,
        shift: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> np.ndarray:  # fmt: skip
        """Set labels (nz, ny, nx) outside the region to 0, in the blocks of a rim.

        Returns how deep inside labels 0 … count − 1 end, (count,) µm: the least depth of their voxels in the rim,
        infinite for those without.
        """
        least = np.full(count, np.inf)
        depths, corner = self._lattice
        lattice.clip(labels, rim, BLOCK_EDGE, depths, corner, STEP, grid.origin + shift, grid.size, least)
        return least
