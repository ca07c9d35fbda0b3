"""export/decks: each file is opened by the program it is for, which finds the grains, their volumes and the surface."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from deck_toys import ORIGIN, deck, grain_volumes, outer_area
from solver_readers import FOLDER, NEEDS, python_with, read_with

from nmcfast.errors import InputError
from nmcfast.export.decks import text
from nmcfast.export.formats import DECKS, any_module
from nmcfast.export.orientations import bunge_angles, matrices

TOY = deck()
TABLES = {"pybamm"}  # formats of the whole slice, see test_pybamm
FORMATS = sorted(set(DECKS) - TABLES)


def written(name: str, folder: Path) -> list[Path]:
    return any_module(name).write(TOY, folder)


@pytest.mark.parametrize("reader", sorted(NEEDS))
def test_the_reader_finds_the_particle(reader: str, tmp_path: Path) -> None:
    if python_with(NEEDS[reader]) is None:
        pytest.skip(f"{NEEDS[reader]} is not installed: {reader} was not tried")
    written(reader.split("_")[0], tmp_path)
    found = read_with(reader, tmp_path)
    assert found["grains"] == pytest.approx(grain_volumes(TOY), rel=1e-6)
    if "surface" in found:
        assert found["surface"] == pytest.approx(outer_area(TOY), rel=1e-6)
    if "origin" in found:
        assert found["origin"] == pytest.approx(ORIGIN.tolist())
    for label, quaternion in found.get("orientation", {}).items():
        assert quaternion == pytest.approx(TOY.orientation[label - 1].tolist(), abs=1e-6)
    for label, axes in found.get("axes", {}).items():
        row = slice(label - 1, label)
        assert axes["c"] == pytest.approx(matrices(TOY.orientation[row])[0, :, 2].tolist(), abs=1e-6)
        assert axes["bunge"] == pytest.approx(bunge_angles(TOY.orientation[row])[0].tolist(), abs=1e-5)
    if "stressed" in found:
        assert found["stressed"] == np.count_nonzero(TOY.labels)


@pytest.mark.skipif(
    python_with(NEEDS["abaqus_ccx"]) is None, reason="ccx is not installed: its stresses were not tried"
)
def test_calculix_turns_the_crystal_as_the_quaternion_says(tmp_path: Path) -> None:
    """One crystal, held all around, swells by ε in its own axes: the stress is −R (C : ε) Rᵀ everywhere."""
    turned = TOY.orientation[:1]
    single = replace(deck((3, 3, 3)), labels=np.ones((3, 3, 3), np.uint16), orientation=turned, offset=np.zeros(1),
                     volume=np.zeros(1), centroid=np.zeros((1, 3)))  # fmt: skip
    any_module("abaqus").write(single, tmp_path)
    e, nu, strain = np.array([200e3, 200e3, 140e3]), 0.25, np.array([0.005, 0.005, -0.01])
    compliance = np.array([[1 / e[0], -nu / e[0], -nu / e[0]], [-nu / e[0], 1 / e[1], -nu / e[1]],
                           [-nu / e[0], -nu / e[1], 1 / e[2]]])  # fmt: skip
    (r,) = matrices(turned)
    stress = -r @ np.diag(np.linalg.solve(compliance, strain)) @ r.T
    found = read_with("abaqus_ccx", tmp_path)["stress"]
    assert found == pytest.approx([stress[i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))], rel=1e-4)


def test_every_format_has_a_reader_and_a_page() -> None:
    pages = Path(__file__).parents[1] / "docs" / "solvers"
    assert {p.stem for p in FOLDER.glob("*.py")} == set(NEEDS)
    for name in DECKS:
        page = (pages / f"{name}.md").read_text()
        assert f"--to {name}" in page and len(page.splitlines()) <= 60


@pytest.mark.parametrize("name", FORMATS)
def test_a_deck_has_the_same_bytes_each_time_and_lists_its_files(name: str, tmp_path: Path) -> None:
    once, again = tmp_path / "once", tmp_path / "again"
    for folder in (once, again):
        folder.mkdir()
        assert sorted(written(name, folder)) == sorted(p for p in folder.rglob("*") if p.is_file())
    assert [p.name for p in sorted(once.iterdir())] == [p.name for p in sorted(again.iterdir())]
    for path in sorted(once.iterdir()):
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


@pytest.mark.parametrize("name", FORMATS)
def test_a_deck_leaves_the_particle_as_it_is(name: str, tmp_path: Path) -> None:
    mine = deck()
    any_module(name).write(mine, tmp_path)
    for field in ("labels", "origin", "orientation", "centroid", "volume"):
        assert np.array_equal(getattr(mine, field), getattr(TOY, field)), field


def test_the_table_of_grains_has_every_grain_also_one_without_a_voxel(tmp_path: Path) -> None:
    table = np.genfromtxt(text.write_grain_table(TOY, tmp_path), delimiter=",", names=True)
    assert table["grain_id"].tolist() == list(range(1, 11))
    assert table["voxels"][-1] == 0 and table["voxels"].sum() == np.count_nonzero(TOY.labels)
    assert table["volume_um3"] == pytest.approx(TOY.volume, rel=1e-6)
    assert table["qy"] == pytest.approx(TOY.orientation[:, 2], abs=1e-7)
    assert table["Phi_rad"] == pytest.approx(bunge_angles(TOY.orientation)[:, 1], abs=1e-7)


def test_labels_that_a_format_cannot_hold_are_refused(tmp_path: Path) -> None:
    many = 70_000
    big = replace(TOY, **{name: np.resize(getattr(TOY, name), (many, *getattr(TOY, name).shape[1:]))
                          for name in ("offset", "volume", "centroid", "orientation")})  # fmt: skip
    with pytest.raises(InputError, match="70000 grains, but labels of tiff are uint16, at most 65535"):
        any_module("tiff").write(big, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "module"), [("tiff", "tifffile")])
def test_a_missing_package_is_named_with_its_remedy(name: str, module: str, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); sys.modules[{module!r}] = None\n"
        "from pathlib import Path; from deck_toys import deck; from nmcfast.export.formats import any_module\n"
        f"any_module({name!r}).write(deck(), Path({str(tmp_path)!r}))"
    )
    done = subprocess.run([python_with("numba"), "-c", code], capture_output=True, text=True, check=False)
    assert f"MissingExtraError: format '{name}' needs {module}: pip install 'nmcfast[solvers]'" in done.stderr
