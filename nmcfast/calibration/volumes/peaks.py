"""How many phases the grey values of a volume show: peaks of the histogram of its flat places."""

import itertools

import numpy as np
from scipy import ndimage

from nmcfast.calibration.volumes.grey import BINS, Grey, limited

VALLEY = 0.6  # free: a valley lower than this share of the lower peak parts two peaks
PEAK_SHARE = 0.03  # free: least share of a peak
APART = 0.2  # free: least distance of two peaks in the range of the values
FLAT = 0.3  # free: places of a slope less than this share of the steepest are flat


def peaks(counts: np.ndarray, edges: np.ndarray) -> list[float]:
    """Grey values of the peaks of a histogram that valleys part, each with its share of the voxels."""
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), 3.0)
    middle = 0.5 * (edges[1:] + edges[:-1])
    tops = [i for i in range(BINS) if smooth[i] > 0 and smooth[i] >= smooth[max(0, i - 4) : i + 5].max()]
    while len(tops) > 1:
        valleys = [smooth[a : b + 1].min() / min(smooth[a], smooth[b]) for a, b in itertools.pairwise(tops)]
        shares = _shares(smooth, tops)
        flat, rare = int(np.argmax(valleys)), int(np.argmin(shares))
        if valleys[flat] > VALLEY:
            tops.pop(flat if smooth[tops[flat]] < smooth[tops[flat + 1]] else flat + 1)
        elif shares[rare] < PEAK_SHARE:
            tops.pop(rare)
        else:
            break
    return [float(middle[top]) for top in tops]


def _shares(smooth: np.ndarray, tops: list[int]) -> list[float]:
    """Share of the voxels about each peak, from valley to valley."""
    cuts = [0, *(a + int(smooth[a : b + 1].argmin()) for a, b in itertools.pairwise(tops)), len(smooth)]
    return [float(smooth[a:b].sum() / smooth.sum()) for a, b in itertools.pairwise(cuts)]


def seen_peaks(grey: Grey) -> list[float]:
    """Peaks of the grey values of flat places that the volume and most of its eighths show alike.

    Steep places, where two phases meet within a voxel, have any value between. A slow change of brightness widens or
    splits peaks, at another value in each eighth; a phase has one everywhere.
    """
    best: list[float] = []
    for sigma in (0.7, 1.2):
        flat = _flat_places(grey, sigma)
        seen = flat[np.isfinite(flat)]
        span = np.quantile(seen, [0.001, 0.999]) if seen.size else np.zeros(2)
        if span[0] == span[1]:
            continue
        room = 0.05 * (span[1] - span[0])
        span = np.array([span[0] - room, span[1] + room])
        found = _peaks_of(flat, span)
        halves = [(slice(0, size // 2), slice(size // 2, None)) for size in flat.shape]
        eighths = [flat[halves[0][a], halves[1][b], halves[2][c]] for a in (0, 1) for b in (0, 1) for c in (0, 1)]
        alike = [_peaks_of(part, span) for part in eighths if np.isfinite(part).sum() > 1000]
        near = 0.08 * (span[1] - span[0])
        kept = [p for p in found if sum(any(abs(p - q) < near for q in part) for part in alike) > 0.7 * len(alike)]
        best = kept if len(kept) > len(best) and _apart(kept, seen) else best
    return best


def _apart(tops: list[float], seen: np.ndarray) -> bool:
    """Whether peaks lie apart by a fifth of the range of the values, which rings and shades hardly reach."""
    low, high = np.quantile(seen, [0.001, 0.999])
    return len(tops) < 2 or bool(np.diff(tops).min() > APART * (high - low))


def _peaks_of(part: np.ndarray, span: np.ndarray) -> list[float]:
    return peaks(*np.histogram(part[np.isfinite(part)], BINS, tuple(span)))


def _flat_places(grey: Grey, sigma: float) -> np.ndarray:
    """Values smoothed by σ of a middle block of at most 160³ voxels; NaN outside the view and where they are steep."""
    box = tuple(slice(max(0, size // 2 - 80), size // 2 + 80) for size in grey.values.shape)
    raw = grey.sign * limited(grey.values[box], grey.limits)
    smooth = ndimage.gaussian_filter(raw, sigma)
    slope = ndimage.gaussian_gradient_magnitude(raw, sigma)
    seen = np.ones(raw.shape, bool) if grey.view is None else ndimage.binary_erosion(grey.view[box], iterations=3)
    if not seen.any():
        return np.full(raw.shape, np.nan, np.float32)
    return np.where(seen & (slope < FLAT * np.quantile(slope[seen], 0.99)), smooth, np.float32(np.nan))
