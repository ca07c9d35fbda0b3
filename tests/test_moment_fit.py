"""The plain law that training starts from: its moments against plain loops, and its numbers found again."""

import math

import numpy as np
import pytest

from nmcfast.calibration.grains import reference
from nmcfast.calibration.grains.moment_fit import fit_moments, label_fitted
from nmcfast.calibration.grains.moment_search import FITTED
from nmcfast.calibration.grains.moments import MOMENTS, section_moments
from nmcfast.calibration.grains.reference import MEAN_DISTANCE, disc
from nmcfast.calibration.grains.start_law import NUMBERS, PlainLaw, normals
from nmcfast.errors import InputError
from nmcfast.parameters import KAPPA
from nmcfast.sections.cutouts import Section

LAW = PlainLaw(0.6, 0.3, 0.25, 0.8, 3.0, 0.0018, 5.0, 5.5)


def drawn(law, radius, seed):
    """Labels of a section of a law through the centre."""
    return reference.draw_section(law, law.mu, radius, np.random.default_rng(seed))


def test_the_law_has_the_means_and_spreads_that_its_numbers_say():
    """20,000 seeds; standard errors 0.5 % of a spread, 0.7 % of their share in a mean."""
    rng = np.random.default_rng(0)
    inputs = rng.random((20_000, KAPPA, 5))
    inputs[:, :, :3] = rng.normal(size=(20_000, KAPPA, 3)) * 5.0
    diagonal, offset = LAW(inputs.reshape(-1, 60).astype(np.float32))
    log = np.log(diagonal)
    assert log.std(axis=0) == pytest.approx([0.3, 0.25, 0.25], rel=0.03)
    assert np.abs(np.corrcoef(log.T) - np.eye(3)).max() < 0.03
    assert log.mean() == pytest.approx(math.log(5.0), abs=0.01)
    assert 0.5 * (log[:, 1:].mean() - log[:, 0].mean()) == pytest.approx(0.6, abs=0.01)
    room = np.linalg.norm(inputs[:, :, :3], axis=2).mean(axis=1) * 0.0018 ** (1 / 3) - MEAN_DISTANCE
    assert (offset - 3.0 * room).std() == pytest.approx(0.8, rel=0.03)
    assert (offset - 3.0 * room).mean() == pytest.approx(5.5, abs=0.03)


def test_numbers_of_a_seed_are_independent_of_each_other_and_of_its_neighbours_numbers():
    """Some 3,000 seeds that share noises: correlations have a standard error of 0.02."""
    seen = []

    def markers(inputs):
        seen.append(normals(inputs.reshape(-1, KAPPA, 5)[:, :, 3:].astype(np.float64)))
        return LAW(inputs)

    grains = reference.sample(markers, 0.0018, np.full(3, -50.0), np.full(3, 50.0), np.random.default_rng(1))
    numbers = seen[0]
    assert np.abs(np.corrcoef(numbers) - np.eye(5)).max() < 0.08
    apart = np.linalg.norm(grains.position[:, None] - grains.position, axis=2)
    np.fill_diagonal(apart, np.inf)
    beside = apart.argmin(axis=1)
    for number in numbers:
        assert abs(np.corrcoef(number, number[beside])[0, 1]) < 0.08


def naive_moments(labels):
    """The moments pixel by pixel and grain by grain."""
    n = labels.shape[0]
    outside = {
        labels[j, i]
        for j in range(n)
        for i in range(n)
        if labels[j, i]
        and any(
            not (0 <= j + b < n and 0 <= i + a < n) or labels[j + b, i + a] == 0
            for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1))
        )
    }
    grains = {}
    for grain in set(labels.ravel()) - outside - {0}:
        y, x = np.nonzero(labels == grain)
        if len(x) < 5:
            continue
        values, axes = np.linalg.eigh(np.cov(x, y, bias=True))
        place = np.array([x.mean() + 0.5 - n / 2, y.mean() + 0.5 - n / 2])
        alpha = math.acos(min(abs(axes[:, 1] @ place) / np.linalg.norm(place), 1.0))
        grains[grain] = (len(x), 0.5 * math.log((values[1] + 1 / 12) / (values[0] + 1 / 12)), alpha)
    pairs = {
        tuple(sorted((labels[j, i], labels[j + b, i + a])))
        for a, b in ((1, 0), (0, 1))
        for j in range(n - b)
        for i in range(n - a)
    }
    beside = [(a, b) for p, q in pairs if p != q and p in grains and q in grains for a, b in ((p, q), (q, p))]
    area = np.array([g[0] for g in grains.values()], float)
    log, long, alpha = np.log(area), *(np.array([g[k] for g in grains.values()]) for k in (1, 2))
    cosine = np.cos(2 * alpha)
    found = [
        math.log(len(area)),
        log.mean(),
        log.std(),
        area.std() / area.mean(),
        long.mean(),
        long.std(),
        cosine.mean(),
        np.cos(4 * alpha).mean(),
        (long * cosine).mean(),
    ]
    for a, b in ((log, long), (log, cosine), (long, cosine)):
        found.append(np.corrcoef(a, b)[0, 1])
    ends = np.log([[grains[a][0], grains[b][0]] for a, b in beside])
    return np.array([*found, np.corrcoef(ends.T)[0, 1]])


def test_moments_equal_plain_loops():
    labels = drawn(LAW, 32, 3)
    assert section_moments(labels) == pytest.approx(naive_moments(labels), rel=1e-9)
    assert len(section_moments(labels)) == len(MOMENTS)


def test_a_fitted_section_is_labelled_by_eq_8():
    rng = np.random.default_rng(4)
    section = Section(
        rng.uniform(-30, 30, (40, 2)), rng.uniform(1, 9, (40, 2)), rng.uniform(0, 4, 40), rng.uniform(-1, 1, 40), 24.0
    )
    labels = label_fitted(section, 24)
    angle = np.arctan2(section.position[:, 1], section.position[:, 0]) + section.tilt
    y, x = np.mgrid[:48, :48] + 0.5 - 24
    u, v = x[..., None] - section.position[:, 0], y[..., None] - section.position[:, 1]
    along, across = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
    far = np.sqrt(section.diagonal[:, 0] * along**2 + section.diagonal[:, 1] * across**2) - section.offset
    assert (labels == np.where(np.hypot(x, y) > 24, 0, far.argmin(axis=2) + 1)).all()


def test_the_numbers_of_a_law_are_found_again():
    """12 sections of 70 px, 24 simulated: within three of the standard errors that the fit gives, which are small."""
    labels = [drawn(LAW, 70, seed) for seed in range(12)]
    found = fit_moments(labels, np.random.default_rng(0), 5.0, 5.5, rounds=(8, 24))
    law, true = found.law, LAW
    off = [getattr(law, name) - getattr(true, name) for name in list(NUMBERS)[:5]]
    off.append(math.log(law.mu / true.mu))
    assert found.parts == () and list(found.uncertainty) == list(NUMBERS) and found.arrangement.plain
    uncertainty = np.array(list(found.uncertainty.values()))
    assert (np.abs(off) < 3 * uncertainty).all()
    assert (uncertainty[[0, 1, 2, 5]] < [0.03, 0.15, 0.25, 0.06]).all()
    assert (found.law.size, found.law.offset) == (5.0, 5.5)
    assert found.chi2 < 52  # 25 degrees of freedom: by chance in 1 of 800 fits
    table = found.table()
    assert table["simulations"] > 24 + 7 * 32 and table["freedom"] == 25 and list(table["moments"]) == list(FITTED)
    assert table["moments"]["log grains"]["measured"] == pytest.approx(np.mean([section_moments(x)[0] for x in labels]))


def test_what_the_sections_cannot_have_is_said():
    """Equal bricks are no section of a plain law: χ² is far off. A few grains, or none, are too few."""
    bricks = np.repeat(np.repeat(np.arange(1, 385).reshape(24, 16), 4, axis=0), 6, axis=1).astype(np.int32)
    found = fit_moments([disc(bricks.copy(), 48)] * 2, np.random.default_rng(0), 5.0, 5.5, rounds=(4,), parts=())
    assert found.chi2 > 200
    few = disc(np.repeat(np.repeat(np.arange(1, 33).reshape(8, 4), 5, axis=0), 10, axis=1).astype(np.int32), 20)
    for labels, count in ((few, 12), (np.zeros((40, 40), np.int32), 0)):
        with pytest.raises(InputError, match=f"section 1: {count} whole grains of 5 pixels or more.* leave it out"):
            fit_moments([disc(bricks.copy(), 48), labels], np.random.default_rng(0), 5.0, 5.5)
