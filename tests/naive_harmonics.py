"""Slow, readable references of harmonics and star polyhedra, Eqs. (1), (2), (7), (18), (20), in float64."""

from math import factorial

import numpy as np
from numpy.polynomial import legendre


def associated_legendre(order, m, x, sine):
    """P_l^m(x) = (1 − x²)^(m/2) d^m/dx^m P_l(x), without Condon–Shortley sign; sine = √(1 − x²) is given."""
    series = legendre.legder(np.eye(order + 1)[order], m)
    return sine**m * legendre.legval(x, series)


def harmonic(order, m, direction):
    """Y_lm(u), Eq. (2) as printed, with cos θ as the argument."""
    x, y, z = direction / np.linalg.norm(direction)
    phi, n = np.arctan2(y, x), abs(m)
    norm = np.sqrt((2 * order + 1) / (4 * np.pi) * factorial(order - n) / factorial(order + n))
    value = norm * associated_legendre(order, n, z, np.hypot(x, y))
    if m == 0:
        return value
    return np.sqrt(2) * value * (np.sin(n * phi) if m < 0 else np.cos(n * phi))


def radius(coefficients, direction):
    """X(u) = Σ Z_lm Y_lm(u), Eq. (7)."""
    top = round(np.sqrt(len(coefficients)))
    pairs = [(order, m) for order in range(top) for m in range(-order, order + 1)]
    return sum(z * harmonic(order, m, direction) for z, (order, m) in zip(coefficients, pairs, strict=True))


def star_volume_area(radius, vertices, faces):
    """Volume as a sum of tetrahedra from the centre, area as a sum of triangles."""
    volume = area = 0.0
    for a, b, c in faces:
        p, q, r = radius[a] * vertices[a], radius[b] * vertices[b], radius[c] * vertices[c]
        volume += np.linalg.det([p, q, r]) / 6
        area += np.linalg.norm(np.cross(q - p, r - p)) / 2
    return volume, area


def star_radius(mask, centre, direction, step=5e-3):
    """P(u) of Eq. (1), first exit, by small steps along the ray; x, y, z in index space."""
    distance = 0.0
    while True:
        x, y, z = np.rint(centre + distance * direction).astype(int)
        inside = all(0 <= i < n for i, n in zip((z, y, x), mask.shape, strict=True)) and mask[z, y, x]
        if not inside:
            return distance
        distance += step
