"""The parts that widen a start law: profiles, templates and pools of seeds that are arranged, and what a fit finds."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.spatial import cKDTree

from nmcfast.arrangement import Arrangement, Profile
from nmcfast.calibration.grains import reference, templates, wrong_laws
from nmcfast.calibration.grains.moment_fit import FITTED, PART_LEVEL, _linear_start, fit_moments
from nmcfast.calibration.grains.moments import MOMENTS
from nmcfast.calibration.grains.section_profile import section_statistics
from nmcfast.calibration.grains.seed_pool import SeedPool, turn
from nmcfast.calibration.grains.start_law import ALL, NUMBERS, PARTS, TRIALS, PlainLaw, arrangement, plain_law, rise
from nmcfast.parameters import MU
from nmcfast.sections import cutouts

LAW = PlainLaw(0.5, 0.25, 0.25, 0.8, 2.0, MU, 5.0, 5.5)
NUMBERS_OF_LAW = {
    "shape": 0.5,
    "spread_first": 0.25,
    "spread_across": 0.25,
    "spread_offset": 0.8,
    "coupling": 2.0,
    "log_mu": math.log(MU),
}


def test_a_rise_goes_from_0_in_the_centre_to_1_at_the_end():
    for place, width in ((0.5, 1.0), (0.0, 0.3), (1.0, 0.05), (0.4, 2.0)):
        step = rise(place, width, 80)
        assert (step[0], step[-1], len(step)) == (0.0, 1.0, 81)
        assert (np.diff(step) >= 0).all()
    sharp = rise(0.4, 0.05, 100)
    assert sharp[35] < 0.02 and sharp[45] > 0.98 and abs(sharp[40] - 0.5) < 0.01


def test_numbers_make_the_law_they_name():
    law, plain = plain_law(NUMBERS_OF_LAW, 5.0, 5.5), arrangement(NUMBERS_OF_LAW, 60)
    assert dataclasses.replace(law, mu=MU) == LAW and law.mu == pytest.approx(MU) and plain.plain
    more = {**NUMBERS_OF_LAW, "regularity": 0.7, "core_shape": -0.6, "shape_place": 0.5, "shape_width": 0.4}
    wide = arrangement(more, 60)
    assert wide.regularity == 0.7 and wide.profile.end == 60.0 and (wide.profile.density == 1.0).all()
    # the ratio of lengths in the centre is e^−0.6 of that at the rim, the product of D as it was
    ratio = np.sqrt(wide.profile.across / wide.profile.along)
    assert ratio[0] == pytest.approx(math.exp(-0.6), rel=1e-6) and ratio[-1] == pytest.approx(1.0)
    assert wide.profile.along * wide.profile.across**2 == pytest.approx(np.ones(61), rel=1e-5)
    dense = arrangement({**NUMBERS_OF_LAW, "core_density": 1.1, "density_place": 0.3, "density_width": 0.2}, 60)
    assert dense.profile.density[[0, -1]] == pytest.approx([math.exp(1.1), 1.0])
    assert (dense.profile.along == 1.0).all() and dense.regularity == 0.0


def test_every_trial_of_a_part_has_its_numbers_within_their_ranges():
    assert TRIALS.keys() == PARTS.keys()
    for part, trials in TRIALS.items():
        for trial in trials:
            assert list(trial) == list(PARTS[part])
            assert all(ALL[name].low <= value <= ALL[name].high for name, value in trial.items())


def test_a_second_kind_has_its_share_and_shape():
    """20,000 seeds: 0.35 ± 0.01 of them; without a share the law is the plain one to the bit."""
    rng = np.random.default_rng(0)
    number, room = rng.standard_normal((5, 20_000)), np.zeros(20_000)
    sharp = dataclasses.replace(LAW, spread_first=0.0, spread_across=0.0, spread_offset=0.0)
    mixed = dataclasses.replace(sharp, share=0.35, other_shape=-0.5, other_offset=0.7)
    diagonal, offset = mixed.markers(number, room)
    shape = 0.5 * np.log(diagonal[:, 1] / diagonal[:, 0])
    other = shape < 0.25
    assert other.mean() == pytest.approx(0.35, abs=0.01)
    assert shape[other] == pytest.approx(0.0, abs=1e-12) and shape[~other] == pytest.approx(0.5)
    assert offset[other] == pytest.approx(6.2) and offset[~other] == pytest.approx(5.5)
    assert np.log(diagonal).mean(axis=1) == pytest.approx(math.log(5.0))
    assert all(
        (a == b).all()
        for a, b in zip(
            LAW.markers(number, room), dataclasses.replace(LAW, other_shape=1.0).markers(number, room), strict=True
        )
    )


FLAT = Arrangement(0.0, Profile(60.0, *[np.ones(61, np.float32)] * 3))


def test_a_profile_of_ones_simulates_the_plain_section():
    """The way of arranged seeds, with nothing to arrange, gives the labels of the plain way."""
    seeds = templates.draw_template(40, 2 * MU, np.random.default_rng(3))
    plain, flat = (templates.simulate(LAW, a, 40, seeds) for a in (Arrangement(), FLAT))
    assert np.unique(plain).size > 80
    same = [np.unique(flat[plain == k]).size == 1 for k in np.unique(plain)]
    assert np.mean(same) > 0.99 and np.unique(plain).size == np.unique(flat).size


def test_templates_have_the_statistics_of_sections_drawn_by_the_law():
    """Regular seeds in a dense, round core: means over 24 sections of the template's way and of `draw_section`."""
    wide = arrangement(
        {**NUMBERS_OF_LAW, "regularity": 0.8, "core_shape": -0.5, "shape_place": 0.5, "shape_width": 0.5}
        | {"core_density": 0.7, "density_place": 0.4, "density_width": 0.5},
        60,
    )
    rng = np.random.default_rng(4)
    ways = [
        [
            section_statistics(templates.simulate(LAW, wide, 60, templates.draw_template(60, 3 * MU, rng)))
            for _ in range(24)
        ],
        [section_statistics(reference.draw_section(LAW, MU, 60, rng, arrangement=wide)) for _ in range(24)],
    ]
    one, other = (np.array(rows) for rows in ways)
    error = np.sqrt((one.var(axis=0) + other.var(axis=0)) / 24)
    apart = np.abs(one.mean(axis=0) - other.mean(axis=0)) / error
    assert (apart < 4.5).all() and np.square(apart).mean() < 2.0
    plain = np.array([section_statistics(reference.draw_section(LAW, MU, 60, rng)) for _ in range(24)])
    assert (np.abs(one.mean(axis=0) - plain.mean(axis=0)) / error).max() > 15


def test_a_turn_is_a_rotation():
    rng = np.random.default_rng(5)
    turns = np.array([turn(rng) for _ in range(4000)])
    assert np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(3), atol=1e-12)
    assert np.linalg.det(turns) == pytest.approx(np.ones(4000))
    assert np.abs(turns.mean(axis=0)).max() < 0.05 and np.abs((turns**2).mean(axis=0) - 1 / 3).max() < 0.02


def test_a_pool_of_poisson_seeds_is_what_cutouts_draw():
    """Counts, distances to neighbours and noises of 150 cutouts, by the pool and by a process of each cutout's own."""
    rng = np.random.default_rng(6)
    distance = cutouts.draw_distances(150, 60.0, rng)
    ours = SeedPool(FLAT, MU, 60.0, rng).draw(distance, rng)
    theirs = cutouts.draw_seeds(distance, MU, rng)
    counts = np.diff(ours.first), np.diff(theirs.first)
    assert counts[0].mean() == pytest.approx(counts[1].mean(), rel=0.03)
    apart = [np.linalg.norm(s.inputs.reshape(-1, 12, 5)[:, :, :3], axis=2) for s in (ours, theirs)]
    assert apart[0].mean(axis=0) == pytest.approx(apart[1].mean(axis=0), rel=0.02)
    assert (ours.factor == 1.0).all() and theirs.factor is None
    low, high = ours.position.min(axis=0), ours.position.max(axis=0)
    assert (
        np.abs(np.concatenate([low, high]) - [*theirs.position.min(axis=0), *theirs.position.max(axis=0)]).max() < 4.0
    )


def test_a_pool_knows_how_far_its_seeds_are_from_the_centre():
    wide = Arrangement(0.8, Profile(60.0, *(np.linspace(a, 1.0, 61).astype(np.float32) for a in (3.0, 2.0, 0.7))))
    rng = np.random.default_rng(7)
    found = SeedPool(wide, MU, 60.0, rng).draw(np.array([1.0, 60.0] * 20), rng)
    radius = np.linalg.norm(found.position, axis=1)
    wanted = np.interp(radius, [0.0, 60.0], [2.0, 1.0])
    assert found.factor[:, 0] == pytest.approx(wanted, rel=1e-6)
    assert np.array_equal(found.factor[:, 1], found.factor[:, 2])
    counts = np.diff(found.first)
    assert counts[::2].mean() > 1.3 * counts[1::2].mean()
    k = int(np.argmax(counts))
    own = found.position[found.first[k] : found.first[k + 1]]
    nearest = np.sort(cKDTree(own).query(own, 2)[0][:, 1])
    assert nearest[0] > 0.3 * (3 * MU) ** (-1 / 3)  # none close together, as a Poisson process has


def test_a_linear_start_scales_the_trial_and_stays_in_range():
    rng = np.random.default_rng(8)
    slope, column = rng.normal(size=(20, 2)), rng.normal(size=20)
    here = slope @ np.array([0.3, -0.2]) - 2.0 * column
    numbers = {"shape": 0.1, "coupling": 1.0}
    fall, start = _linear_start(numbers, {"regularity": 0.25}, here, slope, column)
    assert start["regularity"] == pytest.approx(0.5)
    assert start["shape"] == pytest.approx(-0.2) and start["coupling"] == pytest.approx(1.2)
    left = here - slope @ np.linalg.lstsq(slope, here)[0]
    assert fall == pytest.approx(left @ left)
    none, start = _linear_start(numbers, {"regularity": 0.25}, -here, slope, column)
    assert none == pytest.approx(0.0, abs=1e-9) and start["regularity"] == 0.0  # seeds cannot be less than Poisson


def test_what_may_enter_is_found_and_nothing_else():
    """Regular seeds, 8 sections of 70 px: their regularity as well as so little tells it, and no profile."""
    truth, rng = Arrangement(0.8), np.random.default_rng(9)
    labels = [reference.draw_section(LAW, MU, 70, rng, arrangement=truth) for _ in range(8)]
    found = fit_moments(labels, np.random.default_rng(0), 5.0, 5.5, rounds=(8, 16), parts=("regularity", "elongation"))
    assert found.parts == ("regularity",) and found.tried["regularity"] > 50
    assert abs(found.arrangement.regularity - 0.8) < 0.3 and 0.02 < found.uncertainty["regularity"] < 0.15
    assert found.arrangement.profile is None and found.chi2 < 52
    assert list(found.numbers) == [*NUMBERS, "regularity"] and found.freedom == len(FITTED) - 7
    assert found.table()["parts"] == {"regularity": {"regularity": found.numbers["regularity"]}}


def test_small_sections_are_fitted_by_a_plain_law():
    """Sections of 44 px have fewer than 10 grains in the core: 13 moments, and no part can enter."""
    rng = np.random.default_rng(10)
    labels = [wrong_laws.HARD_CORE_30.section(44, rng) for _ in range(2)]
    found = fit_moments(labels, np.random.default_rng(0), 5.0, 5.5, rounds=(4,))
    assert found.names == tuple(MOMENTS) and found.parts == () and found.tried == {} and PART_LEVEL == 0.0027
