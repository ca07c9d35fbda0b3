"""nmcfast/texture.py, export/orientations.py: laws of orientations, their draws, theory of the uniform one."""

import json
import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.transform import Rotation

from nmcfast.errors import InputError
from nmcfast.export.orientations import bunge_angles, matrices
from nmcfast.kernels.texture import cosines_sines, normal_quantiles
from nmcfast.misorientation import misorientation, quaternions, symmetry_operators
from nmcfast.texture import RADIAL_NMC811 as RADIAL
from nmcfast.texture import UNIFORM, Texture, cosines_to_radius, draw_orientations, fit_texture

OBLIQUE = Texture("radial fibre", 60.0, 50.0)
ALONG = Texture("radial fibre", 0.0, 30.0)


def positions(count: int, seed: int = 0) -> np.ndarray:
    made = np.random.default_rng(seed).normal(0.0, 3.0, (count, 3))
    return made.astype(np.float32).astype(np.float64)


def test_quantiles_and_cosines_are_those_of_the_standard_library_to_the_bit() -> None:
    edges = [0.075, np.nextafter(0.075, 0.0), 0.925, np.nextafter(0.925, 1.0), math.exp(-25.0), 1.4e-11, 1.3e-11, 0.5]
    tails = np.concatenate([10.0 ** np.linspace(-300.0, -1.0, 2000), 1.0 - 10.0 ** np.linspace(-15.9, -1.0, 500)])
    p = np.concatenate([edges, tails, np.random.default_rng(0).random(5000)])
    law, found = NormalDist(0.3, 0.16), np.empty(len(p))
    normal_quantiles(p, law.mean, law.stdev, found)
    np.testing.assert_array_equal(found, [law.inv_cdf(value) for value in p.tolist()])
    angle = np.random.default_rng(1).uniform(-7.0, 7.0, 5000)
    cosine, sine = np.empty(5000), np.empty(5000)
    cosines_sines(angle, cosine, sine)
    np.testing.assert_array_equal(cosine, [math.cos(value) for value in angle.tolist()])
    np.testing.assert_array_equal(sine, [math.sin(value) for value in angle.tolist()])


def disorientation_density(omega: np.ndarray) -> np.ndarray:
    """Density, per rad, of the angle between two crystals of −3m (D3), both of any orientation alike.

    A rotation of angle ω and axis n is the smallest of its 6 equivalents where tan(ω/2) n lies in the polytope of the
    planes at tan(θ/4) across the symmetry axes: tan 30° for the 3-fold axis, 1 for the three 2-fold ones. Haar's
    measure has density (2/π) sin²(ω/2); n is averaged here over a quadrature of the sphere.
    """
    z, weight = np.polynomial.legendre.leggauss(2000)
    azimuth = (np.arange(1500) + 0.5) * np.pi / 3 / 1500  # a sixth of the circle holds all
    across = np.sqrt(1 - z**2)[:, None] * np.maximum(np.cos(azimuth), np.cos(azimuth - np.pi / 3))
    limit = np.minimum(np.tan(np.pi / 6) / np.abs(z)[:, None], 1 / across)  # largest tan(ω/2)
    order = np.argsort(limit, axis=None)
    share = np.repeat(weight / 2 / azimuth.size, azimuth.size)[order]
    below = np.concatenate([[0.0], np.cumsum(share)])
    inside = 1 - below[np.searchsorted(limit.ravel()[order], np.tan(omega / 2))]
    return 6 * 2 / np.pi * np.sin(omega / 2) ** 2 * inside


def test_the_theory_is_a_density_and_agrees_with_its_closed_part() -> None:
    omega = np.linspace(0, np.pi * 0.999, 4001)
    density = disorientation_density(omega)
    assert np.trapezoid(density, omega) == pytest.approx(1, abs=2e-4)
    flat = omega < np.pi / 3
    assert np.allclose(density[flat], 12 / np.pi * np.sin(omega[flat] / 2) ** 2)
    band = (omega > np.pi / 3) & (omega < np.pi / 2)  # only the caps about the 3-fold axis are cut off
    closed = 12 / np.pi * np.sin(omega[band] / 2) ** 2 * np.tan(np.pi / 6) / np.tan(omega[band] / 2)
    assert np.allclose(density[band], closed, rtol=2e-3)
    largest = np.degrees(omega[density > 0].max())  # D3: the corner of the prism, tan²(ω/2) = tan² 30° + 1 / cos² 30°
    assert largest == pytest.approx(np.degrees(2 * np.arctan(np.sqrt(1 / 3 + 4 / 3))), abs=0.1)


def pair_angles(texture: Texture, pairs: int) -> np.ndarray:
    """Misorientations between grains one behind the other on the same radius."""
    place = positions(pairs)
    both = [draw_orientations(texture, 11, 2, p) for p in (place, 2 * place)]
    return misorientation(*both, symmetry_operators("-3m"))


def test_misorientations_of_the_uniform_texture_follow_theory() -> None:
    """40,000 independent pairs: Kolmogorov's distance is 0.0043 on average, and above 0.0098 once in 1,000."""
    omega = np.linspace(0, 1.85, 4001)
    density = disorientation_density(omega)
    law = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(omega))])
    angles = np.sort(pair_angles(UNIFORM, 40_000))
    assert stats.ks_1samp(angles, lambda x: np.interp(x, omega, law)).statistic < 0.0098
    assert stats.ks_1samp(pair_angles(RADIAL, 40_000), lambda x: np.interp(x, omega, law)).statistic > 0.1


def test_the_uniform_texture_is_uniform_on_all_rotations() -> None:
    """Any fixed turn leaves it alike: the traces of 30,000 rotations follow Haar's law, p > 0.001."""
    drawn = Rotation.from_quat(draw_orientations(UNIFORM, 5, 0, positions(30_000)), scalar_first=True)
    for turn in (Rotation.identity(), Rotation.from_euler("ZXZ", [0.3, 1.2, 2.0])):
        angles = (turn * drawn).magnitude()
        assert stats.ks_1samp(angles, lambda w: (w - np.sin(w)) / np.pi).pvalue > 1e-3


@pytest.mark.parametrize("texture", [RADIAL, OBLIQUE, ALONG])
def test_c_axes_follow_the_small_circle_law(texture: Texture) -> None:
    """20,000 draws, Kolmogorov p > 0.001 against the numerical integral of exp(−κ (t − cos angle)²)."""
    place = positions(20_000)
    drawn = draw_orientations(texture, 1, 4, place)
    t = np.linspace(0, 1, 20_001)
    density = np.exp(-texture.concentration * (t - np.cos(np.radians(texture.angle))) ** 2)
    law = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    found = cosines_to_radius(drawn, place)
    assert stats.ks_1samp(found, lambda x: np.interp(x, t, law / law[-1])).pvalue > 1e-3
    signed = (matrices(drawn)[:, :, 2] * place).sum(axis=1)
    assert abs((signed > 0).mean() - 0.5) < 3.3 * 0.5 / np.sqrt(len(place))  # c and −c alike


def test_a_fibre_turns_freely_about_the_radius_and_about_c() -> None:
    """Both azimuths of 20,000 grains on the z axis are uniform, p > 0.001."""
    place = np.tile([0.0, 0.0, 1.0], (20_000, 1)) * np.arange(1, 20_001)[:, None]
    phi1, _, phi2 = bunge_angles(draw_orientations(OBLIQUE, 9, 9, place)).T
    for angle in (phi1, phi2):
        assert stats.ks_1samp(angle, lambda x: x / (2 * np.pi)).pvalue > 1e-3


def test_a_grain_does_not_depend_on_the_others() -> None:
    place = positions(300)
    drawn = draw_orientations(RADIAL, 7, 3, place)
    rows = np.random.default_rng(1).permutation(300)[:50]
    assert np.array_equal(draw_orientations(RADIAL, 7, 3, place[rows]), drawn[rows])
    assert draw_orientations(RADIAL, 7, 3, place[:0]).shape == (0, 4)
    for seed, index in ((8, 3), (7, 4), (7 + 2**32, 3), (7, 3 + 2**32)):
        assert not (draw_orientations(RADIAL, seed, index, place) == drawn).any()


def test_orientations_are_stored_as_they_are_and_of_unit_length() -> None:
    drawn = draw_orientations(RADIAL, 2**63 + 1, 2**40, positions(2000))
    assert np.array_equal(drawn.astype(np.float32), drawn)
    assert np.abs(np.linalg.norm(drawn, axis=1) - 1).max() < 2e-7
    assert (drawn[:, 0] >= 0).all()


def test_golden_orientations() -> None:
    """The same bits as when this was written: what is stored of libraries depends on them."""
    golden = [
        [1045870367, 3203290836, 3206977286, 1058005214],
        [1057106761, 1054447430, 3202469491, 3206214223],
        [1050209837, 3199031786, 1059408513, 1058908118],
    ]
    place = np.array([[1.5, -2.25, 0.75], [0.0, 0.0, -3.0], [0.0, 0.0, 0.0]])
    drawn = draw_orientations(RADIAL, 7, 12345, place).astype(np.float32)
    assert drawn.view(np.uint32).tolist() == golden


def test_bunge_angles_are_those_of_scipy_and_of_the_map_reader() -> None:
    drawn = draw_orientations(UNIFORM, 3, 3, positions(500))
    angles = bunge_angles(drawn)
    assert (angles >= 0).all() and (angles <= [2 * np.pi, np.pi, 2 * np.pi]).all()
    np.testing.assert_allclose(Rotation.from_euler("ZXZ", angles).as_matrix(), matrices(drawn), atol=1e-6)
    again = quaternions(angles)
    np.testing.assert_allclose(np.abs((again * drawn).sum(axis=1)), 1, atol=1e-6)
    np.testing.assert_allclose(Rotation.from_quat(drawn, scalar_first=True).as_matrix(), matrices(drawn), atol=1e-7)


@pytest.mark.parametrize("euler", [(0.4, 0.0, 0.5), (0.4, np.pi, 0.5), (0.0, 0.0, 0.0), (5.0, 0.0, 4.0)])
def test_bunge_angles_where_they_are_not_unique(euler: tuple[float, float, float]) -> None:
    wanted = quaternions(np.array([euler]))
    found = bunge_angles(wanted)
    assert found[0, 2] == 0
    assert abs((quaternions(found) * wanted).sum()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("texture", [RADIAL, OBLIQUE, ALONG])
def test_fits_give_the_law_back(texture: Texture) -> None:
    """4,000 grains: the standard error of κ is about √(2/4000) = 2 % of it, of the angle below 1.5°."""
    place = positions(4000, 3)
    fitted = fit_texture(draw_orientations(texture, 4, 0, place), place)
    assert fitted.concentration == pytest.approx(texture.concentration, rel=0.15)
    assert fitted.angle == pytest.approx(texture.angle, abs=5.0 if texture.angle in (0, 90) else 1.5)


def test_a_fit_to_uniform_grains_is_nearly_uniform() -> None:
    place = positions(4000, 5)
    assert fit_texture(draw_orientations(UNIFORM, 4, 0, place), place).concentration < 0.3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("random",), "texture.kind: found 'random', expected 'uniform' or 'radial fibre'"),
        (("radial fibre", 91.0, 1.0), "texture.angle: found 91.0, expected 0 to 90"),
        (("radial fibre", 90.0, -1.0), "texture.concentration: found -1.0"),
        (("radial fibre", 90.0, float("nan")), "texture.concentration: found nan"),
        (("radial fibre", 90.0, 0.0), "expected 0 for uniform and more for radial fibre"),
        (("uniform", 90.0, 2.0), "expected 0 for uniform"),
    ],
)
def test_textures_that_make_no_sense(arguments: tuple, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Texture(*arguments)


def test_fits_that_cannot_be_made() -> None:
    place = positions(30)
    drawn = draw_orientations(RADIAL, 0, 0, place)
    with pytest.raises(InputError, match="found 19 grains"):
        fit_texture(drawn[:19], place[:19])
    place[4] = 0
    with pytest.raises(InputError, match="centre itself"):
        fit_texture(drawn, place)


@pytest.mark.parametrize("texture", [UNIFORM, OBLIQUE])
def test_a_texture_survives_json(texture: Texture) -> None:
    assert Texture.from_dict(json.loads(json.dumps(texture.to_dict()))) == texture
