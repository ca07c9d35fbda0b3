"""Files of several vendors, some broken on purpose, under ../shared/data/ebsd: see its SOURCES.md."""

from pathlib import Path

import numpy as np
import pytest

from nmcfast.ebsd import read_map, segment_grains
from nmcfast.errors import InputError

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "ebsd"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real EBSD files in {FOLDER}")

# file, points, grid, rows × columns, step, unindexed, Laue group, grains at 5° with ≥ 5 points
READ = [
    ("ebsdlab/EBSD_copper_hexgrid_OIM.ang", 23909, "hexagonal", (231, 104), (0.2, 0.1732), 2945, "m-3m", 16),
    ("mtex/DC06_2uniax.ang", 5151, "square", (101, 51), (1.0, 1.0), 0, "m-3m", 24),
    ("mtex/3dData_S00.ANG", 1400, "square", (40, 35), (0.4, 0.4), 342, "m-3m", 57),
    ("mtex/testdata_hex.ctf", 900, "hexagonal", (30, 30), (1.0, 0.866), 0, "2/m", 4),
    ("ebsdlib/Test_US_1.ctf", 200, "square", (5, 40), (0.5, 0.5), 10, "6/mmm", 5),
    ("ebsdlib/Test_European_1.ctf", 200, "square", (5, 40), (0.5, 0.5), 10, "6/mmm", 5),
    ("ebsdlib/Test_1.ang", 160, "square", (4, 40), (0.25, 0.25), 160, "m-3m", 0),
    ("ebsdlib/GridMissing.ang", 160, "square", (4, 40), (0.25, 0.25), 160, "m-3m", 0),
    ("ebsdlib/MissingHeader_1.ang", 160, "square", (4, 40), (0.25, 0.25), 160, "m-3m", 0),
    ("ebsdlib/HexHeader.ang", 160, "square", (4, 40), (0.25, 0.25), 160, "m-3m", 0),
]
REFUSED = [
    ("ebsdlib/ShortFile.ang", "line 120: the file ends early: row 3 has 8 of 40 points"),
    ("ebsdlib/ShortFile.ctf", "line 17: the file ends after 2 points"),
    ("ebsdlib/ZeroXYCells.ctf", "line 5: XCells is '0'"),
    ("ebsdlib/Corrupted_XCells.ctf", "line 5: XCells is '123456789123456789'"),
]


@pytest.mark.parametrize(("name", "points", "grid", "shape", "step", "unindexed", "laue", "grains"), READ)
def test_whole_files(name, points, grid, shape, step, unindexed, laue, grains) -> None:
    m = read_map(FOLDER / name)
    assert (len(m), m.grid, m.layout.shape) == (points, grid, shape)
    assert m.step == pytest.approx(step, abs=1e-4)
    assert (~m.indexed).sum() == unindexed
    assert [phase.laue for phase in m.phases.values()] == [laue]
    if grains:
        assert segment_grains(m, particle="all").grains == grains
    else:
        with pytest.raises(InputError, match="no grain is left"):
            segment_grains(m)


@pytest.mark.parametrize(("name", "message"), REFUSED)
def test_broken_files(name: str, message: str) -> None:
    with pytest.raises(InputError) as refusal:
        read_map(FOLDER / name)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("ebsdlib/HexHeader.ang", "the header says hexagonal grid, the coordinates are square"),
        ("ebsdlib/GridMissing.ang", "the header names no grid; the coordinates are square"),
        ("ebsdlib/MissingHeader_1.ang", "the header has no x step; 0.25 µm follows from the coordinates"),
        ("mtex/3dData_S00.ANG", "the header says x step 0.1 µm, the coordinates 0.4 µm"),
        ("mtex/testdata_hex.ctf", "the header says y step 1 µm, the coordinates 0.86602 µm"),
        ("mtex/testdata_hex.ctf", "the header says square grid, the coordinates are hexagonal"),
        (
            "ebsdlib/Test_US_1.ctf",
            "53 indexed points have no bands: orientations filled in by the vendor's clean-up",
        ),
    ],
)
def test_wrong_headers_are_noted(name: str, note: str) -> None:
    assert note in read_map(FOLDER / name).notes


def test_decimal_comma_and_point_are_the_same_map() -> None:
    point, comma = (read_map(FOLDER / f"ebsdlib/Test_{country}_1.ctf") for country in ("US", "European"))
    for name in ("x", "y", "euler", "indexed", "phase", "quality", "fit"):
        np.testing.assert_array_equal(getattr(point, name), getattr(comma, name))


def test_hexagonal_copper_rows_are_read_as_they_lie() -> None:
    m = read_map(FOLDER / "ebsdlab/EBSD_copper_hexgrid_OIM.ang")
    counts = np.bincount(m.layout.row)
    assert (counts[::2] == 104).all() and (counts[1::2] == 103).all()
    assert m.confidence.max() == pytest.approx(1.018)
