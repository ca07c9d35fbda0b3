"""Kinds of traits that real exports have, each in every format that can have it: marks, units, numbering, encodings."""

from pathlib import Path

import numpy as np
import pytest
from ebsd_files import PACKED, ang, ctf, marked, plain, points

from nmcfast.ebsd import EbsdMap, ReadOptions, read_map, segment_grains
from nmcfast.errors import InputError

WHOLE, HOLED = [80, 80, 80, 80], [71, 71, 77, 77]
NMC = ReadOptions(symmetry={None: "-3m"})


def read(folder: Path, content: str | bytes, options: ReadOptions | None = NMC, name: str = "a.txt") -> EbsdMap:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_map(path, options=options)


def sizes(m: EbsdMap) -> list[int]:
    return sorted(np.bincount(segment_grains(m).labels.ravel())[1:].tolist())


# What makes 24 points unindexed, and what is read of it.
ANG_MARKS = {
    "ci −1": ({"confidence": -1}, "confidence −1"),
    "ci 0, zeros": ({"confidence": 0, "euler": 0}, "zero"),
    "ci 0, iq 0, fit 0, zeros, phase 1": ({"confidence": 0, "quality": 0, "fit": 0, "euler": 0}, "zero"),
    "iq 0 and zeros": ({"quality": 0, "euler": 0}, "zero"),
    "4π": ({"euler": 4 * np.pi}, "4π"),
    "Φ of 2π": ({"Phi": 2 * np.pi}, "4π"),
    "4π, ci 0, fit 180": ({"euler": 4 * np.pi, "confidence": 0, "fit": 180}, "4π"),
    "fit 180": ({"fit": 180}, "fit 180"),
    "fit 180, ci 0": ({"fit": 180, "confidence": 0}, "fit 180"),
    "phase 0": ({"phase": 0}, "phase 0"),
    "phase −1": ({"phase": -1}, "phase −1"),
    "phase −1, ci −1": ({"phase": -1, "confidence": -1}, "confidence −1"),
    "nan": ({"euler": np.nan}, "no numbers"),
    "one nan": ({"Phi": np.nan}, "no numbers"),
    "inf": ({"euler": np.inf}, "no numbers"),
}
CTF_MARKS = {
    "phase 0": ({"phase": 0, "euler": 0, "bands": 0, "error": 3, "fit": 0}, "phase 0"),
    "phase 0 alone": ({"phase": 0}, "phase 0"),
    "phase −1": ({"phase": -1}, "phase −1"),
    "error 3, zeros": ({"euler": 0, "bands": 0, "error": 3, "fit": 0}, "zero"),
    "error 3": ({"error": 3}, "error"),
    "error 4": ({"error": 4, "euler": 1.0}, "error"),
    "mad 0 and zeros": ({"euler": 0, "fit": 0}, "zero"),
    "no bands and zeros": ({"euler": 0, "bands": 0}, "zero"),
    "mad −1": ({"fit": -1}, "negative"),
    "fit 180": ({"fit": 180}, "fit 180"),
    "nan": ({"euler": np.nan}, "no numbers"),
}
PLAIN_MARKS = {
    "phase 0": ({"phase": 0}, "phase 0"),
    "phase −1": ({"phase": -1}, "phase −1"),
    "nan": ({"euler": np.nan}, "no numbers"),
    "zeros": ({"euler": 0}, "zero"),
    "4π": ({"euler": 4 * np.pi}, "4π"),
    "ci −1": ({"confidence": -1}, "confidence −1"),
    "ci 0, zeros": ({"confidence": 0, "euler": 0}, "zero"),
}


def assert_holed(m: EbsdMap, mark: str) -> None:
    hole = marked()["hole"] > 0
    np.testing.assert_array_equal(m.indexed, ~hole)
    assert sum(m.unindexed.values()) == 24 and len(m.unindexed) == 1 and mark in next(iter(m.unindexed))
    assert sizes(m) == HOLED


@pytest.mark.parametrize("kind", ANG_MARKS)
@pytest.mark.parametrize("phase", [0, 1])
def test_marks_of_edax_files(tmp_path: Path, kind: str, phase: int) -> None:
    marks, said = ANG_MARKS[kind]
    data = marked(**marks)
    if phase == 0:
        if marks.get("phase") == 0:
            pytest.skip("phase 0 is the phase where all others have it")
        data["phase"] = np.where(data["phase"] == 1, 0, data["phase"])
    assert_holed(read(tmp_path, ang(data), None), said)


@pytest.mark.parametrize("kind", CTF_MARKS)
def test_marks_of_oxford_files(tmp_path: Path, kind: str) -> None:
    marks, said = CTF_MARKS[kind]
    assert_holed(read(tmp_path, ctf(marked(**marks)), None), said)


@pytest.mark.parametrize("kind", PLAIN_MARKS)
def test_marks_of_plain_columns(tmp_path: Path, kind: str) -> None:
    marks, said = PLAIN_MARKS[kind]
    names = "phi1 Phi phi2 phase x y" + (" confidence" if "confidence" in marks else "")
    assert_holed(read(tmp_path, plain(marked(**marks), names)), said)


def test_marks_in_degrees_are_known_too(tmp_path: Path) -> None:
    for value in (4 * np.pi, 4 * np.pi * np.pi / 180):  # 720 and 12.566 in the file
        assert_holed(read(tmp_path, ang(marked(euler=value), degrees=True)), "4π")


def test_what_is_no_mark_stays(tmp_path: Path) -> None:
    for marks in ({"confidence": 0}, {"fit": 0}, {"quality": 0}, {"phi1": 2 * np.pi}, {"phi1": 0, "phi2": 0}):
        assert read(tmp_path, ang(marked(**marks))).indexed.all(), marks
    for marks in ({"fit": 0}, {"bands": 0}, {"bands": 0, "fit": 0, "error": 3}):
        m = read(tmp_path, ctf(marked(**marks)))
        assert m.indexed.all() and any("no bands" in note for note in m.notes) == ("bands" in marks), marks


def test_zeros_without_another_mark_stay_and_are_noted(tmp_path: Path) -> None:
    m = read(tmp_path, ang(marked(euler=0)))
    assert m.indexed.all()
    note = next(note for note in m.notes if note.startswith("24 points have angles of exactly 0 0 0"))
    assert note.option == "--unindexed zeros"
    assert_holed(read(tmp_path, ang(marked(euler=0)), ReadOptions(unindexed=frozenset(["zeros"]))), "zero")


def test_a_grain_of_zeros_in_a_map_of_constant_grains_stays(tmp_path: Path) -> None:
    data = points(noise=0.0)
    for name in ("phi1", "Phi", "phi2"):
        data[name] = np.where(data["phi1"] < 0.4, 0.0, data[name])
    assert sizes(read(tmp_path, plain(data))) == WHOLE


@pytest.mark.parametrize(("mark", "marks"), [("ci", {"confidence": -1}), ("fit", {"fit": 180}), ("mad", {"fit": -1})])
def test_each_mark_can_be_overruled(tmp_path: Path, mark: str, marks: dict) -> None:
    assert read(tmp_path, ang(marked(**marks)), ReadOptions(measured=frozenset([mark]))).indexed.all()


def test_a_column_that_is_nothing_but_zero_says_nothing(tmp_path: Path) -> None:
    """A constant confidence, quality and deviation of 0 are columns that were not filled in."""
    data = marked(euler=0) | dict.fromkeys(("confidence", "quality", "fit"), np.zeros(320))
    assert_holed(read(tmp_path, ang(data)), "zero")  # by the exact zeros among measured angles


# Units of angles: what the format says, what the values are, what is read.
def test_degrees_where_the_format_says_radians(tmp_path: Path) -> None:
    m = read(tmp_path, ang(points(), degrees=True))
    assert sizes(m) == WHOLE and any(n.option == "--angles radians" and "degrees" in n for n in m.notes)


def test_radians_where_the_format_says_degrees(tmp_path: Path) -> None:
    m = read(tmp_path, ctf(points(), degrees=False))
    assert sizes(m) == WHOLE and any(n.option == "--angles degrees" and "radians" in n for n in m.notes)


@pytest.mark.parametrize("degrees", [True, False])
def test_plain_columns_have_the_unit_of_their_values(tmp_path: Path, degrees: bool) -> None:
    m = read(tmp_path, plain(points(), degrees=degrees))
    assert sizes(m) == WHOLE and any("degrees" if degrees else "radians" in note for note in m.notes)


def near_cube(noise: float = 0.2) -> dict[str, np.ndarray]:
    """One grain whose angles are a few degrees."""
    data = points(noise)
    rng = np.random.default_rng(0)
    angles = np.deg2rad([3.0, 2.0, 4.0] + noise * rng.standard_normal((320, 3)))
    return data | dict(zip(("phi1", "Phi", "phi2"), angles.T, strict=True))


def test_small_angles_that_make_no_grain_in_radians_are_asked_for_in_an_ang(tmp_path: Path) -> None:
    text = ang(near_cube(), degrees=True)
    with pytest.raises(InputError, match=r"line 14: .*--angles degrees or --angles radians"):
        read(tmp_path, text)
    assert sizes(read(tmp_path, text, ReadOptions(angles="degrees"))) == [320]


def test_small_angles_in_degrees_are_degrees_in_a_ctf(tmp_path: Path) -> None:
    m = read(tmp_path, ctf(near_cube()))
    assert sizes(m) == [320] and not m.notes


def test_constant_grains_that_are_grains_in_both_units_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="make grains in radians and in degrees"):
        read(tmp_path, ctf(points(noise=0.0), degrees=False))
    assert sizes(read(tmp_path, ctf(points(0.0), degrees=False), ReadOptions(angles="radians"))) == WHOLE


def test_a_map_of_noise_is_no_reason_to_ask(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    data = points() | {name: rng.uniform(0, top, 320) for name, top in (("phi1", 6.28), ("Phi", 3.14), ("phi2", 6.28))}
    assert read(tmp_path, ang(data)).notes == ()


def test_one_damaged_angle_is_no_other_unit(tmp_path: Path) -> None:
    data = points()
    data["phi1"][100] = 123.0
    with pytest.raises(InputError, match=r"line 114: an angle is 123, all others are radians"):
        read(tmp_path, ang(data))
    data["phi1"][100] = 12345.0
    with pytest.raises(InputError, match=r"line 114: angle 12345 is neither radians nor degrees"):
        read(tmp_path, ang(data))


# Lengths.
@pytest.mark.parametrize("step", [10.0, 100.0])
def test_nanometres_are_remarked_and_can_be_said(tmp_path: Path, step: float) -> None:
    data = points()
    data |= {"x": data["x"] / 0.1 * step, "y": data["y"] / 0.1 * step}
    text = ang(data, XSTEP=step, YSTEP=step)
    assert any(note.option == "--unit nm" for note in read(tmp_path, text).notes)
    m = read(tmp_path, text, ReadOptions(unit="nm"))
    assert m.notes == () and m.step == pytest.approx((step / 1000, step / 1000)) and sizes(m) == WHOLE


# Numbers of phases.
TWO = "2.87;2.87;14.21\t90;90;120\tNMC811\t7\t166\n3.5;3.5;3.5\t90;90;90\tNi\t11\t225"


def two_phases(first: int, second: int) -> dict[str, np.ndarray]:
    data = points()
    return data | {"phase": np.where(data["y"] > 0.75, second, first).astype(float)}


def two_phase_ang(data: dict[str, np.ndarray], first: int = 1) -> str:
    text = ang(data).replace("# Phase 1", f"# Phase {first}")
    return text.replace("# GRID", f"# Phase {first + 1}\n# MaterialName Ni\n# Symmetry 43\n#\n# GRID", 1)


def test_two_phases_are_read(tmp_path: Path) -> None:
    for text in (two_phase_ang(two_phases(1, 2)), two_phase_ang(two_phases(0, 1), 0), ctf(two_phases(1, 2), TWO)):
        m = read(tmp_path, text, None)
        assert m.indexed.all() and [p.laue for p in m.phases.values()] == ["-3m", "m-3m"] and sizes(m) == WHOLE


@pytest.mark.parametrize(
    ("text", "option"),
    [
        (two_phase_ang(two_phases(0, 1)), "0=1,1=2"),
        (two_phase_ang(two_phases(1, 2), 0), "1=0,2=1"),
        (ctf(two_phases(0, 1), TWO), "0=1,1=2"),
        (ang(two_phases(1, 2)), "1=1,2=1"),
        (ctf(two_phases(1, 2)), "1=1,2=1"),
        (ctf(two_phases(0, 1)), "0=1,1=1"),
        (two_phase_ang(points() | {"phase": np.zeros(320)}), "0=1"),
    ],
)
def test_other_numbers_are_asked_for_and_can_be_said(tmp_path: Path, text: str, option: str) -> None:
    from nmcfast.ebsd.options import parse_phases

    with pytest.raises(InputError, match=rf"line \d+: measured points have phase .*--phases {option}"):
        read(tmp_path, text, None)
    m = read(tmp_path, text, ReadOptions(phases=parse_phases(option)))
    assert m.indexed.all() and sizes(m) == WHOLE


def test_a_few_points_of_an_unnamed_phase_are_unindexed_and_noted(tmp_path: Path) -> None:
    for text in (ang(marked(phase=3)), two_phase_ang(marked(phase=7)), ctf(marked(phase=4))):
        m = read(tmp_path, text, None)
        assert_holed(m, "does not name")
        assert any("24 points of a phase that the header does not name" in note for note in m.notes)


# Encodings, separators, names.
@pytest.mark.parametrize("pack", PACKED)
@pytest.mark.parametrize("text", [ang(points()), ctf(points()), plain(points())], ids=["ang", "ctf", "plain"])
def test_text_is_read_however_it_is_packed(tmp_path: Path, text: str, pack: str) -> None:
    assert sizes(read(tmp_path, PACKED[pack](text))) == WHOLE


@pytest.mark.parametrize(
    "text",
    [
        ang(points()).replace(".", ","),
        ang(points()).replace(" ", "\t"),
        ang(points()).replace("# NROWS: 16\n#\n", "# NROWS: 16\n#\n\n\n"),
        ang(points()).replace("XSTEP", "xstep").replace("# Symmetry", "# SYMMETRY"),
        ang(points(), NROWS=17),
        ang(points(), NROWS=18),
        ang(points(), NROWS=15),
        ang(points(), NCOLS_EVEN=21, NCOLS_ODD=21),
        ang({name: values[:-7] for name, values in points().items()}),
        ctf(points()).replace(".", ","),
        ctf(points()).replace("Phase\tX\tY", "PHASE\tx\ty").replace("Euler", "EULER"),
        ctf(points()).replace("\nPhase\tX", "\n\nPhase\tX"),
        ctf(points()).replace("BC\tBS\n", "BC\tBS\n\n"),
        ctf(points()).replace("YCells\t16", "YCells\t17"),
        ctf(points(), TWO.replace("\t11\t", "\t0\t")),
        "\n\n" + ctf(points()),
    ],
    ids=range(16),
)
def test_valid_files_with_small_faults_are_read(tmp_path: Path, text: str) -> None:
    assert sizes(read(tmp_path, text, None)) in (WHOLE, [73, 80, 80, 80])


@pytest.mark.parametrize(
    "text",
    [
        plain(points(), separator=","),
        plain(points(), separator=";"),
        plain(points(), separator=";").replace(".", ","),
        plain(points(), separator="\t"),
        plain(points(), separator="\t").replace(".", ","),
        plain(points(), separator=", "),
        plain(points(), header="# phi1 Phi phi2 phase x y"),
        plain(points(), header="% phi1, PHI, phi2, Phase, X, Y"),
        plain(points(), header="#\n# a map\nPHI1 PHI PHI2 PHASE X Y"),
        plain(points(), header="phi1(deg) Phi(deg) phi2(deg) phase x(um) y(um)"),
        plain(
            points(), "x y phi1 Phi phi2", header="X [µm];Y [µm];Euler1 [°];Euler2 [°];Euler3 [°]".replace(";", "\t")
        ),
        plain(points(), degrees=False, header="phi1[rad] Phi[rad] phi2[rad] phase x y"),
        plain(points(), "phase x y phi1 Phi phi2", ",", header="Phase,X,Y,Euler 1,Euler 2,Euler 3"),
        plain(points(), "phi1 Phi phi2 x y quality confidence", header="euler1 euler2 euler3 x y IQ CI"),
        plain(points(), "hole phi1 Phi phi2 x y", header="id phi1 Phi phi2 x y"),
    ],
    ids=range(15),
)
def test_plain_columns_are_read_as_people_write_them(tmp_path: Path, text: str) -> None:
    m = read(tmp_path, text)
    assert (m.grid, m.layout.shape) == ("square", (16, 20)) and sizes(m) == WHOLE


def test_columns_without_names_are_asked_for(tmp_path: Path) -> None:
    text = plain(points(), "x y phi1 Phi phi2", header="made by hand")
    with pytest.raises(InputError, match=r"line 1: .*--columns"):
        read(tmp_path, text)
    assert (
        sizes(read(tmp_path, text, ReadOptions(columns=("x", "y", "phi1", "Phi", "phi2"), symmetry={None: "-3m"})))
        == WHOLE
    )
    with pytest.raises(InputError, match="--columns: no phi2"):
        read(tmp_path, text, ReadOptions(columns=("x", "y", "phi1", "Phi")))


@pytest.mark.parametrize("word", ["NaN", "-nan", "-nan(ind)", "1.#QNAN", "-1.#IND00", "n/a"])
def test_other_words_for_no_number_are_known(tmp_path: Path, word: str) -> None:
    assert_holed(read(tmp_path, ang(marked(euler=np.nan)).replace("nan", word)), "no numbers")
    assert_holed(read(tmp_path, plain(marked(euler=np.nan), separator=",").replace("nan", "")), "no numbers")


@pytest.mark.parametrize(
    ("laue", "names"),
    [
        (
            "-3m",
            "32 -3m 3m -3m1 -31m 321 312 3m1 31m D3d D3 C3v D_3d 166 R-3m R−3m R-3c R3m R3c P-3m1 P3_121 -32/m [-3m]",
        ),
        ("m-3m", "43 m-3m m3m 432 -43m Oh Td 225 229 227 Fm-3m Im-3m Fd-3m Ia-3d 4/m-32/m"),
        ("6/mmm", "62 6/mmm 622 6mm -6m2 -62m D6h 194 P6_3/mmc P63/mmc P6/mmm"),
        ("-3", "3 -3 C3i S6 148 R-3"),
        ("2/m", "20 21 2/m C2h 14 P2_1/c C2/m 12/m1"),
        ("mmm", "22 mmm 222 D2h 62_ Pnma Cmcm P212121"),
        ("4/mmm", "42 4/mmm D4h 136 139 P4_2/mnm I4/mmm"),
        ("m-3", "23 m-3 m3 Th 205 Pa-3"),
        ("6/m", "6 6/m C6h 176 P63/m"),
        (None, "99999 0 ? trigonal 231 xyz R"),
    ],
)
def test_point_groups_are_known_by_all_their_names(tmp_path: Path, laue: str | None, names: str) -> None:
    from nmcfast.ebsd.symmetry import EDAX_CODES, laue_of

    for name in names.split():
        if not name.endswith("_"):
            assert (EDAX_CODES.get(name) or laue_of(name)) == laue, name
    assert laue_of("Trigonal (D3d) [-3m]") == "-3m" and laue_of("P 6_3 / m m c") == "6/mmm"


@pytest.mark.parametrize(
    ("suffix", "said"),
    [(".cpr", "export it as .ctf"), (".crc", ".cpr"), (".osc", "OIM Analysis"), (".bcf", "Esprit"), (".up2", ".oh5")],
)
def test_other_files_of_vendors_are_named_with_how_to_export(tmp_path: Path, suffix: str, said: str) -> None:
    for content in (b"[General]\r\nVersion=5.0\r\n", b"\x01\x02\x00\x00binary", b"12\x00\x00"):
        with pytest.raises(InputError, match="export"):
            read(tmp_path, content, None, f"a{suffix}")
        with pytest.raises(InputError, match=said):
            read(tmp_path, content, None, f"a{suffix}")


def test_archives_and_bombs_are_refused(tmp_path: Path) -> None:
    import gzip

    with pytest.raises(InputError, match="is a zip archive; unpack it"):
        read(tmp_path, b"PK\x03\x04" + bytes(100))
    rows = b"0.1 0.2 0.3 0.0 0.0 100 0.5 0 1 1\n" * 100_000
    bomb = gzip.compress(ang(points()).encode() + rows * 30)
    assert len(bomb) < 500_000
    with pytest.raises(InputError, match="grows beyond 67,108,864 bytes"):
        read(tmp_path, bomb)
    with pytest.raises(InputError, match="damaged or cut gzip"):
        read(tmp_path, gzip.compress(ang(points()).encode())[:2000])
