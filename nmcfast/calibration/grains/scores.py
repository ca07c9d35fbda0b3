"""How alike two architectures are: statistics of cutouts (2D) and of cubes (3D) and distances between them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from nmcfast.calibration.grains.options import Options
from nmcfast.kernels import moments
from nmcfast.sections.cutouts import Section, draw_distances, draw_fitted, evaluate

Array = NDArray[np.float64]
Statistics = Mapping[str, Array]

CUTOUT_STATISTICS = ("area", "elongation", "alpha", "chord", "grains")
CUBE_STATISTICS = ("volume", "elongation", "angle", "neighbours")
SPLITS = 16  # of the sections into halves, whose distances are the floor
LEAST_PIXELS = 5  # smaller pieces have no shape, and segmentation drops such grains: only their chords count


def cutout_statistics(labels: NDArray[np.integer], distance: Array) -> dict[str, Array]:
    """Area px², elongation η Eq. (21), α rad Eq. (4), chord px, one entry a piece or chord, and grains a cutout.

    labels (b, size, size) of cutouts at distances p (b,), Eq. (16): x runs along the radius. Pieces that the cutout's
    edge clips count, on every side of a comparison alike. Deviation: η is the root of Eq. (21), a ratio of lengths,
    whose mean does not hang on a few thin pieces.
    """
    count, size = labels.shape[0], labels.shape[1]
    span = int(labels.max()) + 1
    code, inverse = np.unique(np.arange(count)[:, None, None] * span + labels, return_inverse=True)
    home, piece = code // span, inverse.ravel()
    y, x = (np.tile(axis.ravel(), count).astype(np.float64) for axis in np.mgrid[:size, :size])
    area = np.bincount(piece).astype(np.float64)
    mean = [np.bincount(piece, axis) / area for axis in (x, y)]
    u, v = x - mean[0][piece], y - mean[1][piece]
    xx, xy, yy = (np.bincount(piece, w) / area for w in (u * u, u * v, v * v))
    half, root = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    ratio = np.sqrt((half + root + 1 / 12) / (half - root + 1 / 12))  # 1/12: the pixel's own extent
    axis = 0.5 * np.arctan2(2 * xy, xx - yy)
    radial = np.arctan2(mean[1] - (size - 1) / 2, mean[0] + 1.0 + distance[home])
    alpha = np.arccos(np.minimum(np.abs(np.cos(axis - radial)), 1.0))
    kept = area >= LEAST_PIXELS
    return {
        "area": area[kept],
        "elongation": ratio[kept],
        "alpha": alpha[kept],
        "chord": _chords(labels),
        "grains": np.bincount(home[kept], minlength=count).astype(np.float64),
    }


def _chords(labels: NDArray[np.integer]) -> Array:
    """Lengths of the runs of equal labels along both axes, px."""
    lengths = []
    for lines in (labels, labels.transpose(0, 2, 1)):
        lines = lines.reshape(-1, labels.shape[2])
        ends = np.ones(lines.shape, np.bool_)
        ends[:, :-1] = lines[:, 1:] != lines[:, :-1]
        lengths.append(np.diff(np.flatnonzero(ends.ravel()), prepend=-1))
    return np.concatenate(lengths).astype(np.float64)


def cube_statistics(labels: NDArray[np.int32], centre: Sequence[float], margin: int) -> dict[str, Array]:
    """Volume px³, elongation, angle to the radius rad, neighbours of each grain of a cube, and grains px⁻³ (1,).

    With them each grain's distance from the particle's centre, px.

    labels (n, n, n), centre (x, y, z) px from the particle's centre. Counted are grains whose centre of
    mass lies farther than margin from the cube's faces: a sample that is not biased by size. Elongation is
    √(e₁/e₃) of second moments, the angle that of the first axis to the direction of the centre of mass.
    """
    n = int(labels.max()) + 1
    edge = labels.shape[0]
    total, boxes = np.zeros((1, n, 10), np.int64), np.zeros((1, n, 6), np.int64)
    moments.moments_serial(labels, total, boxes)
    sums, count = total[0].astype(np.float64), np.maximum(total[0][:, moments.COUNT], 1)
    mean = sums[:, [moments.X, moments.Y, moments.Z]] / count[:, None]
    inside = (total[0][:, moments.COUNT] > 0) & (mean >= margin).all(axis=1) & (mean < edge - margin).all(axis=1)
    second = np.empty((n, 3, 3))
    pairs = {
        (0, 0): moments.XX,
        (1, 1): moments.YY,
        (2, 2): moments.ZZ,
        (0, 1): moments.XY,
        (0, 2): moments.XZ,
        (1, 2): moments.YZ,
    }
    for (a, b), column in pairs.items():
        second[:, a, b] = second[:, b, a] = sums[:, column] / count - mean[:, a] * mean[:, b]
    values, axes = np.linalg.eigh(second[inside] + np.eye(3) / 12)
    place = mean[inside] + 0.5 - edge / 2 + np.asarray(centre)
    cosine = np.abs((axes[:, :, 2] * place).sum(axis=1)) / np.linalg.norm(place, axis=1)
    touching = moments.contacts(labels)[0]
    return {
        "volume": count[inside].astype(np.float64),
        "elongation": np.sqrt(values[:, 2] / values[:, 0]),
        "angle": np.arccos(np.minimum(cosine, 1.0)),
        "distance": np.linalg.norm(place, axis=1),
        "neighbours": np.bincount(touching.ravel(), minlength=n)[inside].astype(np.float64),
        "intensity": np.array([inside.sum() / float(edge - 2 * margin) ** 3]),
    }


def pool(parts: Sequence[Statistics]) -> dict[str, Array]:
    """Statistics of several samples as one."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def distances(a: Statistics, b: Statistics, names: Sequence[str]) -> dict[str, float]:
    """Wasserstein distance W₁ of each statistic, in its own unit."""
    return {name: float(wasserstein_distance(a[name], b[name])) for name in names}


def real_statistics(sections: Sequence[Section], options: Options, rng: np.random.Generator) -> dict[str, NDArray]:
    """Statistics of cutouts of fitted sections, not augmented."""
    distance = draw_distances(options.score_cutouts, options.distance, rng)
    markers, grids, _ = draw_fitted(sections, distance, rng)
    labels = evaluate(markers, grids).label
    return cutout_statistics(labels, distance)


def floor_between(sections: Sequence[Section], options: Options, rng: np.random.Generator) -> dict[str, float]:
    """W₁ of each statistic between two halves of the sections, a mean over random splits: one alone is chance."""
    half = len(sections) // 2
    each = replace(options, score_cutouts=-(-options.score_cutouts // half))
    parts = [real_statistics([section], each, rng) for section in sections]
    found = []
    for _ in range(SPLITS):
        order = rng.permutation(len(parts))
        halves = [pool([parts[k] for k in chosen]) for chosen in (order[:half], order[half:])]
        found.append(distances(halves[0], halves[1], CUTOUT_STATISTICS))
    return {name: float(np.mean([d[name] for d in found])) for name in CUTOUT_STATISTICS}
