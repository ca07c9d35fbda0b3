"""Grains of an EBSD map, from misorientations or from image quality, sections 2.2 and 4.4."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse, spatial

from nmcfast.ebsd.grid import Grid, cells_of, neighbour_pairs, places_of
from nmcfast.ebsd.map import EbsdMap, Phase
from nmcfast.ebsd.symmetry import laue_of
from nmcfast.errors import InputError, MissingExtraError
from nmcfast.misorientation import LAUE_GROUPS, misorientation, quaternions, symmetry_operators
from nmcfast.sections.grain_map import MOST_PIXELS, GrainMap, Points, finish_grain_map

Index = NDArray[np.int64]

MODEL_PIXEL = 0.05  # µm, in which the paper's grain model is written
CHUNK = 1 << 20  # pairs of points compared at a time
GAP = 2.1  # steps: a fragment joins a grain of its orientation this near, across one unindexed or foreign point


class UnknownSymmetryError(InputError):
    """Points of a phase whose symmetry neither file nor option tells."""


@dataclass(frozen=True)
class Watershed:
    """How image quality is cut: width of the Gaussian, pixels; least dip between grains, share of range."""

    smoothing: float = 1.0
    depth: float = 0.05


def segment_grains(
    m: EbsdMap,
    angle: float = 5.0,
    *,
    by: Literal["misorientation", "quality"] | Watershed = "misorientation",
    symmetry: str | None = None,
    minimum_points: int = 5,
    pixel_size: float | None = None,
    particle: Literal["largest", "all"] = "largest",
    centre: tuple[float, float] | None = None,
) -> GrainMap:
    """Labelled grains of a map, sections 2.2 and 4.4.

    Neighbouring indexed points (4 on square, 6 on hexagonal grids) of one phase belong to one grain when
    their misorientation is at most `angle` degrees; by="quality", or a Watershed, cuts the image quality
    instead. symmetry: a point group, instead of the header's. Fragments of fewer than minimum_points join what
    has their orientation within two steps: thin grains end in such pieces. What stays smaller is left
    unassigned. pixel_size µm: by default the step of a square grid; otherwise 0.05 where the step is 0.05 to
    0.1, else the smaller step. particle and centre as in finish_grain_map. counts: points, unindexed,
    small_grains, small_grain_points, grains_outside_particle, pixels_unassigned. The paper gives neither
    threshold nor clean-up: both are choices of this project. Raises InputError for a bad parameter, a phase
    of unknown symmetry, or when no grain is left.
    """
    if not (0 < angle < 180 and minimum_points >= 1):
        raise InputError(
            f"angle {angle}, minimum_points {minimum_points}; expected 0 < angle < 180 and minimum_points ≥ 1"
        )
    size = _pixel_size(m.layout, pixel_size)
    points = nearest_points(m.layout, size)
    cell = m.step[0] * m.step[1]
    if by == "misorientation":
        label, counts = _drop_small(_components(m, np.deg2rad(angle), symmetry, minimum_points), minimum_points)
        labels = np.append(label, 0)[points]  # index −1: no point
    elif by == "quality" or isinstance(by, Watershed):
        image = _cut_quality(m, points, by if isinstance(by, Watershed) else Watershed())
        labels, counts = _drop_small(image, max(1, round(minimum_points * cell / size**2)))
    else:
        raise InputError(f"by is {by!r}; expected 'misorientation' or 'quality'")
    counts = {"points": len(m), "unindexed": int((~m.indexed).sum()), **counts}
    origin = m.layout.corner[0] - m.step[0] / 2, m.layout.corner[1] - m.step[1] / 2
    try:
        found = finish_grain_map(labels, size, particle, centre, origin, counts)
    except InputError as error:
        raise InputError(f"{m.path}: {error}") from error
    return replace(found, points=_assigned(m, label, labels, found)) if by == "misorientation" else found


def _assigned(m: EbsdMap, label: NDArray[np.integer], before: NDArray[np.integer], found: GrainMap) -> Points:
    """Points of the grains of a map, whose pixels were numbered otherwise before it was finished."""
    number = np.zeros(label.max() + 1, dtype=np.int32)
    kept = found.labels > 0
    number[before[kept]] = found.labels[kept]
    own = number[label]
    position = places_of(m.layout)
    return Points(position[own > 0], own[own > 0])


def nearest_points(layout: Grid, pixel_size: float) -> Index:
    """Point nearest to each pixel's centre, −1 where its place holds no point.

    -> (ny, nx); the array's corner lies half a step left of and above point (0, 0). A pixel takes the label
    of the cell it lies in, so boundaries move by at most half a pixel.
    """
    (dx, dy), (rows, columns) = layout.step, layout.shape
    ny = max(1, round(rows * dy / pixel_size))
    nx = max(1, round((columns + 0.5 * (layout.shifted >= 0)) * dx / pixel_size))
    if ny * nx > MOST_PIXELS:
        raise InputError(
            f"pixel size {pixel_size:g} µm makes {ny} × {nx} pixels, over {MOST_PIXELS:,}: use a larger one"
        )
    cells = np.pad(cells_of(layout), 1, constant_values=-1)
    x = (np.arange(nx) + 0.5) * pixel_size - dx / 2
    y = (np.arange(ny) + 0.5) * pixel_size - dy / 2
    upper, upper_distance = _in_row(layout, cells, x, y, np.floor(y / dy).astype(np.int64))
    lower, lower_distance = _in_row(layout, cells, x, y, np.floor(y / dy).astype(np.int64) + 1)
    return np.where(upper_distance <= lower_distance, upper, lower)


def _in_row(layout: Grid, cells: Index, x: NDArray, y: NDArray, row: Index) -> tuple[Index, NDArray]:
    """Nearest place, in the given row of points for each row of pixels, and its squared distance."""
    (dx, dy), (rows, columns) = layout.step, layout.shape
    shift = 0.5 * (row % 2 == layout.shifted)[:, None]
    column = np.rint(x / dx - shift).astype(np.int64)
    distance = ((y - row * dy) ** 2)[:, None] + (x - (column + shift) * dx) ** 2
    place = (
        np.clip(row, -1, rows)[:, None] + 1,
        np.clip(column, -1, columns) + 1,
    )  # the frame of cells is empty
    return cells[place], distance


def _pixel_size(layout: Grid, wanted: float | None) -> float:
    dx, dy = layout.step
    if wanted is not None:
        if not (np.isfinite(wanted) and wanted > 0):
            raise InputError(f"pixel_size is {wanted}; expected µm > 0")
        return float(wanted)
    if layout.kind == "square" and abs(dx - dy) < 0.01 * dx:
        return dx
    return MODEL_PIXEL if 0.99 * MODEL_PIXEL <= dx <= 2 * MODEL_PIXEL else min(dx, dy)


def _components(m: EbsdMap, angle: float, symmetry: str | None, minimum: int) -> Index:
    """Grain of each point from 1, 0 for unindexed ones; fragments below the minimum joined across gaps."""
    links = _alike(m, *neighbour_pairs(m.layout), angle, symmetry)
    grain = _connected(m, *links)
    fragment = np.flatnonzero(m.indexed & (np.bincount(grain)[grain] < minimum))
    across = (_alike(m, *pairs, angle, symmetry) for pairs in _near(m, fragment))
    return _connected(m, *(np.concatenate(ends) for ends in zip(links, *across, strict=True)))


def _near(m: EbsdMap, fragment: Index) -> Iterator[tuple[Index, Index]]:
    """Pairs of points within GAP steps, the first of them in `fragment` (f,), some CHUNK at a time."""
    indexed = np.flatnonzero(m.indexed)
    place = np.stack([m.x, m.y], axis=1) / m.step[0]
    tree = spatial.KDTree(place[indexed])
    for start in range(0, len(fragment), CHUNK // 16):
        part = fragment[start : start + CHUNK // 16]
        found = spatial.KDTree(place[part]).sparse_distance_matrix(tree, GAP, output_type="coo_matrix")
        yield part[found.row], indexed[found.col]


def _connected(m: EbsdMap, first: Index, second: Index) -> Index:
    """Connected component of each point from 1, 0 for unindexed ones."""
    links = (np.ones(len(first), dtype=np.bool_), (first, second))
    _, grain = sparse.csgraph.connected_components(sparse.coo_array(links, shape=(len(m), len(m))), directed=False)
    return np.where(m.indexed, grain + 1, 0)


def _alike(m: EbsdMap, first: Index, second: Index, angle: float, symmetry: str | None) -> tuple[Index, Index]:
    """Those pairs of points that are indexed, of one phase and at most `angle` rad apart in orientation."""
    alike = m.indexed[first] & m.indexed[second] & (m.phase[first] == m.phase[second])
    first, second = first[alike], second[alike]
    orientation = quaternions(m.euler)
    joined = np.zeros(len(first), dtype=np.bool_)
    for number in np.unique(m.phase[m.indexed]).tolist():
        operators = _operators(m, m.phases[number], symmetry)
        of_phase = np.flatnonzero(m.phase[first] == number)
        for start in range(0, len(of_phase), CHUNK):
            k = of_phase[start : start + CHUNK]
            joined[k] = misorientation(orientation[first[k]], orientation[second[k]], operators) <= angle
    return first[joined], second[joined]


def _operators(m: EbsdMap, phase: Phase, symmetry: str | None) -> NDArray[np.float64]:
    laue = laue_of(symmetry) if symmetry is not None else phase.laue
    if laue is None:
        known = ", ".join(LAUE_GROUPS)
        if symmetry is not None:
            raise InputError(f"{m.path}: --symmetry: found {symmetry!r}, expected -3m (NMC) or another of {known}")
        raise UnknownSymmetryError(
            f"{m.path}{f', {phase.said}' if phase.said else ''}: phase {phase.name!r} has points but no known symmetry;"
            f" expected a point group: say --symmetry -3m (NMC) or another of {known}"
        )
    return symmetry_operators(laue, phase.x_axis)


def _drop_small(labels: NDArray[np.integer], minimum: int) -> tuple[NDArray[np.integer], dict[str, int]]:
    sizes = np.bincount(labels.ravel())
    small = (sizes < minimum) & (sizes > 0)
    small[0] = False
    counts = {"small_grains": int(small.sum()), "small_grain_points": int(sizes[small].sum())}
    return np.where(small[labels], 0, labels), counts


def _cut_quality(m: EbsdMap, points: Index, how: Watershed) -> NDArray[np.int32]:
    """Watershed of the image quality: grains are bright, boundaries and resin dark (Otsu's threshold)."""
    try:
        from skimage import filters, morphology, segmentation
    except ImportError as error:
        raise MissingExtraError("by='quality' needs scikit-image: pip install 'nmcfast[imaging]'") from error
    if not np.ptp(m.quality) > 0:  # NaN where the file has none
        raise InputError(f"{m.path}: no image quality to cut, or the same everywhere; use by='misorientation'")
    quality = np.append(m.quality, m.quality.min())[points]
    low, high = np.percentile(quality, [1, 99])
    smooth = ndimage.gaussian_filter(np.clip((quality - low) / (high - low or 1), 0, 1), how.smoothing)
    domes = morphology.reconstruction(smooth - how.depth, smooth)  # levels every peak lower than depth
    peaks, _ = ndimage.label(morphology.local_maxima(domes), np.ones((3, 3)))
    bright = (smooth > filters.threshold_otsu(smooth)) & (points >= 0)
    return segmentation.watershed(-smooth, peaks, mask=ndimage.binary_fill_holes(bright))
