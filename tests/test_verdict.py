"""The verdict on a grain calibration: what it compares, when it fails, what it says, and where it is said."""

import dataclasses
import json
import math

import numpy as np
import pytest
from test_moment_fit import LAW, drawn

from nmcfast import load_model
from nmcfast.calibration.grains import verdict as verdicts
from nmcfast.calibration.grains import wrong_laws
from nmcfast.calibration.grains.agreement import compare_statistics, compare_with_model, section_scores
from nmcfast.calibration.grains.section_profile import GROUPS, STATISTICS, section_statistics
from nmcfast.calibration.grains.verdict import Comparison, GroupTest, Verdict, verdict_of
from nmcfast.cli import main
from nmcfast.model import model_from_bytes

NAMES = list(STATISTICS)


def naive_statistics(labels):
    """What no fit uses, grain by grain: rings, shape and tails."""
    n = labels.shape[0]
    outside = np.pad(labels, 1) == 0
    beside = outside[2:, 1:-1] | outside[:-2, 1:-1] | outside[1:-1, 2:] | outside[1:-1, :-2]
    grains = {}
    for grain in set(labels.ravel()) - set(labels[beside]) - {0}:
        y, x = np.nonzero(labels == grain)
        if len(x) >= 5:
            values, axes = np.linalg.eigh(np.cov(x, y, bias=True))
            place = np.array([x.mean(), y.mean()]) + 0.5 - n / 2
            cosine = axes[:, 1] @ place / np.linalg.norm(place)
            grains[grain] = (len(x), 0.5 * math.log((values[1] + 1 / 12) / (values[0] + 1 / 12)), cosine, place)
    area, long, cosine = (np.array([g[k] for g in grains.values()]) for k in range(3))
    place, found = np.array([g[3] for g in grains.values()]), []
    for k in range(3):
        r = np.linalg.norm(place, axis=1)
        there = (r >= k * n / 6) & (r < (k + 1) * n / 6)
        found += [math.log(there.sum()), np.log(area[there]).mean(), long[there].mean()]
        found.append((2 * cosine[there] ** 2 - 1).mean())
    relative = area / area.mean()
    for x in (relative, np.log(relative)):
        found.append(((x - x.mean()) ** 3).mean() / x.std() ** 3)
    touching = {g: set() for g in grains}
    sides = (labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])
    for a, b in np.concatenate([np.stack(side, axis=-1).reshape(-1, 2) for side in sides]):
        if a != b and a in grains and b in grains:
            touching[a].add(b)
            touching[b].add(a)
    apart = np.linalg.norm(place[:, None] - place, axis=2) + np.diag(np.full(len(place), np.inf))
    apart = apart.min(axis=1) / math.sqrt(area.mean())
    found += [(relative < 0.25).mean(), np.std([len(t) for t in touching.values()])]
    found += [apart.mean(), apart.std() / apart.mean()]
    found += [np.quantile(relative, 0.95), np.quantile(relative, 0.99), (relative > 3).mean()]
    return np.array([*found, np.quantile(long, 0.95)])


def test_statistics_equal_plain_loops():
    labels = drawn(LAW, 48, 3)
    found = section_statistics(labels)
    assert found[13:] == pytest.approx(naive_statistics(labels), rel=1e-9)
    assert len(found) == len(NAMES) and NAMES[13] == "log grains, core" and NAMES[-1] == "95th percentile of elongation"


def test_a_section_of_too_few_grains_has_no_numbers():
    found = dict(zip(NAMES, section_statistics(drawn(LAW, 30, 3)), strict=True))  # some five grains in the core
    assert np.isnan(found["log grains, core"]) and np.isnan(found["mean cos 2α, core"])
    assert np.isfinite(found["mean cos 2α, rim"]) and np.isfinite(found["share of chips"])
    assert np.isnan(section_statistics(np.zeros((40, 40), np.int32))).all()


def rows_of(rng, count, scale=0.2):
    return rng.normal(0.0, scale, (count, len(NAMES)))


def test_tests_are_right_about_sections_of_one_law():
    """400 draws of 8 measured and 96 model sections of one normal law: p below 0.05 in 5 ± 1.1 % of them."""
    rng = np.random.default_rng(0)
    tests = [compare_statistics(rows_of(rng, 8, 2.0), rows_of(rng, 96, 2.0))[0] for _ in range(400)]
    for group in GROUPS:
        share = np.mean([t[group].p_value < 0.05 for t in tests])
        assert 0.02 < share < 0.09, group


def test_a_statistic_that_is_off_is_found_in_its_group_and_in_its_errors():
    rng = np.random.default_rng(1)
    measured, model = rows_of(rng, 8), rows_of(rng, 96)
    model[:, NAMES.index("mean log elongation, core")] += 1.0
    tests, rows = compare_statistics(measured, model)
    assert {g for g, t in tests.items() if t.p_value < 1e-6} == {"profiles"}
    assert [tests[g].freedom for g in GROUPS] == [13, 12, 6, 4]
    row = rows["mean log elongation, core"]
    assert row.error == pytest.approx(math.hypot(0.2 * math.sqrt(1 / 8 + 1 / 96), 0.01), rel=0.3)
    assert row.apart == pytest.approx(1.0 / row.error, rel=0.3) and row.means == "grains in the core will be too long"
    assert all(STATISTICS[n].less == r.means for n, r in rows.items() if r.model < r.measured)


def test_what_measuring_adds_remains_where_sections_hardly_vary():
    rng = np.random.default_rng(2)
    _, rows = compare_statistics(rows_of(rng, 8, 1e-6), rows_of(rng, 96, 1e-6))
    assert [row.error for row in rows.values()] == pytest.approx([s.error for s in STATISTICS.values()], rel=1e-4)


@pytest.fixture(scope="module")
def flagged():
    """The verdict on a plain law, of 4 sections of 70 px whose grains are round in the core and long outside."""
    longer = dataclasses.replace(wrong_laws.LONGER_OUTSIDE.law, radius=70.0)
    truth = dataclasses.replace(wrong_laws.LONGER_OUTSIDE, law=longer)
    labels = [truth.section(70, np.random.default_rng(k)) for k in range(4)]
    law = dataclasses.replace(LAW, shape=0.8)  # between those of the core and of the rim
    return compare_with_model(labels, 1, law, law.mu, cutouts={"area": 0.8}, at_bound=["coupling"])


def test_sections_of_the_model_itself_pass():
    labels = [drawn(LAW, 70, seed) for seed in range(4)]
    steps = []
    found = compare_with_model(labels, 2, LAW, LAW.mu, cutouts={"area": 0.8}, progress=lambda: steps.append(1))
    assert found.passed and not found.meanings and found.line.startswith("verdict: passed, 4 measured sections agree")
    assert (found.sections, found.model_sections, len(steps), found.tests["moments"].freedom) == (4, 96, 96, 13)
    assert all(0.3 < x < 3.0 for x in found.scores["whole sections"].values())
    assert found.scores["cutouts"]["area"] == 0.8


def test_sections_with_another_core_fail_and_are_told_in_words(flagged):
    assert flagged.passed is False and "profiles" in flagged.failures
    assert flagged.lines[0].startswith("verdict: FAILED, distrust 3D: 4 measured sections differ from the model's (")
    assert any(text.startswith("grains in the core will be too long (mean") for text in flagged.meanings)
    assert len(flagged.lines) <= 8 and flagged.lines[-1] == "  at an end of their range: coupling"
    assert flagged.scores["whole sections"].keys() == {"area", "elongation", "alpha", "grains"}


def test_scores_see_larger_grains():
    labels = [drawn(LAW, 60, seed) for seed in range(6)]
    other = [np.kron(x[15:-15, 15:-15], np.ones((2, 2), np.int32)) for x in labels[:2]]
    scores = section_scores(other, labels)
    assert scores["area"] > 5 and scores["alpha"] < 3


def test_too_few_grains_are_no_verdict():
    small = [drawn(LAW, 14, seed) for seed in range(2)]
    found = compare_with_model(small, 1, LAW, LAW.mu, cutouts={})
    assert found.passed is None and "2 of the measured sections have fewer than 10 whole grains in a ring" in found.line


def test_a_model_of_too_few_grains_fails():
    labels = [drawn(LAW, 50, seed) for seed in range(2)]
    coarse = dataclasses.replace(LAW, mu=LAW.mu / 50)
    found = compare_with_model(labels, 1, coarse, coarse.mu, cutouts={})
    assert found.passed is False and "FAILED, distrust 3D: 96 of the model's sections have fewer than 10" in found.line
    assert Verdict.from_dict(found.to_dict()).line == found.line


def test_a_model_file_keeps_the_verdict_and_one_without_says_so(flagged):
    model = load_model("nmc811")
    kept = dataclasses.replace(model, provenance={**model.provenance, "grains_verdict": flagged.to_dict()})
    read = verdict_of(model_from_bytes(kept.to_bytes(), "kept").provenance)
    assert read.lines == flagged.to_dict()["said"] and read.passed is False
    assert read.statistics["log grains"].measured == pytest.approx(flagged.statistics["log grains"].measured, rel=1e-3)
    assert "not fitted to measured sections" in verdict_of(model.provenance).line
    assert "those of nmc811" in verdict_of(load_model("nmc-ct").provenance).line
    assert "before verdicts were made" in verdict_of({"grains_report": {}}).line
    assert verdict_of({}).passed is None


def test_a_test_that_fails_without_one_statistic_says_so():
    row = Comparison("shape", 1.0, 1.2, 0.1, "chips will be too many")
    found = Verdict(8, 96, {"shape": GroupTest(30.0, 6, 4e-5)}, {"share of chips": row})
    assert found.lines[1:] == ["  no single statistic stands out; they differ together"]


@pytest.fixture
def failed_model(flagged, tmp_path):
    """A model file with a failed verdict."""
    model = load_model("nmc811")
    path = tmp_path / "failed.safetensors"
    path.write_bytes(dataclasses.replace(model, provenance={"grains_verdict": flagged.to_dict()}).to_bytes())
    return path


def test_generate_says_a_failed_verdict_once_whatever_is_quiet_and_info_again(failed_model, tmp_path, capsys):
    library = str(tmp_path / "lib.zarr")
    options = ["--count", "2", "--no-labels", "--model", str(failed_model), "--where", "d_max < 4", "--quiet"]
    assert main(["generate", library, *options]) == 0
    said = capsys.readouterr().err
    assert said.count("verdict: FAILED") == 1 and "grains in the core will be too long" in said
    assert main(["info", library]) == 0
    assert "verdict: FAILED" in capsys.readouterr().out
    assert main(["info", library, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["grains_verdict"]["passed"] is False


def test_models_say_that_theirs_were_not_fitted(capsys):
    assert main(["models"]) == 0
    assert capsys.readouterr().out.count("grains' verdict: none") == 2


def test_the_level_decides(flagged, monkeypatch):
    monkeypatch.setattr(verdicts, "LEVEL", 0.0)
    assert flagged.passed


def test_seeds_with_hard_cores_keep_their_distance_and_are_as_many_as_asked():
    rng = np.random.default_rng(2)
    seeds = wrong_laws.hard_core(0.2)(np.zeros(3), np.full(3, 90.0), 0.0018, rng)
    apart = np.linalg.norm(seeds[:, None] - seeds, axis=2) + np.diag(np.full(len(seeds), np.inf))
    assert apart.min() >= (6 * 0.2 / (math.pi * 0.0018)) ** (1 / 3)
    assert len(seeds) == pytest.approx(0.0018 * 90**3, abs=4 * math.sqrt(0.0018 * 90**3))


def test_a_denser_core_is_three_times_as_dense():
    seeds = wrong_laws.denser_core(3.0, 20.0)(np.full(3, -80.0), np.full(3, 80.0), 0.004, np.random.default_rng(3))
    r = np.linalg.norm(seeds, axis=1)
    inner, outer = ((r < 10).sum() / (4 / 3 * math.pi * 10**3), (r > 70).sum() / (160**3 - 4 / 3 * math.pi * 70**3))
    assert inner / outer == pytest.approx(2.85, abs=1.0) and outer == pytest.approx(0.004, rel=0.1)


def test_zones_give_the_elongation_of_their_radius():
    rng = np.random.default_rng(4)
    inputs = np.zeros((4000, 61), np.float32)
    inputs[:, -1] = np.repeat([0.0, 59.0, 118.0, 200.0], 1000)
    diagonal, _ = wrong_laws.LONGER_OUTSIDE.law.markers(inputs, rng)
    long = np.exp(0.5 * np.log(diagonal[:, 1] / diagonal[:, 0]).reshape(4, 1000).mean(axis=1))
    assert long == pytest.approx([1.2, 2.1, 3.0, 3.0], rel=0.04)
