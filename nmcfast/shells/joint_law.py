"""Law `joint` of outer shells: log X(u) expanded, energies of its orders drawn together. Ours, not the paper's.

log X(u) = log ρ + Σ_{l ≥ 1} b_lm Y_lm(u), with E_l = Σ_m b_lm². ρ, log E_1 … log E_L have margins of their own and a
Gaussian copula: a particle that is rough is so in all orders. b_l· is uniform on the sphere of 2l + 1 dimensions and
radius √E_l, so the law does not change under rotation. X is expanded to order L (`log_expansion`): Eq. (7).
docs/decisions/007-joint-shells.md says why.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nmcfast.kernels.shells import joint
from nmcfast.shells.law import MAX_ORDERS, Law, OrderLaw, ShellLaw, check_whole, expect, get, read_whole, whose
from nmcfast.shells.log_expansion import expansion_tables

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class JointLaw:
    """Law of a whole shell by its size and the energies of its orders, Eq. (7).

    orders: margins of ρ, log E_1 … log E_L, each "sinh_arcsinh": location + scale · sinh((arsinh z + skewness) /
    tail) of a normal z. correlation (L + 1, L + 1): of these z, shrunk by `shrinkage` when fitted; correlation_error
    alike, or None. unit_um: µm in one length unit of ρ.
    """

    unit_um: float
    orders: tuple[OrderLaw, ...]
    correlation: Matrix
    correlation_error: Matrix | None = None
    shrinkage: float = 0.0

    @property
    def law(self) -> str:
        """Its name in model files."""
        return "joint"

    def __post_init__(self) -> None:
        check_whole(self.unit_um, self.orders, ("sinh_arcsinh",))
        expect(0.0 <= self.shrinkage <= 1.0, "shrinkage", self.shrinkage, "a number from 0 to 1")
        _check_square("correlation", self.correlation, len(self.orders))
        if self.correlation_error is not None:
            _check_square("correlation_error", self.correlation_error, len(self.orders))
        for j, row in enumerate(self.correlation):
            expect(row[j] == 1.0, f"correlation[{j}][{j}]", row[j], "1")
            for k in range(j):
                expect(row[k] == self.correlation[k][j], f"correlation[{j}][{k}]", row[k], "a symmetric matrix")
        _cholesky(self.correlation)

    @cached_property
    def _table(self) -> np.ndarray:
        """What `joint.draw_joint` wants to know: margins of ρ and log √E_l, columns of the factor."""
        count = len(self.orders)
        table = np.zeros((4 + count, -(-count // 8) * 8))
        for order, margin in enumerate(self.orders):
            location, scale, skewness, tail = margin.parameters
            half = 0.5 if order else 1.0
            table[:4, order] = location * half, scale * half, skewness, 1.0 / tail
        table[4:, :count] = np.array(_cholesky(self.correlation)).T
        return table

    def draw(self, seed: int, index: int, attempt: int) -> np.ndarray:
        """Coefficients of one attempt, accepted or not, Eq. (7) -> (100,) µm, float32 values, 0 above the law's L."""
        return self.draw_many(seed, np.array([index], np.uint64), attempt)[0]

    def draw_many(self, seed: int, indices: np.ndarray, attempt: int | np.ndarray) -> np.ndarray:
        """Coefficients of an attempt of each of many particles, accepted or not, as `draw` gives them -> (n, 100) µm.

        attempt: one for all, or (n,).

        A tail beyond float64 becomes infinite or no number: such a shell is rejected by its size or radius.
        """
        out = np.zeros((len(indices), MAX_ORDERS**2))
        tables = expansion_tables(len(self.orders) - 1)
        drawn = out[:, : len(self.orders) ** 2]
        particles, tries = whose(indices, attempt)
        joint.draw_joint(np.uint64(seed), particles, tries, self._table, self.unit_um, *tables, drawn)
        return out

    def to_dict(self) -> dict[str, Any]:
        """The law as plain values, ready for JSON."""
        error = self.correlation_error
        return {
            "law": self.law,
            "unit_um": self.unit_um,
            "orders": [order.to_dict() for order in self.orders],
            "correlation": [list(row) for row in self.correlation],
            "correlation_error": None if error is None else [list(row) for row in error],
            "shrinkage": self.shrinkage,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "JointLaw":
        """The law that `to_dict` wrote; InputError names the order and the field that is wrong."""
        unit, orders = read_whole(record)
        error = record.get("correlation_error")
        shrinkage = record.get("shrinkage", 0.0)
        expect(isinstance(shrinkage, int | float), "shrinkage", shrinkage, "a number from 0 to 1")
        return cls(
            unit,
            orders,
            _matrix("correlation", get(record, "correlation")),
            None if error is None else _matrix("correlation_error", error),
            float(shrinkage),
        )


def read_law(record: Mapping[str, Any]) -> Law:
    """The law of shells of a model file: `ShellLaw` or `JointLaw`; InputError names what is wrong."""
    return JointLaw.from_dict(record) if record.get("law") == "joint" else ShellLaw.from_dict(record)


def _matrix(name: str, rows: Any) -> Matrix:
    good = isinstance(rows, list | tuple) and all(isinstance(row, list | tuple) for row in rows)
    expect(good, name, rows, "a list of rows of numbers")
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for row in rows for value in row)
    expect(numbers, name, rows, "a list of rows of numbers")
    return tuple(tuple(float(value) for value in row) for row in rows)


def _check_square(name: str, matrix: Matrix, count: int) -> None:
    expect(len(matrix) == count, name, f"{len(matrix)} rows", f"{count}, one an order")
    for j, row in enumerate(matrix):
        expect(len(row) == count and all(map(math.isfinite, row)), f"{name}[{j}]", row, f"{count} finite numbers")


def _cholesky(matrix: Matrix) -> list[list[float]]:
    """The lower triangular factor, sum by sum, the same bits on every machine; InputError where there is none."""
    factor = [[0.0] * len(matrix) for _ in matrix]
    for j in range(len(matrix)):
        for k in range(j + 1):
            rest = matrix[j][k]
            for i in range(k):
                rest -= factor[j][i] * factor[k][i]
            if j > k:
                factor[j][k] = rest / factor[k][k]
            else:
                expect(rest > 1e-12, "correlation", f"variance {rest:.3g} left at order {j}", "a positive definite one")
                factor[j][j] = math.sqrt(rest)
    return factor
