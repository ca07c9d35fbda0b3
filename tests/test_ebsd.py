"""Maps written by nmcfast.ebsd_write, with known contents, and files damaged in known lines."""

import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from nmcfast.ebsd import EbsdMap, Phase, Watershed, read_labels, read_map, segment_grains
from nmcfast.ebsd.grains import nearest_points, neighbour_pairs
from nmcfast.ebsd.write import simulate_map, write_ang, write_ctf, write_grain_export
from nmcfast.errors import InputError

STEP = 0.05


def voronoi(shape: tuple[int, int], count: int, seed: int = 1) -> np.ndarray:
    """Voronoi cells of random seeds in a disc of a label image, 0 outside."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(shape)
    seeds = rng.uniform(0, 1, (count, 2)) * shape
    distance = (rows[..., None] - seeds[:, 0]) ** 2 + (columns[..., None] - seeds[:, 1]) ** 2
    disc = np.hypot(rows - shape[0] / 2 + 0.5, columns - shape[1] / 2 + 0.5) < 0.48 * min(shape)
    return np.where(disc, distance.argmin(-1) + 1, 0)


def small_map(grid: str = "square", unindexed: float = 0.05, seed: int = 0, size: int = 40) -> EbsdMap:
    return simulate_map(voronoi((size, size), 12), STEP, np.random.default_rng(seed), grid, STEP, unindexed)


WRITERS: dict[str, Callable[[EbsdMap, Path], None]] = {
    "ang10": lambda m, path: write_ang(m, path),
    "ang14": lambda m, path: write_ang(m, path, columns=14, version=6),
    "ang7": lambda m, path: write_ang(m, path, columns=14, version=7, line_end="\r\n"),
    "grain": write_grain_export,
    "ctf": write_ctf,
    "ctf_comma": lambda m, path: write_ctf(m, path, decimal_comma=True),
}


@pytest.mark.parametrize("grid", ["square", "hexagonal"])
@pytest.mark.parametrize("name", WRITERS)
def test_what_was_written_is_read(tmp_path: Path, grid: str, name: str) -> None:
    m = small_map(grid)
    WRITERS[name](m, tmp_path / "map.txt")
    got = read_map(tmp_path / "map.txt")
    assert got.grid == grid
    assert got.layout.shape == m.layout.shape
    np.testing.assert_array_equal(got.layout.row, m.layout.row)
    np.testing.assert_array_equal(got.layout.column, m.layout.column)
    np.testing.assert_allclose(got.step, m.step, rtol=2e-3)  # coordinates are printed with 4 or 5 decimals
    np.testing.assert_allclose(np.stack([got.x, got.y]), [m.x, m.y], atol=6e-5)
    np.testing.assert_array_equal(got.indexed, m.indexed)
    np.testing.assert_allclose(got.euler[m.indexed], m.euler[m.indexed], atol=6e-6)
    np.testing.assert_allclose(got.quality, m.quality, atol=0.51)
    assert [phase.name for phase in got.phases.values()] == ["NMC811"]
    assert got.phases[next(iter(got.phases))].laue == (None if name == "grain" else "-3m")


@pytest.mark.parametrize("columns", range(6, 15))
def test_every_number_of_ang_columns_is_read(tmp_path: Path, columns: int) -> None:
    m = small_map()
    write_ang(m, tmp_path / "a.ang", columns=columns)
    got = read_map(tmp_path / "a.ang")
    np.testing.assert_array_equal(got.indexed, m.indexed)  # from φ alone where there is no CI
    assert np.isnan(got.confidence).all() == (columns < 7)
    assert np.isnan(got.fit).all() == (columns < 10)


@pytest.mark.parametrize(
    ("row", "indexed"),
    [
        ("1.0 1.0 1.0 {} 100 0.5 0 1 1.0", True),
        ("1.0 1.0 1.0 {} 100 0.0 0 1 1.0", True),
        ("1.0 1.0 1.0 {} 100 -1 0 1 1.0", False),
        ("12.56637 12.56637 12.56637 {} 0 0.0 0 1 1.0", False),
        ("6.28319 6.28319 6.28319 {} 0 0.0 0 1 1.0", False),
        ("6.28319 1.0 6.28319 {} 100 0.5 0 1 1.0", True),  # φ1 of one whole turn is an orientation
        ("1.0 1.0 1.0 {} 100 0.0 0 1 180.0", False),
        ("1.0 1.0 1.0 {} 100 0.5 0 1 180.0", False),
    ],
)
def test_each_code_of_an_unindexed_point_is_known(tmp_path: Path, row: str, indexed: bool) -> None:
    places = [f"{x} {y}" for y in (0, 1) for x in (0, 1)]
    (tmp_path / "a.ang").write_text("# Symmetry 43\n" + "".join(row.format(place) + "\n" for place in places))
    assert (read_map(tmp_path / "a.ang").indexed == indexed).all()


def test_header_of_two_phases(tmp_path: Path) -> None:
    header = "# Phase 1\n# MaterialName A\n# Symmetry 43\n# Phase 2\n# MaterialName B b\n# Symmetry 62\n"
    rows = [f"1 1 1 {k % 4} {k // 4} 100 0.5 {phase} 1 1" for k, phase in enumerate([1, 2, 0, 1, 2, 3, *[1] * 6])]
    (tmp_path / "a.ang").write_text(header + "\n".join(rows))
    m = read_map(tmp_path / "a.ang")
    assert m.phases == {1: Phase("A", "m-3m"), 2: Phase("B b", "6/mmm")}
    assert m.indexed.tolist() == [True, True, False, True, True, False, *[True] * 6]
    assert any("1 points of a phase" in note for note in m.notes)


def test_a_wrong_header_is_noted_and_the_coordinates_believed(tmp_path: Path) -> None:
    write_ang(small_map(), tmp_path / "a.ang")
    text = (tmp_path / "a.ang").read_text()
    text = (
        text.replace("SqrGrid", "HexGrid").replace("# XSTEP: 0.05", "# XSTEP: 0.10").replace("NROWS: 40", "NROWS: 99")
    )
    (tmp_path / "a.ang").write_text(text)
    m = read_map(tmp_path / "a.ang")
    assert m.grid == "square"
    assert m.step == pytest.approx((0.05, 0.05))
    notes = " ".join(m.notes)
    assert "says hexagonal" in notes and "x step 0.1" in notes and "3,960 points" in notes


# Damage: change of the lines, what the message says. The .ang has 40 × 40 points from line 14 on.
FIRST = 14


def cut(lines: list[str], line: int, column: int, word: str) -> list[str]:
    words = lines[line - 1].split()
    words[column] = word
    return [*lines[: line - 1], " ".join(words), *lines[line:]]


DAMAGE: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "cut inside a line": (
        lambda lines: [*lines[:199], lines[199][:30]],
        "line 200: .* has 3 columns; expected 10",
    ),
    "cut inside a row": (
        lambda lines: lines[:200],
        r"line 200: the file ends early: row 5 has 27 of 40 points",
    ),
    "cut after a row": (
        lambda lines: lines[: FIRST - 1 + 400],
        "line 413: the file ends early: 10 of the 40 rows",
    ),
    "a word": (lambda lines: cut(lines, 77, 3, "abc"), "line 77: column 4 is 'abc'; expected a number"),
    "not finite": (lambda lines: cut(lines, 78, 3, "nan"), "line 78: x is nan, a number that is not finite"),
    "huge number": (lambda lines: cut(lines, 79, 3, "1e300"), "line 79: coordinate 1e.300 is far off"),
    "far row": (
        lambda lines: cut(lines, 79, 4, "16"),
        r"line 79: y = 16 lies between rows",
    ),
    "shifted point": (
        lambda lines: cut(lines, 80, 3, "0.5123"),
        "line 80: x = 0.5123: the point lies on no square or hexagonal",
    ),
    "repeated point": (
        lambda lines: [*lines[:80], lines[79], *lines[81:]],
        "line 81: repeats the point of line 80",
    ),
    "empty line": (lambda lines: [*lines[:80], "", *lines[80:]], "line 81: .* has 0 columns"),
    "header among data": (lambda lines: [*lines[:80], "# x", *lines[80:]], "line 81: .* has 2 columns"),
    "zero byte": (lambda lines: [*lines[:80], "\0", *lines[80:]], "line 81: holds a zero byte"),
    "endless line": (lambda lines: [*lines[:80], "1 " * 40000, *lines[80:]], "line 81: longer than 65,536"),
    "no data": (lambda lines: lines[: FIRST - 1], f"line {FIRST}: 0 columns"),
    "one row": (lambda lines: lines[: FIRST + 39], "span no area"),
    "zero rows": (
        lambda lines: [line.replace("NROWS: 40", "NROWS: 0") for line in lines],
        "line 12: NROWS is '0'",
    ),
    "bad step": (
        lambda lines: [line.replace("XSTEP: 0.05", "XSTEP: x") for line in lines],
        "line 8: XSTEP is",
    ),
    "few columns": (
        lambda lines: [" ".join(line.split()[:5]) for line in lines],
        "line 14: 5 columns; expected 6 to 14",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_file_is_refused_by_one_line_with_its_number(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.ang"
    write_ang(small_map(), path)
    lines = path.read_text().split("\n")
    assert lines[FIRST - 1].startswith(" ") and lines[FIRST - 2].startswith("#")
    change, message = DAMAGE[damage]
    path.write_text("\n".join(change(lines)))
    with pytest.raises(InputError, match=re.escape(str(path)) + ".*" + message) as refusal:
        read_map(path)
    assert "\n" not in str(refusal.value)


def test_what_there_is_of_a_cut_file_can_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.ang"
    write_ang(small_map(), path)
    path.write_text("\n".join(path.read_text().split("\n")[:200]))
    m = read_map(path, incomplete=True)
    assert len(m) == 200 - FIRST + 1
    assert m.notes[0].startswith("incomplete: row 5")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("XCells\t40", "XCells\t0", "line 5: XCells is '0'"),
        ("YCells\t40", "YCells\t12345678901", "line 6: YCells is '12345678901'"),
        ("Phases\t1", "Phases\t2", "line 13: 'Phases\\\\t2', but 1 lines follow"),
        ("Phases\t1", "Phase\t1", "no line 'Phases n'"),
        ("NMC811\t7", "NMC811\t77", "line 14: a phase needs"),
        ("Euler2", "Eular2", "line 15: no column Euler2"),
        ("\n1\t", "\n5\t", r"line \d+: measured points have phase 5, the header numbers 1: .*--phases 5=1"),
    ],
)
def test_damaged_ctf_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "a.ctf"
    write_ctf(small_map(), path, line_end="\n")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        read_map(path)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"Hello world\n", b"\xff\xfeH\x00 \x00"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.ang").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.ang, line 1"):
        read_map(tmp_path / "a.ang")
    with pytest.raises(InputError, match="no such file"):
        read_map(tmp_path / "b.ang")


def test_a_grain_export_with_one_row_a_grain_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("# Column 1-3: right hand average orientation phi1, PHI, phi2\n1 2 3 4 5 6\n")
    with pytest.raises(InputError, match="line 1: one row a grain"):
        read_map(tmp_path / "a.txt")


def test_memory_is_that_of_the_kept_numbers(tmp_path: Path) -> None:
    """A map of 400 blocks' lines takes under three times its arrays, not the text and all columns."""
    import tracemalloc

    m = small_map(size=240)
    write_ang(m, tmp_path / "a.ang", columns=14)
    read_map(tmp_path / "a.ang")
    tracemalloc.start()
    read_map(tmp_path / "a.ang")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * len(m) * 9 * 8 + 12e6


def agreement(labels: np.ndarray, truth: np.ndarray) -> float:
    """Share of pixels assigned in both whose label is the one that most of its truth grain's pixels have."""
    both = (labels > 0) & (truth > 0)
    table = np.zeros((truth.max() + 1, labels.max() + 1), dtype=int)
    np.add.at(table, (truth[both], labels[both]), 1)
    return table.max(axis=1).sum() / both.sum()


@pytest.mark.parametrize("grid", ["square", "hexagonal"])
def test_grains_of_a_known_section_come_back(grid: str) -> None:
    truth = voronoi((160, 160), 80)
    m = simulate_map(truth, STEP, np.random.default_rng(3), grid, STEP, unindexed=0.05)
    g = segment_grains(m, angle=5.0)
    true_sizes = np.bincount(truth.ravel())[1:]
    assert abs(g.grains - (true_sizes > 8).sum()) <= 2
    shape = tuple(np.minimum(g.labels.shape, truth.shape))
    assert agreement(g.labels[: shape[0], : shape[1]], truth[: shape[0], : shape[1]]) > (
        0.999 if grid == "square" else 0.95
    )
    assert g.counts["unindexed"] == (~m.indexed).sum()
    assert g.centre == pytest.approx((4.0, 4.0), abs=STEP)
    assert g.labels.dtype == np.int32 and g.pixel_size == pytest.approx(STEP)
    assert set(np.unique(g.labels)) == set(range(g.grains + 1))
    assert (g.labels[~g.mask] == 0).all()


@pytest.mark.parametrize("shifted", [0, 1])
def test_hexagonal_neighbours_are_the_six_at_one_step(shifted: int) -> None:
    m = small_map("hexagonal")
    keep = m.layout.row >= 1 - shifted  # without the first row, the shifted rows change parity
    x, y = m.x[keep], m.y[keep]
    from nmcfast.ebsd.grid import infer_grid
    from nmcfast.ebsd.notes import Rows

    layout = infer_grid(x, y, Rows(Path("m")))
    assert layout.shifted == shifted
    first, second = neighbour_pairs(layout)
    distance = np.hypot(x[:, None] - x, y[:, None] - y)
    near = np.argwhere(np.triu((distance < 1.1 * STEP) & (distance > 0)))
    assert sorted(map(tuple, np.sort(np.stack([first, second], 1), 1).tolist())) == sorted(map(tuple, near.tolist()))


def test_square_neighbours_are_four_and_holes_none() -> None:
    from nmcfast.ebsd.grid import infer_grid
    from nmcfast.ebsd.notes import Rows

    x, y = (a.ravel().astype(float) for a in np.meshgrid(range(5), range(4)))
    hole = np.arange(20) != 7
    first, second = neighbour_pairs(infer_grid(x[hole], y[hole], Rows(Path("m"))))
    assert len(first) == 4 * 4 + 5 * 3 - 4
    assert np.hypot(x[hole][first] - x[hole][second], y[hole][first] - y[hole][second]).max() == 1


def test_threshold_is_the_misorientation() -> None:
    m = small_map(unindexed=0.0)
    euler = np.zeros_like(m.euler)
    euler[:, 0] = np.deg2rad(4.0) * np.floor(m.x / (10 * STEP))  # four stripes, 4° apart
    m = EbsdMap(**{**m.__dict__, "euler": euler, "indexed": np.ones(len(m), bool)})
    assert segment_grains(m, angle=3.9).grains == 4
    assert segment_grains(m, angle=4.1).grains == 1


def test_symmetry_of_header_or_argument_decides() -> None:
    """Stripes 60° apart about c are one crystal in 6/mmm and twins in −3m."""
    m = small_map(unindexed=0.0)
    euler = np.zeros_like(m.euler)
    euler[:, 2] = np.deg2rad(60.0) * np.floor(m.x / (10 * STEP))
    fields = {**m.__dict__, "euler": euler, "indexed": np.ones(len(m), bool)}
    assert segment_grains(EbsdMap(**fields)).grains == 4
    assert segment_grains(EbsdMap(**fields), symmetry="6/mmm").grains == 1
    nameless = EbsdMap(**{**fields, "phases": {0: Phase("NMC")}})
    with pytest.raises(InputError, match=r"phase 'NMC' has points but no known symmetry; .*--symmetry -3m"):
        segment_grains(nameless)
    assert segment_grains(nameless, symmetry="R-3m").grains == 4


def test_phases_are_never_one_grain() -> None:
    m = small_map(unindexed=0.0)
    fields = {**m.__dict__, "euler": np.zeros_like(m.euler), "indexed": np.ones(len(m), bool)}
    fields |= {"phase": (m.x > 1).astype(np.int32), "phases": {0: Phase("A", "-3m"), 1: Phase("B", "m-3m")}}
    assert segment_grains(EbsdMap(**fields)).grains == 2


def test_small_grains_are_dropped_and_counted() -> None:
    m = small_map(unindexed=0.0)
    euler = np.zeros_like(m.euler)
    euler[[820, 821, 822], 1] = 1.0
    m = EbsdMap(**{**m.__dict__, "euler": euler, "indexed": np.ones(len(m), bool)})
    assert segment_grains(m, minimum_points=3).grains == 2
    g = segment_grains(m, minimum_points=4)
    assert (g.grains, g.counts["small_grains"], g.counts["small_grain_points"]) == (1, 1, 3)
    assert (g.labels == 0).sum() == g.counts["pixels_unassigned"] == 3


def test_fragments_join_what_has_their_orientation_within_two_steps() -> None:
    """The tip of a thin grain, cut off by one unindexed point, is no grain of its own; across two points it is."""
    m = small_map(unindexed=0.0)
    turned = np.zeros(m.layout.shape)
    turned[10, 4:16] = turned[10, 17:19] = turned[30, 4:16] = turned[30, 18:20] = 1.0
    euler = np.zeros_like(m.euler)
    euler[:, 1] = turned[m.layout.row, m.layout.column]
    g = segment_grains(EbsdMap(**{**m.__dict__, "euler": euler, "indexed": np.ones(len(m), bool)}))
    assert g.grains == 3
    assert (g.labels[10, 17:19] == g.labels[10, 4]).all()
    assert (g.labels[30, 18:20] == 0).all()
    assert (g.counts["small_grains"], g.counts["small_grain_points"]) == (1, 2)


@pytest.mark.parametrize("grid", ["square", "hexagonal"])
def test_points_of_a_grain_map_have_the_labels_of_their_pixels(grid: str) -> None:
    m = small_map(grid)
    g = segment_grains(m, pixel_size=m.step[0] / 4)
    assert g.points is not None and 0 < len(g.points.label) <= m.indexed.sum()
    column, row = (g.points.position / g.pixel_size).astype(int).T
    assert (g.labels[row, column] == g.points.label).mean() > 0.999


def test_largest_particle_and_its_centre() -> None:
    truth = np.zeros((60, 100), int)
    truth[10:50, 10:50] = 1
    truth[10:50, 30:50] = 2
    truth[25:32, 25:35] = 0  # a hole belongs to the particle
    truth[20:40, 70:90] = 3
    m = simulate_map(truth, STEP, np.random.default_rng(0), "square", STEP, 0.0)
    g = segment_grains(m)
    assert (g.grains, g.counts["grains_outside_particle"]) == (2, 1)
    assert g.centre == pytest.approx((30 * STEP, 30 * STEP))
    assert g.counts["pixels_unassigned"] == 70
    assert segment_grains(m, particle="all").grains == 3
    assert segment_grains(m, centre=(1.0, 2.0)).centre == (1.0, 2.0)


@pytest.mark.parametrize("angle", [0.0, 0.3, 0.9])
def test_resampling_moves_boundaries_by_at_most_half_a_step(angle: float) -> None:
    """Boundaries between pixels lie within half a step of those between cells, sampled 16 times finer."""
    m = small_map("hexagonal", 0.0)
    side = (m.x - 1.0) * np.cos(angle) + (m.y - 1.0) * np.sin(angle) > 0.013
    labels = side[nearest_points(m.layout, STEP)]
    fine = side[nearest_points(m.layout, STEP / 16)]
    edge = ndimage.morphological_gradient(fine.astype(np.uint8), 3) > 0
    distance = ndimage.distance_transform_edt(~edge) / 16  # steps
    rows, columns = np.nonzero(labels[:, 1:] != labels[:, :-1])
    at = np.minimum(rows * 16 + 8, fine.shape[0] - 1), (columns + 1) * 16
    assert len(rows) > 20
    assert distance[at].max() <= 0.5 + 1 / 16
    assert abs(labels.mean() - fine.mean()) < 0.02


def test_nearest_points_equal_brute_force() -> None:
    m = small_map("hexagonal")
    hole = (np.arange(len(m)) != 500) & (m.layout.row != 0)
    from nmcfast.ebsd.grid import infer_grid
    from nmcfast.ebsd.notes import Rows

    x, y = m.x[hole], m.y[hole]
    layout = infer_grid(x, y, Rows(Path("m")))
    found = nearest_points(layout, 0.031)
    px = x.min() - layout.step[0] / 2 + (np.arange(found.shape[1]) + 0.5) * 0.031
    py = y.min() - layout.step[1] / 2 + (np.arange(found.shape[0]) + 0.5) * 0.031
    distance = np.hypot(px[None, :, None] - x, py[:, None, None] - y)
    nearest = distance.argmin(-1)
    assert (nearest == found)[found >= 0].all()
    assert (distance.min(-1)[found < 0] > 0.45 * STEP).all()  # only the hole and the ragged edge are empty
    assert 0 < (found < 0).sum() < 0.05 * found.size


def test_quality_watershed_finds_grains_without_orientations() -> None:
    truth = voronoi((120, 120), 25)
    m = simulate_map(truth, STEP, np.random.default_rng(5), "square", STEP, 0.0)
    m = EbsdMap(**{**m.__dict__, "indexed": np.zeros(len(m), bool)})
    g = segment_grains(m, by="quality")
    assert abs(g.grains - len(np.unique(truth)) + 1) <= 4
    assert agreement(g.labels, truth) > 0.9
    coarse = segment_grains(m, by=Watershed(depth=0.6))
    assert coarse.grains < g.grains
    with pytest.raises(InputError, match="no grain is left"):
        segment_grains(m)
    with pytest.raises(InputError, match="no image quality"):
        segment_grains(EbsdMap(**{**m.__dict__, "quality": np.full(len(m), np.nan)}), by="quality")


@pytest.mark.parametrize(
    "parameters", [{"angle": 0}, {"minimum_points": 0}, {"by": "x"}, {"pixel_size": -1}, {"particle": 1}]
)
def test_bad_parameters_are_refused(parameters: dict) -> None:
    with pytest.raises(InputError):
        segment_grains(small_map(), **parameters)
    with pytest.raises(InputError, match="use a larger one"):
        segment_grains(small_map(), pixel_size=1e-7)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".npy"])
def test_label_images(tmp_path: Path, suffix: str) -> None:
    image = pytest.importorskip("skimage.io")
    truth = np.zeros((30, 50), np.uint16)
    truth[5:25, 5:45] = 300
    truth[5:25, 20:45] = 7
    path = tmp_path / f"labels{suffix}"
    np.save(path, truth) if suffix == ".npy" else image.imsave(path, truth, check_contrast=False)
    g = read_labels(path, 0.1)
    np.testing.assert_array_equal(g.labels, np.select([truth == 7, truth == 300], [1, 2], 0))
    assert g.centre == pytest.approx((2.5, 1.5))
    assert g.pixel_size == 0.1


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4), int), "no grain is left"),
        (np.ones((4, 4, 3), np.uint8), r"uint8 of shape \(4, 4, 3\)"),
        (np.full((4, 4), 0.5), "float64"),
        (np.full((4, 4), -1), "smallest label is -1"),
        (np.array([{}]), "cannot be read"),
    ],
)
def test_bad_label_images_are_refused(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=message):
        read_labels(tmp_path / "a.npy", 0.05)


def test_bad_label_files_are_refused(tmp_path: Path) -> None:
    for name in ("a.png", "a.tif", "a.npy"):
        (tmp_path / name).write_bytes(b"nothing")
        with pytest.raises(InputError, match=f"{name}: cannot be read"):
            read_labels(tmp_path / name, 0.05)
    (tmp_path / "a.jpg").write_bytes(b"")
    for path, size, message in [
        ("a.jpg", 0.05, "not a label image"),
        ("b.npy", 0.05, "no such"),
        ("a.npy", 0, "µm > 0"),
    ]:
        with pytest.raises(InputError, match=message):
            read_labels(tmp_path / path, size)


def test_damaged_files_give_grains_or_one_line(tmp_path: Path) -> None:
    """300 of the 10,000 cases of scripts/checks/fuzz_ebsd.py, without real files."""
    script = Path(__file__).parents[1] / "scripts" / "checks" / "fuzz_ebsd.py"
    spec = importlib.util.spec_from_file_location("fuzz_ebsd", script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_ebsd"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    outcome = module.fuzz(300, seed=2)
    assert outcome.failures == []
    assert outcome.counts["grains"] > 20 and outcome.counts["refused"] > 150
