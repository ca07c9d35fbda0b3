"""`nmcfast calibrate grains` as a whole: maps in, a model that generates and a report with pictures out."""

import dataclasses
import json

import numpy as np
import pytest

from nmcfast import generate_particle, load_model
from nmcfast.calibration.grains import reference, verdict
from nmcfast.calibration.grains.scores import CUTOUT_STATISTICS
from nmcfast.calibration.grains.verdict import Comparison, GroupTest, Verdict, verdict_of
from nmcfast.cli import main
from nmcfast.cli.calibrate_grains import start_of, summary_of
from nmcfast.ebsd.write import simulate_map, write_ang

pytest.importorskip("torch", reason="calibration needs torch: pip install 'nmcfast[train]'")
from nmcfast.calibration.grains import gan, nets

TINY = dataclasses.replace(
    gan.FAST,
    batch_generator=4,
    batch_discriminator=4,
    score_cutouts=32,
    steps=2,
    epochs=2,
    hidden=(8,),
    features=(4, 4, 4),
    dense=4,
)


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """The folder of a calibration of two steps an epoch on two maps of the reference, 70 px in radius."""
    folder = tmp_path_factory.mktemp("calibration")
    rng = np.random.default_rng(5)
    for k in range(2):
        labels = reference.draw_section(lambda x: reference.NMC811.markers(x, rng), reference.NMC811.mu, 70.0, rng)
        write_ang(simulate_map(labels, 0.05, rng, unindexed=0.05), folder / f"{k}.ang")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gan, "FAST", TINY)
        patch.setattr(nets, "IMITATION_STEPS", 150)
        sections = [str(folder / f"{k}.ang") for k in range(2)]
        options = ["--output", str(folder / "my.safetensors"), "--report", str(folder / "report"), "--quiet"]
        options += ["--work", str(folder / "work")]
        assert main(["calibrate", "grains", *sections, *options]) == 0
    return folder


def test_the_model_generates_and_says_where_it_is_from(calibrated):
    model = load_model(calibrated / "my.safetensors")
    assert model.provenance["grains"].endswith("on 2 sections")
    assert model.provenance["command"].startswith("nmcfast calibrate grains ")
    assert len(generate_particle(model, 0, 0).grains) > 20
    found, report = verdict_of(model.provenance), json.loads((calibrated / "report" / "report.json").read_text())
    assert found.sections == 2 and found.model_sections == 96 and found.to_dict() == report["verdict"]
    assert next(iter(report)) == "verdict" and found.scores["cutouts"].keys() == {*CUTOUT_STATISTICS}


def test_the_start_finds_the_reference_from_two_small_maps(calibrated):
    """Four standard errors of what the fit states; an isotropic law has shape 0, the reference 0.90."""
    start = json.loads((calibrated / "report" / "report.json").read_text())["start"]
    law, error = start["law"], start["uncertainty"]
    assert error["shape"] < 0.1 and error["log_mu"] < 0.15
    assert abs(law["shape"] - 0.5 * np.log(6.0)) < 4 * error["shape"]
    assert abs(np.log(law["mu"] / reference.NMC811.mu)) < 4 * error["log_mu"]


def test_the_report_holds_every_section_and_epoch(calibrated):
    report = json.loads((calibrated / "report" / "report.json").read_text())
    assert [row["file"] for row in report["sections"]] == ["0.ang", "1.ang"]
    assert all(row["point_agreement"] > 0.95 and row["central"] for row in report["sections"])
    assert [row["epoch"] for row in report["history"]] == [1, 2]


@pytest.mark.parametrize("name", ["sections.png", "history.png", "verdict.png"])
def test_the_pictures_show_something(calibrated, name):
    from matplotlib.image import imread

    image = imread(calibrated / "report" / name)[..., :3]
    assert min(image.shape[:2]) > 200 and len(np.unique(image.reshape(-1, 3), axis=0)) > 50


def test_pictures_colour_grains_and_leave_the_outside_black():
    from nmcfast.calibration.grains.plots import _coloured

    image = _coloured(np.array([[0, 1], [2, 1]]))
    assert (image[0, 0] == 0).all() and (image[0, 1] == image[1, 1]).all() and (image[1, 0] != image[0, 1]).any()


REPORT = {
    "sections": [
        {
            "file": "a.ang",
            "grains": 683,
            "radius_um": 5.5,
            "central": True,
            "height_um": 0.0,
            "point_agreement": 0.9941,
        },
        {
            "file": "b.ang",
            "grains": 737,
            "radius_um": 5.25,
            "central": True,
            "height_um": 0.0,
            "point_agreement": 0.9962,
        },
        {"file": "c.ang", "grains": 700, "radius_um": 6.0, "central": False},
    ],
    "start": {"chi2": 60.0, "freedom": 7},
    "epoch": 6,
    "scores": {"score": 0.62, "area": 0.5, "elongation": 0.6, "alpha": 0.7, "chord": 0.8, "grains": 0.5},
    "mu": 0.00187,
}


def test_heights_are_said_where_there_are_any():
    high = [row | {"height_um": height} for row, height in zip(REPORT["sections"], (0.0, 1.25, 0.0), strict=True)]
    said = summary_of(REPORT | {"sections": high, "verdict": {"scores": {}}})
    assert said[1] == "            0.00 to 1.25 µm above or below the centre, by --heights"
    assert len(said) == len(summary_of(REPORT | {"verdict": {"scores": {}}})) + 1


def test_the_parts_of_a_start_are_said():
    parts = {
        "regularity": {"regularity": 0.812},
        "elongation": {"core_shape": -0.9163, "shape_place": 0.4, "shape_width": 0.1},
        "kinds": {"share": 0.35, "other_shape": -0.6931, "other_offset": 0.1},
    }
    error = {"regularity": 0.024, "core_shape": 0.05, "share": 0.03}
    start = {"parts": parts, "uncertainty": error, "chi2": 30.4, "freedom": 18}
    (line,) = start_of(start)
    assert line == (
        "start       seeds keep apart, regularity 0.81 ± 0.02; elongation in the centre 0.40 ± 0.02 times that of"
        " the rim; 35% ± 3% of the grains are 0.50 times as long; χ² 30 of 18"
    )
    assert start_of({**start, "parts": {}}) == ["start       a plain law; χ² 30 of 18"] and start_of({"row": {}}) == []


def verdict_with(p_value):
    """A verdict of one test with a p, as a report has it."""
    row = Comparison("profiles", 0.2, 0.5, 0.03, "grains in the core will be too long")
    scores = {"cutouts": {}, "whole sections": {"area": 1.25}}
    tests = {"profiles": GroupTest(60.0, 12, p_value)}
    return Verdict(2, 96, tests, {"mean log elongation, core": row}, scores).to_dict()


def said_of(tmp_path, monkeypatch, capsys, verdict, *options):
    report = {"verdict": verdict, **REPORT}
    calibrated = "nmcfast.calibration.grains.calibrate.calibrate_grain_model"
    monkeypatch.setattr(calibrated, lambda *_args, **_more: (None, report))
    assert main(["calibrate", "grains", "a.ang", "--output", str(tmp_path / "a.safetensors"), *options]) == 0
    return capsys.readouterr()


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
@pytest.mark.parametrize(
    ("verdict", "first"),
    [
        (verdict_with(1e-9), ["verdict: FAILED, distrust 3D: 2 measured sections", "  grains in the core will"]),
        (
            verdict_with(0.28),
            ["verdict: passed, 2 measured sections agree with sections of the model (prof"],
        ),
        (Verdict(none="too few").to_dict(), ["verdict: none, too few"]),
    ],
)
def test_the_verdict_comes_first_and_ten_lines_are_enough(tmp_path, monkeypatch, capsys, verdict, first, quiet):
    said = said_of(tmp_path, monkeypatch, capsys, verdict, *quiet).out.splitlines()
    assert all(line.startswith(start) for line, start in zip(said, first, strict=False)) and len(said) <= 10
    said = said[len(first) :]
    assert said[0] == "sections    2 of 3 used, 683 to 737 grains each, known to 5.25 to 6.00 µm from the centre"
    assert said[1] == "2D fits     99.4% to 99.6% of the measured points lie in their grain"
    assert "0.62" in said[2] and "alpha 0.70" in said[3] and "0.00187" in said[-1]
    assert ("whole sections held out: area 1.25" in said[4]) == (not verdict["none"])
    assert not any("a.ang" in line for line in said)


def test_one_line_a_section_comes_with_debug_and_the_whole_report_with_json(tmp_path, monkeypatch, capsys):
    failed = verdict_with(1e-9)
    said = said_of(tmp_path, monkeypatch, capsys, failed, "--debug").out.splitlines()
    assert said[-1] == "c.ang: grains 700, radius_um 6, central False" and len(said) == 11
    both = said_of(tmp_path, monkeypatch, capsys, failed, "--json", "--quiet")
    assert json.loads(both.out) == {"verdict": failed, **REPORT}
    assert "distrust 3D" in both.err and "grains in the core will be too long" in both.err
    assert said_of(tmp_path, monkeypatch, capsys, verdict_with(0.28), "--json", "--quiet").err == ""


def test_strict_writes_no_model_without_a_passed_verdict(calibrated, tmp_path, monkeypatch, capsys):
    """The training goes on from where it ended, so that only the verdict is made anew."""
    monkeypatch.setattr(gan, "FAST", TINY)
    monkeypatch.setattr(verdict, "LEVEL", 1.1)
    sections, output = [str(calibrated / f"{k}.ang") for k in range(2)], tmp_path / "strict.safetensors"
    options = ["--output", str(output), "--work", str(calibrated / "work"), "--strict", "--quiet"]
    assert main(["calibrate", "grains", *sections, *options]) == 1
    said = capsys.readouterr()
    assert not output.exists() and said.out == "" and said.err.count("\n") == 1
    assert "strict.safetensors: not written, verdict: FAILED" in said.err
