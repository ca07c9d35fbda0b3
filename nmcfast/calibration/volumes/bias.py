"""What smoothing and Otsu's threshold do to volumes, from balls of the same sizes with sharp surfaces."""

from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from nmcfast.calibration.volumes.grey import BINS, class_means, otsu

_STEPS = 400  # radii at which a profile is known


@dataclass(frozen=True)
class Bias:
    """Error of the volumes at Otsu's threshold, as a share, and the unbiased one between its class means, 0 to 1."""

    volume: float
    unbiased: float


def smoothed_ball(distance: np.ndarray, radius: float, sigma: float) -> np.ndarray:
    """A ball of value 1 after a Gaussian of width σ, at distances from its centre > 0; lengths in one unit."""
    near, far, root = distance - radius, distance + radius, np.sqrt(2.0) * sigma
    waves = np.exp(-((near / root) ** 2)) - np.exp(-((far / root) ** 2))
    return 0.5 * (erf(far / root) - erf(near / root)) - sigma * waves / (distance * np.sqrt(2.0 * np.pi))


def bias_of(found: np.ndarray, share: float, sigma: float) -> Bias:
    """What Otsu's threshold after a Gaussian of σ voxels does to balls that it shows with the radii found.

    found (n,) equivalent radii in voxels, share of the volume that is solid. The true radii are those whose images at
    Otsu's threshold have the radii found: three rounds. An instrument's own blur and noise come on top.
    """
    if sigma == 0.0:
        return Bias(0.0, 0.5)
    shown = np.quantile(found, (np.arange(16) + 0.5) / 16)
    true = shown.copy()
    for _ in range(4):
        profiles = [_profile(radius, sigma) for radius in true]
        true_share = share * (true**3).sum() / (shown**3).sum()
        counts, edges = _histogram(profiles, true, min(true_share, 0.95))
        threshold = otsu(counts, edges)[0]
        seen = np.array([_radius_at(profile, threshold) for profile in profiles])
        true = true * np.clip(shown / np.maximum(seen, 1e-3), 0.5, 2.0)
    low, high = class_means(counts, edges, threshold)
    volume = float((seen**3).sum() / (_last(true, shown, seen) ** 3).sum()) - 1.0
    return Bias(volume, (_unbiased(profiles, _last(true, shown, seen)) - low) / (high - low))


def _last(true: np.ndarray, shown: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The radii whose profiles were computed last, before their last correction."""
    return true / np.clip(shown / np.maximum(seen, 1e-3), 0.5, 2.0)


def _profile(radius: float, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    distance = (np.arange(_STEPS) + 0.5) * (radius + 5.0 * sigma) / _STEPS
    return distance, smoothed_ball(distance, radius, sigma)


def _radius_at(profile: tuple[np.ndarray, np.ndarray], threshold: float) -> float:
    """Radius within which a profile, which falls outwards, exceeds a threshold; 0 where it never does."""
    distance, value = profile
    return float(np.interp(-threshold, -value, distance)) if value[0] > threshold else 0.0


def _histogram(
    profiles: list[tuple[np.ndarray, np.ndarray]], radii: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Volume by smoothed value of isolated balls, with as much pore as makes them the given share of the whole."""
    counts = np.zeros(BINS)
    for distance, value in profiles:
        weight = 4.0 * np.pi * distance**2 * (distance[1] - distance[0])
        counts += np.histogram(value, BINS, (0.0, 1.0), weights=weight)[0]
    whole = 4.0 / 3.0 * np.pi * (radii**3).sum() / share
    counts[0] = max(0.0, counts[0] + whole - counts.sum())
    return counts, np.linspace(0.0, 1.0, BINS + 1)


def _unbiased(profiles: list[tuple[np.ndarray, np.ndarray]], radii: np.ndarray) -> float:
    """Threshold at which the balls have their true volume together, by bisection."""
    low, high, target = 0.0, 1.0, (radii**3).sum()
    for _ in range(40):
        middle = 0.5 * (low + high)
        volume = sum(_radius_at(profile, middle) ** 3 for profile in profiles)
        low, high = (middle, high) if volume > target else (low, middle)
    return 0.5 * (low + high)
