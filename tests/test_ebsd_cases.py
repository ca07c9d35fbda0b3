"""Small valid maps, each with one trait met in public reports, under ../shared/data/ebsd_cases: see its CASES.md."""

import re
from pathlib import Path

import numpy as np
import pytest

from nmcfast.cli import main
from nmcfast.ebsd import ReadOptions, read_map, segment_grains
from nmcfast.errors import InputError

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "ebsd_cases"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no EBSD cases in {FOLDER}")

# file, unindexed points, words of a note (each map: 320 points, four grains that share the indexed points)
READ = [
    ("base.ang.gz", 0, ""),
    ("comma.ang", 0, "decimal commas"),
    ("crop_header_off_by_one.ang", 0, "16 of the 17 rows the header promises"),
    ("degrees.ang", 0, "angles are taken for degrees"),
    ("generic_columns.txt", 0, "angles are taken for degrees"),
    ("oim_filtered_phase_m1.ang", 24, "24 points of phase −1"),
    ("phase0_header.ang", 0, ""),
    ("sym_-3m1.ang", 0, ""),
    ("trailing_hash.ang", 0, ""),
    ("unindexed_nan.ang", 24, "angles that are no numbers"),
    ("unindexed_phase_m1.ctf", 24, "24 points of phase −1"),
    ("unindexed_phase_m1_ci0.ang", 24, ""),
    ("unindexed_zeros.ang", 24, "angles of zero and no quality"),
    ("unused_phase_laue0.ctf", 0, ""),
    ("utf16.ctf", 0, ""),
]
NAMELESS = ReadOptions(symmetry={None: "-3m"})


@pytest.mark.parametrize(("name", "unindexed", "note"), READ)
def test_each_case_has_four_grains(name: str, unindexed: int, note: str) -> None:
    m = read_map(FOLDER / name, options=NAMELESS if name.startswith("generic") else None)
    assert (len(m), m.grid, m.layout.shape) == (320, "square", (16, 20))
    assert m.step == pytest.approx((0.1, 0.1))
    assert (~m.indexed).sum() == sum(m.unindexed.values()) == unindexed
    assert m.phases[int(m.phase[m.indexed][0])].laue == "-3m"
    assert any(note in text for text in m.notes) if note else not m.notes
    sizes = np.bincount(segment_grains(m).labels.ravel())
    assert sorted(sizes[1:]) == ([80] * 4 if not unindexed else [71, 71, 77, 77])


def test_the_same_map_in_two_ways_is_the_same_map() -> None:
    plain, degrees = (read_map(FOLDER / name) for name in ("base.ang.gz", "degrees.ang"))
    np.testing.assert_allclose(plain.euler, degrees.euler, atol=2e-5)


def test_rounded_coordinates_have_the_step_of_the_header() -> None:
    m = read_map(FOLDER / "bruker_4dec.ctf")
    assert (m.layout.shape, m.step) == ((3, 400), (0.0234567891, 0.0234567891))
    assert segment_grains(m).grains == 1


def test_numbers_of_phases_that_header_and_points_count_differently_are_asked_for() -> None:
    path = FOLDER / "two_phases_header12_data01.ang"
    with pytest.raises(InputError, match=re.escape(f"{path}, line 36: ") + ".*160 of 320.*--phases 0=1,1=2"):
        read_map(path)
    m = read_map(path, options=ReadOptions(phases={0: 1, 1: 2}))
    assert m.indexed.all() and np.bincount(m.phase).tolist() == [0, 160, 160]
    assert segment_grains(m).grains == 4


def test_a_phase_of_unknown_symmetry_names_line_and_option() -> None:
    with pytest.raises(InputError, match=r"laue_0\.ctf, line 14: Laue group 0.*--symmetry -3m"):
        segment_grains(read_map(FOLDER / "laue_0.ctf"))
    assert segment_grains(read_map(FOLDER / "laue_0.ctf", options=NAMELESS)).grains == 4


def test_inspect_reads_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(FOLDER / name) for name, *_ in READ]
    assert main(["inspect", *files, "--symmetry", "-3m"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert len(lines) == len(READ) and all("; 4 grains;" in line for line in lines)
