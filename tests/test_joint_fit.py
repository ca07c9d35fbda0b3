"""Law `joint` fitted: margins, likelihood, shrinkage, recovery of a known law, and whether auto takes it."""

import json

import numpy as np
import pytest
from scipy import stats
from test_joint_law import joint_law

from nmcfast.calibration.shells import compare
from nmcfast.calibration.shells.families import log_density, normal_scores
from nmcfast.calibration.shells.joint import fit_joint, fit_margin, shrunk_correlation, sizes_and_energies
from nmcfast.errors import InputError
from nmcfast.shells.joint_law import JointLaw
from nmcfast.shells.law import OrderLaw
from nmcfast.shells.shell import draw_shells


def sample(law, count, seed=1):
    shells, _ = draw_shells(law, seed, np.arange(count, dtype=np.uint64))
    return shells[:, : len(law.orders) ** 2] / law.unit_um


# Margins


def test_sinh_arcsinh_density_is_that_of_the_transformed_normal():
    parameters = (1.3, 0.7, -0.2, 0.8)
    x = np.linspace(-6.0, 9.0, 41)
    slope = (normal_scores(parameters, x + 1e-6) - normal_scores(parameters, x - 1e-6)) / 2e-6
    expected = stats.norm.logpdf(normal_scores(parameters, x)) + np.log(slope)
    np.testing.assert_allclose(log_density("sinh_arcsinh", parameters, x), expected, rtol=1e-7)
    np.testing.assert_allclose(log_density("sinh_arcsinh", (1.3, 0.7, 0.0, 1.0), x), stats.norm.logpdf(x, 1.3, 0.7))


@pytest.mark.parametrize(
    ("truth", "free"), [((2.0, 0.5, 0.0, 1.0), 2), ((2.0, 0.5, 0.6, 1.0), 3), ((2.0, 0.5, -0.2, 0.7), 4)]
)
def test_a_margin_and_its_parameters_come_back(truth, free):
    z = np.random.default_rng(5).normal(size=3000)
    fits = fit_margin(truth[0] + truth[1] * np.sinh((np.arcsinh(z) + truth[2]) / truth[3]))
    assert fits[0].free == free
    found, error = np.array(fits[0].law.parameters), np.array(fits[0].law.standard_error)
    assert (np.abs(found - truth) <= 3.5 * error).all()
    assert (error > 0).sum() == free and error.max() < 0.1


def test_a_margin_of_equal_values_is_refused():
    with pytest.raises(InputError, match="expected a sample that varies"):
        fit_margin(np.ones(40))


# Likelihood


def log_densities(law, coefficients):
    """Log density of a_lm of a law, from SciPy's multivariate normal -> (n,)."""
    x, density = sizes_and_energies(coefficients)
    z = np.array([normal_scores(order.parameters, values) for order, values in zip(law.orders, x.T, strict=True)])
    for order, values in zip(law.orders, x.T, strict=True):
        density = density + log_density("sinh_arcsinh", order.parameters, values)
    return density + stats.multivariate_normal(cov=np.array(law.correlation)).logpdf(z.T) - stats.norm.logpdf(z).sum(0)


def test_the_density_of_coefficients_integrates_to_one():
    # importance sampling of a_00 and a_1m: 1 when the sphere, the unit of b_00 and the determinant are right
    margins = (OrderLaw("sinh_arcsinh", (10.0, 1.6, 0.2, 0.9), "estimated"),)
    margins += (OrderLaw("sinh_arcsinh", (-2.0, 0.6, 0.2, 0.9), "estimated"),)
    law = JointLaw(1.0, margins, ((1.0, -0.5), (-0.5, 1.0)))
    rng = np.random.default_rng(3)
    t = rng.standard_t(5.0, (2500, 2)) * [0.35, 0.5]
    direction = rng.normal(size=(2500, 3))
    size, share = 35.0 * np.exp(t[:, 0]), 0.1 * np.exp(t[:, 1])
    vector = direction * (size * share / np.linalg.norm(direction, axis=1))[:, None]
    proposal = (stats.t.logpdf(t / [0.35, 0.5], 5.0) - np.log([0.35, 0.5])).sum(1)
    proposal -= np.log(size) + np.log(4 * np.pi) + 3 * np.log(size * share)
    inside = share < 0.5  # radii are positive up to 0.577
    ratio = np.exp(log_densities(law, np.column_stack([size, vector])[inside]) - proposal[inside])
    assert ratio.sum() / 2500 == pytest.approx(1.0, abs=0.04)  # standard error 0.012


def test_log_likelihood_is_the_sum_of_that_density():
    coefficients = sample(joint_law(3), 60)
    fit = fit_joint(coefficients, 1.0)
    assert fit.log_likelihood == pytest.approx(log_densities(fit.law, coefficients).sum())
    assert fit.free == sum(fits[0].free for fits in fit.margins) + 3


def test_energies_are_those_of_the_logarithm_in_any_unit():
    coefficients = sample(joint_law(4), 5)
    x, _ = sizes_and_energies(coefficients)
    scaled, _ = sizes_and_energies(3.0 * coefficients)
    np.testing.assert_allclose(scaled[:, 0], 3.0 * x[:, 0], rtol=1e-9)
    np.testing.assert_allclose(scaled[:, 1:], x[:, 1:], atol=1e-9)


# Correlations


def test_correlations_of_few_particles_are_shrunk_and_of_many_are_not():
    rng, truth = np.random.default_rng(6), np.full((10, 10), 0.4) + 0.6 * np.eye(10)
    factor, error = np.linalg.cholesky(truth), {}
    for count in (40, 1200):
        raw, shrunk, shares = [], [], []
        for _ in range(12):
            z = rng.normal(size=(count, 10)) @ factor.T
            found, share = shrunk_correlation(z)
            raw.append(np.corrcoef(z.T) - truth)
            shrunk.append(found - truth)
            shares.append(share)
            assert np.linalg.eigvalsh(found).min() > 0 and (np.diag(found) == 1.0).all()
        error[count] = np.mean(np.square(shrunk)) / np.mean(np.square(raw))
        assert np.mean(shares) == pytest.approx({40: 0.1, 1200: 0.0037}[count], rel=0.3)
    assert error[40] < 0.97 and error[1200] == pytest.approx(1.0, abs=0.1)
    noise, share = shrunk_correlation(rng.normal(size=(40, 10)))
    assert share > 0.6 and np.abs(noise - np.eye(10)).max() < 0.2  # not a correlation is fitted where there is none


# Recovery


def test_a_known_law_comes_back_from_300_shells():
    truth = joint_law()
    fit = fit_joint(sample(truth, 300), truth.unit_um)
    beyond = []
    for found, true in zip(fit.law.orders, truth.orders, strict=True):
        quantile = [_quantile(order.parameters) for order in (found, true)]
        beyond += (np.abs(quantile[0] - quantile[1]) / true.parameters[1]).tolist()
    assert max(beyond) < 0.35  # quantiles 5, 50, 95 %, in scales; standard error near 0.1
    deviation = (np.array(fit.law.correlation) - np.array(truth.correlation))[np.triu_indices(10, 1)]
    error = np.array(fit.law.correlation_error)[np.triu_indices(10, 1)]
    assert np.sqrt(np.mean((deviation / error) ** 2)) == pytest.approx(1.0, abs=0.45)  # 45 that hang together
    assert all(order.standing == "fitted" for order in fit.law.orders)
    assert 0.003 < fit.law.shrinkage < 0.012


def _quantile(parameters):
    location, scale, skewness, tail = parameters
    return location + scale * np.sinh((np.arcsinh(stats.norm.ppf([0.05, 0.5, 0.95])) + skewness) / tail)


def test_auto_takes_the_joint_law_where_it_made_the_shells():
    truth = joint_law()
    fits, report = compare.compare_laws(sample(truth, 120), truth.unit_um, seed=3, count=40)
    assert report["taken"] == "joint" == fits["joint"].law.law
    laws = report["laws"]
    assert laws["joint"]["score"] < laws["independent"]["score"]
    assert laws["joint"]["aic"] < laws["independent"]["aic"] - 300.0
    for entry in laws.values():
        assert entry["score"] == pytest.approx(
            np.mean([entry["held_out"][name] / report["floor"][name] for name in compare.COMPARED])
        )
    assert "held out" in report["rule"]
    json.dumps(report, allow_nan=False)


def test_near_laws_are_told_apart_by_aic_and_others_by_what_users_see():
    def laws(*entries):
        return {name: {"score": score, "aic": aic} for name, score, aic in entries}

    assert compare._taken(laws(("a", 1.4, 10.0), ("b", 1.0, 20.0), ("c", 3.0, 0.0))) == "a"
    assert compare._taken(laws(("a", 1.6, 10.0), ("b", 1.0, 20.0), ("c", 3.0, 0.0))) == "b"
