"""Radii as exponentials of expansions, log X(u) = Σ b_lm Y_lm(u), from the expansions of Eq. (7) and back.

Ours, not the paper's. X = exp(Σ b Y) has all orders, a shell has (L + 1)² coefficients: a_lm = Σ_u w(u) X(u) Y_lm(u)
over a grid of 384 directions whose quadrature is exact to order 23, so orders of X up to 23 − L do not disturb. This
map b → a is the gradient of the convex function Σ_u w(u) exp(Σ b Y(u)): no two b give the same a, and Newton's method
finds the b of any a with positive radii. So a law of b is a law of a and has a density there.
"""

from functools import cache

import numpy as np

from nmcfast.errors import InputError
from nmcfast.kernels.shells.harmonics import real_harmonics
from nmcfast.shells.harmonics import order_of, parity_classes

POLAR, AZIMUTH = 16, 24  # free: 64 · 32 directions change coefficients of the CT shells by 5e-4 voxels (rms)
MAX_STEPS = 60  # Newton steps; shells of CT need three or four
_CLOSE = 1e-11  # of log X, where Newton's steps end


def _legendre(order: int, x: float) -> tuple[float, float]:
    """Legendre polynomials of `order` and order − 1 at x."""
    below, here = 1.0, x
    for k in range(2, order + 1):
        below, here = here, ((2 * k - 1) * x * here - (k - 1) * below) / k
    return here, below


def _root(low: float, high: float) -> float:
    """Root of the Legendre polynomial between two points of different sign, by halving: the same on every machine."""
    sign = _legendre(POLAR, low)[0] > 0.0
    while low < (middle := 0.5 * (low + high)) < high:
        low, high = (middle, high) if (_legendre(POLAR, middle)[0] > 0.0) == sign else (low, middle)
    return low


def _heights() -> tuple[np.ndarray, np.ndarray]:
    """cos θ > 0 of the nodes of Gauss and Legendre with their weights -> (8,), (8,)."""
    steps = [k / 256.0 for k in range(257)]
    above = [_legendre(POLAR, x)[0] > 0.0 for x in steps]
    nodes = [_root(steps[k], steps[k + 1]) for k in range(256) if above[k] != above[k + 1]]
    weights = [2.0 * (1.0 - x * x) / (POLAR * _legendre(POLAR, x)[1]) ** 2 for x in nodes]
    return np.array(nodes), np.array(weights)


def _azimuths() -> np.ndarray:
    """cos φ, sin φ at φ = π / 24, 3 π / 24 … 11 π / 24, by roots alone: the same on every machine -> (6, 2)."""
    cosine, sine = 0.5, np.sqrt(0.75)  # of π / 3, halved three times
    for _ in range(3):
        cosine, sine = np.sqrt(0.5 * (1.0 + cosine)), np.sqrt(0.5 * (1.0 - cosine))
    turn = (1.0 - 2.0 * sine * sine, 2.0 * sine * cosine)
    found = [(cosine, sine)]
    for _ in range(AZIMUTH // 4 - 1):
        c, s = found[-1]
        found.append((c * turn[0] - s * turn[1], s * turn[0] + c * turn[1]))
    return np.array(found)


@cache
def octant() -> tuple[np.ndarray, np.ndarray]:
    """Directions of the grid with x, y, z > 0, whose mirror images are the others, and weights -> (48, 3), (48,)."""
    height, weight = _heights()
    around = _azimuths()
    level = np.sqrt(1.0 - height * height)[:, None, None] * around
    up = np.broadcast_to(height[:, None, None], (*level.shape[:2], 1))
    pi = 3.141592653589793
    return np.concatenate([level, up], axis=2).reshape(-1, 3), np.repeat(weight * (2.0 * pi / AZIMUTH), len(around))


@cache
def _grid(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Y_lm in all 384 directions, and the same times the weights -> (384, (order + 1)²) each."""
    directions, weights = octant()
    signs = 1.0 - 2.0 * (np.arange(8)[:, None] >> np.arange(3) & 1)
    basis = real_harmonics((signs[:, None] * directions).reshape(-1, 3), order)
    return np.ascontiguousarray(basis), np.ascontiguousarray(basis * np.tile(weights, 8)[:, None])


@cache
def expansion_tables(order: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """place, starts, basis and weighted of `kernels.joint_shells.draw_joint` for shells of an order."""
    directions, weights = octant()
    place, starts = parity_classes(order)
    basis = np.ascontiguousarray(real_harmonics(directions, order).T[place])
    width = -(-int(np.diff(starts).max()) // 8) * 8
    weighted = np.zeros((8, len(weights), width))
    for c in range(8):
        part = slice(starts[c], starts[c + 1])
        weighted[c, :, : starts[c + 1] - starts[c]] = (basis[part] * weights).T
    return place, starts, basis, weighted


def exponential(logarithms: np.ndarray) -> np.ndarray:
    """Coefficients a_lm of X(u) = exp(Σ b_lm Y_lm(u)), Eq. (7): (n, (L + 1)²) b_lm -> (n, (L + 1)²)."""
    basis, weighted = _grid(order_of(logarithms.shape[1]))
    return np.exp(logarithms @ basis.T) @ weighted


def logarithm(coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """b_lm of shells with coefficients a_lm, the inverse of `exponential`, and log det ∂a/∂b.

    coefficients (n, (L + 1)²) in any unit -> (n, (L + 1)²), (n,). Raises InputError where Newton's method finds none,
    which is where radii are not positive.
    """
    found = [_invert(row) for row in coefficients]
    failed = [k for k, (b, _) in enumerate(found) if not np.isfinite(b).all()]
    if failed:
        raise InputError(f"shells: {len(failed)} of {len(found)}, first {failed[0]}, are no exponentials: radii near 0")
    return np.array([b for b, _ in found]), np.array([determinant for _, determinant in found])


def _invert(row: np.ndarray) -> tuple[np.ndarray, float]:
    basis, weighted = _grid(order_of(len(row)))
    radius = basis @ row
    b = weighted.T @ np.log(np.maximum(radius, 0.01 * np.abs(radius).max()))
    for _ in range(MAX_STEPS):
        grown = weighted.T * np.exp(basis @ b)
        slope = grown @ basis
        step = np.linalg.solve(slope, grown.sum(axis=1) - row)
        longest = float(np.abs(basis @ step).max())
        b = b - step * min(1.0, 1.0 / longest if longest > 0.0 else 1.0)  # a radius changes by at most e in a step
        if longest < _CLOSE:
            return b, float(np.linalg.slogdet(slope)[1])
    return np.full(len(row), np.nan), np.nan
