"""Architectures that no plain law has: what a verdict must flag, and wider laws must find. All numbers are our choice.

Elongation that grows with the radius, a denser core, and seeds that keep away from each other. `reference.MIXED`, two
kinds of grains, is one more. Lengths are model pixels of 0.05 µm.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from nmcfast.calibration.grains.reference import (
    ISOTROPIC,
    NMC811,
    REACH,
    RING,
    Architecture,
    Known,
    Tessellation,
    disc,
    tessellate,
)
from nmcfast.parameters import KAPPA, MU, NOISES

Array = NDArray[np.float64]
Place = Callable[[Array, Array, float, np.random.Generator], Array]  # box from low to high px, μ -> seeds (n, 3) px
_BATCH = 20_000  # seeds proposed at once


def poisson(low: Array, high: Array, mu: float, rng: np.random.Generator) -> Array:
    """A homogeneous Poisson process (n, 3) px in a box, mu px⁻³."""
    return rng.uniform(low, high, (rng.poisson(mu * np.prod(high - low)), 3))


def denser_core(times: float, width: float) -> Place:
    """Poisson seeds, `times` as dense in the centre as far outside; the excess falls as a Gaussian of a width, px."""

    def place(low: Array, high: Array, mu: float, rng: np.random.Generator) -> Array:
        seeds = poisson(low, high, mu * times, rng)
        share = (1 + (times - 1) * np.exp(-0.5 * (seeds**2).sum(axis=1) / width**2)) / times
        return seeds[rng.random(len(seeds)) < share]

    return place


def hard_core(packing: float) -> Place:
    """Seeds by random sequential adsorption of spheres that fill a share of space; up to 0.3 in reasonable time."""

    def place(low: Array, high: Array, mu: float, rng: np.random.Generator) -> Array:
        apart = (6 * packing / (np.pi * mu)) ** (1 / 3)
        wanted = rng.poisson(mu * np.prod(high - low))
        seeds = np.empty((0, 3))
        while len(seeds) < wanted:
            new = rng.uniform(low, high, (_BATCH, 3))
            if len(seeds):
                new = new[cKDTree(seeds).query(new, distance_upper_bound=apart)[0] > apart]
            seeds = np.concatenate([seeds, new[_first_come(new, apart)]])
        return seeds[:wanted]

    return place


def _first_come(points: Array, apart: float) -> NDArray[np.int64]:
    """Rows of points (n, 3) that keep a distance from all kept ones before them."""
    pairs = np.sort(cKDTree(points).query_pairs(apart, output_type="ndarray"), axis=1)
    free = np.ones(len(points), bool)
    for i, j in pairs[np.lexsort(pairs.T[::-1])].tolist():  # by i: whether i stays is settled when its turn comes
        free[j] &= not free[i]
    return np.flatnonzero(free)


@dataclass(frozen=True)
class Zones:
    """Markers whose radial elongation grows with |s|, linearly from `core` in the centre to `rim` at `radius` px."""

    base: Architecture
    core: float
    rim: float
    radius: float

    def markers(self, inputs: NDArray[np.float32], rng: np.random.Generator) -> tuple[Array, Array]:
        """D (m, 3) px⁻² and r (m,) of seeds with inputs (m, 61), the last |s| px."""
        diagonal, offset = self.base.markers(inputs[:, : 5 * KAPPA], rng)
        long = self.core + (self.rim - self.core) * np.minimum(inputs[:, -1] / self.radius, 1.0)
        power = np.array([-4 / 3, 2 / 3, 2 / 3])  # keeps the geometric mean of D
        return diagonal * long[:, None] ** power, offset


@dataclass(frozen=True)
class Truth:
    """Markers and where their seeds are: a law to draw sections of."""

    name: str
    law: Known | Zones
    mu: float
    place: Place = poisson

    def grains(self, low: Array, high: Array, rng: np.random.Generator) -> Tessellation:
        """Grains that can hold a voxel of the box from low to high (3,) px."""
        outer = (REACH + RING) * self.mu ** (-1 / 3)
        position = self.place(low - outer, high + outer, self.mu, rng)
        noise, angle = rng.random((len(position), NOISES)), np.pi * rng.random(len(position))
        return tessellate(_Markers(self.law, rng), self.mu, low, high, position, noise, angle)

    def section(self, radius: int, rng: np.random.Generator, parts: int = 1, height: float = 0.0) -> NDArray[np.int32]:
        """Labels (2R, 2R) of the disc of R px that the plane z = height cuts from a large particle, 0 outside.

        With parts = k each pixel is cut into k × k, as `reference.draw_section` does.
        """
        high, n, plane = np.array([radius, radius, 0.5]), 2 * radius * parts, np.array([0.0, 0.0, height])
        grains = self.grains(plane - high, plane + high, rng)
        low = (-radius, -radius, height - 0.5 / parts)
        return disc(grains.labels(low, (1, n, n), 1 / parts)[0] + 1, parts * radius)

    def cube(self, edge: int, centre: tuple[float, float, float], rng: np.random.Generator) -> NDArray[np.int32]:
        """Labels (edge, edge, edge) of a cube about a centre (x, y, z) px."""
        low = np.array(centre) - edge / 2
        return self.grains(low, low + edge, rng).labels(tuple(low), (edge, edge, edge))


@dataclass(frozen=True)
class _Markers:
    law: Known | Zones
    rng: np.random.Generator

    @property
    def with_radius(self) -> bool:
        return isinstance(self.law, Zones)

    def __call__(self, inputs: NDArray[np.float32]) -> tuple[Array, Array]:
        return self.law.markers(inputs, self.rng)


LONGER_OUTSIDE = Truth("longer outside", Zones(ISOTROPIC, 1.2, 3.0, 118.0), MU)
DENSER_CORE = Truth("denser core", NMC811, MU, denser_core(3.0, 35.0))
HARD_CORE_15 = Truth("hard cores 0.15", NMC811, MU, hard_core(0.15))
HARD_LONGER = Truth("hard cores 0.30, longer outside", Zones(ISOTROPIC, 1.2, 3.0, 118.0), MU, hard_core(0.30))
HARD_CORE_30 = Truth("hard cores 0.30", NMC811, MU, hard_core(0.30))
