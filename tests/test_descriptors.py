"""Shape descriptors of shells against bodies with known values, Eqs. (17)–(20)."""

import numpy as np
import pytest

from nmcfast import descriptors
from nmcfast.errors import InputError
from nmcfast.shells.harmonics import fit_coefficients, icosphere
from nmcfast.shells.law import PUBLISHED
from nmcfast.shells.shell import draw_shell


def ellipsoid(axes, level):
    return 1 / np.sqrt(((icosphere(level)[0] / axes) ** 2).sum(axis=1))


def ball(radius):
    coefficients = np.zeros(100)
    coefficients[0] = radius * np.sqrt(4 * np.pi)
    return coefficients


def test_a_ball_has_descriptors_one():
    found = descriptors.shell_descriptors(ball(3.0))
    assert found["d_max"] == pytest.approx(6.0, rel=1e-12)
    assert found["d_min"] == pytest.approx(6.0, rel=1e-12)
    assert found["aspect_ratio"] == pytest.approx(1.0, abs=1e-12)
    assert found["compactness"] == pytest.approx(1.0, abs=1e-9)
    assert found["sphericity"] == pytest.approx(1.0, abs=3e-4)
    assert found["volume"] == pytest.approx(36 * np.pi, rel=2.3e-3)
    assert found["area"] == pytest.approx(36 * np.pi, rel=1.3e-3)


def test_an_ellipsoid_has_its_axes_and_is_convex():
    vertices, faces = icosphere(4)
    radius = ellipsoid([2.0, 1.5, 1.0], 4)
    assert descriptors.d_max(radius) == pytest.approx(4.0, rel=2e-3)
    assert descriptors.d_min(radius) == pytest.approx(2.0, rel=2e-3)
    assert descriptors.aspect_ratio(radius) == pytest.approx(2.0, rel=4e-3)
    assert descriptors.compactness(radius, vertices, faces) == pytest.approx(1.0, abs=1e-3)


def test_diameters_pair_opposite_directions():
    # P(u) = 2 + x: every extent is 4, the radii are not
    radius = 2.0 + icosphere(2)[0][:, 0]
    np.testing.assert_allclose(descriptors.diameters(radius), 4.0, rtol=1e-15)
    assert descriptors.diameters(np.ones((5, 42))).shape == (5, 21)
    assert descriptors.d_max(np.ones((5, 42))).shape == (5,)


def test_the_waist_of_a_peanut_lowers_compactness_and_sphericity():
    # P = 1 + z²: a body of revolution with waist 1 and half-length 2
    vertices, faces = icosphere(5)
    radius = 1.0 + vertices[:, 2] ** 2
    t = np.linspace(0.0, np.pi, 20_001)
    axial, radial = (1 + np.cos(t) ** 2) * np.cos(t), (1 + np.cos(t) ** 2) * np.sin(t)
    volume = abs(np.trapezoid(np.pi * radial**2, axial))
    widest = radial.max()
    cap = abs(axial[np.argmax(radial)])
    outside = np.abs(axial) >= cap
    hull = np.pi * widest**2 * 2 * cap + 2 * abs(
        np.trapezoid(np.pi * radial[outside & (axial > 0)] ** 2, axial[outside & (axial > 0)])
    )
    assert descriptors.compactness(radius, vertices, faces) == pytest.approx(volume / hull, abs=2e-3)
    assert volume / hull < 0.97
    assert descriptors.sphericity(*descriptors.volume_area(radius, vertices, faces)) < 0.93


def test_descriptors_scale_as_their_units():
    small = draw_shell(PUBLISHED, 5, 0)[0].coefficients
    one, ten = (descriptors.shell_descriptors(scale * small) for scale in (1.0, 10.0))
    power = {"volume": 3, "area": 2, "d_max": 1, "d_min": 1}
    for name, value in one.items():
        assert ten[name] == pytest.approx(value * 10.0 ** power.get(name, 0), rel=1e-9)


def test_level_4_agrees_with_level_6_within_the_stated_errors():
    for index in range(8):
        shell = draw_shell(PUBLISHED, 11, index)[0]
        found = shell.descriptors()
        fine = shell.grid_radius(6)
        volume, area = descriptors.volume_area(fine, *icosphere(6))
        assert found["volume"] == pytest.approx(volume, rel=0.02)
        assert found["area"] == pytest.approx(area, rel=0.012)
        assert found["sphericity"] == pytest.approx(descriptors.sphericity(volume, area), abs=0.005)
        assert found["d_max"] == pytest.approx(descriptors.d_max(fine), rel=0.008)
        assert found["aspect_ratio"] == pytest.approx(descriptors.aspect_ratio(fine), rel=0.05)


def test_descriptors_stay_in_their_range():
    for index in range(40):
        found = draw_shell(PUBLISHED, 7, index)[0].descriptors()
        assert 0 < found["compactness"] <= 1 + 1e-9
        assert 0 < found["sphericity"] <= 1
        assert found["aspect_ratio"] >= 1


def test_fitted_ellipsoid_keeps_its_volume():
    coefficients = fit_coefficients(ellipsoid([1.3, 1.1, 1.0], 3), icosphere(3)[0])
    assert descriptors.shell_descriptors(coefficients)["volume"] == pytest.approx(4 / 3 * np.pi * 1.43, rel=3e-3)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_compactness_refuses_a_surface_that_folds(bad):
    vertices, faces = icosphere(1)
    radius = np.ones(42)
    radius[3] = bad
    with pytest.raises(InputError, match="positive finite"):
        descriptors.compactness(radius, vertices, faces)
