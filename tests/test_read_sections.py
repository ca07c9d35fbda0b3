"""What `calibrate grains` checks and says before it takes long: notes of readers, names of files, what it needs."""

from pathlib import Path

import numpy as np
import pytest
from ebsd_files import ang, marked, points

from nmcfast.calibration.grains.read_sections import check_grains, read_section, read_sections
from nmcfast.cli import main
from nmcfast.ebsd.options import ReadOptions
from nmcfast.ebsd.write import simulate_map, write_ang
from nmcfast.ebsd.write_h5 import write_h5oina
from nmcfast.errors import InputError
from nmcfast.options import MapOptions, SectionOptions
from nmcfast.sections.grain_map import finish_grain_map

ALL = SectionOptions(central="all")


def cells(count: int, size: int = 80) -> np.ndarray:
    """Voronoi cells of random seeds in a disc, 0 outside."""
    rng = np.random.default_rng(1)
    y, x = np.indices((size, size)) + 0.5
    seeds = rng.uniform(0, size, (count, 2))
    nearest = ((y[..., None] - seeds[:, 0]) ** 2 + (x[..., None] - seeds[:, 1]) ** 2).argmin(-1)
    return np.where(np.hypot(x - size / 2, y - size / 2) < 0.48 * size, nearest + 1, 0)


def test_notes_are_said_at_once_with_the_name_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.ang").write_text(ang(marked(euler=0, confidence=0), degrees=True))
    (tmp_path / "b.ang").write_text(ang(points()))
    said: list[str] = []
    maps, rows = read_sections([tmp_path / "a.ang", tmp_path / "b.ang"], ALL, MapOptions(), said.append)
    assert [grains.grains for grains in maps] == [4, 4] and len(rows[0]["notes"]) == len(said) == 3
    assert all(text.startswith(f"{tmp_path / 'a.ang'}: ") for text in said)
    assert "degrees" in said[0] and said[0].endswith("(--angles radians)")
    assert said[2].endswith("24 of 320 points are unindexed (24 angles of zero and no quality)")


def test_options_of_maps_reach_the_reader(tmp_path: Path) -> None:
    (tmp_path / "a.ang").write_text(ang(points(), "?"))
    with pytest.raises(InputError, match=r"a\.ang, line 5: Symmetry is '\?'.*--symmetry -3m"):
        read_section(tmp_path / "a.ang", ALL, ReadOptions())
    _, rows = read_sections([tmp_path / "a.ang"] * 2, ALL, MapOptions(symmetry="-3m", unit="nm"), lambda text: None)
    assert rows[0]["grains"] == 4 and rows[0]["mean_area_um2"] == pytest.approx(0.8e-6)


def test_too_few_central_sections_are_refused_before_anything_else(tmp_path: Path, capsys) -> None:
    write_ang(simulate_map(cells(60), 0.05, np.random.default_rng(0), "square"), tmp_path / "a.ang")
    command = ["calibrate", "grains", str(tmp_path / "a.ang"), "--output", str(tmp_path / "m.safetensors")]
    assert main(command) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "of 1 sections pass near the centre (Fig. 2), calibration needs 2 or more" in error
    assert not (tmp_path / "m.safetensors").exists()


def test_too_few_whole_grains_name_the_file_and_the_radius() -> None:
    grains = finish_grain_map(cells(60), 0.05)
    check_grains(Path("a.ang"), grains, 1.5, 10)
    with pytest.raises(InputError, match=r"a\.ang: \d+ whole grains within 1\.50 µm .* needs 50; leave it out"):
        check_grains(Path("a.ang"), grains, 1.5, 50)


def test_a_map_is_the_same_section_from_each_format(tmp_path: Path) -> None:
    """All that the fit and the training take: labels, mask, centre, pixel size, points; to the bit."""
    m = simulate_map(cells(60), 0.05, np.random.default_rng(0), "square")
    write_ang(m, tmp_path / "a.ang")
    write_h5oina(m, tmp_path / "a.h5oina")
    one, other = (read_section(tmp_path / f"a.{suffix}", ALL, ReadOptions())[0] for suffix in ("ang", "h5oina"))
    for name in ("labels", "mask"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.points.position, other.points.position)
    np.testing.assert_array_equal(one.points.label, other.points.label)
    assert (one.centre, one.pixel_size) == (other.centre, other.pixel_size)
