"""From grey values to a mask: outliers, the Gaussian, how many classes, the threshold, section 2.1.

The paper names a Gaussian of 1.8 voxels and Otsu's threshold. All else here is this project's, each with a note.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nmcfast.calibration.volumes.volume import Note
from nmcfast.errors import InputError

BINS = 256
SLAB = 32  # slices smoothed at a time
KEPT = 40_000_000  # voxels up to which the smoothed volume is kept between the passes
TAIL = 0.005  # free: share at either end that may be outliers
FAR = 0.5  # free: outliers lie beyond the range of the rest by half of it
RARE = 0.02  # free: a brighter class of less than this share is looked at as outliers
HALO = 2  # voxels about an outlier that its blur may have reached
PARTED = 0.85  # free: Otsu's between-class share of the variance from which the rest has two classes


@dataclass(frozen=True)
class Grey:
    """A grey volume ready to be thresholded: values, view (None: all), limits that outliers are clipped to, σ, sign.

    sign −1: particles are dark. Smoothed values are computed slab by slab, the same as of the whole volume.
    """

    values: np.ndarray
    view: np.ndarray | None
    limits: tuple[float, float]
    sigma: float
    sign: int = 1

    def smooth(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Slabs of the volume after the Gaussian -> float32; outside the view its weight is left out."""
        reach = int(4.0 * self.sigma + 0.5)
        for start in range(0, len(self.values), SLAB):
            stop = min(start + SLAB, len(self.values))
            low, high = max(0, start - reach), min(len(self.values), stop + reach)
            wide = slice(low, high)
            raw = self.sign * limited(self.values[wide], self.limits)
            if self.view is None:
                slab = ndimage.gaussian_filter(raw, self.sigma, output=np.float32)
            else:
                weight = ndimage.gaussian_filter(self.view[wide].astype(np.float32), self.sigma)
                total = ndimage.gaussian_filter(raw * self.view[wide], self.sigma)
                slab = total / np.maximum(weight, 1e-6)
            yield slice(start, stop), slab[start - low : stop - low]

    def seen(self, place: slice, slab: np.ndarray) -> np.ndarray:
        """Values of a slab that lie in the view, flat."""
        return slab.ravel() if self.view is None else slab[self.view[place]]


def limited(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Values clipped -> float32; wide types are clipped first, since they may hold more than float32 does."""
    if values.dtype.itemsize > 4:
        return np.clip(values, *limits).astype(np.float32)
    return np.clip(values.astype(np.float32), *limits)


def checked_sigma(sigma: float) -> float:
    if not (np.isfinite(sigma) and sigma >= 0):
        raise InputError(f"sigma: found {sigma}, expected a width in voxels ≥ 0")
    return sigma


def clip_limits(
    values: np.ndarray, view: np.ndarray | None, percent: float | None
) -> tuple[tuple[float, float], list[Note]]:
    """Grey values between which all lie, and what was done with outliers, in place.

    percent: values are clipped so many percent from either end. None: values farther from the middle 99 % than half its
    range, and specks far brighter than two classes of the rest, take the value of their surroundings.
    """
    if percent is not None and not 0.0 <= percent < 50.0:
        raise InputError(f"--clip: found {percent}, expected a share in percent from 0 to below 50")
    seen = _sample(values, view)
    if percent is None:
        low, high = _far(seen)
        count = _fill_outliers(values, view, low, high)
        words = (
            f"{count} voxels of far outlying grey values, beyond {low:.5g} to {high:.5g}, take the value around them"
        )
        option = "--clip 0"
    else:
        low, high = (float(value) for value in np.quantile(seen, [percent / 100, 1 - percent / 100]))
        count = sum(int(((slab < low) | (slab > high)).sum()) for slab in values) if percent else 0
        words, option = f"{count} voxels of outlying grey values clipped to {low:.5g} to {high:.5g}", "--clip"
    if low == high:
        raise InputError(
            f"found the grey value {low:g} nearly everywhere, expected at least two phases; "
            "add --clip 0 to keep outliers"
        )
    return (low, high), [Note(words, option)] if count else []


def _sample(values: np.ndarray, view: np.ndarray | None) -> np.ndarray:
    """Values of the view as float64, every n-th of large volumes."""
    step = max(1, values.size // 4_000_000)
    inside = values.ravel()[::step]
    return (inside if view is None else inside[view.ravel()[::step]]).astype(np.float64)


def _far(seen: np.ndarray) -> tuple[float, float]:
    """Values beyond which all are outliers."""
    low, high = _middle(seen)
    for _ in range(4):
        rest = seen[(seen >= low) & (seen <= high)]
        specks = _specks(rest)
        if specks is None:
            break
        high = _middle(rest[rest <= specks])[1]
    return low, high


def _specks(rest: np.ndarray) -> float | None:
    """Value above which a few voxels lie farther from the brighter of two classes than these from each other."""
    cut = otsu(*np.histogram(rest, BINS))[0]
    upper = rest[rest > cut]
    tries = [cut] if upper.size == 0 or upper.min() == upper.max() else [cut, otsu(*np.histogram(upper, BINS))[0]]
    for limit in tries:
        above, below = rest[rest > limit], rest[rest <= limit]
        if not 0 < above.size < RARE * rest.size or below.min() == below.max():
            continue
        inner, parted = otsu(*np.histogram(below, BINS))
        bright, dark = below[below > inner].mean(), below[below <= inner].mean()
        if parted > PARTED and above.mean() - bright > bright - dark:
            return limit
    return None


def _middle(seen: np.ndarray) -> tuple[float, float]:
    """Range of values without far outliers: the middle 99 % and half its range at either end."""
    near, far = (float(value) for value in np.quantile(seen, [TAIL, 1.0 - TAIL]))
    if near == far:
        near, far = (float(value) for value in np.quantile(seen, [TAIL / 50, 1.0 - TAIL / 50]))
    room = FAR * (far - near)
    return near - room, far + room


def _fill_outliers(values: np.ndarray, view: np.ndarray | None, low: float, high: float) -> int:
    """Values beyond the limits, and what blur has carried of them into their neighbours, from the nearest others."""
    if values.dtype == bool or (values.min() >= low and values.max() <= high):
        return 0
    far = (values < low) | (values > high)
    if view is not None:
        far &= view
    count = int(far.sum())
    parts, _ = ndimage.label(far, np.ones((3, 3, 3)))
    for box in ndimage.find_objects(parts):
        wide = tuple(slice(max(0, part.start - 4), part.stop + 4) for part in box)
        halo = ndimage.binary_dilation(far[wide], iterations=HALO)
        if halo.all():
            continue
        near = ndimage.distance_transform_edt(halo, return_distances=False, return_indices=True)
        values[wide] = np.where(halo, values[wide][tuple(near)], values[wide])
    return count


def histogram(grey: Grey) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Counts and edges of the smoothed values in 256 bins, and the smoothed slabs where they are few enough to keep."""
    kept: list[np.ndarray] = []
    keep = grey.values.size <= KEPT
    low, high = np.inf, -np.inf
    for place, slab in grey.smooth():
        seen = grey.seen(place, slab)
        if seen.size:
            low, high = min(low, float(seen.min())), max(high, float(seen.max()))
        if keep:
            kept.append(slab.copy())
    counts, edges = np.zeros(BINS, np.int64), np.linspace(low, high, BINS + 1)
    for place, slab in _slabs(grey, kept):
        counts += np.histogram(grey.seen(place, slab), BINS, (low, high))[0]
    return counts, edges, kept


def _slabs(grey: Grey, kept: list[np.ndarray]) -> Iterator[tuple[slice, np.ndarray]]:
    if not kept:
        yield from grey.smooth()
    for number, slab in enumerate(kept):
        yield slice(number * SLAB, number * SLAB + len(slab)), slab


def above(grey: Grey, threshold: float, kept: list[np.ndarray]) -> np.ndarray:
    """Voxels of the view whose smoothed value exceeds a threshold -> bool."""
    mask = np.empty(grey.values.shape, bool)
    for place, slab in _slabs(grey, kept):
        mask[place] = slab > threshold
        if grey.view is not None:
            mask[place] &= grey.view[place]
    return mask


def otsu(counts: np.ndarray, edges: np.ndarray) -> tuple[float, float]:
    """Otsu's threshold of a histogram and the share of the variance that lies between its two classes."""
    middle = 0.5 * (edges[1:] + edges[:-1])
    weight = np.cumsum(counts.astype(np.float64))
    total = np.cumsum(counts * middle)
    rest = weight[-1] - weight
    with np.errstate(divide="ignore", invalid="ignore"):
        between = weight * rest * (total / weight - (total[-1] - total) / rest) ** 2 / weight[-1] ** 2
    place = int(np.nanargmax(between[:-1]))
    mean = total[-1] / weight[-1]
    variance = float((counts * (middle - mean) ** 2).sum() / weight[-1])
    return float(middle[place]), float(between[place]) / variance if variance > 0 else 0.0


def multi_otsu(counts: np.ndarray, edges: np.ndarray, classes: int) -> list[float]:
    """Thresholds that part a histogram into classes of least variance within, Liao et al. (2001)."""
    middle = 0.5 * (edges[1:] + edges[:-1])
    weight = np.concatenate([[0.0], np.cumsum(counts.astype(np.float64))])
    total = np.concatenate([[0.0], np.cumsum(counts * middle)])
    gain = np.zeros((BINS + 1, BINS + 1))  # of a class from one bin up to before another
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = (total[None] - total[:, None]) ** 2 / (weight[None] - weight[:, None])
    gain[~np.isfinite(gain) | (np.arange(BINS + 1)[None] <= np.arange(BINS + 1)[:, None])] = -np.inf
    best, cuts = gain[0], []
    for _ in range(classes - 1):
        sums = best[:, None] + gain
        cuts.append(sums.argmax(axis=0))
        best = sums.max(axis=0)
    place, thresholds = BINS, []
    for cut in reversed(cuts):
        place = int(cut[place])
        thresholds.append(float(middle[max(0, place - 1)]))
    return thresholds[::-1]


def class_means(counts: np.ndarray, edges: np.ndarray, threshold: float) -> tuple[float, float]:
    """Mean value below and above a threshold."""
    middle = 0.5 * (edges[1:] + edges[:-1])
    low = middle <= threshold
    return (
        float((counts * middle)[low].sum() / max(1, counts[low].sum())),
        float((counts * middle)[~low].sum() / max(1, counts[~low].sum())),
    )
