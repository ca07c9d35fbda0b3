"""Measured sections against sections of the final model, statistic by statistic: what a verdict is made of.

n measured sections, s of the model, k statistics of `section_profile`.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from nmcfast.arrangement import POISSON, Arrangement
from nmcfast.calibration.grains import reference
from nmcfast.calibration.grains.heights import evenly, scatter
from nmcfast.calibration.grains.moment_search import shrunk
from nmcfast.calibration.grains.moments import log_elongation, whole_grains
from nmcfast.calibration.grains.scores import distances, pool
from nmcfast.calibration.grains.section_profile import GROUPS, LEAST_IN_RING, STATISTICS, section_statistics
from nmcfast.calibration.grains.verdict import Comparison, GroupTest, Verdict

Array = NDArray[np.float64]
Labels = NDArray[np.integer]
DRAWN = 96  # sections of the model, or a few more where heights take turns
LEAST_WHOLE = 0.95  # share of them with grains enough to be compared; the others are left out
SPLITS = 16  # of sections of the model, whose distances are the floor
SECTION_SCORES = ("area", "elongation", "alpha", "grains")


def compare_with_model(
    labels: Sequence[Labels],
    held_out: int,
    markers: reference.Markers,
    mu: float,
    arrangement: Arrangement = POISSON,
    *,
    cutouts: dict[str, float],
    at_bound: Sequence[str] = (),
    heights: Sequence[float] = (),
    progress: Callable[[], object] = lambda: None,
) -> Verdict:
    """The verdict on a model, by measured discs of labels (2R, 2R), the last held_out unseen.

    markers, mu px⁻³, arrangement of seeds: of the model; cutouts: held-out scores in floors; heights px: of the
    sections' planes, 0 where none are given; progress: called after each section of the model, as many for each model.
    """
    radius, rng = labels[0].shape[0] // 2, np.random.default_rng(0)
    planes = np.array(heights) if len(heights) else np.zeros(len(labels))
    turns = planes[np.arange(evenly(DRAWN, planes)) % len(planes)]
    model, rows = [], []
    for height in turns:
        model.append(reference.draw_section(markers, mu, radius, rng, float(height), arrangement=arrangement))
        rows.append(section_statistics(model[-1]))
        progress()
    measured, simulated = np.array([section_statistics(x) for x in labels]), np.array(rows)
    if reason := _poor(measured, "the measured"):
        return Verdict(none=reason)
    whole = np.isfinite(simulated).all(axis=1)
    if whole.mean() < LEAST_WHOLE:
        return Verdict(len(labels), len(turns), lacking=_poor(simulated, "the model's"), at_bound=tuple(at_bound))
    tests, table = compare_statistics(measured, simulated[whole], turns[whole])
    alike = [drawn for drawn, height in zip(model, turns, strict=True) if height in planes[-held_out:]]
    scores = {"cutouts": cutouts, "whole sections": section_scores(labels[-held_out:], alike)}
    return Verdict(len(labels), len(turns), tests, table, scores, tuple(at_bound))


def _poor(rows: Array, whose: str) -> str:
    """How many sections (n, k) have too few grains to be compared, in words; empty where none has."""
    poor = int((~np.isfinite(rows).all(axis=1)).sum())
    return f"{poor} of {whose} sections have fewer than {LEAST_IN_RING} whole grains in a ring" if poor else ""


def compare_statistics(
    measured: Array, model: Array, heights: Array | None = None
) -> tuple[dict[str, GroupTest], dict[str, Comparison]]:
    """Tests by group and each statistic of measured (n, k) and model sections (s, k) at heights (s,), all finite.

    Variances are those of the model's sections, so that two measured ones suffice, and what measuring adds. No degree
    of freedom is taken off for a start that was fitted: what training ended with is no least-squares fit.
    """
    planes = np.zeros(len(model)) if heights is None else heights
    apart = model.mean(axis=0) - measured.mean(axis=0)
    measuring = np.array([statistic.error for statistic in STATISTICS.values()])
    group = np.array([statistic.group for statistic in STATISTICS.values()])
    tests, errors = {}, np.empty(len(apart))
    for name in GROUPS:
        own = np.flatnonzero(group == name)
        covariance = shrunk(scatter(model[:, own], planes)) * (1 / len(measured) + 1 / len(model))
        covariance += np.diag(measuring[own] ** 2)
        chi2 = float(apart[own] @ np.linalg.solve(covariance, apart[own]))
        tests[name] = GroupTest(chi2, len(own), _p_value(chi2, len(own), len(model)))
        errors[own] = np.sqrt(np.diag(covariance))
    columns = zip(STATISTICS.items(), measured.mean(axis=0), model.mean(axis=0), errors, strict=True)
    rows = {
        name: Comparison(s.group, float(a), float(b), float(e), s.more if b > a else s.less)
        for (name, s), a, b, e in columns
    }
    return tests, rows


def _p_value(chi2: float, freedom: int, drawn: int) -> float:
    """Hotelling's: probability of a larger χ² where its covariance is that of so many drawn sections."""
    ratio = chi2 * (drawn - freedom) / (freedom * (drawn - 1))
    return float(stats.f.sf(ratio, freedom, drawn - freedom))


def section_scores(labels: Sequence[Labels], model: Sequence[Labels]) -> dict[str, float]:
    """W₁ of statistics of whole grains of sections to those of the model, in floors: what as many of its own have."""
    found, simulated = ([_grains(x) for x in part] for part in (labels, model))
    apart, rng = distances(pool(found), pool(simulated), SECTION_SCORES), np.random.default_rng(0)
    floors = []
    for _ in range(SPLITS):
        order = rng.permutation(len(simulated))
        some, others = ([simulated[k] for k in part] for part in np.split(order, [len(found)]))
        floors.append(distances(pool(some), pool(others), SECTION_SCORES))
    return {name: apart[name] / float(np.mean([floor[name] for floor in floors])) for name in SECTION_SCORES}


def _grains(labels: Labels) -> dict[str, Array]:
    table, _ = whole_grains(labels)
    elongation = np.exp(log_elongation(table))
    count = np.array([float(len(elongation))])
    return {"area": table.area, "elongation": elongation, "alpha": table.alpha, "grains": count}
