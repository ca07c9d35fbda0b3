"""Random outer shells: star-shaped bodies, and those that a law gives, Eq. (7)."""

from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np

from nmcfast import parameters
from nmcfast.errors import InputError
from nmcfast.kernels.shells import drawing
from nmcfast.kernels.shells.harmonics import box_of, radii_at, star_volume_area
from nmcfast.shells.descriptors import shell_descriptors
from nmcfast.shells.harmonics import grid_radii, icosphere, mirrored_basis, order_of
from nmcfast.shells.law import MAX_ORDERS, Law

MAX_ATTEMPTS = 1000  # free choice: Table 1's law needs one or two
REASONS = ("size", "radius", "volume")


@dataclass(frozen=True, eq=False)
class Shell:
    """One outer shell: the star-shaped body |x| ≤ X(x / |x|) about the origin, Eq. (7).

    coefficients ((L + 1)²,) float64 in µm, index l² + l + m.
    """

    coefficients: np.ndarray
    _order: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "coefficients", np.ascontiguousarray(self.coefficients, dtype=np.float64))
        object.__setattr__(self, "_order", order_of(self.coefficients.size))

    def radius(self, directions: np.ndarray) -> np.ndarray:
        """Radius X(u) in directions (p, 3) of any length, Eq. (7) -> (p,) µm."""
        return radii_at(self.coefficients, np.ascontiguousarray(directions, dtype=np.float64))

    def grid_radius(self, level: int) -> np.ndarray:
        """Radius on the icosphere of a level, Eq. (7) -> (10 · 4^level + 2,) µm."""
        return grid_radii(self.coefficients[None], level)[0]

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Whether points (n, 3) µm lie inside, |x| ≤ X(x / |x|), section 2.6; the centre does -> (n,)."""
        points = np.ascontiguousarray(points, dtype=np.float64)
        distance = np.sqrt((points * points).sum(axis=1))
        return (distance <= radii_at(self.coefficients, points)) | (distance == 0.0)

    def bounds(self) -> np.ndarray:
        """A box that holds the whole surface of Eq. (7) -> (2, 3) lower and upper corner, µm.

        The corners of the grid, widened by what can hide between them. X(u) u_i is a band-limited function of
        degree d = L + 1, on great circles a trigonometric polynomial. Where such a polynomial is largest,
        value M, it is still at least M cos(d t) at an angle t ≤ π / d (M. Riesz), and a grid direction is
        within t = _REACH. So M is at most the grid's largest value over 1 − (d t)² / 2, here 3 % more.
        """
        box = np.empty((2, 3))
        box_of(self.grid_radius(_BOUNDS_LEVEL), icosphere(_BOUNDS_LEVEL)[0], box)
        lower, upper = box
        loss = 0.5 * (_REACH * (self._order + 1)) ** 2
        half = 0.5 * (upper - lower) / (1.0 - loss)
        return 0.5 * (lower + upper) + np.stack([-half, half])

    def descriptors(self) -> dict[str, float]:
        """Volume, area, d_max, d_min, compactness, aspect_ratio, sphericity, Eqs. (17)–(20), µm."""
        return shell_descriptors(self.coefficients)


def draw_shell(law: Law, seed: int, index: int, *, first: int = 0, level: int = 3) -> tuple[Shell, dict[str, int]]:
    """The shell of one particle: the first attempt, from number `first` on, that is a particle, Eq. (7).

    A pure function of (law, seed, index, first). Returns the shell and the rejected attempts by reason: "size" Z_00
    ≤ 0; "radius" not positive and finite somewhere on the icosphere of `level`; "volume" below 10 units³
    (voxels). Raises InputError when 1000 attempts fail.
    """
    coefficients, rejected = draw_shells(law, seed, np.array([index], np.uint64), first=first, level=level)
    return Shell(coefficients[0]), dict(zip(REASONS, rejected[0].tolist(), strict=True))


def draw_shells(
    law: Law, seed: int, indices: np.ndarray, *, first: int = 0, level: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (n, 100) µm of the shells of many particles, and the attempts (n, 3) rejected for each of REASONS.

    Row by row what `draw_shell` gives, to the bit.
    """
    indices = np.asarray(indices, np.uint64)
    out, rejected = np.zeros((len(indices), MAX_ORDERS**2)), np.zeros((len(indices), len(REASONS)), np.int64)
    waiting = np.arange(len(indices))
    for attempt in range(first, first + MAX_ATTEMPTS):
        drawn = law.draw_many(seed, indices[waiting], attempt)
        fault = faults(law, drawn, level)
        good = fault < 0
        out[waiting[good]] = drawn[good]
        waiting, fault = waiting[~good], fault[~good]
        rejected[waiting, fault] += 1
        if not len(waiting):
            return out, rejected
    counts = ", ".join(f"{name} {count}" for name, count in zip(REASONS, rejected[waiting[0]], strict=True))
    raise InputError(f"shell law: {MAX_ATTEMPTS} attempts rejected ({counts}); it draws hardly any particle")


def faults(law: Law, drawn: np.ndarray, level: int = 3) -> np.ndarray:
    """Number among REASONS of why shells (n, 100) µm of a law are no particles, −1 for those that are -> (n,)."""
    found = np.empty(len(drawn), np.int64)
    coefficients = np.ascontiguousarray(drawn[:, : len(law.orders) ** 2])
    least = parameters.MIN_VOLUME * law.unit_um**3
    drawing.faults(coefficients, *_accepting_grid(level, len(law.orders) - 1), least, found)
    return found


class _Directions(NamedTuple):
    """What `drawing.faults` wants to know of a grid of directions, in its order; volume of its unit sphere."""

    place: np.ndarray
    starts: np.ndarray
    basis: np.ndarray
    image: np.ndarray
    vertices: np.ndarray
    faces: np.ndarray
    volume: float


@cache
def _accepting_grid(level: int, order: int) -> _Directions:
    vertices, faces = icosphere(level)
    volume = star_volume_area(np.ones((1, len(vertices))), vertices, faces)[0][0]
    return _Directions(*mirrored_basis(level, order), vertices, faces, float(volume))


_BOUNDS_LEVEL = 5  # 1.6 ms a shell; a level less would widen the box by 13 %
_REACH = 0.0239  # rad, largest angle from any direction to the nearest of that icosphere
