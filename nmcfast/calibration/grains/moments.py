"""Means over the whole grains of a section that a start from moments fits. Ours, not the paper's."""

import math

import numpy as np
from numpy.typing import NDArray

from nmcfast.calibration.grains.scores import LEAST_PIXELS
from nmcfast.sections.statistics import SectionGrains, edge_grains, measure_grains, touching_labels

Array = NDArray[np.float64]

MOMENTS = {  # and the standard error that segmentation and 2D fit add, however many sections there are
    "log grains": 0.004,
    "mean log area": 0.011,
    "spread of log area": 0.007,
    "variation of area": 0.007,
    "mean log elongation": 0.008,
    "spread of log elongation": 0.003,
    "mean cos 2α": 0.006,
    "mean cos 4α": 0.010,
    "mean log elongation · cos 2α": 0.010,
    "area with elongation": 0.026,
    "area with cos 2α": 0.012,
    "elongation with cos 2α": 0.007,
    "area with that of neighbours": 0.008,
}


def whole_grains(labels: NDArray[np.integer]) -> tuple[SectionGrains, NDArray[np.int64]]:
    """Whole grains of 5 pixels or more of a disc (n, n), 0 outside, in pixels, and which of them touch (k, 2)."""
    size = labels.shape[0]
    table = measure_grains(labels, 1.0, (size / 2, size / 2), LEAST_PIXELS)
    table = table.selected(~edge_grains(labels, table.label) & np.isfinite(table.alpha))
    row = np.full(int(labels.max()) + 1, -1)
    row[table.label] = np.arange(len(table.label))
    pairs = row[touching_labels(labels)]
    return table, pairs[(pairs >= 0).all(axis=1)]


def log_elongation(table: SectionGrains) -> Array:
    """Logarithm (g,) of the ratio of the lengths of grains measured in pixels."""
    variance = table.variance + 1 / 12  # a pixel's own extent
    return 0.5 * np.log(variance[:, 0] / variance[:, 1])


def section_moments(labels: NDArray[np.integer]) -> Array:
    """The moments (m,) of the whole grains, from 5 pixels on, of a disc of labels (n, n), 0 outside.

    "With" is Pearson's correlation over grains, or over pairs that touch; area stands for its logarithm. Elongation is
    a ratio of lengths, α that of Eq. (4).
    """
    return moments_of(*whole_grains(labels))


def moments_of(table: SectionGrains, pairs: NDArray[np.int64]) -> Array:
    """The moments (m,) of whole grains and which of them touch (k, 2)."""
    if len(table.label) == 0:
        return np.full(len(MOMENTS), -np.inf)
    area = np.log(table.area)
    long = log_elongation(table)
    cosine = np.cos(2 * table.alpha)
    beside = np.concatenate([pairs, pairs[:, ::-1]])
    return np.array(
        [
            math.log(len(area)),
            area.mean(),
            area.std(),
            table.area.std() / table.area.mean(),
            long.mean(),
            long.std(),
            cosine.mean(),
            np.cos(4 * table.alpha).mean(),
            (long * cosine).mean(),
            _correlation(area, long),
            _correlation(area, cosine),
            _correlation(long, cosine),
            _correlation(*area[beside].T),
        ]
    )


def _correlation(a: Array, b: Array) -> float:
    """Pearson's; 0 where one does not vary."""
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(float((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else 0.0
