"""Laws of the coefficients of outer shells, order by order, Eqs. (5), (6), Table 1."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from nmcfast import parameters
from nmcfast.errors import InputError
from nmcfast.kernels.shells import drawing

MAX_ORDERS = parameters.ORDER + 1  # a shell has 100 coefficients, and so have the stored ones
STANDINGS = ("published", "estimated", "fitted")
FAMILIES: dict[str, tuple[str, ...]] = {
    "normal": ("mean", "deviation"),
    "lognormal": ("shape", "location", "scale"),
    "student_t": ("freedom", "location", "scale"),
    "sinh_arcsinh": ("location", "scale", "skewness", "tail"),
}
_NUMBERS = {"normal": drawing.NORMAL, "lognormal": drawing.LOGNORMAL, "student_t": drawing.STUDENT_T}
_POSITIVE = {"deviation", "shape", "scale", "freedom", "tail"}


class Law(Protocol):
    """What a law of shells can do: its name, its unit in µm, a law of each order, coefficients drawn from it."""

    @property
    def law(self) -> str: ...

    @property
    def unit_um(self) -> float: ...

    @property
    def orders(self) -> tuple["OrderLaw", ...]: ...

    def draw(self, seed: int, index: int, attempt: int) -> np.ndarray: ...

    def draw_many(self, seed: int, indices: np.ndarray, attempt: int | np.ndarray) -> np.ndarray: ...

    def to_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class OrderLaw:
    """Law of the coefficients of one order l, Eq. (5) or (6): family, parameters and where they come from.

    family "normal" (mean, deviation), "lognormal" (shape, location, scale) or "student_t" (freedom, location,
    scale); "sinh_arcsinh" (location, scale, skewness, tail) is for `JointLaw` alone; standing "published", "estimated"
    or "fitted"; standard_error like parameters, or None.
    """

    family: str
    parameters: tuple[float, ...]
    standing: str
    standard_error: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        expect(self.family in FAMILIES, "family", self.family, f"one of {', '.join(FAMILIES)}")
        expect(self.standing in STANDINGS, "standing", self.standing, f"one of {', '.join(STANDINGS)}")
        names = FAMILIES[self.family]
        values = dict(zip(names, self.parameters, strict=False))
        expect(len(self.parameters) == len(names), "parameters", self.parameters, ", ".join(names))
        for name, value in values.items():
            good = math.isfinite(value) and (value > 0 or name not in _POSITIVE)
            expect(good, name, value, "a positive number" if name in _POSITIVE else "a finite number")
        if self.standard_error is not None:
            expect(len(self.standard_error) == len(names), "standard_error", self.standard_error, str(names))

    def to_dict(self) -> dict[str, Any]:
        """The law as plain values with named parameters, ready for JSON."""
        names = FAMILIES[self.family]
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
        family = get(record, "family")
        expect(family in FAMILIES, "family", family, f"one of {', '.join(FAMILIES)}")
        names = FAMILIES[family]
        errors = record.get("standard_error")
        return cls(
            family,
            _numbers(get(record, "parameters"), names),
            get(record, "standing"),
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
        expect(self.law in ("independent", "relative"), "law", self.law, "independent, relative or joint")
        check_whole(self.unit_um, self.orders, tuple(_NUMBERS))

    @cached_property
    def _table(self) -> np.ndarray:
        """The law of each coefficient as `drawing.draw_coefficients` has it; padded with normal ones of deviation 0."""
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

    def draw_many(self, seed: int, indices: np.ndarray, attempt: int | np.ndarray) -> np.ndarray:
        """Coefficients of an attempt of each of many particles, accepted or not, as `draw` gives them -> (n, 100) µm.

        attempt: one for all, or (n,).

        A tail beyond float32 becomes infinite: such a shell is rejected by its radius.
        """
        out = np.zeros((len(indices), MAX_ORDERS**2))
        drawn = out[:, : len(self.orders) ** 2]
        drawing.draw_many(np.uint64(seed), *whose(indices, attempt), *self._drawing, drawn)
        return out

    def to_dict(self) -> dict[str, Any]:
        """The law as plain values, ready for JSON."""
        orders = [order.to_dict() for order in self.orders]
        return {"law": self.law, "unit_um": self.unit_um, "orders": orders}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "ShellLaw":
        """The law that `to_dict` wrote; InputError names the order and the field that is wrong."""
        return cls(get(record, "law"), *read_whole(record))


def whose(indices: np.ndarray, attempt: int | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Particles (n,) uint64 and attempts (n,) int64 as kernels take them; one attempt is that of all."""
    particles = np.asarray(indices, np.uint64)
    return particles, np.ascontiguousarray(np.broadcast_to(np.asarray(attempt, np.int64), particles.shape))


def check_whole(unit_um: float, orders: tuple[OrderLaw, ...], families: tuple[str, ...]) -> None:
    """InputError where unit, number or families of the orders of a law are not what they must be."""
    good = isinstance(unit_um, float) and math.isfinite(unit_um) and unit_um > 0
    expect(good, "unit_um", unit_um, "a positive length in µm")
    expect(1 <= len(orders) <= MAX_ORDERS, "orders", len(orders), f"1 to {MAX_ORDERS}")
    for order, law in enumerate(orders):
        expect(law.family in families, f"orders[{order}]: family", law.family, f"one of {', '.join(families)}")


def read_whole(record: Mapping[str, Any]) -> tuple[float, tuple[OrderLaw, ...]]:
    """unit_um and orders of the record of a law; InputError names the order and the field that is wrong."""
    unit, listed = get(record, "unit_um"), get(record, "orders")
    expect(isinstance(unit, int | float), "unit_um", unit, "a positive length in µm")
    expect(isinstance(listed, list | tuple), "orders", listed, "a list, one entry an order")
    orders = []
    for order, entry in enumerate(listed):
        expect(isinstance(entry, Mapping), f"orders[{order}]", entry, "a table with family and parameters")
        try:
            orders.append(OrderLaw.from_dict(entry))
        except InputError as error:
            raise InputError(f"shell law, orders[{order}]: {error}") from None
    return float(unit), tuple(orders)


def _row(law: OrderLaw) -> tuple[float, float, float, float, float]:
    """Family, degrees of freedom, location, scale and rate of `drawing.draw_coefficients`."""
    family, p = _NUMBERS[law.family], law.parameters
    if law.family == "normal":
        return family, 1.0, p[0], p[1], 0.0
    return (family, 1.0, p[1], p[2], p[0]) if law.family == "lognormal" else (family, p[0], p[1], p[2], -2.0 / p[0])


def expect(good: bool, name: str, value: object, expected: str) -> None:
    """InputError with what was found and what was expected where a value is not good."""
    if not good:
        raise InputError(f"{name}: found {value!r}, expected {expected}")


def get(record: Mapping[str, Any], name: str) -> Any:
    """A field of a record; InputError where it is missing."""
    expect(name in record, name, "nothing", "a value")
    return record[name]


def _numbers(record: Any, names: tuple[str, ...]) -> tuple[float, ...]:
    expect(isinstance(record, Mapping), "parameters", record, f"a table with {', '.join(names)}")
    values = [get(record, name) for name in names]
    for name, value in zip(names, values, strict=True):
        good = isinstance(value, int | float) and not isinstance(value, bool)
        expect(good, name, value, "a number")
    return tuple(float(value) for value in values)


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
