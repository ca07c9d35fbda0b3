"""How far from its shell a particle is looked at, section 2.6: as far as seeds were drawn to say whose a point is."""

from dataclasses import dataclass

import numpy as np

from nmcfast.kernels import moments
from nmcfast.kernels.ceilings import BLOCK_EDGE
from nmcfast.shell import Shell
from nmcfast.tessellation import Grid


@dataclass(frozen=True, eq=False)
class Region:
    """The points within `margin` µm of the inside of a shell, along the radius: |x| ≤ X(x / |x|) + margin."""

    shell: Shell
    margin: float

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Whether points (n, 3) µm lie in the region -> (n,)."""
        return self._depth(points) >= 0.0

    def _depth(self, points: np.ndarray) -> np.ndarray:
        """How far inside the region points (n, 3) µm lie, along the radius -> (n,); the centre, without limit."""
        distance = np.linalg.norm(points, axis=1)
        at_centre = distance == 0.0
        radius = self.shell.radius(np.where(at_centre[:, None], 1.0, points))
        return np.where(at_centre, np.inf, radius + self.margin - distance)

    def blocks(self, grid: Grid, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> tuple[np.ndarray, np.ndarray]:
        """Blocks of 8³ voxels (z, y, x) that may reach into the region, and those that may reach out of it.

        A block is tested at its centre with its diagonal added: twice what it spans, for a radius that varies over it.
        """
        edge = BLOCK_EDGE * grid.size
        z, y, x = (np.arange(-(-n // BLOCK_EDGE)) for n in grid.shape)
        steps = np.stack(np.broadcast_arrays(x[None, None], y[None, :, None], z[:, None, None]), axis=-1)
        centre = (steps.reshape(-1, 3) + 0.5) * edge + (grid.origin + shift)
        depth = self._depth(centre)
        slack = np.sqrt(3.0) * edge
        return (depth >= -slack).reshape(steps.shape[:3]), (depth < slack).reshape(steps.shape[:3])

    def clip(
        self, labels: np.ndarray, grid: Grid, rim: np.ndarray, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ) -> None:
        """Set labels (nz, ny, nx) outside the region to 0; rim: the blocks that may reach out of it."""
        index = moments.labelled_in(labels, rim, BLOCK_EDGE)
        outside = ~self.contains((index[:, ::-1] + 0.5) * grid.size + (grid.origin + shift))
        labels[tuple(index[outside].T)] = 0
