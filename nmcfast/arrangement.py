"""What a grain law may have beyond the paper's homogeneous Poisson seeds: ours, off where the data do not ask for it.

Seeds that keep away from each other, and seeds and grains that change with the distance |s| from the particle's centre.
A seed is moved by those within a bounded distance only, so that it is the same in whatever window it is drawn.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nmcfast.errors import InputError
from nmcfast.kernels import displacement

Array = NDArray[np.float64]

# Displacement of seeds, in local mean spacings. Chosen on Poisson seeds alone (docs/calibration.md).
REACH = 1.3  # from which seeds push each other
STRENGTH = 0.3  # of a push between seeds that touch, for a regularity of 1
FARTHEST = 0.3  # that a seed moves in one pass
PASSES = 2
# From where a seed ends, to where the Poisson seeds lie that have a say in it, and those of them that must be moved
DEPENDS, MOVES = PASSES * (REACH + FARTHEST), (PASSES - 1) * (REACH + FARTHEST) + FARTHEST
MOST_REGULAR = 1.5
LARGEST = 1e3  # of a factor of a profile, and of one over it


@dataclass(frozen=True, eq=False)
class Profile:
    """Functions of |s|, linear between k knots that lie evenly from 0 to `end` pixels, constant beyond.

    density (k,): seeds over μ; along, across (k,): factors of D₁ and of D₂ and D₃; float32.
    """

    end: float
    density: NDArray[np.float32]
    along: NDArray[np.float32]
    across: NDArray[np.float32]

    def __post_init__(self) -> None:
        if not (isinstance(self.end, float) and np.isfinite(self.end) and self.end > 0):
            raise InputError(f"grains.profile: ends at {self.end!r} pixels, expected a positive number")
        for name in ("density", "along", "across"):
            values = getattr(self, name)
            if values.ndim != 1 or values.size < 2 or values.size != self.density.size:
                raise InputError(f"grains.profile: {name} has shape {values.shape}, expected 2 or more knots for all")
            if not (np.isfinite(values).all() and values.min() >= 1 / LARGEST and values.max() <= LARGEST):
                raise InputError(f"grains.profile: {name} has a value outside {1 / LARGEST:g} to {LARGEST:g}")

    def at(self, position: Array, unit: float, *values: NDArray[np.float32]) -> Array:
        """Functions given at the knots, at positions (m, 3) in a unit of so many pixels' length -> (m, functions)."""
        out = np.empty((len(position), len(values)))
        table = np.stack(values, axis=1).astype(np.float64)
        displacement.interpolate(np.ascontiguousarray(position, np.float64), self.end * unit, table, out)
        return out


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Seeds of regularity c, 0 for a Poisson process, whose density and grains follow a profile, if there is one."""

    regularity: float = 0.0
    profile: Profile | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.regularity, float) and 0.0 <= self.regularity <= MOST_REGULAR):
            raise InputError(f"grains.regularity: found {self.regularity!r}, expected 0 to {MOST_REGULAR:g}")

    @property
    def plain(self) -> bool:
        """Whether this is a homogeneous Poisson process of grains that do not know where they are, as in the paper."""
        return self.regularity == 0.0 and self.profile is None

    def __str__(self) -> str:
        """What it is, in a few words."""
        if self.plain:
            return "Poisson seeds"
        profile = f"density and elongation by |s| out to {self.profile.end:g} pixels" if self.profile else ""
        return ", ".join(filter(None, [f"seeds of regularity {self.regularity:.3g}", profile]))

    @cached_property
    def densest(self) -> float:
        """The largest density over μ."""
        return 1.0 if self.profile is None else float(self.profile.density.max())

    def widest(self, mu: float) -> float:
        """The largest mean spacing of seeds, pixels, for μ seeds per pixel³."""
        return float(self._spacings(mu).max())

    def depends(self, mu: float) -> float:
        """How far from a seed the Poisson seeds lie that have a say in where it is, pixels."""
        return DEPENDS * self.widest(mu) if self.regularity else 0.0

    def moves(self, mu: float) -> float:
        """How far from a seed those of them lie that must be moved for it, pixels."""
        return MOVES * self.widest(mu) if self.regularity else 0.0

    def _spacings(self, mu: float) -> NDArray[np.float32]:
        """Mean spacings at the knots, pixels; in float32, so that no library's last digit matters."""
        density = np.ones(2, np.float32) if self.profile is None else self.profile.density
        return ((mu * density.astype(np.float64)) ** (-1 / 3)).astype(np.float32)

    def kept(self, position: Array, number: Array, unit: float = 1.0) -> NDArray[np.bool_]:
        """Which seeds (n, 3) of a process as dense as the densest stay, by a uniform number (n,) of each -> (n,).

        unit: length of a pixel in the unit of the positions.
        """
        if self.profile is None:
            return np.ones(len(position), bool)
        return number * self.densest <= self.profile.at(position, unit, self.profile.density)[:, 0]

    def displaced(
        self, position: Array, mu: float, unit: float = 1.0, moving: NDArray[np.bool_] | None = None
    ) -> Array:
        """Where Poisson seeds (n, 3) end, right for those that are `depends` away from missing ones.

        moving (n,): others stay, and those that are `moves` away from one of these are not right either.
        """
        moving = np.ones(len(position), bool) if moving is None else moving
        spacings = self._spacings(mu)
        side = REACH * float(spacings.max()) * unit * (1 + 1e-9)
        for _ in range(PASSES if self.regularity else 0):
            before, position = np.ascontiguousarray(position, np.float64), np.empty_like(position)
            if self.profile is None:
                spacing = np.full(len(before), float(spacings[0]) * unit)
            else:
                spacing = self.profile.at(before, unit, spacings)[:, 0] * unit
            displacement.displace(before, moving, spacing, STRENGTH * self.regularity, REACH, FARTHEST, side, position)
        return position

    def stretched(self, diagonal: NDArray, position: Array, unit: float = 1.0) -> NDArray:
        """D (m, 3) of seeds (m, 3) with the profile's factors, its dtype kept."""
        if self.profile is None:
            return diagonal
        factor = self.profile.at(position, unit, self.profile.along, self.profile.across)
        return (diagonal * factor[:, [0, 1, 1]]).astype(diagonal.dtype)


POISSON = Arrangement()
