"""From a CT volume to labelled particles, section 2.1.

Lengths are voxels. The paper names Gaussian, Otsu, watershed and the clean-up with its bounds; the markers of
the watershed, connectivity by faces and the estimate of surface area are free choices of this project.
"""

import numpy as np
from scipy import ndimage, sparse

from nmcfast import parameters
from nmcfast.errors import InputError, MissingExtraError
from nmcfast.shell_descriptors import sphericity

try:
    from skimage.filters import threshold_otsu
    from skimage.measure import label as connected_parts
    from skimage.segmentation import watershed
except ImportError as error:
    raise MissingExtraError("CT volumes need scikit-image: pip install 'nmcfast[imaging]'") from error

NECK = 0.1  # free: a neck narrower than the smaller of two bodies by this share parts them
RIPPLE = 0.6  # voxels, free: smaller steps of the distance map are the voxel grid's doing

# 13 directions of the 26-neighbourhood with their share of the sphere (Voronoi weights, Ohser & Schladitz,
# 2009)
_DIRECTIONS = (
    *((d, 2 * 0.045778) for d in ((0, 0, 1), (0, 1, 0), (1, 0, 0))),
    *((d, 2 * 0.036981) for d in ((0, 1, 1), (0, 1, -1), (1, 0, 1), (1, 0, -1), (1, 1, 0), (1, -1, 0))),
    *((d, 2 * 0.035196) for d in ((1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1))),
)


def segment(
    volume: np.ndarray,
    *,
    sigma: float = parameters.SMOOTHING,
    phase: int | None = None,
    neck: float = NECK,
) -> tuple[np.ndarray, dict[str, float]]:
    """Labelled whole particles of a CT volume, section 2.1.

    volume (nz, ny, nx) grey values, or phase numbers when `phase` says which one is the particles: then
    neither Gaussian nor threshold. -> int32 labels 1 …, 0 outside, and the count of what each step found,
    merged and dropped. Raises InputError when the phase is absent or no whole particle is left.
    """
    mask = foreground(volume, sigma) if phase is None else phase_mask(volume, phase)
    labels, counts = clean_labels(part_particles(mask, neck))
    if counts["particles"] == 0:
        cause = f"{counts['basins']} parts, {counts['border']} of the cleaned ones cut by the border"
        raise InputError(f"volume {volume.shape}: no whole particle is left ({cause}); use a larger volume")
    return labels, {"foreground_share": float(mask.mean()), **counts}


def foreground(volume: np.ndarray, sigma: float = parameters.SMOOTHING) -> np.ndarray:
    """Voxels brighter than Otsu's threshold after a Gaussian of σ voxels, section 2.1 -> bool, same shape."""
    if not (np.isfinite(sigma) and sigma >= 0):
        raise InputError(f"sigma: found {sigma}, expected a width in voxels ≥ 0")
    smooth = ndimage.gaussian_filter(volume, sigma, output=np.float32)
    return smooth > threshold_otsu(smooth)


def phase_mask(volume: np.ndarray, phase: int) -> np.ndarray:
    """Voxels of one phase of a segmented volume, section 2.1 -> bool; InputError when there are none."""
    mask = volume == phase
    if not mask.any():
        present = ", ".join(str(value) for value in np.unique(volume)[:10])
        raise InputError(f"phase: found no voxel of phase {phase}, the volume holds {present}")
    return mask


def part_particles(mask: np.ndarray, neck: float = NECK) -> np.ndarray:
    """Touching particles parted at their necks by a watershed of the distance map, section 2.1.

    mask (nz, ny, nx) bool -> int32 labels 1 …, 0 outside. Markers are the maxima of the distance map. Two
    basins stay one particle unless their neck is narrower than (1 − neck) times the smaller body: h-maxima
    with h proportional to size, so that small and large particles are parted by the same rule.
    """
    distance = ndimage.distance_transform_edt(mask).astype(np.float32)
    smooth = ndimage.gaussian_filter(distance, 1.0)
    peaks = (ndimage.maximum_filter(smooth, 3) == smooth) & mask
    markers = ndimage.label(peaks, np.ones((3, 3, 3)))[0]
    basins = watershed(-smooth, markers, mask=mask).astype(np.int32)
    return _join_basins(basins, distance, neck)


def _join_basins(basins: np.ndarray, distance: np.ndarray, neck: float) -> np.ndarray:
    # from the widest neck down, as the water falls: a joined body is as high as the higher of its two
    count = int(basins.max()) + 1
    height = ndimage.maximum(distance, basins, np.arange(count))
    root = np.arange(count)
    for first, second, saddle in _saddles(basins, distance):
        low, high = sorted((_find(root, first), _find(root, second)), key=height.__getitem__)
        if low != high and height[low] - saddle < max(RIPPLE, neck * height[low]):
            root[low] = high
    return _renumber(np.array([_find(root, basin) for basin in range(count)])[basins])


def _saddles(basins: np.ndarray, distance: np.ndarray) -> list[tuple[int, int, float]]:
    """Neighbouring basins with the distance map's height of the pass between them, highest first."""
    pairs, heights = [], []
    for first, second in _steps():
        a, b = basins[first], basins[second]
        touch = (a != b) & (a > 0) & (b > 0)
        pairs.append(np.sort(np.stack([a[touch], b[touch]], axis=1), axis=1))
        heights.append(np.minimum(distance[first][touch], distance[second][touch]))
    pair, place = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)
    saddle = np.zeros(len(pair), dtype=np.float32)
    np.maximum.at(saddle, place.ravel(), np.concatenate(heights))
    return [(*pair[i], saddle[i]) for i in np.argsort(-saddle, kind="stable")]


def _steps() -> list[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    return [_shifted(direction) for direction, _ in _DIRECTIONS[:3]]


def _shifted(direction: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Slices of a volume and of the same volume one step further in a direction."""
    here = tuple(slice(max(0, -step), min(0, -step) or None) for step in direction)
    there = tuple(slice(max(0, step), min(0, step) or None) for step in direction)
    return here, there


def _find(root: np.ndarray, item: int) -> int:
    while root[item] != item:
        root[item] = root[root[item]]
        item = int(root[item])
    return int(item)


def _renumber(labels: np.ndarray) -> np.ndarray:
    used = np.flatnonzero(np.bincount(labels.ravel())[1:]) + 1
    table = np.zeros(int(labels.max()) + 1, dtype=np.int32)
    table[used] = np.arange(1, used.size + 1)
    return table[labels]


def clean_labels(labels: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
    """Labels of connected, compact, whole particles, section 2.1 -> int32 labels and counts.

    Disconnected parts become particles of their own. Those below 10 voxels or of sphericity below 0.5 join
    the neighbour with the largest contact, the smallest first; without a neighbour they are dropped, as is
    what still fails after one round of joining. Particles cut by the border of the volume are dropped last.
    """
    parts = connected_parts(labels, connectivity=1).astype(np.int32)
    small, rough = _faults(parts)
    joined, alone = _join_faulty(parts, small | rough)
    still = np.logical_or(*_faults(joined))
    border = _at_border(joined) & ~still
    result = _renumber(np.where((still | border)[joined], 0, joined))
    return result, {
        "basins": int(labels.max()),
        "split": int(parts.max() - labels.max()),
        "small": int(small.sum()),
        "rough": int((rough & ~small).sum()),
        "merged": int((small | rough).sum()) - alone,
        "dropped_alone": alone,
        "dropped_after_merge": int(still.sum()),
        "border": int(border.sum()),
        "particles": int(result.max()),
    }


def _faults(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each label is too small and whether it is too rough; label 0 and unused ones are neither."""
    volume = np.bincount(labels.ravel())
    area = np.maximum(surface_area(labels), 1.0)
    there = volume > 0
    there[0] = False
    rough = np.asarray(sphericity(volume, area)) < parameters.MIN_SPHERICITY
    return there & (volume < parameters.MIN_VOLUME), there & rough


def surface_area(labels: np.ndarray) -> np.ndarray:
    """Surface area of each label by Cauchy–Crofton, A of Eq. (20), voxels² -> (largest label + 1,).

    A = 2 Σ_d w_d N_d / |d| with N_d crossings of the surface along 13 directions d: no bias from the
    staircase, about 1 % for balls of radius ≥ 5. What the border of the volume cuts off is not counted.
    """
    count = int(labels.max()) + 1
    area = np.zeros(count)
    for direction, weight in _DIRECTIONS:
        first, second = _shifted(direction)
        a, b = labels[first], labels[second]
        cut = a != b
        crossings = np.bincount(a[cut], minlength=count) + np.bincount(b[cut], minlength=count)
        area += 2.0 * weight * crossings / np.linalg.norm(direction)
    return area


def _join_faulty(labels: np.ndarray, faulty: np.ndarray) -> tuple[np.ndarray, int]:
    contact = _contacts(labels)
    volume = np.bincount(labels.ravel())
    root, alone = np.arange(len(faulty)), 0
    for label in sorted(np.flatnonzero(faulty), key=volume.__getitem__):
        start, stop = contact.indptr[label], contact.indptr[label + 1]
        if start == stop:
            root[label] = 0
            alone += 1
            continue
        neighbour = int(contact.indices[start + np.argmax(contact.data[start:stop])])
        if _find(root, neighbour) != label:  # a pair of faulty ones that chose each other is joined already
            root[label] = _find(root, neighbour)
    return np.array([_find(root, label) for label in range(len(root))])[labels], alone


def _contacts(labels: np.ndarray) -> sparse.csr_matrix:
    """Faces that each two labels share, symmetric, without label 0."""
    count = int(labels.max()) + 1
    total = sparse.csr_matrix((count, count), dtype=np.int64)
    for first, second in _steps():
        a, b = labels[first], labels[second]
        touch = (a != b) & (a > 0) & (b > 0)
        pair = sparse.coo_matrix((np.ones(touch.sum(), np.int64), (a[touch], b[touch])), (count, count))
        total = total + pair + pair.T
    return total.tocsr()


def _at_border(labels: np.ndarray) -> np.ndarray:
    cut = np.zeros(int(labels.max()) + 1, dtype=bool)
    for axis in range(3):
        for end in (0, -1):
            cut[np.unique(np.take(labels, end, axis=axis))] = True
    cut[0] = False
    return cut
