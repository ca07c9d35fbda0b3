"""`nmcfast inspect` on EBSD maps: lines, JSON, pictures, refusals; colours of crystal directions; progress in a log."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from ebsd_files import ang, ctf, marked, points

from nmcfast.cli import main
from nmcfast.ebsd import read_map
from nmcfast.ebsd.ipf import corners, into_crystal, ipf_colours, key_colours
from nmcfast.ebsd.write import simulate_map
from nmcfast.ebsd.write_h5 import write_h5oina
from nmcfast.misorientation import LAUE_GROUPS, multiply, quaternions, symmetry_operators
from nmcfast.progress import progress_bar


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "a.ang").write_text(ang(marked(euler=0, confidence=0)))
    (tmp_path / "b.ctf").write_text(ctf(points(), "1;1;1\t90;90;90\tX\t0\t0"))
    (tmp_path / "c.txt").write_text("nothing\n")
    return tmp_path


def test_one_line_says_what_was_read_and_how(files, capsys):
    assert main(["inspect", str(files / "a.ang")]) == 0
    line, note = capsys.readouterr().out.splitlines()
    assert line == (
        f"{files / 'a.ang'}: square 16 × 20, 320 points; step 0.1 × 0.1 µm; NMC811 -3m; 24 unindexed (24 angles of zero"
        " and no quality); 4 grains; radius 1.01 µm, too few grains to tell whether it is central"
    )
    assert note == "  note: 24 points are taken as unindexed: angles of zero and no quality (--measured zeros)"


def test_refusals_are_a_line_on_stderr_and_do_not_end_the_others(files, capsys):
    assert main(["inspect", *(str(files / name) for name in ("c.txt", "b.ctf", "a.ang"))]) == 2
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == f"{files / 'c.txt'}: refused" and "4 grains" in said.out
    first, second = said.err.splitlines()
    assert first.startswith(f"nmcfast: {files / 'c.txt'}, line 1: found 'nothing'; expected '#'")
    assert second.startswith(f"nmcfast: {files / 'b.ctf'}, line 14: Laue group 0") and "--symmetry -3m" in second
    assert main(["inspect", str(files / "b.ctf"), "--symmetry", "-3m"]) == 0


@pytest.mark.parametrize("symmetry", [["--symmetry", "-3m"], ["--symmetry=-3m"], ["--symmetry", "1=-3m"]])
def test_json_is_the_same_for_programs(files, capsys, symmetry):
    assert main(["inspect", str(files / "a.ang"), str(files / "b.ctf"), "--json", *symmetry]) == 0
    (first, second) = json.loads(capsys.readouterr().out)["files"]
    assert (first["grid"], first["rows"], first["columns"], first["points"]) == ("square", 16, 20, 320)
    assert first["unindexed_by"] == {"angles of zero and no quality": 24} and first["grains"] == 4
    assert first["notes"][0]["option"] == "--measured zeros"
    assert second["phases"] == [{"number": 1, "name": "X", "symmetry": "-3m", "points": 320}]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--symmetry", "-3q"], "--symmetry: found '-3q', expected -3m"),
        (["--phases", "1"], "--phases: found '1', expected POINTS=HEADER"),
        (["--columns", "a,b"], "--columns: found 'a', expected phi1"),
        (["--measured", "x"], "--measured: found 'x', expected one of"),
    ],
)
def test_wrong_options_are_named(files, capsys, options, said):
    assert main(["inspect", str(files / "a.ang"), *options]) == 2
    assert said in capsys.readouterr().err


def test_options_reach_the_reader(files, capsys):
    assert main(["inspect", str(files / "a.ang"), "--measured", "zeros", "--unit", "nm", "--json"]) == 0
    (table,) = json.loads(capsys.readouterr().out)["files"]
    assert table["unindexed"] == 0 and table["step_um"] == pytest.approx([1e-4, 1e-4]) and table["grains"] == 5


def test_all_maps_of_a_file_are_shown(tmp_path, capsys):
    labels = np.repeat(np.repeat([[1, 2], [3, 4]], 8, 0), 8, 1)
    for name, mode in (("1", "w"), ("2", "a")):
        write_h5oina(
            simulate_map(labels, 0.1, np.random.default_rng(0), "square", 0.1), tmp_path / "a.h5oina", name, mode
        )
    assert main(["inspect", str(tmp_path / "a.h5oina")]) == 0
    assert [line.split(": ")[0][-3:] for line in capsys.readouterr().out.splitlines()] == ["[1]", "[2]"]
    assert main(["inspect", str(tmp_path / "a.h5oina"), "--map", "2"]) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_pictures_have_the_colours_of_the_grains(files, capsys):
    imread = pytest.importorskip("matplotlib.image", reason="needs matplotlib: nmcfast[imaging]").imread
    names = [str(files / name) for name in ("a.ang", "b.ctf")]
    assert main(["inspect", *names, "--symmetry", "-3m", "--image", str(files / "map.png")]) == 0
    assert "wrote" in capsys.readouterr().err
    image = imread(files / "map-1.png")[..., :3]
    m = read_map(files / "a.ang")
    for grain in ((2, 2), (2, 17), (13, 2), (13, 17)):
        k = grain[0] * 20 + grain[1]
        colour = ipf_colours(quaternions(m.euler[k : k + 1]), "-3m")[0]
        assert (np.abs(image - colour).max(axis=-1) < 0.02).mean() > 0.002
    assert (image.max(axis=-1) == 0).mean() > 0.01  # unindexed points and boundaries
    assert (files / "map-2.png").stat().st_size > 10_000


def test_a_picture_without_matplotlib_says_what_to_install(files, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["inspect", str(files / "a.ang"), "--image", str(files / "a.png")]) == 2
    assert "pip install 'nmcfast[imaging]'" in capsys.readouterr().err
    assert main(["inspect", str(files / "a.ang"), "--image", str(files / "no" / "a.png")]) == 2


@pytest.mark.parametrize("laue", LAUE_GROUPS)
@pytest.mark.parametrize("x_axis", ["a", "a*"])
def test_equivalent_directions_have_one_colour_and_corners_their_own(laue, x_axis):
    np.testing.assert_allclose(key_colours(corners(laue, x_axis), laue, x_axis), np.eye(3), atol=1e-6)
    direction = np.random.default_rng(0).standard_normal((50, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    colour = key_colours(direction, laue, x_axis)
    assert colour.min() >= 0 and np.allclose(colour.max(axis=1), 1)
    for operator in symmetry_operators(laue, x_axis):
        turned = into_crystal(np.tile(operator, (50, 1)), direction)
        np.testing.assert_allclose(key_colours(turned, laue, x_axis), colour, atol=1e-6)
        np.testing.assert_allclose(key_colours(-turned, laue, x_axis), colour, atol=1e-6)


def test_colours_of_known_orientations():
    """Cubic: cube red, a face diagonal out of the section green, a space diagonal blue; trigonal: c out of it red."""
    euler = np.array([[0.3, 0, 0.1], [0, np.pi / 4, 0], [0, np.arccos(1 / np.sqrt(3)), np.pi / 4]])
    np.testing.assert_allclose(ipf_colours(quaternions(euler), "m-3m"), np.eye(3), atol=1e-6)
    np.testing.assert_allclose(ipf_colours(quaternions(np.array([[1.0, 0, 2.0]])), "-3m"), [[1, 0, 0]], atol=1e-6)
    in_plane = quaternions(np.array([[0.0, np.pi / 2, phi2] for phi2 in np.deg2rad([30, 90, 0])]))  # 60, 0, 90° from a
    found = ipf_colours(in_plane, "-3m")
    np.testing.assert_allclose(found[:2], [[0, 1, 1]] * 2, atol=1e-6)  # a axes lie between the corners
    np.testing.assert_allclose(np.sort(found[2]), [0, 0, 1], atol=1e-3)


def test_crystal_directions_are_those_of_the_rotation():
    turn = quaternions(np.random.default_rng(2).uniform(0, 3, (20, 3)))
    inverse = turn * [1, -1, -1, -1]
    vector = np.broadcast_to([0.0, 0.1, -0.5, 0.8], (20, 4))
    expected = multiply(multiply(inverse, vector), turn)[:, 1:]
    np.testing.assert_allclose(into_crystal(turn, np.array([0.1, -0.5, 0.8])), expected, atol=1e-12)


def test_progress_is_lines_where_stderr_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setattr("nmcfast.progress.EVERY", 0.0)
    bar = progress_bar("training", "epoch", 3)
    for _ in range(3):
        bar.set_postfix(score="0.5", refresh=False)
        bar.update()
    bar.close()
    lines = capsys.readouterr().err.splitlines()
    assert any(
        line.startswith("nmcfast: training: 2 of 3 epoch, 00:00 so far") and "score=0.5" in line for line in lines
    )
    assert not any("\r" in line or not line.strip() for line in lines)


@pytest.mark.parametrize(("quiet", "every"), [(True, 0.0), (False, 60.0)])
def test_short_or_quiet_work_says_nothing(capsys, monkeypatch, quiet, every):
    monkeypatch.setattr("nmcfast.progress.EVERY", every)
    bar = progress_bar("training", "epoch", 3, quiet)
    bar.update(3)
    bar.close()
    assert capsys.readouterr().err == ""
