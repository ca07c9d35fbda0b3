import numpy as np
import pytest
from scipy import stats

from nmcfast.errors import InputError
from nmcfast.sections.statistics import (
    angle_density,
    chord_lengths,
    compare_sections,
    edge_grains,
    is_central,
    measure_grains,
)

PIXEL = 0.05


def ellipse(a: float, b: float, angle: float, centre: tuple[float, float], size: int = 200) -> np.ndarray:
    """Pixels of an ellipse of half-axes a, b pixels, first axis at an angle to x."""
    y, x = np.indices((size, size)) + 0.5
    u = (x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)
    v = (y - centre[1]) * np.cos(angle) - (x - centre[0]) * np.sin(angle)
    return ((u / a) ** 2 + (v / b) ** 2 < 1).astype(int)


def naive_grain(labels: np.ndarray, label: int, centre: tuple[float, float]) -> tuple[float, float]:
    """α of Eq. (4) and η of Eq. (21) of one grain, pixels of size 1, as printed."""
    y, x = np.nonzero(labels == label)
    position = np.stack([x + 0.5, y + 0.5])
    e, v = np.linalg.eigh(np.cov(position))
    c = position.mean(axis=1) - centre
    return np.arccos(abs(v[:, 1] @ c) / (np.linalg.norm(v[:, 1]) * np.linalg.norm(c))), e[1] / e[0]


def naive_chords(labels: np.ndarray) -> list[int]:
    """Lengths of runs of equal labels along the rows."""
    found = []
    for row in labels:
        run = 0
        for k, label in enumerate(row):
            run += 1
            if k + 1 == len(row) or row[k + 1] != label:
                if label > 0:
                    found.append(run)
                run = 0
    return found


def random_labels(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.indices((60, 70))
    seeds = rng.uniform(0, 65, (40, 2))
    labels = ((y[..., None] - seeds[:, 0]) ** 2 + (x[..., None] - seeds[:, 1]) ** 2).argmin(-1) + 1
    labels[rng.random(labels.shape) < 0.05] = 0
    return labels


@pytest.mark.parametrize(("width", "height"), [(7, 3), (20, 4), (3, 11)])
def test_rectangle_has_its_variances(width: int, height: int) -> None:
    """n places in a row have variance (n² − 1) / 12 pixel²."""
    labels = np.zeros((40, 40), int)
    labels[5 : 5 + height, 10 : 10 + width] = 4
    grains = measure_grains(labels, PIXEL, (1.0, 1.0))
    expected = np.sort([(width**2 - 1) / 12, (height**2 - 1) / 12])[::-1] * PIXEL**2
    np.testing.assert_allclose(grains.variance[0], expected)
    assert grains.elongation[0] == pytest.approx(expected[0] / expected[1])
    assert grains.area[0] == pytest.approx(width * height * PIXEL**2)
    np.testing.assert_allclose(grains.centroid[0], np.array([10 + width / 2, 5 + height / 2]) * PIXEL)
    assert grains.label.tolist() == [4]
    assert abs(grains.axis[0, int(width < height)]) == pytest.approx(1)


@pytest.mark.parametrize("angle", np.linspace(0, np.pi, 13))
def test_ellipse_at_any_angle(angle: float) -> None:
    """Half-axes 30 and 15 pixels: η = 4; its centre lies at 45° from the section's; pixels err below 2 %."""
    grains = measure_grains(ellipse(30, 15, angle, (120, 120)), PIXEL, (50 * PIXEL, 50 * PIXEL))
    assert grains.elongation[0] == pytest.approx(4, rel=0.02)
    off = abs((angle - np.pi / 4 + np.pi / 2) % np.pi - np.pi / 2)
    assert grains.alpha[0] == pytest.approx(off, abs=0.005)


def test_all_grains_equal_the_naive_definition() -> None:
    labels = random_labels()
    grains = measure_grains(labels, 1.0, (31.0, 33.0), minimum_pixels=5)
    for k, label in enumerate(grains.label):
        alpha, eta = naive_grain(labels, label, (31.0, 33.0))
        assert grains.alpha[k] == pytest.approx(alpha, abs=1e-6)
        assert grains.elongation[k] == pytest.approx(eta, rel=1e-9)
    assert len(grains.label) == (np.bincount(labels.ravel())[1:] >= 5).sum()


def test_grains_without_a_direction_are_nan_not_zero() -> None:
    labels = np.zeros((9, 20), int)
    labels[1, 1] = 1  # one pixel
    labels[1, 4:9] = 2  # a row
    labels[4:7, 4:7] = 3  # a square
    labels[3:6, 12:19] = 4  # at the centre
    grains = measure_grains(labels, 1.0, (15.5, 4.5))
    assert np.isnan(grains.alpha).tolist() == [True, False, True, True]
    assert np.isnan(grains.elongation[0]) and np.isinf(grains.elongation[1])
    assert grains.elongation[2] == 1
    assert measure_grains(labels, 1.0, (15.5, 4.5), minimum_pixels=6).label.tolist() == [3, 4]
    assert len(measure_grains(np.zeros((4, 4), int), 1.0, (2, 2)).label) == 0


def test_measures_scale_with_the_pixel() -> None:
    labels = random_labels()
    small, large = measure_grains(labels, 0.05, (1.5, 1.5)), measure_grains(labels, 0.1, (3.0, 3.0))
    np.testing.assert_allclose(large.area, 4 * small.area)
    np.testing.assert_allclose(large.alpha, small.alpha, atol=1e-7)
    np.testing.assert_allclose(large.elongation, small.elongation)


def test_chords_equal_the_naive_definition() -> None:
    labels = random_labels(1)
    along_x, along_y = chord_lengths(labels, 1.0)
    assert along_x.tolist() == naive_chords(labels)
    assert along_y.tolist() == naive_chords(labels.T)
    assert along_x.sum() == along_y.sum() == (labels > 0).sum()


def test_interior_chords_are_stopped_by_grains() -> None:
    labels = np.array([[1, 1, 2, 2, 3], [0, 4, 5, 5, 0], [6, 0, 7, 8, 9]])
    assert (chord_lengths(labels, 0.5)[0] * 2).tolist() == [2, 2, 1, 1, 2, 1, 1, 1, 1]
    assert (chord_lengths(labels, 0.5, interior=True)[0] * 2).tolist() == [2, 1]


def test_edge_grains_touch_outside_or_image_edge() -> None:
    labels = np.zeros((9, 9), int)
    labels[1:8, 1:8] = 1
    labels[3:6, 3:6] = 2
    labels[4, 4] = 0  # a hole is inside
    assert edge_grains(labels, np.array([1, 2])).tolist() == [True, False]
    assert edge_grains(labels[3:6, 3:6], np.array([2])).tolist() == [True]
    mask = np.zeros((9, 9), bool)
    mask[3:6, 3:6] = True
    assert edge_grains(labels, np.array([1, 2]), mask).tolist() == [False, True]


def test_density_is_one_and_flat_for_uniform_angles() -> None:
    """10,000 equally spaced angles: without reflection the ends would hold half of 2 / π."""
    at = np.linspace(0, np.pi / 2, 200)
    alpha = (np.arange(10_000) + 0.5) / 10_000 * np.pi / 2
    np.testing.assert_allclose(angle_density(alpha, at), 2 / np.pi, rtol=1e-3)
    few = np.array([0.01, 0.3, 1.5, np.nan])
    assert np.trapezoid(angle_density(few, at, bandwidth=0.1), at) == pytest.approx(1, abs=1e-3)
    assert np.isfinite(angle_density(np.full(5, 0.3), at)).all()


def test_density_equals_its_definition() -> None:
    alpha, at = np.array([0.2, 1.4]), np.array([0.0, 0.7, np.pi / 2])
    kernel = stats.norm(0, 0.3).pdf
    naive = [np.mean([kernel(t - a) + kernel(t + a) + kernel(t - np.pi + a) for a in alpha]) for t in at]
    np.testing.assert_allclose(angle_density(alpha, at, bandwidth=0.3), naive)
    for bad in (np.array([]), np.array([np.nan]), np.array([1.6])):
        with pytest.raises(InputError, match=r"expected at least one and all in \[0, π/2\]"):
            angle_density(bad, at)


def angles(preference: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """α in [0, π/2] of density (1 + 2 p cos 2α) 2/π, whose mean of cos 2α is p."""
    proposal = rng.uniform(0, np.pi / 2, 20 * count)
    height = 1 + 2 * preference * np.cos(2 * proposal)
    return proposal[rng.random(len(proposal)) * (1 + 2 * abs(preference)) < height][:count]


@pytest.mark.parametrize("count", [5, 20, 200])
def test_uniform_sections_are_rarely_called_central(count: int) -> None:
    """600 sections at level 5 %: at most 5 % + 3 standard errors of 0.9 %."""
    rng = np.random.default_rng(1)
    found = sum(is_central(angles(0, count, rng), 0.05, 0.0).central for _ in range(600))
    assert 0.02 < found / 600 < 0.077


@pytest.mark.parametrize("preference", [0.3, -0.3])
def test_radial_and_tangential_sections_are_found(preference: float) -> None:
    """100 grains, preference ± 0.3: z is 4.2 on average, power 95 %, above Kolmogorov-Smirnov's."""
    rng = np.random.default_rng(2)
    tests = [is_central(angles(preference, 100, rng)) for _ in range(300)]
    assert np.mean([bool(test) for test in tests]) > 0.9
    assert np.mean([test.preference for test in tests]) == pytest.approx(preference, abs=0.02)
    assert np.mean([test.p_value < 0.01 for test in tests]) >= np.mean([test.p_kolmogorov < 0.01 for test in tests])


def test_a_trace_of_preference_is_not_enough_and_the_verdict_counts() -> None:
    alpha = angles(0.05, 5000, np.random.default_rng(3))
    test = is_central(alpha)
    assert test.p_value < 0.01 and not test
    assert is_central(alpha, least_preference=0.0)
    assert is_central(alpha, verdict=True)
    assert not is_central(np.zeros(50), verdict=False)
    assert is_central(np.array([]), verdict=True).grains == 0
    with pytest.raises(InputError, match="4 grains have a direction"):
        is_central(np.array([0.1, 0.2, 0.3, 0.4, np.nan]))


def test_section_errors_of_a_small_example() -> None:
    data = np.array([[1, 1, 2, 2], [1, 1, 2, 0], [3, 3, 4, 4]])
    fitted = np.array([[1, 1, 2, 2], [1, 2, 2, 2], [1, 1, 4, 4]])  # grain 3 is lost, grain 1 gains one, 2 gains one
    errors = compare_sections(data, fitted)
    assert errors.pixel_agreement == 8 / 11
    assert errors.area_error == pytest.approx((1 / 4 + 1 / 3 + 1 + 0) / 4)
    assert errors.lost == 1
    assert errors.neighbours_found == 2 / 4  # 1-2 and 2-4 of 1-2, 1-3, 2-4, 3-4
    assert errors.neighbours_right == 2 / 3  # of 1-2, 2-4, 1-4
    assert compare_sections(data, data).area_error == 0
    for other in (np.ones((2, 2), int), np.zeros((3, 4), int)):
        with pytest.raises(InputError, match="expected the same and a labelled pixel"):
            compare_sections(other, data)
