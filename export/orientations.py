"""Orientations in the forms that solvers ask for: Bunge's angles and crystal axes, see docs/conventions.md."""

import numpy as np


def matrices(orientation: np.ndarray) -> np.ndarray:
    """Rotation matrices (n, 3, 3) of quaternions (n, 4), w first: columns are the crystal's x ∥ a, y and z ∥ c."""
    w, x, y, z = (np.asarray(orientation, np.float64) / np.linalg.norm(orientation, axis=1, keepdims=True)).T
    rows = (
        (1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)),
        (2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)),
        (2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=1)


def bunge_angles(orientation: np.ndarray) -> np.ndarray:
    """Bunge's angles (φ1, Φ, φ2) in rad, (n, 3), of quaternions (n, 4): in [0, 2π), [0, π], [0, 2π).

    Turns about z, x′, z″ that bring the particle's axes onto the crystal's. Where Φ is 0 or π, φ2 is 0.
    """
    w, x, y, z = np.asarray(orientation, np.float64).T
    upper, lower = np.hypot(w, z), np.hypot(x, y)
    total, difference = 2.0 * np.arctan2(z, w), 2.0 * np.arctan2(y, x)
    flat, turned = lower <= 1e-9 * upper, upper <= 1e-9 * lower
    phi1 = np.where(flat, total, np.where(turned, difference, (total + difference) / 2.0))
    phi2 = np.where(flat | turned, 0.0, (total - difference) / 2.0)
    return np.stack([phi1 % (2.0 * np.pi), 2.0 * np.arctan2(lower, upper), phi2 % (2.0 * np.pi)], axis=1)
