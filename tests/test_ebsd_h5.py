"""HDF5 maps: by the specification (Oxford) or after other programs' readers (EDAX, Bruker), and hostile ones."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from nmcfast.ebsd import EbsdMap, Phase, ReadOptions, map_names, read_map, segment_grains
from nmcfast.ebsd.write import simulate_map, write_ang, write_ctf
from nmcfast.ebsd.write_h5 import write_bruker, write_h5oina, write_oh5
from nmcfast.errors import InputError

QUARTERS = np.repeat(np.repeat([[1, 2], [3, 4]], 10, axis=0), 10, axis=1)


def quarters(grid: str = "square", phases: int = 1, unindexed: float = 0.05) -> EbsdMap:
    """Four grains, the lower two of a second phase where there are two."""
    m = simulate_map(QUARTERS, 0.1, np.random.default_rng(4), grid, 0.1, unindexed)
    fields = dict(m.__dict__)
    if phases == 2:
        fields |= {"phases": {0: Phase("NMC", "-3m"), 1: Phase("Ni", "m-3m")}, "phase": (m.y > 1).astype(np.int32)}
    return EbsdMap(**fields)


WRITERS = {"h5oina": write_h5oina, "oh5": write_oh5, "h5": write_bruker}


@pytest.mark.parametrize("suffix", WRITERS)
def test_what_was_written_is_read(tmp_path: Path, suffix: str) -> None:
    m = quarters()
    WRITERS[suffix](m, tmp_path / f"a.{suffix}")
    got = read_map(tmp_path / f"a.{suffix}")
    assert (got.grid, got.layout.shape, got.notes) == ("square", (20, 20), ())
    assert got.step == pytest.approx((0.1, 0.1), rel=1e-9)
    np.testing.assert_array_equal(got.indexed, m.indexed)
    np.testing.assert_allclose(got.euler[m.indexed], m.euler[m.indexed], atol=1e-6)
    assert sum(got.unindexed.values()) == (~m.indexed).sum() and len(got.unindexed) == 1
    assert [(phase.name, phase.laue) for phase in got.phases.values()] == [("NMC811", "-3m")]
    np.testing.assert_allclose(got.fit[m.indexed], m.fit[m.indexed], rtol=1e-5)
    assert segment_grains(got).grains == 4


@pytest.mark.parametrize("write", [write_h5oina, write_oh5])
def test_two_phases_and_hexagonal_grids_are_read(tmp_path: Path, write) -> None:
    m = quarters("hexagonal", phases=2)
    write(m, tmp_path / "a.h5")
    got = read_map(tmp_path / "a.h5")
    assert (got.grid, {k: phase.laue for k, phase in got.phases.items()}) == ("hexagonal", {1: "-3m", 2: "m-3m"})
    np.testing.assert_array_equal(got.phase[got.indexed], m.phase[m.indexed] + 1)


def test_h5oina_and_ctf_of_a_map_make_the_same_grains(tmp_path: Path) -> None:
    m = quarters()
    write_h5oina(m, tmp_path / "a.h5oina")
    write_ctf(m, tmp_path / "a.ctf")
    one, other = (segment_grains(read_map(tmp_path / name)) for name in ("a.h5oina", "a.ctf"))
    np.testing.assert_array_equal(one.labels, other.labels)
    assert one.centre == other.centre and one.counts == other.counts


def test_h5oina_and_ang_of_a_map_make_the_same_grains_to_the_bit(tmp_path: Path) -> None:
    """All that calibration takes of a section: labels, pixel, centre, mask, points."""
    m = quarters("hexagonal")
    write_h5oina(m, tmp_path / "a.h5oina")
    write_ang(m, tmp_path / "a.ang")
    one, other = (segment_grains(read_map(tmp_path / name)) for name in ("a.h5oina", "a.ang"))
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(one.mask, other.mask)
    np.testing.assert_array_equal(one.points.label, other.points.label)
    assert one.counts == other.counts and one.pixel_size == pytest.approx(other.pixel_size, rel=1e-6)


def test_a_file_of_several_maps_asks_which(tmp_path: Path) -> None:
    path = tmp_path / "a.h5oina"
    write_h5oina(quarters(), path)
    write_h5oina(quarters(unindexed=0.5), path, "2", "a")
    assert map_names(path) == ["1", "2"]
    with pytest.raises(InputError, match=r"a\.h5oina: holds 2 maps, '1', '2'; say which one with --map"):
        read_map(path)
    assert read_map(path, options=ReadOptions(map="2")).name == "2"
    with pytest.raises(InputError, match="--map: found '3', the file holds '1', '2'"):
        read_map(path, options=ReadOptions(map="3"))


def test_points_without_coordinates_lie_row_by_row(tmp_path: Path) -> None:
    m = quarters()
    write_h5oina(m, tmp_path / "a.h5oina")
    with h5py.File(tmp_path / "a.h5oina", "a") as file:
        del file["1/EBSD/Data/X"], file["1/EBSD/Data/Y"]
    got = read_map(tmp_path / "a.h5oina")
    np.testing.assert_allclose(got.x - got.x[0], m.x - m.x[0], atol=1e-9)
    np.testing.assert_allclose(got.y - got.y[0], m.y - m.y[0], atol=1e-9)
    with h5py.File(tmp_path / "a.h5oina", "a") as file:
        file["1/EBSD/Header/X Cells"][...] = 21
    with pytest.raises(InputError, match="/1/EBSD/Data/X: is missing"):
        read_map(tmp_path / "a.h5oina")


@pytest.mark.parametrize(("code", "unindexed"), [(1, 0), (7, 0), (2, 24), (0, 24), (5, 24)])
def test_error_codes_of_oxford_count(tmp_path: Path, code: int, unindexed: int) -> None:
    path = tmp_path / "a.h5oina"
    write_h5oina(quarters(unindexed=0.0), path)
    with h5py.File(path, "a") as file:
        file["1/EBSD/Data/Error"][100:124] = code
    m = read_map(path)
    assert (~m.indexed).sum() == unindexed and sum(m.unindexed.values()) == unindexed


# Hostile files: what is done to a sound one, what the message says.
def link_outside(file: h5py.File) -> None:
    del file["1/EBSD/Data/X"]
    file["1/EBSD/Data/X"] = h5py.ExternalLink("/etc/passwd", "/x")


def link_outside_by_group(file: h5py.File) -> None:
    del file["1/EBSD/Data/X"]
    file["elsewhere"] = h5py.ExternalLink("other.h5", "/")
    file["1/EBSD/Data/X"] = h5py.SoftLink("/elsewhere/x")


def endless_link(file: h5py.File) -> None:
    del file["1/EBSD/Data/X"]
    file["1/EBSD/Data/X"] = h5py.SoftLink("/1/EBSD/Data/X")


def stored_outside(file: h5py.File) -> None:
    del file["1/EBSD/Data/X"]
    file["1/EBSD/Data"].create_dataset("X", (400,), "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((400,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (400,))
    del file["1/EBSD/Data/X"]
    file["1/EBSD/Data"].create_virtual_dataset("X", layout)


def replaced(shape: tuple[int, ...], dtype: str = "u1", **how):
    def change(file: h5py.File) -> None:
        del file["1/EBSD/Data/Phase"]
        file["1/EBSD/Data"].create_dataset("Phase", shape, dtype, **how)

    return change


def bomb(file: h5py.File) -> None:
    """200 million zeros in a few thousand bytes."""
    del file["1/EBSD/Data/Phase"]
    phase = file["1/EBSD/Data"].create_dataset("Phase", (200_000_000,), "u1", chunks=(10_000_000,), compression=9)
    for start in range(0, 200_000_000, 10_000_000):
        phase[start : start + 10_000_000] = 0


HOSTILE = {
    "external link": (link_outside, "/1/EBSD/Data/X: leads to another file, '/etc/passwd'"),
    "soft link out": (link_outside_by_group, "/elsewhere: leads to another file"),
    "endless link": (endless_link, "/1/EBSD/Data/X: is a chain of links"),
    "external data": (stored_outside, "/1/EBSD/Data/X: has its data in other files"),
    "virtual data": (virtual, "/1/EBSD/Data/X: has its data in other files"),
    "1e12 points": (replaced((10**6, 10**6), chunks=(1000, 1000)), "/1/EBSD/Data/Phase: claims 1e.12 numbers"),
    "nothing stored": (replaced((400,), chunks=(400,)), "/1/EBSD/Data/Phase: claims 400 numbers and holds none"),
    "huge chunks": (replaced((400,), "f8", chunks=(100_000_000,), maxshape=(None,)), "Phase: claims 400 numbers"),
    "text for numbers": (replaced((400,), "S4"), "/1/EBSD/Data/Phase: is .S4; expected numbers"),
    "other length": (replaced((399,), data=np.ones(399)), "/1/EBSD/Data/Euler: has shape"),
    "zero cells": (lambda file: file["1/EBSD/Header/X Cells"].write_direct(np.int32([0])), "X Cells: is '0'"),
    "no phases": (lambda file: file["1/EBSD/Header/Phases"].pop("1"), "Phases/1: is missing"),
    "no map": (lambda file: file.pop("1/EBSD"), "HDF5 without a map"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.h5oina"
    write_h5oina(quarters(), path)
    change, message = HOSTILE[kind]
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(InputError, match=r"a\.h5oina.*" + message) as refusal:
        read_map(path)
    assert "\n" not in str(refusal.value)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.h5oina"
    write_h5oina(quarters(), path)
    with h5py.File(path, "a") as file:
        bomb(file)
    with pytest.raises(InputError, match=r"Phase: grows from .* to 200,000,000; expected at most 100 times"):
        read_map(path)


def test_a_cut_file_is_refused_in_one_line(tmp_path: Path) -> None:
    write_h5oina(quarters(), tmp_path / "a.h5oina")
    data = (tmp_path / "a.h5oina").read_bytes()
    (tmp_path / "a.h5oina").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"a\.h5oina: cannot be read as HDF5"):
        read_map(tmp_path / "a.h5oina")


def test_a_damaged_heap_is_refused_before_the_library_walks_it(tmp_path: Path) -> None:
    """HDF5 2.0 runs in circles on a free space of no length."""
    path = tmp_path / "a.h5oina"
    write_h5oina(quarters(), path)
    data = bytearray(path.read_bytes())
    start = data.find(b"GCOL")
    assert start > 0
    data[start + 16 : start + 18] = b"\0\0"
    data[start + 24 : start + 32] = bytes(8)
    path.write_bytes(data)
    with pytest.raises(InputError, match=rf"a\.h5oina, byte {start + 16}: a damaged heap"):
        read_map(path)


def test_a_list_where_a_text_belongs_is_not_read(tmp_path: Path) -> None:
    """One flipped bit makes it of a text; HDF5 2.0 then reads wherever the text's address points."""
    write_oh5(quarters(), tmp_path / "a.oh5")
    with h5py.File(tmp_path / "a.oh5", "a") as file:
        header = file["Scan 1/EBSD/Header"]
        del header["Grid Type"]
        header.create_dataset("Grid Type", (1,), h5py.vlen_dtype(np.int32))[0] = [1, 2]
    with pytest.raises(InputError, match=r"a\.oh5, .*/Grid Type: is neither numbers nor text"):
        read_map(tmp_path / "a.oh5")
    write_h5oina(quarters(), tmp_path / "a.h5oina")
    with h5py.File(tmp_path / "a.h5oina", "a") as file:
        group = file["1/EBSD/Header/Phases/1/Laue Group"]
        group.attrs["Symbol"] = group.ref
    assert read_map(tmp_path / "a.h5oina").phases[1].laue == "-3m"  # by its number
