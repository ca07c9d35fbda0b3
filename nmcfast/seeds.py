"""Poisson seeds around a shell and their neighbours, sections 2.4 and 2.6.

The process is drawn in cubic cells of space, each from its own counter, so that its restriction to a region is to
the bit the same process, whatever region is asked for.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nmcfast.errors import InputError
from nmcfast.kernels import neighbours, philox
from nmcfast.shell import Shell

SEEDS_PER_CELL = 8.0  # about; the cell is a whole number of pixels
_RINGS = 2  # cells around a domain whose seeds are drawn as neighbours only; more are added where they do not do


@dataclass(frozen=True, eq=False)
class SeedPattern:
    """Seeds of a domain and around it, positions exact in float32 µm.

    position (n, 3) µm, noise (n, 2) in (0, 1), angle (n,) in (0, π); inner (m,): rows of the seeds in the domain;
    neighbour (m, κ): rows of the nearest seeds of each of these.
    """

    position: np.ndarray
    noise: np.ndarray
    angle: np.ndarray
    inner: np.ndarray
    neighbour: np.ndarray


def cell_side(mu: float) -> int:
    """Edge of a cell of space in pixels, for μ seeds per pixel³."""
    return max(1, round((SEEDS_PER_CELL / mu) ** (1 / 3)))


def cells_near(shell: Shell, margin: float, side: float) -> tuple[np.ndarray, np.ndarray]:
    """Cells that meet the shell widened by a margin, section 2.6 -> mask (nx, ny, nz), address of the first (3,).

    margin and side in µm. A cell is tested at its centre with half its diagonal added.
    """
    lower, upper = shell.bounds() + np.array([[-margin], [margin]])
    first, last = np.floor(lower / side).astype(int), np.floor(upper / side).astype(int)
    axes = [np.arange(a, b + 1) for a, b in zip(first, last, strict=True)]
    centre = (np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) + 0.5) * side
    flat = centre.reshape(-1, 3)
    near = np.linalg.norm(flat, axis=1) <= shell.radius(flat) + margin + 0.5 * np.sqrt(3.0) * side
    return near.reshape(centre.shape[:3]), first


def draw_pattern(
    mask: np.ndarray, first: np.ndarray, mu: float, pixel: float, seed: int, index: int, kappa: int
) -> SeedPattern:
    """Seeds in the cells of a mask, and outside it as far as their κ nearest neighbours, Algorithm 1.

    mu seeds per pixel³, pixel µm. Raises InputError when the cells run beyond the 1024³ that can be addressed.
    """
    rings = _RINGS
    while True:
        pattern, certain = _draw_with_rings(mask, first, mu, pixel, seed, index, kappa, rings)
        if certain:
            return pattern
        rings *= 2


def _draw_with_rings(
    mask: np.ndarray,
    first: np.ndarray,
    mu: float,
    pixel: float,
    seed: int,
    index: int,
    kappa: int,
    rings: int,
) -> tuple[SeedPattern, bool]:
    side = cell_side(mu)
    grown = ndimage.binary_dilation(np.pad(mask, rings), ndimage.generate_binary_structure(3, 3), rings)
    cells = np.argwhere(grown) + (first - rings)
    if np.abs(cells).max(initial=0) >= philox.CELL_LIMIT:
        size = 2 * philox.CELL_LIMIT * side * pixel
        raise InputError(f"particle {index}: reaches out of the {size:.0f} µm in which seeds can be drawn")
    counts = np.empty(len(cells), np.int64)
    philox.count_seeds(np.uint64(seed), np.uint64(index), cells, mu * side**3, counts)
    n = int(counts.sum())
    position, noise, angle = np.empty((n, 3)), np.empty((n, 2)), np.empty(n)
    philox.draw_seeds(np.uint64(seed), np.uint64(index), cells, counts, side * pixel, position, noise, angle)
    position, angle = _stored(position), _stored(angle)
    inner = np.flatnonzero(np.repeat(np.pad(mask, rings)[grown], counts))
    if n <= kappa:
        return SeedPattern(position, noise, angle, inner, np.empty((len(inner), kappa), int)), len(inner) == 0
    neighbour, distance = neighbours.nearest_serial(position, inner, kappa)
    certain = bool((distance[:, -1] <= rings * side * pixel).all())
    return SeedPattern(position, noise, angle, inner, neighbour), certain


def _stored(values: np.ndarray) -> np.ndarray:
    """Values as they come back from storage in float32."""
    return values.astype(np.float32).astype(np.float64)
