"""Shape descriptors of outer shells as pure functions of arrays, Eqs. (17)–(20).

Directions come from `harmonics.icosphere`, whose antipodal order makes P(u) + P(−u) a reversal. Polyhedra lie
inside smooth bodies, so grids lose a little. Against level 6, over shells of Table 1, mean (worst of 247):
volume −0.4 % (1.8 %), area −0.3 % (1.0 %), sphericity +0.0004 (0.004), d_max −0.1 % (0.6 %), A_R −0.3 % (4.2
%) at level 4; compactness +0.003 (0.025) at level 3.
"""

import numpy as np
from scipy.spatial import ConvexHull

from nmcfast.errors import InputError
from nmcfast.kernels.shells.harmonics import star_volume_area
from nmcfast.shells.harmonics import grid_radii, icosphere

LEVEL = 4  # 2,562 directions for volume, area and diameters: 0.3 ms a shell
HULL_LEVEL = 3  # 642 for the convex hull: 2 ms a shell, 5 ms at level 4


def diameters(radius: np.ndarray) -> np.ndarray:
    """Extents P(u) + P(−u) through the centre, Eq. (17); radius (…, p) in antipodal order -> (…, p / 2)."""
    half = radius.shape[-1] // 2
    return radius[..., :half] + radius[..., : -half - 1 : -1]


def d_max(radius: np.ndarray) -> np.ndarray:
    """Diameter, the largest extent through the centre, Eq. (17); radius (…, p) in antipodal order -> (…)."""
    return diameters(radius).max(axis=-1)


def d_min(radius: np.ndarray) -> np.ndarray:
    """Smallest extent through the centre, of Eq. (19); radius (…, p) in antipodal order -> (…)."""
    return diameters(radius).min(axis=-1)


def aspect_ratio(radius: np.ndarray) -> np.ndarray:
    """Aspect ratio A_R = d_max / d_min ≥ 1, Eq. (19); radius (…, p) > 0 in antipodal order -> (…)."""
    return d_max(radius) / d_min(radius)


def volume_area(radius: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> tuple[float, float]:
    """Volume and surface area of the star polyhedron, V and A of Eqs. (18), (20).

    radius (p,), vertices (p, 3) unit, faces (f, 3) -> cube and square of the unit of the radius.
    """
    volume, area = star_volume_area(np.ascontiguousarray(radius)[None], vertices, faces)
    return float(volume[0]), float(area[0])


def compactness(radius: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> float:
    """Compactness γ, volume over that of the convex hull, 1 for convex bodies, Eq. (18).

    radius (p,) > 0, vertices (p, 3) unit, faces (f, 3); volume and hull on the same corners. Raises
    InputError when a radius is not positive and finite: the polyhedron would fold.
    """
    if not (np.isfinite(radius).all() and (radius > 0).all()):
        raise InputError(f"radius: found {np.min(radius)} at least, expected positive finite lengths")
    hull = ConvexHull(radius[:, None] * vertices).volume
    return volume_area(radius, vertices, faces)[0] / float(hull)


def sphericity(volume: np.ndarray | float, area: np.ndarray | float) -> np.ndarray | float:
    """Sphericity Ψ = π^(1/3) (6 V)^(2/3) / A, 1 for the ball and less for all else, Eq. (20)."""
    return np.pi ** (1 / 3) * np.power(6 * np.asarray(volume), 2 / 3) / area


def shell_descriptors(coefficients: np.ndarray) -> dict[str, float]:
    """All descriptors of one shell from its coefficients, Eqs. (17)–(20).

    coefficients ((L + 1)²,) -> volume, area, d_max, d_min in powers of their unit; compactness, aspect_ratio,
    sphericity. Raises InputError when a radius is not positive.
    """
    fine, coarse = (grid_radii(np.asarray(coefficients)[None], level)[0] for level in (LEVEL, HULL_LEVEL))
    volume, area = volume_area(fine, *icosphere(LEVEL))
    return {
        "volume": volume,
        "area": area,
        "d_max": float(d_max(fine)),
        "d_min": float(d_min(fine)),
        "compactness": compactness(coarse, *icosphere(HULL_LEVEL)),
        "aspect_ratio": float(aspect_ratio(fine)),
        "sphericity": float(sphericity(volume, area)),
    }
