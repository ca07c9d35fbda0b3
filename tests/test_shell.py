"""Random shells: the published law, drawing, rejection, containment and records, Eqs. (5)–(7), Table 1."""

import hashlib
import json
from collections import Counter

import naive_harmonics as naive
import numpy as np
import pytest
from scipy import stats

from nmcfast.errors import InputError
from nmcfast.kernels.shells.harmonics import real_harmonics
from nmcfast.shells.harmonics import degree_of, icosphere
from nmcfast.shells.law import PUBLISHED, OrderLaw, ShellLaw
from nmcfast.shells.shell import MAX_ATTEMPTS, Shell, draw_shell, draw_shells


def ball_law(scale=50.0, shape=0.1, location=0.0, law="independent", tau=1e-3, unit=0.1):
    rough = tuple(OrderLaw("normal", (0.0, tau), "estimated") for _ in range(9))
    return ShellLaw(law, unit, (OrderLaw("lognormal", (shape, location, scale), "estimated"), *rough))


@pytest.fixture(scope="module")
def attempts():
    """1,000 first attempts of the published law in voxels, rejected ones among them."""
    return np.array([PUBLISHED.draw(3, index, 0) for index in range(1000)]) / 0.128


@pytest.mark.parametrize("order", range(1, 10))
def test_coefficients_follow_table_1(attempts, order):
    nu = (2.22, 4.64, 2.84, 2.43, 2.28, 2.26, 2.20, 2.17, 2.22)[order - 1]
    tau = (3.51, 2.79, 0.98, 0.56, 0.37, 0.28, 0.21, 0.17, 0.15)[order - 1]
    sample = attempts[:, degree_of(100) == order].ravel() / tau
    assert stats.kstest(sample, stats.t(nu).cdf).pvalue > 1e-3  # 9 tests: a false alarm in 100 seeds


def test_size_follows_the_three_parameter_lognormal(attempts):
    law = stats.lognorm(0.4, loc=-29.83, scale=100.0)
    assert stats.kstest(attempts[:, 0], law.cdf).pvalue > 1e-3


def test_coefficients_of_one_shell_are_uncorrelated(attempts):
    rank = stats.spearmanr(attempts).statistic[np.triu_indices(100, 1)]
    assert np.abs(rank).max() < 5.0 / np.sqrt(1000)  # 4,950 pairs of standard error 0.032
    assert rank.std() == pytest.approx(1 / np.sqrt(999), rel=0.05)


@pytest.mark.parametrize(
    ("family", "parameters", "law"),
    [
        ("normal", (1.5, 2.0), stats.norm(1.5, 2.0)),
        ("lognormal", (0.4, -29.83, 100.0), stats.lognorm(0.4, -29.83, 100.0)),
        ("student_t", (2.22, 0.5, 3.51), stats.t(2.22, 0.5, 3.51)),
        ("student_t", (0.4, 0.0, 1.0), stats.t(0.4)),
    ],
)
def test_coefficients_follow_their_family(family, parameters, law):
    # 20,000 draws of one coefficient: a true sample is further than 0.0115 from its law once in 100
    one = ShellLaw("independent", 1.0, (OrderLaw(family, parameters, "fitted"),))
    sample = one.draw_many(3, np.arange(20_000, dtype=np.uint64), 0)[:, 0]
    assert stats.kstest(sample, law.cdf).statistic < 0.0115


def test_many_draws_are_the_single_ones_to_the_bit():
    indices = np.array([0, 5, 2**64 - 1, 7], np.uint64)
    together = PUBLISHED.draw_many(2**63 + 1, indices, 3)
    assert np.array_equal(together, [PUBLISHED.draw(2**63 + 1, int(i), 3) for i in indices])
    coefficients, rejected = draw_shells(PUBLISHED, 9, np.arange(40, dtype=np.uint64), first=2)
    for i in range(40):
        shell, refused = draw_shell(PUBLISHED, 9, i, first=2)
        assert np.array_equal(shell.coefficients, coefficients[i])
        assert list(refused.values()) == rejected[i].tolist()


def star_volume(radius):
    return naive.star_volume_area(radius, *icosphere(3))[0]


@pytest.mark.parametrize("law", [PUBLISHED, ball_law(scale=4.9, shape=0.3), ball_law(scale=30.0, tau=1.5)])
def test_shells_are_accepted_as_their_descriptors_say(law):
    """A shell is the first attempt of positive size, positive radii and 10 units³ or more, looked at one by one."""
    basis = real_harmonics(icosphere(3)[0], 9)
    for index in range(25):
        shell, rejected = draw_shell(law, 5, index)
        found = dict.fromkeys(rejected, 0)
        for attempt in range(1000):
            one = Shell(law.draw(5, index, attempt))
            with np.errstate(invalid="ignore"):
                radius = basis @ one.coefficients
            if not one.coefficients[0] > 0:
                found["size"] += 1
            elif not (np.isfinite(radius).all() and (radius > 0).all()):
                found["radius"] += 1
            elif radius.min() < 3 * law.unit_um and star_volume(radius) < 10 * law.unit_um**3:
                found["volume"] += 1
            else:
                break
        assert found == rejected
        assert np.array_equal(one.coefficients, shell.coefficients)


def test_a_shell_is_a_function_of_law_seed_and_index():
    one, other = draw_shell(PUBLISHED, 7, 5), draw_shell(PUBLISHED, 7, 5)
    assert (one[0].coefficients == other[0].coefficients).all()
    assert one[1] == other[1]
    for seed, index in ((8, 5), (7, 6), (2**63 + 7, 5), (7, 2**40)):
        assert (draw_shell(PUBLISHED, seed, index)[0].coefficients != one[0].coefficients).all()


def test_coefficients_are_float32_values():
    coefficients = draw_shell(PUBLISHED, 1, 0)[0].coefficients
    assert coefficients.dtype == np.float64
    assert (coefficients.astype(np.float32) == coefficients).all()


def test_rejections_of_the_published_law():
    # MODEL: 15 % of draws of scale 100 have a radius ≤ 0; standard error of 800 shells 1.2 %
    total = Counter()
    for index in range(800):
        shell, rejected = draw_shell(PUBLISHED, 2, index)
        total.update(rejected)
        assert (shell.grid_radius(3) > 0).all()
    share = total["radius"] / (800 + sum(total.values()))
    assert share == pytest.approx(0.15, abs=0.04)
    assert set(total) == {"size", "radius", "volume"}


@pytest.mark.parametrize(
    ("law", "reason"),
    [
        (ball_law(scale=10.0, shape=0.5, location=-9.0), "size"),
        (ball_law(scale=50.0, tau=1.5), "radius"),
        (ball_law(scale=4.7, shape=0.3), "volume"),  # radius 1.33: about 10 voxels
    ],
)
def test_each_reason_of_rejection_is_counted(law, reason):
    total = Counter()
    for index in range(40):
        total.update(draw_shell(law, 1, index)[1])
    assert total[reason] > 0


def test_a_law_without_particles_is_refused():
    with pytest.raises(InputError, match=f"{MAX_ATTEMPTS} attempts rejected .*size {MAX_ATTEMPTS}"):
        draw_shell(ball_law(location=-1e6), 1, 0)


def test_tails_beyond_float32_are_rejected_not_stored():
    wild = ball_law()
    heavy = (wild.orders[0], OrderLaw("student_t", (0.03, 0.0, 1.0), "estimated"), *wild.orders[2:])
    shell, rejected = draw_shell(ShellLaw("independent", 0.1, heavy), 1, 0)
    assert np.isfinite(shell.coefficients).all()
    assert rejected["radius"] > 0


def test_relative_law_scales_with_size():
    law = ball_law(law="relative", shape=0.5, tau=0.02)
    rows = np.array([law.draw(1, index, 0) for index in range(500)])
    ratio = rows[:, 1:] / rows[:, :1]
    assert ratio.std() == pytest.approx(0.02, rel=0.02)
    assert abs(stats.spearmanr(rows[:, 0], np.abs(rows[:, 5])).statistic) > 0.3
    plain = ball_law(law="independent", shape=0.5, tau=0.02)
    np.testing.assert_allclose(plain.draw(1, 3, 0)[0], law.draw(1, 3, 0)[0], rtol=1e-7)


def test_bounds_hold_the_surface():
    fine = icosphere(6)[0]
    for index in range(6):
        shell = draw_shell(PUBLISHED, 9, index)[0]
        surface = shell.radius(fine)[:, None] * fine
        lower, upper = shell.bounds()
        assert (lower <= surface.min(axis=0)).all()
        assert (surface.max(axis=0) <= upper).all()
        extent = surface.max(axis=0) - surface.min(axis=0)
        assert (upper - lower <= 1.035 * extent).all()


def test_bounds_hold_a_shell_of_the_highest_order():
    coefficients = np.zeros(100)
    coefficients[0], coefficients[99], coefficients[90] = 10.0, 2.0, 2.0
    shell, fine = Shell(coefficients), icosphere(7)[0]
    surface = shell.radius(fine)[:, None] * fine
    assert (shell.bounds()[0] <= surface.min(axis=0)).all()
    assert (surface.max(axis=0) <= shell.bounds()[1]).all()


def test_contains_follows_the_radius():
    shell = draw_shell(PUBLISHED, 4, 2)[0]
    direction = icosphere(2)[0]
    radius = shell.radius(direction)[:, None]
    assert shell.contains(direction * radius * (1 - 1e-9)).all()
    assert not shell.contains(direction * radius * (1 + 1e-9)).any()
    assert shell.contains(np.zeros((1, 3))).all()
    assert shell.contains(np.empty((0, 3))).shape == (0,)


def test_records_survive_json():
    fitted = OrderLaw("student_t", (3.0, 0.0, 0.2), "fitted", (0.1, 0.0, 0.01))
    law = ShellLaw("relative", 0.398, (PUBLISHED.orders[0], fitted, OrderLaw("normal", (0.0, 1.0), "fitted")))
    for one in (PUBLISHED, law):
        assert ShellLaw.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def broken(**changes):
    record = json.loads(json.dumps(PUBLISHED.to_dict()))
    for path, value in changes.items():
        node = record
        *way, last = [int(key) if key.isdigit() else key for key in path.split("__")]
        for key in way:
            node = node[key]
        if value is None:
            del node[last]
        else:
            node[last] = value
    return record


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"law": "both"}, "law: found 'both'"),
        ({"law": None}, "law: found 'nothing'"),
        ({"unit_um": 0.0}, "unit_um: found 0.0"),
        ({"unit_um": float("nan")}, "unit_um: found nan"),
        ({"unit_um": "0.128"}, "unit_um: found '0.128'"),
        ({"orders": []}, "orders: found 0"),
        ({"orders": 3}, "orders: found 3"),
        ({"orders__2": "t"}, r"orders\[2\]: found 't'"),
        ({"orders__2__family": "cauchy"}, r"orders\[2\]: family: found 'cauchy'"),
        ({"orders__2__parameters__scale": -1.0}, r"orders\[2\]: scale: found -1.0"),
        ({"orders__2__parameters__scale": None}, r"orders\[2\]: scale: found 'nothing'"),
        ({"orders__2__parameters__freedom": float("inf")}, r"orders\[2\]: freedom: found inf"),
        ({"orders__2__parameters__location": True}, r"orders\[2\]: location: found True"),
        ({"orders__0__standing": "guessed"}, r"orders\[0\]: standing: found 'guessed'"),
        ({"orders__0__parameters": [1, 2, 3]}, r"orders\[0\]: parameters"),
    ],
)
def test_nonsense_records_are_refused_by_field_and_value(changes, words):
    with pytest.raises(InputError, match=words):
        ShellLaw.from_dict(broken(**changes))


def test_a_shell_needs_a_square_number_of_coefficients():
    with pytest.raises(InputError, match="99"):
        Shell(np.ones(99))


def test_both_laws_of_the_paper_are_pinned_byte_for_byte():
    # digests of the code before there was a third law: attempts, accepted shells and rejections of 300 particles
    orders = [OrderLaw("student_t", (5.0, 0.0, t / 38), "estimated") for t in (0.05, 1.2, 0.5, 0.35, 0.25, 0.2)]
    size, last = OrderLaw("lognormal", (0.3, 0.0, 40.0), "estimated"), OrderLaw("normal", (0.0, 0.01), "fitted")
    expected = {
        PUBLISHED: "0ee9762433cc56282934bfe1385f6aab04a8008d8ada697b0209a31532ba0565",
        ShellLaw("relative", 0.398, (size, *orders, last)): "45757743906558927aacd7480085588b"
        "6f06b5e85a6048bcf0e5d37249c4a48a",
    }
    indices = np.arange(300, dtype=np.uint64)
    for law, digest in expected.items():
        arrays = [law.draw_many(1, indices, 0), *draw_shells(law, 1, indices, first=1)]
        assert hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest() == digest


def test_a_draw_is_pinned():
    # guards the stream and the rounding: a change here changes every library ever made
    found = draw_shell(PUBLISHED, 1, 0)[0].coefficients[[0, 1, 50, 99]]
    assert found.tolist() == [
        11.58018684387207,
        -0.4773232042789459,
        -0.06556176394224167,
        -0.03141467645764351,
    ]
