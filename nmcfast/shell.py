"""Random outer shells: the law of their coefficients and shells drawn from it, Eqs. (5)–(7), Table 1."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np

from nmcfast import parameters
from nmcfast.errors import InputError
from nmcfast.harmonics import grid_radii, icosphere, mirrored_basis, order_of
from nmcfast.kernels import shells
from nmcfast.kernels.harmonics import box_of, radii_at, star_volume_area
from nmcfast.shell_descriptors import shell_descriptors

MAX_ATTEMPTS = 1000  # free choice: Table 1's law needs one or two
MAX_ORDERS = parameters.ORDER + 1  # a shell has 100 coefficients, and so have the stored ones
REASONS = ("size", "radius", "volume")
STANDINGS = ("published", "estimated", "fitted")
FAMILIES: dict[str, tuple[float, tuple[str, ...]]] = {
    "normal": (shells.NORMAL, ("mean", "deviation")),
    "lognormal": (shells.LOGNORMAL, ("shape", "location", "scale")),
    "student_t": (shells.STUDENT_T, ("freedom", "location", "scale")),
}
_POSITIVE = {"deviation", "shape", "scale", "freedom"}


@dataclass(frozen=True)
class OrderLaw:
    """Law of the coefficients of one order l, Eq. (5) or (6): family, parameters and where they come from.

    family "normal" (mean, deviation), "lognormal" (shape, location, scale) or "student_t" (freedom, location,
    scale); standing "published", "estimated" or "fitted"; standard_error like parameters, or None.
    """

    family: str
    parameters: tuple[float, ...]
    standing: str
    standard_error: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        _expect(self.family in FAMILIES, "family", self.family, f"one of {', '.join(FAMILIES)}")
        _expect(self.standing in STANDINGS, "standing", self.standing, f"one of {', '.join(STANDINGS)}")
        names = FAMILIES[self.family][1]
        values = dict(zip(names, self.parameters, strict=False))
        _expect(len(self.parameters) == len(names), "parameters", self.parameters, ", ".join(names))
        for name, value in values.items():
            good = math.isfinite(value) and (value > 0 or name not in _POSITIVE)
            _expect(good, name, value, "a positive number" if name in _POSITIVE else "a finite number")
        if self.standard_error is not None:
            _expect(len(self.standard_error) == len(names), "standard_error", self.standard_error, str(names))

    def to_dict(self) -> dict[str, Any]:
        """The law as plain values with named parameters, ready for JSON."""
        names = FAMILIES[self.family][1]
        errors = self.standard_error
        return {
            "family": self.family,
            "parameters": dict(zip(names, self.parameters, strict=True)),
            "standing": self.standing,
            "standard_error": None if errors is None else dict(zip(names, errors, strict=True)),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "OrderLaw":
        """The law that `to_dict` wrote; InputError names the field that is missing or wrong."""
        family = _get(record, "family")
        _expect(family in FAMILIES, "family", family, f"one of {', '.join(FAMILIES)}")
        names = FAMILIES[family][1]
        errors = record.get("standard_error")
        return cls(
            family,
            _numbers(_get(record, "parameters"), names),
            _get(record, "standing"),
            None if errors is None else _numbers(errors, names),
        )


@dataclass(frozen=True)
class ShellLaw:
    """Law of a whole shell, section 2.3: one OrderLaw for each order l = 0 … L.

    law "independent": Z_lm as Eqs. (5), (6) have it. law "relative": the orders l ≥ 1 describe Z_lm / Z_00.
    unit_um: µm in one length unit of the parameters (0.128, the nano-CT voxel, in the paper).
    """

    law: str
    unit_um: float
    orders: tuple[OrderLaw, ...]

    def __post_init__(self) -> None:
        _expect(self.law in ("independent", "relative"), "law", self.law, "independent or relative")
        good = isinstance(self.unit_um, float) and math.isfinite(self.unit_um) and self.unit_um > 0
        _expect(good, "unit_um", self.unit_um, "a positive length in µm")
        _expect(1 <= len(self.orders) <= MAX_ORDERS, "orders", len(self.orders), f"1 to {MAX_ORDERS}")

    @cached_property
    def _table(self) -> np.ndarray:
        """The law of each coefficient as `shells.draw_coefficients` has it; padded with normal ones of deviation 0."""
        count = len(self.orders) ** 2
        table = np.zeros((5, -(-count // 8) * 8))
        table[1] = 1.0
        for order, law in enumerate(self.orders):
            table[:, order**2 : (order + 1) ** 2] = np.array(_row(law))[:, None]
        return table.ravel()

    @property
    def _drawing(self) -> tuple[np.ndarray, bool, float]:
        return self._table, self.law == "relative", self.unit_um

    def draw(self, seed: int, index: int, attempt: int) -> np.ndarray:
        """Coefficients of one attempt, accepted or not, Eq. (7) -> (100,) µm, float32 values, 0 above the law's L."""
        return self.draw_many(seed, np.array([index], np.uint64), attempt)[0]

    def draw_many(self, seed: int, indices: np.ndarray, attempt: int) -> np.ndarray:
        """Coefficients of one attempt of each of many particles, accepted or not, as `draw` gives them -> (n, 100) µm.

        A tail beyond float32 becomes infinite: such a shell is rejected by its radius.
        """
        out = np.zeros((len(indices), MAX_ORDERS**2))
        drawn = out[:, : len(self.orders) ** 2]
        shells.draw_many(np.uint64(seed), np.asarray(indices, np.uint64), attempt, *self._drawing, drawn)
        return out

    def to_dict(self) -> dict[str, Any]:
        """The law as plain values, ready for JSON."""
        orders = [order.to_dict() for order in self.orders]
        return {"law": self.law, "unit_um": self.unit_um, "orders": orders}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "ShellLaw":
        """The law that `to_dict` wrote; InputError names the order and the field that is wrong."""
        unit, listed = _get(record, "unit_um"), _get(record, "orders")
        _expect(isinstance(unit, int | float), "unit_um", unit, "a positive length in µm")
        _expect(isinstance(listed, list | tuple), "orders", listed, "a list, one entry an order")
        orders = []
        for order, entry in enumerate(listed):
            _expect(isinstance(entry, Mapping), f"orders[{order}]", entry, "a table with family and parameters")
            try:
                orders.append(OrderLaw.from_dict(entry))
            except InputError as error:
                raise InputError(f"shell law, orders[{order}]: {error}") from None
        return cls(_get(record, "law"), float(unit), tuple(orders))


def _row(law: OrderLaw) -> tuple[float, float, float, float, float]:
    """Family, degrees of freedom, location, scale and rate of `shells.draw_coefficients`."""
    family, p = FAMILIES[law.family][0], law.parameters
    if law.family == "normal":
        return family, 1.0, p[0], p[1], 0.0
    return (family, 1.0, p[1], p[2], p[0]) if law.family == "lognormal" else (family, p[0], p[1], p[2], -2.0 / p[0])


def _expect(good: bool, name: str, value: object, expected: str) -> None:
    if not good:
        raise InputError(f"{name}: found {value!r}, expected {expected}")


def _get(record: Mapping[str, Any], name: str) -> Any:
    _expect(name in record, name, "nothing", "a value")
    return record[name]


def _numbers(record: Any, names: tuple[str, ...]) -> tuple[float, ...]:
    _expect(isinstance(record, Mapping), "parameters", record, f"a table with {', '.join(names)}")
    values = [_get(record, name) for name in names]
    for name, value in zip(names, values, strict=True):
        good = isinstance(value, int | float) and not isinstance(value, bool)
        _expect(good, name, value, "a number")
    return tuple(float(value) for value in values)


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


def draw_shell(law: ShellLaw, seed: int, index: int, *, first: int = 0, level: int = 3) -> tuple[Shell, dict[str, int]]:
    """The shell of one particle: the first attempt, from number `first` on, that is a particle, Eq. (7).

    A pure function of (law, seed, index, first). Returns the shell and the rejected attempts by reason: "size" Z_00
    ≤ 0; "radius" not positive and finite somewhere on the icosphere of `level`; "volume" below 10 units³
    (voxels). Raises InputError when 1000 attempts fail.
    """
    coefficients, rejected = draw_shells(law, seed, np.array([index], np.uint64), first=first, level=level)
    return Shell(coefficients[0]), dict(zip(REASONS, rejected[0].tolist(), strict=True))


def draw_shells(
    law: ShellLaw, seed: int, indices: np.ndarray, *, first: int = 0, level: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (n, 100) µm of the shells of many particles, and the attempts (n, 3) rejected for each of REASONS.

    Row by row what `draw_shell` gives, to the bit.
    """
    out, rejected = np.zeros((len(indices), MAX_ORDERS**2)), np.empty((len(indices), len(REASONS)), np.int64)
    drawn = out[:, : len(law.orders) ** 2]
    least = parameters.MIN_VOLUME * law.unit_um**3
    shells.accept(
        np.uint64(seed),
        np.asarray(indices, np.uint64),
        first,
        MAX_ATTEMPTS,
        *law._drawing,
        *_accepting_grid(level, len(law.orders) - 1),
        least,
        drawn,
        rejected,
    )
    failed = rejected[rejected.sum(axis=1) == MAX_ATTEMPTS]
    if len(failed):
        counts = ", ".join(f"{name} {count}" for name, count in zip(REASONS, failed[0], strict=True))
        raise InputError(f"shell law: {MAX_ATTEMPTS} attempts rejected ({counts}); it draws hardly any particle")
    return out, rejected


class _Directions(NamedTuple):
    """What `shells.accept` wants to know of a grid of directions, in its order; volume of its unit sphere."""

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


def _order_0(scale: float) -> OrderLaw:
    return OrderLaw("lognormal", (parameters.SIZE_SHAPE, parameters.SIZE_LOCATION, scale), "estimated")


PUBLISHED = ShellLaw(
    "independent",
    parameters.VOXEL_UM,
    (
        _order_0(parameters.SIZE_SCALE),
        *(
            OrderLaw("student_t", (nu, 0.0, tau), "published")
            for nu, tau in zip(parameters.NU, parameters.TAU, strict=True)
        ),
    ),
)
