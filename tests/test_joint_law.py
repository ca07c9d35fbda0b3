"""Law `joint` of shells: the exponential and its inverse, draws, records, Eq. (7)."""

import json

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.transform import Rotation

from nmcfast.errors import InputError
from nmcfast.kernels.philox import STREAM_SHELL, uniforms
from nmcfast.kernels.shells.harmonics import real_harmonics
from nmcfast.shells.harmonics import degree_of, icosphere
from nmcfast.shells.joint_law import JointLaw, read_law
from nmcfast.shells.law import PUBLISHED, OrderLaw
from nmcfast.shells.log_expansion import expansion_tables, exponential, logarithm, octant
from nmcfast.shells.shell import draw_shell, draw_shells

MARGINS = [(9.5, 2.1, 0.2, 0.8), (-7.5, 1.0, 0.1, 0.75), (-2.6, 0.6, -0.1, 0.8), (-4.1, 0.5, 0.1, 0.8)]
MARGINS += [(-4.5 - 0.3 * k, 0.5, 0.1, 0.85 + 0.05 * k) for k in range(6)]


def joint_law(orders=10, shift=0.0, unit=0.398):
    """Shells of radius near 10 units; size and energies correlate by −0.5, energies by 0.5; shift: of log E_l."""
    margins = tuple(
        OrderLaw("sinh_arcsinh", (a + shift * (k > 0), b, c, d), "estimated")
        for k, (a, b, c, d) in enumerate(MARGINS[:orders])
    )
    sign = np.where(np.arange(orders) > 0, 1.0, -1.0)
    correlation = 0.5 * np.outer(sign, sign) + 0.5 * np.eye(orders)
    return JointLaw(unit, margins, tuple(map(tuple, correlation.tolist())))


def slow_draw(law, seed, particle, attempt):
    """One attempt step by step with NumPy's functions -> coefficients of log X / ρ, ρ, energies."""
    orders = len(law.orders)
    count = orders**2 + orders
    u = np.empty((count + 15) // 16 * 16)
    uniforms(np.uint64(seed), np.uint64(particle), STREAM_SHELL, attempt, u)
    radius, turn = np.sqrt(-2 * np.log(u[::2])).reshape(-1, 8), 2 * np.pi * u[1::2].reshape(-1, 8)
    normal = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1).ravel()
    z = np.linalg.cholesky(np.array(law.correlation)) @ normal[orders**2 : count]
    location, scale, skewness, tail = np.array([order.parameters for order in law.orders]).T
    x = location + scale * np.sinh((np.arcsinh(z) + skewness) / tail)
    b = np.zeros(orders**2)
    for order in range(1, orders):
        part = slice(order**2, (order + 1) ** 2)
        b[part] = normal[part] / np.linalg.norm(normal[part]) * np.exp(0.5 * x[order])
    return b, x[0], x


# Exponential and logarithm


def test_the_grid_integrates_products_of_harmonics_exactly():
    directions, weights = octant()
    signs = 1.0 - 2.0 * (np.arange(8)[:, None] >> np.arange(3) & 1)
    points, weights = (signs[:, None] * directions).reshape(-1, 3), np.tile(weights, 8)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1.0, rtol=1e-14)
    assert weights.sum() == pytest.approx(4 * np.pi, rel=1e-14)
    high, low = real_harmonics(points, 14), real_harmonics(points, 9)  # orders up to 23 in the product
    np.testing.assert_allclose(high.T @ (low * weights[:, None]), np.eye(225, 100), atol=2e-13)


def test_tables_are_the_same_bits_on_every_machine():
    # halvings and square roots alone: the C library's cosine and LAPACK's nodes differ in the last bit
    directions, weights = octant()
    assert [float(value).hex() for value in (directions[7, 0], directions[7, 2], weights[7])] == [
        "0x1.c5e222dee8510p-1",
        "0x1.205cae642337cp-2",
        "0x1.879f522077e6ep-5",
    ]


def test_exponential_is_an_integral_over_the_sphere():
    b = np.random.default_rng(1).normal(size=100) * 0.3 / (1 + degree_of(100)) ** 1.5
    z, weight = np.polynomial.legendre.leggauss(40)
    turn = np.arange(80) * 2 * np.pi / 80
    ring = np.sqrt(1 - z * z)[:, None, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    points = np.concatenate([ring, np.broadcast_to(z[:, None, None], (40, 80, 1))], axis=2).reshape(-1, 3)
    basis = real_harmonics(points, 9)
    expected = (np.repeat(weight, 80) * 2 * np.pi / 80 * np.exp(basis @ b)) @ basis
    np.testing.assert_allclose(exponential(b[None])[0], expected, atol=1e-4)


def test_logarithm_is_the_inverse_of_the_exponential():
    b = np.random.default_rng(2).normal(size=(5, 100)) * np.array([0.02, 0.1, 0.3, 0.6, 1.0])[:, None]
    b[:, 1:] /= degree_of(100)[1:]
    b[:, 0] += 8.0
    found, determinant = logarithm(exponential(b))
    np.testing.assert_allclose(found, b, atol=1e-9)
    slope = np.array([(exponential(b[:1] + 1e-5 * e) - exponential(b[:1] - 1e-5 * e))[0] / 2e-5 for e in np.eye(100)])
    assert determinant[0] == pytest.approx(np.linalg.slogdet(slope)[1], abs=1e-5)


def test_a_ball_has_the_logarithm_of_its_radius():
    ball = np.zeros((1, 100))
    ball[0, 0] = 7.0 * np.sqrt(4 * np.pi)
    b, _ = logarithm(ball)
    assert b[0, 0] == pytest.approx(np.log(7.0) * np.sqrt(4 * np.pi))
    np.testing.assert_allclose(b[0, 1:], 0.0, atol=1e-12)


def test_radii_below_zero_have_no_logarithm():
    shell = np.zeros((2, 100))
    shell[:, 0] = 1.0
    shell[1, 2] = 5.0
    with pytest.raises(InputError, match="1 of 2, first 1, are no exponentials"):
        logarithm(shell)


# Draws


@pytest.mark.parametrize(("orders", "shift"), [(10, 0.0), (10, 3.0), (4, 1.0), (1, 0.0)])
def test_draws_equal_numpy_step_by_step(orders, shift):
    # float32 rounding of each coefficient is 6e-8 of it; sums cancel to some 1e-15 of the size
    law = joint_law(orders, shift)
    for particle in (0, 3, 2**63 + 5):
        drawn = law.draw(2**40 + 1, particle, 2)
        b, size, x = slow_draw(law, 2**40 + 1, particle, 2)
        expected = exponential(b[None])[0] * size * law.unit_um
        np.testing.assert_allclose(drawn[: orders**2], expected, rtol=1e-7, atol=1e-12 * expected[0])
        assert (drawn[orders**2 :] == 0.0).all()
        energy = [(b[k * k : (k + 1) ** 2] ** 2).sum() for k in range(1, orders)]
        np.testing.assert_allclose(np.log(energy), x[1:], atol=1e-12)


def test_many_draws_are_the_single_ones_to_the_bit():
    law, indices = joint_law(), np.array([0, 5, 2**64 - 1, 7], np.uint64)
    together = law.draw_many(2**63 + 1, indices, 3)
    assert np.array_equal(together, [law.draw(2**63 + 1, int(i), 3) for i in indices])
    assert (together.astype(np.float32) == together).all()
    for seed, index, attempt in ((8, 5, 0), (7, 6, 0), (7, 5, 1)):
        assert (law.draw(7, 5, 0) != law.draw(seed, index, attempt))[:100].all()


def test_sizes_and_energies_follow_margins_and_correlation():
    law, count = joint_law(), 800
    b, _ = logarithm(law.draw_many(4, np.arange(count, dtype=np.uint64), 0) / law.unit_um)
    degree = degree_of(100)
    x = [np.exp(b[:, 0] / np.sqrt(4 * np.pi)), *(np.log((b[:, degree == k] ** 2).sum(axis=1)) for k in range(1, 10))]
    z = []
    for values, order in zip(x, law.orders, strict=True):
        location, scale, skewness, tail = order.parameters
        z.append(np.sinh(tail * np.arcsinh((values - location) / scale) - skewness))
    assert min(stats.kstest(row, "norm").pvalue for row in z) > 1e-3  # 10 tests: a false alarm in 100 seeds
    assert np.abs(np.corrcoef(z) - np.array(law.correlation)).max() < 4.5 * 0.75 / np.sqrt(count)
    unit = b[:, 1:] / np.sqrt(np.exp(np.array(x)[degree[1:]])).T  # uniform on the sphere of each order
    second = unit.T @ unit / count * np.sqrt(np.outer(2 * degree[1:] + 1, 2 * degree[1:] + 1))
    assert np.abs(second - np.eye(99)).max() < 5.0 * 1.1 / np.sqrt(count)


def test_the_law_does_not_change_under_rotation():
    # a turned shell has the same size and energies of orders, and so the same density
    law = joint_law()
    b, _ = logarithm(law.draw_many(4, np.arange(3, dtype=np.uint64), 0))
    grid, degree = icosphere(3)[0], degree_of(100)
    turned = real_harmonics(grid @ Rotation.random(random_state=1).as_matrix().T, 9)
    again = np.linalg.lstsq(real_harmonics(grid, 9), turned @ b.T, rcond=None)[0].T
    again, _ = logarithm(exponential(again))
    for k in range(10):
        np.testing.assert_allclose((again[:, degree == k] ** 2).sum(1), (b[:, degree == k] ** 2).sum(1), rtol=1e-8)


def test_rough_shells_are_rejected_and_counted():
    law = joint_law(shift=4.0)
    shells, rejected = draw_shells(law, 1, np.arange(60, dtype=np.uint64))
    assert rejected[:, 1].sum() > 10  # radii below 0 after the expansion to order 9
    for index in range(5):
        shell, counts = draw_shell(law, 1, index)
        assert (shell.grid_radius(3) > 0).all() and list(counts.values()) == rejected[index].tolist()
        assert np.array_equal(shell.coefficients, shells[index])
        assert np.array_equal(law.draw(1, index, sum(counts.values())), shells[index])
    smooth = draw_shells(joint_law(), 1, np.arange(60, dtype=np.uint64))[1]
    assert smooth.sum() == 0


def test_tails_beyond_float64_are_rejected_not_stored():
    law = joint_law()
    wild = OrderLaw("sinh_arcsinh", (-7.5, 1.0, 0.0, 0.01), "estimated")
    shells, rejected = draw_shells(
        JointLaw(0.4, (law.orders[0], wild, *law.orders[2:]), law.correlation), 1, np.arange(9, dtype=np.uint64)
    )
    assert np.isfinite(shells).all() and rejected.sum() > 0


def test_a_draw_is_pinned():
    # guards the stream and the rounding: a change here changes every library made with such a law
    found = draw_shell(joint_law(), 1, 0)[0].coefficients[[0, 1, 50, 99]]
    assert found.tolist() == [16.483158111572266, -0.0938800573348999, 0.03904532268643379, 0.008327143266797066]


# Records


def test_records_survive_json():
    error = tuple(tuple(0.01 for _ in range(10)) for _ in range(10))
    law = joint_law()
    fitted = tuple(OrderLaw(o.family, o.parameters, "fitted", (0.1, 0.1, 0.0, 0.0)) for o in law.orders)
    for one in (law, JointLaw(0.128, fitted, law.correlation, error, 0.03)):
        assert read_law(json.loads(json.dumps(one.to_dict()))) == one
    assert read_law(PUBLISHED.to_dict()) == PUBLISHED


def broken(path, value):
    record = json.loads(json.dumps(joint_law().to_dict()))
    node = record
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return record


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["orders", 2, "family"], "normal", r"orders\[2\]: mean: found 'nothing'"),
        (["orders", 2, "parameters", "tail"], 0.0, r"orders\[2\]: tail: found 0.0, expected a positive"),
        (["orders"], [], "orders: found 0"),
        (["unit_um"], -1.0, "unit_um: found -1.0"),
        (["correlation"], None, "correlation: found None, expected a list of rows"),
        (["correlation"], [[1.0]], "correlation: found '1 rows', expected 10"),
        (["correlation", 3], [1.0], r"correlation\[3\]: found \(1.0,\), expected 10 finite"),
        (["correlation", 3, 3], 2.0, r"correlation\[3\]\[3\]: found 2.0, expected 1"),
        (["correlation", 3, 1], 0.1, r"correlation\[3\]\[1\]: found 0.1, expected a symmetric"),
        (["correlation", 3, 1], "x", "correlation: .* expected a list of rows of numbers"),
        (["correlation_error"], [[0.0]], "correlation_error: found '1 rows'"),
        (["shrinkage"], 1.5, "shrinkage: found 1.5"),
        (["shrinkage"], "much", "shrinkage: found 'much'"),
    ],
)
def test_nonsense_records_are_refused_by_field_and_value(path, value, words):
    with pytest.raises(InputError, match=words):
        read_law(broken(path, value))


def test_a_matrix_that_is_no_correlation_is_refused():
    law = joint_law(3)
    matrix = ((1.0, 0.9, -0.9), (0.9, 1.0, 0.9), (-0.9, 0.9, 1.0))
    with pytest.raises(InputError, match=r"correlation: .*left at order 2"):
        JointLaw(1.0, law.orders, matrix)


def test_families_of_the_other_laws_are_refused():
    with pytest.raises(InputError, match=r"orders\[0\]: family: found 'sinh_arcsinh', expected one of normal"):
        type(PUBLISHED)("independent", 1.0, joint_law(2).orders)
    with pytest.raises(InputError, match=r"orders\[1\]: family: found 'student_t', expected one of sinh_arcsinh"):
        JointLaw(1.0, (joint_law(1).orders[0], PUBLISHED.orders[1]), ((1.0, 0.0), (0.0, 1.0)))


def test_a_law_of_one_order_has_balls():
    shell = draw_shell(joint_law(1), 3, 1)[0]
    assert shell.coefficients[0] > 0 and (shell.coefficients[1:] == 0).all()
    assert expansion_tables(0)[3].shape == (8, 48, 8)
