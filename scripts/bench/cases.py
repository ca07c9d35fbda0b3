"""The seeds that everybody labels: boxes of n³ pixels about the origin with uniform seeds.

n seeds; a case holds position (n, 3) pixels, matrices (n, 3, 3), offset (n,) of Eq. (8), and the norm.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

DENSITY = 0.0018  # seeds per pixel³, the paper's
RATIO = 3.0  # of D across to D along the radius in the common case
KINDS = ("voronoi", "power", "gbpd")


@dataclass(frozen=True)
class Case:
    """kind "voronoi" and "power" (squared norm, weights r²) have D = 1; "gbpd" is Eq. (8) in the radial frame."""

    kind: str
    size: int
    ratio: float
    position: np.ndarray
    matrices: np.ndarray
    offset: np.ndarray

    @property
    def norm(self) -> str:
        return "squared" if self.kind == "power" else "unsquared"

    @property
    def origin(self) -> tuple[float, float, float]:
        return (-self.size / 2,) * 3

    def save(self, path: Path) -> None:
        """For the programs of peers."""
        np.savez(
            path, kind=self.kind, size=self.size, position=self.position, matrices=self.matrices, offset=self.offset
        )


def make_case(kind: str, size: int, *, ratio: float = RATIO, seeds: int | None = None) -> Case:
    """A case with r ~ U(1, 3); the seeds are the same for all kinds and ratios of one size."""
    rng = np.random.default_rng(0)
    n = round(size**3 * DENSITY) if seeds is None else seeds
    position, radius = rng.uniform(-size / 2, size / 2, (n, 3)), rng.uniform(1, 3, n)
    if kind == "gbpd":
        e = position / np.linalg.norm(position, axis=1)[:, None]
        matrices = ratio * np.eye(3) + (1 - ratio) * e[:, :, None] * e[:, None]
        return Case(kind, size, ratio, position, matrices, radius)
    matrices = np.broadcast_to(np.eye(3), (n, 3, 3)).copy()
    offset = radius**2 if kind == "power" else np.zeros(n)
    return Case(kind, size, 1.0, position, matrices, offset)


@dataclass(frozen=True)
class Region:
    """Voxels z0 ≤ z < z1, y0 ≤ y < y1 and all x: what a slow peer labels instead of the whole box."""

    z0: int
    z1: int
    y0: int
    y1: int

    def voxels(self, size: int) -> int:
        return (self.z1 - self.z0) * (self.y1 - self.y0) * size


def middle(size: int, voxels: float) -> Region:
    """The whole box, or planes in its middle, or rows of the middle plane: about so many voxels, at least 4 rows."""
    if voxels >= size**3:
        return Region(0, size, 0, size)
    planes = int(voxels // size**2)
    if planes:
        z0 = (size - planes) // 2
        return Region(z0, z0 + planes, 0, size)
    rows = min(max(4, int(voxels // size)), size)
    y0 = (size - rows) // 2
    return Region(size // 2, size // 2 + 1, y0, y0 + rows)
