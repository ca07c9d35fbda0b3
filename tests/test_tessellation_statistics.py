"""Sections of tessellations against what is known of them: MODEL.md, "Checks with known answers"."""

import numba
import numpy as np
import pytest

from nmcfast.kernels import label_grid

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="too slow without the compiler")
MU = 0.0018  # seeds per px³, section 2.5
SIDE, PIXEL = 100.0, 0.25  # px: a square section of 100 px in pixels that miss 0.1 % of the sections
RIM, DEPTH = 20.0, 20.0  # px: sections are labelled this far around the square, seeds drawn this much farther
FAR = np.array([2000.0, 0.0, 0.0])  # px: here the radial direction is x to 4 % over the square


def seeds(rng):
    """A Poisson process of intensity MU wherever it can reach the labelled square at z = 0, centred at FAR."""
    half = np.array([SIDE / 2 + RIM + DEPTH, SIDE / 2 + RIM + DEPTH, DEPTH])
    return FAR + rng.uniform(-half, half, (rng.poisson(MU * np.prod(2 * half)), 3))


def sections_per_area(position, diagonal):
    """Sections of grains per px²: those whose centre of mass lies in the square; D acts along and across the radius."""
    e = position / np.linalg.norm(position, axis=1)[:, None]
    radial, across = diagonal
    matrices = across * np.eye(3) + (radial - across) * e[:, :, None] * e[:, None]
    matrices = (matrices + matrices.transpose(0, 2, 1)) / 2
    k = int((SIDE + 2 * RIM) / PIXEL)
    origin = FAR - [k * PIXEL / 2, k * PIXEL / 2, PIXEL / 2]
    labels = label_grid(position, matrices, np.zeros(len(position)), (1, k, k), origin, PIXEL)[0]
    y, x = (np.indices(labels.shape) + 0.5) * PIXEL - k * PIXEL / 2
    area = np.bincount(labels.ravel())
    seen = area > 0
    centre = [np.bincount(labels.ravel(), c.ravel())[seen] / area[seen] for c in (x, y)]
    return np.count_nonzero(np.abs(centre).max(0) < SIDE / 2) / SIDE**2


@pytest.fixture(scope="module")
def counts():
    """Sections per px² of 40 squares for D = (1,1,1), (3,1,1), (1,3,3), on the same seeds: (40, 3)."""
    rng = np.random.default_rng(5)
    patterns = [seeds(rng) for _ in range(40)]
    return np.array([[sections_per_area(s, d) for d in ((1, 1), (3, 1), (1, 3))] for s in patterns])


def mean_and_error(values):
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values))


def test_poisson_voronoi_sections_per_area(counts):
    """1.458 μ^(2/3) = 0.0216 px⁻²; about 8,600 sections give it to 0.7 %."""
    mean, error = mean_and_error(counts[:, 0])
    assert error < 0.012 * mean
    assert abs(mean - 1.458 * MU ** (2 / 3)) < 3 * error


@pytest.mark.parametrize(("variant", "ratio"), ((1, 3 ** (1 / 6)), (2, 3 ** (-1 / 6))))
def test_visible_grains_of_fig_6(counts, variant, ratio):
    """D = (3,1,1) shows 3^(1/6) = 1.20 times the grains of (1,1,1), D = (1,3,3) 3^(−1/6) = 0.83 times."""
    mean, error = mean_and_error(counts[:, variant] / counts[:, 0])
    assert error < 0.015
    assert abs(mean - ratio) < 3 * error
