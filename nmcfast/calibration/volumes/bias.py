"""What smoothing and Otsu's threshold do to volumes, from a phantom of the same sizes with sharp surfaces."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nmcfast.calibration.volumes.grey import BINS, class_means, otsu

RADIUS = 8.0  # voxels, mean radius of the phantom's balls: σ is scaled with them
ROUNDS = 4  # of true sizes from those seen


@dataclass(frozen=True)
class Bias:
    """Error of the volumes at Otsu's threshold, as a share; the unbiased threshold between its class means, 0 to 1."""

    volume: float
    unbiased: float


def bias_of(found: np.ndarray, share: float, sigma: float) -> Bias:
    """What Otsu's threshold after a Gaussian of σ voxels does to balls that it shows with the radii found.

    found (n,) equivalent radii in voxels, share of the volume that is solid. The phantom has eight balls of quantiles
    of these radii on a periodic lattice, scaled until Otsu shows them as large as found. An instrument's own blur and
    noise come on top, shapes other than balls and contacts differ.
    """
    if sigma == 0.0:
        return Bias(0.0, 0.5)
    scale = RADIUS / float(found.mean())
    shown = np.quantile(found, (np.arange(8) + 0.5) / 8) * scale
    ratio = 1.0
    for _ in range(ROUNDS):
        body = _phantom(shown / ratio ** (1 / 3), min(share / ratio, 0.9))
        smooth = ndimage.gaussian_filter(body, sigma * scale, mode="wrap")
        counts, edges = np.histogram(smooth, BINS)
        threshold = otsu(counts, edges)[0]
        ratio = float((smooth > threshold).sum() / body.sum())
    low, high = class_means(counts, edges, threshold)
    kept = float(np.quantile(smooth, 1.0 - body.mean()))
    return Bias(ratio - 1.0, (kept - low) / (high - low))


def _phantom(radii: np.ndarray, share: float) -> np.ndarray:
    """Eight balls on a periodic cubic lattice, each voxel with the share of it that is solid."""
    cell = round((4.0 / 3.0 * np.pi * (radii**3).mean() / share) ** (1 / 3))
    body = np.zeros((2 * cell,) * 3, np.float32)
    steps = (np.arange(2 * cell) + 0.5) / cell
    for corner, radius in zip(np.ndindex(2, 2, 2), radii[[0, 7, 6, 1, 5, 2, 3, 4]], strict=True):
        away = [cell * np.abs((steps - c - 0.5 + 1) % 2 - 1) for c in corner]
        distance = np.sqrt(away[0][:, None, None] ** 2 + away[1][None, :, None] ** 2 + away[2][None, None] ** 2)
        body = np.maximum(body, np.clip(radius + 0.5 - distance, 0.0, 1.0))
    return body
