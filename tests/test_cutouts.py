"""Cutouts, Eqs. (11), (14)–(16), against slow references, and what their margins leave out."""

import numpy as np
import pytest
from naive_cutouts import most_prominent, nearest, pixels, softmax_image

from nmcfast.errors import InputError
from nmcfast.kernels import gnet, soft, windows
from nmcfast.sections import cutouts
from nmcfast.sections.fit import SectionFit


def random_markers(count, seed, disorder=0.5):
    """`count` cutouts with seeds of intensity 0.0018 and disordered radial markers."""
    rng = np.random.default_rng(seed)
    distance = cutouts.draw_distances(count, 80.0, rng)
    seeds = cutouts.draw_seeds(distance, 0.0018, rng)
    n = len(seeds.position)
    diagonal = np.array([1.0, 9.0, 9.0]) * np.exp(disorder * rng.standard_normal((n, 3)))
    markers = cutouts.Markers(seeds.position, seeds.frame, diagonal, rng.uniform(1, 10, n), seeds.first)
    return markers, distance


def part(markers, k):
    rows = slice(markers.first[k], markers.first[k + 1])
    return markers.position[rows], markers.frame[rows], markers.diagonal[rows], markers.offset[rows]


@pytest.mark.parametrize("angle", [0.0, 0.7, 4.0])
def test_grids_are_those_of_eq_14(angle):
    grids = cutouts.radial_grids(np.array([33.0]), np.array([angle]))
    x, y = np.meshgrid(np.arange(32), np.arange(32))
    points = grids.corner[0] + x[..., None] * grids.along[0] + y[..., None] * grids.across[0]
    np.testing.assert_allclose(points, pixels(33.0, angle), atol=1e-12)


@pytest.mark.parametrize("kernel", [soft.cutouts_serial, soft.cutouts_parallel])
def test_cutouts_equal_the_whole_softmax(kernel):
    markers, distance = random_markers(6, seed=1)
    grids = cutouts.radial_grids(distance)
    image = np.empty((6, 12, 32, 32), np.float32)
    label, channel = np.empty((6, 32, 32), np.int32), np.empty((6, 12), np.int32)
    kernel(*vars(markers).values(), grids.corner, grids.along, grids.across, image, label, channel)
    for k in range(6):
        expected = softmax_image(*part(markers, k), pixels(distance[k]))
        assert (channel[k] == most_prominent(expected)).all()
        assert np.abs(image[k] - expected[:, :, channel[k]].transpose(2, 0, 1)).max() < 1e-6
        assert (label[k] == expected.argmax(-1)).mean() > 0.999  # ties within rounding


def test_zero_eigenvalues_few_grains_and_equal_grains():
    grids = cutouts.radial_grids(np.array([10.0]))
    position = np.array([[20.0, 3.0, 1.0], [30.0, -4.0, 0.0], [20.0, 3.0, 1.0]])
    markers = cutouts.Markers(
        position,
        np.stack([np.eye(3)] * 3),
        np.array([[0.0, 4.0, 1.0], [0.0, 0.0, 0.0], [0.0, 4.0, 1.0]]),
        np.array([6.0, 1.0, 6.0]),
        np.array([0, 3]),
    )
    found = cutouts.evaluate(markers, grids)
    expected = softmax_image(*part(markers, 0), pixels(10.0))
    assert (found.channel[0, 3:] == -1).all()
    assert np.abs(found.image[0, :3] - expected[:, :, found.channel[0, :3]].transpose(2, 0, 1)).max() < 1e-6
    assert (found.image[0, 3:] == 0).all()


def test_gradients_equal_finite_differences_of_the_whole_softmax():
    markers, distance = random_markers(1, seed=2)
    grids = cutouts.radial_grids(distance)
    found = cutouts.evaluate(markers, grids)
    slope = np.random.default_rng(3).standard_normal(found.image.shape).astype(np.float32)
    d_diagonal, d_offset = np.empty_like(markers.diagonal), np.empty_like(markers.offset)
    soft.cutout_gradients_serial(
        *vars(markers).values(), grids.corner, grids.along, grids.across, found.channel, slope, d_diagonal, d_offset
    )

    def loss(diagonal, offset):
        image = softmax_image(markers.position, markers.frame, diagonal, offset, pixels(distance[0]))
        return float((image[:, :, found.channel[0]].transpose(2, 0, 1) * slope[0]).sum())

    outside = np.setdiff1d(np.unique(found.label), found.channel[0])[:2]  # seen, but without a channel
    for i in [*found.channel[0, [0, 5, 11]], *outside]:
        for axis in range(4):
            step = np.zeros((len(d_offset), 4))
            step[i, axis] = 1e-5
            up = loss(markers.diagonal + step[:, :3], markers.offset + step[:, 3])
            down = loss(markers.diagonal - step[:, :3], markers.offset - step[:, 3])
            analytic = d_diagonal[i, axis] if axis < 3 else d_offset[i]
            assert analytic == pytest.approx((up - down) / 2e-5, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("kernel", [windows.nearest_in_windows_serial, windows.nearest_in_windows_parallel])
@pytest.mark.parametrize("radius", [1.0, 8.0, 200.0])
def test_nearest_in_windows_equal_a_full_search(kernel, radius):
    rng = np.random.default_rng(4)
    first = np.array([0, 200, 213, 500])  # 13 seeds: each has just 12 others
    position = np.round(rng.random((500, 3)) * 40)  # whole numbers: many ties
    inner = rng.random(500) < 0.4
    index = np.empty((inner.sum(), 12), np.int64)
    kernel(position, inner, first, radius, index)
    for row, i in enumerate(np.flatnonzero(inner)):
        w = np.searchsorted(first, i, side="right") - 1
        expected = nearest(position[first[w] : first[w + 1]], i - first[w]) + first[w]
        assert (index[row] == expected).all()


def test_seeds_have_the_intensity_and_the_inputs_of_algorithm_1():
    rng = np.random.default_rng(5)
    seeds = cutouts.draw_seeds(np.full(60, 40.0), 0.0018, rng)
    spacing = 0.0018 ** (-1 / 3)
    edges = np.array([31.0, 31.0, 0.0]) + 2 * spacing * np.array(cutouts.REACH)
    expected = 0.0018 * edges.prod()  # 181 seeds a cutout; the mean of 60 has a standard error of 1.7
    assert abs(len(seeds.position) / 60 - expected) < 4 * np.sqrt(expected / 60)
    displacement = seeds.inputs.reshape(-1, 12, 5)[:, :, :3]
    distance = np.linalg.norm(displacement, axis=2)
    assert (np.diff(distance, axis=1) >= 0).all()  # nearest first
    assert seeds.inputs.reshape(-1, 12, 5)[:, :, 3:].min() >= 0
    # mean number within R of a Poisson process: a seed has 12 others within 11.7 px on average
    assert distance[:, -1].mean() == pytest.approx(11.6, abs=0.3)


def test_the_reach_leaves_out_few_pixels_even_at_4_to_1(monkeypatch):
    """REACH against twice as much: 0.3 % of pixels change hands at 4 : 1 radial grains (100 cutouts)."""
    monkeypatch.setattr(cutouts, "REACH", (4.0, 4.0, 3.0))
    rng = np.random.default_rng(6)
    distance = cutouts.draw_distances(40, 80.0, rng)
    seeds = cutouts.draw_seeds(distance, 0.0018, rng)
    n = len(seeds.position)
    diagonal = np.array([1.0, 16.0, 16.0]) * np.exp(0.3 * rng.standard_normal((n, 3)))
    markers = cutouts.Markers(seeds.position, seeds.frame, diagonal, rng.uniform(3, 6, n), seeds.first)
    winner = markers.position[
        cutouts.evaluate(markers, cutouts.radial_grids(distance)).label + seeds.first[:-1, None, None]
    ]
    low = np.stack([distance + 1, np.full(40, -15.5), np.zeros(40)], axis=1)[:, None, None]
    beyond = np.maximum(np.maximum(low - winner, winner - low - [31.0, 31.0, 0.0]), 0) * 0.0018 ** (1 / 3)
    assert (beyond > [2.0, 2.0, 1.5]).any(-1).mean() < 0.008


def section(count=1200, seed=0, radius=118.0):
    rng = np.random.default_rng(seed)
    position = rng.uniform(-radius, radius, (count, 2))
    diagonal = np.tile([1.0, 9.0], (count, 1)) * 20.0
    return cutouts.Section(position, diagonal, rng.uniform(10, 20, count), rng.normal(0, 0.3, count), radius)


def test_fitted_cutouts_turn_with_the_section():
    """A cutout at angle β of a section equals the one at angle 0 of the section turned by −β, Eq. (15)."""
    whole, beta = section(), 1.1
    turn = np.array([[np.cos(beta), np.sin(beta)], [-np.sin(beta), np.cos(beta)]])
    turned = cutouts.Section(whole.position @ turn.T, whole.diagonal, whole.offset, whole.tilt, whole.radius)
    images = []
    for what, angle in ((whole, beta), (turned, 0.0)):
        markers = cutouts.in_plane(what.position, what.diagonal, what.offset, what.tilt, np.array([0, len(what.tilt)]))
        images.append(cutouts.evaluate(markers, cutouts.radial_grids(np.array([50.0]), np.array([angle]))).label)
    assert (images[0] == images[1]).mean() > 0.999


def test_augmentation_keeps_to_its_share_and_leaves_the_section_alone():
    whole = section()
    before = whole.diagonal.copy()
    markers, *_ = cutouts.draw_fitted([whole], np.full(20, 60.0), np.random.default_rng(1), 0.2)
    ratio = markers.diagonal[:, :2] / np.array([20.0, 180.0])
    assert 0.8 <= ratio.min() < 0.82 and 1.18 < ratio.max() <= 1.2
    assert (whole.diagonal == before).all()


def test_small_sections_are_refused():
    with pytest.raises(InputError, match=r"radius 90 px.*need 113.*lower"):
        cutouts.draw_fitted([section(radius=90.0)], np.array([80.0]), np.random.default_rng(0))


def test_frames_in_the_plane_are_radial():
    """Without tilt the frame of a section's grain agrees with Eq. (12) in its first axis, also at the centre."""
    position = np.array([[3.0, 4.0], [-2.0, 0.0], [0.0, 0.0]])
    markers = cutouts.in_plane(position, np.ones((3, 2)), np.ones(3), np.zeros(3), np.array([0, 3]))
    expected = np.empty((3, 3, 3))
    gnet.frames(markers.position, np.zeros(3), expected)
    np.testing.assert_allclose(markers.frame[:, 0], expected[:, 0], atol=1e-12)


def test_a_section_of_a_fit_has_its_costs_in_pixels():
    """Costs times sharpness are those of the softmax that was fitted, whatever the unit."""
    seed, diagonal = np.array([[1.0, 0.5], [2.0, 0.0]]), np.array([[400.0, 900.0]] * 2)
    fit = SectionFit(np.array([1, 2]), seed, diagonal, np.array([3.0, 4.0]), np.zeros(2), 7.0, (1.0,))
    found = cutouts.section_of_fit(fit, 0.05, 5.9)
    np.testing.assert_allclose(found.position, [[20.0, 10.0], [40.0, 0.0]])
    np.testing.assert_allclose(found.diagonal, np.array([[1.0, 2.25]] * 2) * 49)  # 400 µm⁻² is 1 per squared pixel
    np.testing.assert_allclose(found.offset, [21.0, 28.0])
    assert found.radius == pytest.approx(118.0)
