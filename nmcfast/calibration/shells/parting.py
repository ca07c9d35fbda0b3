"""Touching particles parted at their necks, section 2.1, in one piece or in blocks that give the same labels.

The paper names the watershed; its markers, the rule of the neck and connectivity by faces are free choices here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nmcfast.calibration.volumes.checks import DIRECT
from nmcfast.errors import MissingExtraError

try:
    from skimage.segmentation import watershed
except ImportError as error:
    raise MissingExtraError("CT volumes need scikit-image: pip install 'nmcfast[imaging]'") from error

NECK = 0.1  # free: a neck narrower than the smaller of two bodies by this share parts them
RIPPLE = 0.6  # voxels, free: smaller steps of the distance map are the voxel grid's doing
CORE = 80  # voxels, edge of a block
ROOM = 12  # voxels beyond the largest inscribed radius that a block sees around it
SLAB = 32  # slices handled at a time
STEPS = (((0, 0, 1)), ((0, 1, 0)), ((1, 0, 0)))
Box = tuple[slice, ...]
Progress = Callable[[int, int], None]


@dataclass
class Basins:
    """What the watershed of one block says: basins by the number of their marker, heights and passes."""

    name: np.ndarray
    height: np.ndarray
    pair: np.ndarray
    saddle: np.ndarray


def part_particles(
    mask: np.ndarray, neck: float = NECK, core: int | None = None, progress: Progress | None = None
) -> np.ndarray:
    """Touching particles parted at their necks by a watershed of the distance map, section 2.1.

    mask (nz, ny, nx) bool -> int32 labels 1 …, 0 outside. Markers are the maxima of the distance map. Two
    basins stay one particle unless their neck is narrower than (1 − neck) times the smaller body: h-maxima
    with h proportional to size, so that small and large particles are parted by the same rule.
    core: edge of the blocks in voxels; None takes one block up to 32 million voxels. A block sees as much around it as
    the largest inscribed radius and some more, and a marker is called by its place, so blocks agree on it. progress is
    called with the number of blocks done and of all.
    """
    if mask.size >= np.iinfo(np.int32).max:
        raise MemoryError(f"{mask.size} voxels are more than 32-bit labels can number")
    edge = core or (max(mask.shape) if mask.size <= DIRECT else CORE)
    halo = 0 if edge >= max(mask.shape) else int(_largest_radius(mask)) + ROOM
    labels = np.zeros(mask.shape, np.int32)
    found, boxes = [], list(_boxes(mask.shape, edge))
    for number, box in enumerate(boxes, 1):
        if mask[box].any():
            found.append(_basins(mask, labels, box, halo))
        if progress is not None:
            progress(number, len(boxes))
    if not found:
        return labels
    names, root = _join(found, neck)
    table = np.cumsum(root == np.arange(root.size)).astype(np.int32)[root]
    for start in range(0, len(labels), SLAB):
        slab = labels[start : start + SLAB]
        solid = slab > 0
        slab[solid] = table[np.searchsorted(names, slab[solid])]
    return labels


def _boxes(shape: tuple[int, ...], edge: int) -> Iterator[Box]:
    for corner in np.ndindex(*(-(-size // edge) for size in shape)):
        yield tuple(slice(c * edge, min((c + 1) * edge, size)) for c, size in zip(corner, shape, strict=True))


def _largest_radius(mask: np.ndarray) -> float:
    """Radius of the largest inscribed ball, not below the true one: from every n-th voxel, n − 1 more added."""
    step = max(1, int(np.ceil((mask.size / 2_000_000) ** (1 / 3))))
    coarse = mask[::step, ::step, ::step]
    return step * float(ndimage.distance_transform_edt(coarse).max()) + step


def _basins(mask: np.ndarray, labels: np.ndarray, core: Box, halo: int) -> Basins:
    """Watershed of a block with its surroundings; the core's basins go into labels, called by their markers."""
    wide = tuple(slice(max(0, c.start - halo), min(s, c.stop + halo)) for c, s in zip(core, mask.shape, strict=True))
    body = mask[wide]
    distance = ndimage.distance_transform_edt(body).astype(np.float32)
    smooth = ndimage.gaussian_filter(distance, 1.0)
    peaks = (ndimage.maximum_filter(smooth, 3) == smooth) & body
    markers = ndimage.label(peaks, np.ones((3, 3, 3)))[0]
    names = _places(markers, wide, mask.shape)
    basins = watershed(-smooth, markers, mask=body).astype(np.int32)
    inner = tuple(slice(c.start - w.start, c.stop - w.start) for c, w in zip(core, wide, strict=True))
    labels[core] = names[basins[inner]]
    count = int(basins.max()) + 1
    height = ndimage.maximum(distance[inner], basins[inner], np.arange(count))
    pair, saddle = _passes(basins, distance, inner)
    here = np.flatnonzero(np.bincount(basins[inner].ravel(), minlength=count)[1:]) + 1
    return Basins(names[here], np.asarray(height)[here], names[pair], saddle)


def _places(markers: np.ndarray, wide: Box, shape: tuple[int, ...]) -> np.ndarray:
    """Number of each marker: the place of its first voxel in the whole volume, plus 1; 0 for 0."""
    flat = np.flatnonzero(markers)
    first, index = np.unique(markers.ravel()[flat], return_index=True)
    place = np.unravel_index(flat[index], markers.shape)
    names = np.zeros(int(markers.max()) + 1, np.int32)
    whole = tuple(p + w.start for p, w in zip(place, wide, strict=True))
    names[first] = np.ravel_multi_index(whole, shape) + 1
    return names


def _passes(basins: np.ndarray, distance: np.ndarray, inner: Box) -> tuple[np.ndarray, np.ndarray]:
    """Neighbouring basins (k, 2) about the core with the distance map's height of the pass between them."""
    pairs, heights = [], []
    reach = tuple(slice(part.start, part.stop + 1) for part in inner)
    near, deep = basins[reach], distance[reach]
    for direction in STEPS:
        first, second = shifted(direction)
        a, b = near[first], near[second]
        touch = (a != b) & (a > 0) & (b > 0)
        pairs.append(np.sort(np.stack([a[touch], b[touch]], axis=1), axis=1))
        heights.append(np.minimum(deep[first][touch], deep[second][touch]))
    return _highest(np.concatenate(pairs), np.concatenate(heights))


def _highest(pairs: np.ndarray, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pair, place = np.unique(pairs, axis=0, return_inverse=True)
    saddle = np.zeros(len(pair), dtype=np.float32)
    np.maximum.at(saddle, place.ravel(), heights)
    return pair, saddle


def _join(found: list[Basins], neck: float) -> tuple[np.ndarray, np.ndarray]:
    """Names of all basins, ascending, and of each the place of the basin it belongs to."""
    names, place = np.unique(np.concatenate([block.name for block in found]), return_inverse=True)
    height = np.zeros(names.size, np.float32)
    np.maximum.at(height, place, np.concatenate([block.height for block in found]))
    pair, saddle = _highest(np.concatenate([block.pair for block in found]), np.concatenate([b.saddle for b in found]))
    known = np.isin(pair, names).all(axis=1)  # a basin only seen beyond every core is none
    pair, saddle = np.searchsorted(names, pair[known]), saddle[known]
    # from the widest neck down, as the water falls: a joined body is as high as the higher of its two
    root = np.arange(names.size)
    for k in np.argsort(-saddle, kind="stable"):
        low, high = sorted((find(root, pair[k, 0]), find(root, pair[k, 1])), key=height.__getitem__)
        if low != high and height[low] - saddle[k] < max(RIPPLE, neck * height[low]):
            root[low] = high
    return names, np.array([find(root, basin) for basin in range(names.size)])


def shifted(direction: tuple[int, ...]) -> tuple[Box, Box]:
    """Slices of a volume and of the same volume one step further in a direction."""
    here = tuple(slice(max(0, -step), min(0, -step) or None) for step in direction)
    there = tuple(slice(max(0, step), min(0, step) or None) for step in direction)
    return here, there


def find(root: np.ndarray, item: int) -> int:
    """The end of an item's chain of parents; the chain is shortened on the way."""
    while root[item] != item:
        root[item] = root[root[item]]
        item = int(root[item])
    return int(item)
