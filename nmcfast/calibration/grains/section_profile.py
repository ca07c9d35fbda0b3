"""What a verdict compares of a section: means, profiles over the distance from the centre, shapes and tails of spreads.

A start from moments fits all but the tails, which no fit uses. Of each is said what it means in 3D when sections of a
model have more or less of it than measured ones.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.stats import skew

from nmcfast.calibration.grains.moments import MOMENTS, log_elongation, moments_of, whole_grains
from nmcfast.sections.statistics import SectionGrains

Array = NDArray[np.float64]
RINGS = ("core", "middle", "rim")  # of equal width in |s|, from the centre to the smallest section's edge
GROUPS = ("moments", "profiles", "shape", "tails")  # what is tested together
LEAST_IN_RING = 10  # whole grains, for a mean over them to mean something
CHIP, GIANT = 0.25, 3.0  # of the mean area: grains below are chips, above giants


@dataclass(frozen=True)
class Statistic:
    """One number of a section: group of tests, standard error of measuring, words for a model with more and with less.

    error: what segmentation and 2D fit add, however many sections there are (docs/results/verdict_errors.md).
    """

    group: str
    error: float
    more: str
    less: str


_MEANING = {
    "log grains": ("grains will be too many", "grains will be too few"),
    "mean log area": ("grains will be too large", "grains will be too small"),
    "spread of log area": ("volumes will spread too widely", "volumes will spread too little"),
    "variation of area": ("volumes will spread too widely", "volumes will spread too little"),
    "mean log elongation": ("grains will be too long", "grains will be too round"),
    "spread of log elongation": ("shapes will vary too much", "shapes will vary too little"),
    "mean cos 2α": ("grains will point too near the radius", "grains will point too far from the radius"),
    "mean cos 4α": ("slanted grains will be too few", "slanted grains will be too many"),
    "mean log elongation · cos 2α": (
        "long grains will point too near the radius",
        "long grains will point too far from the radius",
    ),
    "area with elongation": ("large grains will be too long", "large grains will be too round"),
    "area with cos 2α": (
        "large grains will point too near the radius",
        "large grains will point too far from the radius",
    ),
    "elongation with cos 2α": (
        "long grains will point too near the radius",
        "long grains will point too far from the radius",
    ),
    "area with that of neighbours": ("large grains will lie too close together", "large grains will lie too far apart"),
}
_IN_RING = {  # and the error of measuring
    "log grains": (0.015, "grains {} will be too many", "grains {} will be too few"),
    "mean log area": (0.025, "grains {} will be too large", "grains {} will be too small"),
    "mean log elongation": (0.01, "grains {} will be too long", "grains {} will be too round"),
    "mean cos 2α": (
        0.012,
        "grains {} will point too near the radius",
        "grains {} will point too far from the radius",
    ),
}
_PLACE = {"core": "in the core", "middle": "half-way out", "rim": "near the rim"}
STATISTICS = {
    **{name: Statistic("moments", MOMENTS[name], *words) for name, words in _MEANING.items()},
    **{
        f"{name}, {ring}": Statistic("profiles", error, more.format(_PLACE[ring]), less.format(_PLACE[ring]))
        for ring in RINGS
        for name, (error, more, less) in _IN_RING.items()
    },
    "skewness of area": Statistic("shape", 0.02, "volumes will be too skewed", "volumes will be too symmetric"),
    "skewness of log area": Statistic("shape", 0.05, "small grains will be too few", "small grains will be too many"),
    "share of chips": Statistic("shape", 0.008, "chips will be too many", "chips will be too few"),
    "spread of neighbours": Statistic(
        "shape", 0.09, "numbers of neighbours will spread too widely", "numbers of neighbours will spread too little"
    ),
    "distance to the nearest grain": Statistic(
        "shape", 0.003, "grains will lie too regularly", "grains will lie too irregularly, volumes spread too widely"
    ),
    "variation of that distance": Statistic(
        "shape", 0.003, "grains will lie too irregularly, volumes spread too widely", "grains will lie too regularly"
    ),
    "95th percentile of area": Statistic(
        "tails", 0.02, "the largest grains will be too large", "the largest grains will be too small"
    ),
    "99th percentile of area": Statistic(
        "tails", 0.06, "the largest grains will be too large", "the largest grains will be too small"
    ),
    "share of giants": Statistic("tails", 0.001, "giants will be too many", "giants will be too few"),
    "95th percentile of elongation": Statistic(
        "tails", 0.016, "the longest grains will be too long", "the longest grains will be too short"
    ),
}


def section_statistics(labels: NDArray[np.integer]) -> Array:
    """STATISTICS (k,) of the whole grains of a disc of labels (n, n), 0 outside; not finite where grains are too few.

    Percentiles of area, chips and giants are relative to the mean area; the distance to the nearest centre of mass is
    in roots of it. Rings go by the distance of the centre of mass from the middle.
    """
    table, pairs = whole_grains(labels)
    if len(table.label) < LEAST_IN_RING:
        return np.full(len(STATISTICS), np.nan)
    half = labels.shape[0] / 2
    shape = [*_in_rings(table, half), *_shape(table, pairs), *_tails(table)]
    return np.concatenate([moments_of(table, pairs), shape])


def _in_rings(table: SectionGrains, half: float) -> list[float]:
    """Logarithm of the number, means of log area, log elongation and cos 2α of each ring."""
    ring = np.hypot(*(table.centroid - half).T) // (half / len(RINGS))
    columns = np.log(table.area), log_elongation(table), np.cos(2 * table.alpha)
    values: list[float] = []
    for k in range(len(RINGS)):
        there = ring == k
        enough = there.sum() >= LEAST_IN_RING
        values += [math.log(there.sum()), *(float(c[there].mean()) for c in columns)] if enough else [math.nan] * 4
    return values


def _shape(table: SectionGrains, pairs: NDArray[np.int64]) -> list[float]:
    relative = table.area / table.area.mean()
    apart = cKDTree(table.centroid).query(table.centroid, 2)[0][:, 1] / math.sqrt(table.area.mean())
    neighbours = np.bincount(pairs.ravel(), minlength=len(table.label))
    spread = float(neighbours.std())
    return [
        float(skew(relative)),
        float(skew(np.log(relative))),
        float((relative < CHIP).mean()),
        spread,
        float(apart.mean()),
        float(apart.std() / apart.mean()),
    ]


def _tails(table: SectionGrains) -> list[float]:
    relative = table.area / table.area.mean()
    high = [float(x) for x in np.quantile(relative, (0.95, 0.99))]
    return [*high, float((relative > GIANT).mean()), float(np.quantile(log_elongation(table), 0.95))]
