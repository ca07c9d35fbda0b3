"""Families by likelihood, both laws of shells, distance correlation, the law of a CT volume: section 2.3."""

import json

import numpy as np
import pytest
import tifffile
from scipy import stats

from nmcfast.calibration.shells import compare
from nmcfast.calibration.shells.families import fit_families, log_density
from nmcfast.calibration.shells.fit import calibrate_shells, distance_correlation, size_dependence
from nmcfast.calibration.shells.phantom import make_phantom
from nmcfast.calibration.shells.summary import shell_lines, verdict
from nmcfast.errors import InputError
from nmcfast.shells.harmonics import degree_of
from nmcfast.shells.joint_law import read_law
from nmcfast.shells.law import OrderLaw, ShellLaw
from nmcfast.shells.shell import draw_shell

SCIPY = {
    "normal": lambda p: stats.norm(*p),
    "student_t": lambda p: stats.t(*p),
    "lognormal": lambda p: stats.lognorm(p[0], loc=p[1], scale=p[2]),
}
TRUE = {"normal": (1.5, 0.7), "student_t": (3.0, 0.0, 0.5), "lognormal": (0.4, -29.83, 100.0)}


def rough_law(law="independent", size_scale=40.0):
    """Shells of radius near 10 voxels of 1 µm; with law "relative" the same roughness at the mean size."""
    scale = (0.05, 1.2, 0.5, 0.35, 0.25, 0.2, 0.16, 0.14, 0.12)
    shrink = 1.0 if law == "independent" else 1.0 / 38.0
    rough = (OrderLaw("student_t", (5.0, 0.0, tau * shrink), "estimated") for tau in scale)
    return ShellLaw(law, 1.0, (OrderLaw("lognormal", (0.3, 0.0, size_scale), "estimated"), *rough))


def sample(law, count, seed=1):
    return np.array([draw_shell(law, seed, index)[0].coefficients for index in range(count)])


# Families


@pytest.mark.parametrize("family", TRUE)
def test_log_density_equals_scipy(family):
    x = np.linspace(-80.0, 400.0, 97)
    np.testing.assert_allclose(log_density(family, TRUE[family], x), SCIPY[family](TRUE[family]).logpdf(x), rtol=1e-12)


def test_log_density_is_eq_5_and_eq_6():
    x, mu, sigma = np.array([0.5, 1.0, 7.0]), 0.4, 0.9
    printed = np.exp(-((np.log(x) - mu) ** 2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma * x)
    np.testing.assert_allclose(np.exp(log_density("lognormal", (sigma, 0.0, np.exp(mu)), x)), printed)
    tau, nu = 2.0, 3.0  # density of τ t(ν): f_t(x / τ) / τ
    printed = 2 / (np.pi * np.sqrt(3)) * (1 + (x / tau) ** 2 / nu) ** (-(nu + 1) / 2) / tau
    np.testing.assert_allclose(np.exp(log_density("student_t", (nu, 0.0, tau), x)), printed)


@pytest.mark.parametrize("family", TRUE)
def test_the_family_and_its_parameters_come_back(family):
    # 3,000 draws: each parameter within 4 of its standard errors
    x = SCIPY[family](TRUE[family]).rvs((3000, 1), random_state=np.random.default_rng(2))
    best = fit_families(x, centred=False)[0]
    assert best.law.family == family
    error = np.array(best.law.standard_error)
    assert (np.abs(np.array(best.law.parameters) - TRUE[family]) < 4 * error).all()
    assert (error < [{"normal": 0.02, "student_t": 0.25, "lognormal": 6.0}[family]]).all()


def test_standard_errors_are_the_spread_over_samples():
    found, stated = [], []
    for seed in range(25):
        x = stats.t(4.0).rvs((400, 5), random_state=np.random.default_rng(seed))
        law = next(fit for fit in fit_families(x, centred=True) if fit.law.family == "student_t").law
        found.append(law.parameters)
        stated.append(law.standard_error)
    spread, mean = np.std(found, axis=0), np.mean(stated, axis=0)
    assert mean[1] == 0.0  # the location is held at 0
    np.testing.assert_allclose(mean[[0, 2]], spread[[0, 2]], rtol=0.45)  # 25 samples: 14 %


def test_standard_errors_know_that_coefficients_of_a_particle_share_their_size():
    rng = np.random.default_rng(3)
    independent = rng.normal(size=(400, 9))
    shared = rng.normal(size=(400, 9)) * rng.lognormal(0.0, 0.5, (400, 1))
    spread = []
    for x in (independent, shared):
        law = next(fit for fit in fit_families(x, centred=True) if fit.law.family == "normal").law
        naive = law.parameters[1] / np.sqrt(2 * x.size)
        spread.append(law.standard_error[1] / naive)
    assert spread[0] == pytest.approx(1.0, abs=0.15)
    assert spread[1] > 2.0


def test_lognormal_without_an_inner_maximum_ends_as_a_normal_law():
    x = -stats.lognorm(0.4).rvs((500, 1), random_state=np.random.default_rng(4))  # skewed the other way
    fits = {fit.law.family: fit for fit in fit_families(x, centred=False)}
    assert fits["lognormal"].log_likelihood == pytest.approx(fits["normal"].log_likelihood, abs=3.0)
    assert fits["lognormal"].law.parameters[1] < -100.0


def test_samples_that_do_not_vary_are_refused():
    with pytest.raises(InputError, match="expected a sample that varies"):
        fit_families(np.ones((50, 3)), centred=True)


# Distance correlation


def test_distance_correlation_equals_its_definition():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=12), rng.normal(size=12)
    n = 12
    a = [[abs(x[i] - x[j]) for j in range(n)] for i in range(n)]
    b = [[abs(y[i] - y[j]) for j in range(n)] for i in range(n)]

    def centred(d, i, j):
        row, column = sum(d[i]) / n, sum(d[k][j] for k in range(n)) / n
        return d[i][j] - row - column + sum(map(sum, d)) / n**2

    def covariance(d, e):
        return sum(centred(d, i, j) * centred(e, i, j) for i in range(n) for j in range(n)) / n**2

    expected = np.sqrt(covariance(a, b) / np.sqrt(covariance(a, a) * covariance(b, b)))
    assert distance_correlation(x, y) == pytest.approx(expected, rel=1e-12)


def test_distance_correlation_sees_dependence_without_correlation():
    rng = np.random.default_rng(6)
    x, noise = rng.normal(size=(2, 600))
    assert distance_correlation(x, 3 * x + 1) == pytest.approx(1.0)
    assert distance_correlation(x, noise) < 0.1
    assert distance_correlation(x, x * x) > 0.4
    assert distance_correlation(x, np.ones(600)) == 0.0


def test_size_dependence_tells_the_laws_apart():
    independent = size_dependence(sample(rough_law(), 200))
    relative = size_dependence(sample(rough_law("relative"), 200))
    assert independent.shape == (99,)
    assert independent.mean() < 0.13  # about 1.4 / √200 for independent samples
    assert relative.mean() > independent.mean() + 0.03


# Laws


def test_relative_likelihood_is_a_density_of_the_same_coefficients():
    coefficients = sample(rough_law("relative"), 60)
    fit = compare.fit_law(coefficients, "relative", 1.0)
    expected = 0.0
    for column, order in zip(coefficients.T, degree_of(100), strict=True):
        law = SCIPY[fit.law.orders[order].family](fit.law.orders[order].parameters)
        if order == 0:
            expected += law.logpdf(column).sum()
        else:  # change of variables: p(a) = p(a / a_00) / a_00
            expected += (law.logpdf(column / coefficients[:, 0]) - np.log(coefficients[:, 0])).sum()
    assert fit.log_likelihood == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("law", ["independent", "relative"])
def test_the_law_that_made_the_shells_is_taken(law):
    truth = rough_law(law)
    fits, report = compare.compare_laws(sample(truth, 200), 1.0, seed=3, count=100)
    assert report["taken"] == law
    for order in range(2, 10):
        freedom, _, scale = fits[law].law.orders[order].parameters
        _, _, error = fits[law].law.orders[order].standard_error
        assert abs(scale - truth.orders[order].parameters[2]) < 4 * error
        assert 3.0 < freedom < 9.0  # 5, and 2.7 to 11 as its range at order 2
    for name, distance in report["laws"][law]["distances"].items():
        assert distance < 5 * report["floor"][name] + 1e-3, name
    json.dumps(report, allow_nan=False)


def test_too_few_particles_and_sizes_below_zero_are_refused():
    with pytest.raises(InputError, match="found 10 particles, expected at least 30"):
        compare.compare_laws(sample(rough_law(), 10), 1.0)
    coefficients = sample(rough_law(), 40)
    coefficients[3, 0] = -1.0
    with pytest.raises(InputError, match=r"a_00 = -1\.0"):
        compare.fit_law(coefficients, "relative", 1.0)


# A whole calibration


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    """40 shells of radius near 10 voxels in a noisy, blurred CT volume of 110³ voxels."""
    shells = [draw_shell(rough_law(), 8, index)[0] for index in range(40)]
    path = tmp_path_factory.mktemp("ct") / "phantom.tif"
    grey = make_phantom(shells, (110, 110, 110), 1.0, seed=8).grey
    tifffile.imwrite(path, grey, photometric="minisblack")
    return path, np.array([shell.coefficients for shell in shells])


@pytest.fixture(scope="module")
def calibration(phantom, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return calibrate_shells(phantom[0], 0.5, seed=1, report_dir=folder), folder


def test_shells_come_back_from_a_noisy_volume(phantom, calibration):
    # sampling error is common to truth and result: the differences are those of blur, voxels and watershed
    found, truth = calibration[0], phantom[1]
    segmentation = found.report["segmentation"]
    assert 36 <= segmentation["particles"] <= 42
    size = truth[:, 0].mean() / np.sqrt(4 * np.pi)
    assert found.report["star_shapes"]["mean_equivalent_radius"] == pytest.approx(size, rel=0.06)
    expected = np.sqrt((truth[:, 4:9] ** 2).mean())
    order = found.report["comparison"]["laws"]["independent"]["orders"][2]
    deviation = next(row for row in order if row["family"] == "normal")["parameters"]["deviation"]
    assert deviation == pytest.approx(expected, rel=0.25)


def test_calibration_reports_every_step(calibration):
    found, folder = calibration
    assert found.law.unit_um == 0.5
    assert found.law.law == found.report["comparison"]["taken"]
    assert all(order.standing == "fitted" for order in found.law.orders)
    assert len(found.report["size_dependence"]) == 99
    lines = shell_lines(found.report)
    assert len(lines) <= 11 and lines[0].startswith("verdict: ") and "--threshold unbiased" in lines[-1]
    poor = json.loads(json.dumps(found.report))
    poor["comparison"]["laws"][poor["comparison"]["taken"]]["distances"]["sphericity"] = 1.0
    assert "NOT match the data in" in verdict(poor) and "sphericity" in verdict(poor)
    assert 0.95 < found.report["star_shapes"]["volume_share"] < 1.02
    left = found.report["smoothing"]["share_left_by_order"]
    assert left[0] == 1.0 and (np.diff(left) < 0).all() and left[8] < 0.5  # radius near 10 voxels
    assert [len(rows) for rows in found.report["comparison"]["laws"]["relative"]["orders"]] == [3] * 10
    assert json.loads(json.dumps(found.report, allow_nan=False)) == found.report
    assert read_law(json.loads(json.dumps(found.law.to_dict()))) == found.law
    for name in ("fig3.png", "fig4.png", "fig10a.png", "sections.png"):
        assert (folder / name).read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"voxel_size_um": 0.0}, "voxel size: found 0.0"),
        ({"voxel_size_um": -0.4}, "voxel size: found -0.4"),
        ({"voxel_size_um": float("nan")}, "voxel size: found nan"),
        ({"law": "both"}, "law: found 'both'"),
        ({"segmented": True, "phase": 9}, "phantom.tif: phase: found no voxel of phase 9"),
        ({"sigma": float("inf")}, "sigma: found inf"),
        ({"segmented": True, "restore": True}, "restore: a segmented volume is not smoothed"),
    ],
)
def test_bad_options_are_refused(tmp_path, options, words):
    values = np.random.default_rng(1).integers(0, 3, (12, 12, 12)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "phantom.tif", values, photometric="minisblack")
    with pytest.raises(InputError, match=words):
        calibrate_shells(tmp_path / "phantom.tif", **{"voxel_size_um": 0.4, **options})


def test_a_volume_with_too_few_particles_is_refused(tmp_path):
    shells = [draw_shell(rough_law(), 1, index)[0] for index in range(3)]
    grey = make_phantom(shells, (80, 80, 80), 1.0).grey
    tifffile.imwrite(tmp_path / "few.tif", grey, photometric="minisblack")
    with pytest.raises(InputError, match=r"few\.tif: found \d particles, expected at least 30"):
        calibrate_shells(tmp_path / "few.tif", 0.4)
