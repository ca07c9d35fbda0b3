"""export/decks: each file is opened by the program it is for, which finds the grains, their volumes and the surface."""

import re
import runpy
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deck_toys import deck, grain_volumes, outer_area, poisson, poisson_by_volumes
from library_toys import VOXEL, write_library
from solver_readers import FOLDER, NEEDS, python_with, read_with

from nmcfast import open_library
from nmcfast.errors import InputError
from nmcfast.export import schema
from nmcfast.export.deck import Deck
from nmcfast.export.decks import pybamm, text
from nmcfast.export.decks.elastic import EXPANSION, STIFFNESS
from nmcfast.export.formats import BULK, DECKS, any_module
from nmcfast.export.orientations import bunge_angles, matrices
from nmcfast.library.convert import deck_of

TOY = deck()
TABLES = {"pybamm", "parquet"}  # formats of a slice of a library, not of a particle
FORMATS = sorted(set(DECKS) - TABLES)


def written(name: str, folder: Path) -> list[Path]:
    return any_module(name).write(TOY, folder)


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("libraries")
    return {name: write_library(folder / f"lib.{name}", format=name) for name in BULK}


@pytest.mark.parametrize("reader", sorted(NEEDS))
def test_the_reader_finds_the_particle(reader: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if python_with(NEEDS[reader]) is None:
        pytest.skip(f"{NEEDS[reader]} is not installed: {reader} was not tried")
    name = reader.split("_")[0]
    if name in BULK:
        library = request.getfixturevalue("libraries")[name]
        compare(read_with(reader, library, "4"), deck_of(open_library(library), 4, VOXEL))
    else:
        written(name, tmp_path)
        compare(read_with(reader, tmp_path), TOY)


def compare(found: dict[str, Any], made: Deck) -> None:
    assert found["program"] and found["tags"]
    whole = sum(grain_volumes(made).values())
    assert found["grains"] == pytest.approx(grain_volumes(made), rel=1e-6)
    assert found["surface"] == pytest.approx(outer_area(made), rel=1e-6)
    if "enclosed" in found:  # by the divergence theorem: the surface is closed and its normals point outward
        assert found["enclosed"] == pytest.approx(whole, rel=1e-6)
    if "origin" in found:
        assert found["origin"] == pytest.approx(made.origin.tolist())
    for label, quaternion in found.get("orientation", {}).items():
        assert quaternion == pytest.approx(made.orientation[label - 1].tolist(), abs=1e-6)
    for label, axes in found.get("axes", {}).items():
        (crystal,), (angles,) = (f(made.orientation[label - 1 : label]) for f in (matrices, bunge_angles))
        wanted = {"a": crystal[:, 0], "c": crystal[:, 2], "bunge": angles}
        for name, value in axes.items():
            assert value == pytest.approx(wanted[name].tolist(), abs=1e-5), (label, name)
    for name, solved in (("poisson", poisson), ("poisson_by_volumes", poisson_by_volumes)):
        if name in found:
            assert found[name] == pytest.approx(solved(made), rel=1e-9)
    if "stressed" in found:
        assert found["stressed"] == np.count_nonzero(made.labels)


@pytest.mark.skipif(
    python_with(NEEDS["abaqus_ccx"]) is None, reason="ccx is not installed: its stresses were not tried"
)
def test_calculix_turns_the_crystal_as_the_quaternion_says(tmp_path: Path) -> None:
    """One crystal, held all around, swells by ε in its own axes: the stress is −R (C : ε) Rᵀ everywhere."""
    turned = TOY.orientation[:1]
    single = replace(
        deck((3, 3, 3)),
        labels=np.ones((3, 3, 3), np.uint16),
        orientation=turned,
        offset=np.zeros(1),
        volume=np.zeros(1),
        centroid=np.zeros((1, 3)),
    )
    any_module("abaqus").write(single, tmp_path)
    swelling = (0.006, 0.002, -0.01)  # as the first two differ, C14 makes a shear stress
    materials = tmp_path / "materials.inp"
    text = materials.read_text()
    assert ", ".join(map(str, EXPANSION)) in text
    materials.write_text(text.replace(", ".join(map(str, EXPANSION)), ", ".join(map(str, swelling))))
    c11, c12, c13, c14, c33, _ = STIFFNESS.values()
    normal = np.array([[c11, c12, c13], [c12, c11, c13], [c13, c13, c33]]) @ swelling
    crystal = np.diag(normal)
    crystal[1, 2] = crystal[2, 1] = c14 * (swelling[0] - swelling[1])
    (r,) = matrices(turned)
    stress = -r @ crystal @ r.T
    found = read_with("abaqus_ccx", tmp_path)["stress"]
    assert found == pytest.approx([stress[i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))], rel=1e-4)


@pytest.mark.skipif(
    python_with(NEEDS["abaqus_ccx"]) is None, reason="ccx is not installed: a free particle was not tried"
)
def test_a_free_crystal_swells_without_stress_also_with_a_loose_voxel(tmp_path: Path) -> None:
    """Grains turned alike, none held: the strain is that of the crystal everywhere, R ε Rᵀ."""
    labels = TOY.labels.copy()
    labels[0, 0, 0] = labels[1, 1, 1] = 1  # they share a corner with each other and none with the rest
    alike = replace(TOY, labels=labels, orientation=np.repeat(TOY.orientation[:1], len(TOY.orientation), axis=0))
    any_module("abaqus").write(alike, tmp_path)
    physics = runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "studies" / "physics_elasticity.py"))
    job = physics["read_job"](tmp_path)
    answer, _ = physics["run"](job, (tmp_path / "materials.inp").read_text())
    assert np.count_nonzero(np.isnan(answer.von_mises)) == 2
    assert np.nanmax(answer.von_mises) < 1e-3  # of about 2,000 MPa for a strain that is held
    (r,) = matrices(TOY.orientation[:1])
    strain, off = physics["strain_of"](job, answer)
    assert strain == pytest.approx(r @ np.diag(EXPANSION) @ r.T, abs=1e-8)
    assert off < 1e-7


def test_three_nodes_hold_the_largest_part_and_loose_voxels_are_told(tmp_path: Path) -> None:
    assert "LOOSE" not in written_text("abaqus", tmp_path, TOY)
    labels = TOY.labels.copy()
    labels[0, 0, 0] = 1
    text = written_text("abaqus", tmp_path, replace(TOY, labels=labels))
    assert re.findall(r"ELSET=LOOSE\n(\d+)\n\*", text) == ["1"]
    points = {int(w[0]): np.array(w[1:], float) for w in re.findall(r"^(\d+), (\S+), (\S+), (\S+)$", text, re.M)}
    first, second, third = (points[int(n)] for n in re.findall(r"NSET=HELD_\d\n(\d+)", text))
    assert np.flatnonzero(second - first).tolist() == [0]
    assert np.flatnonzero(third - first).tolist() == [1]


def written_text(name: str, folder: Path, made: Deck) -> str:
    """All text files of a deck, one after the other."""
    return "".join(path.read_text() for path in any_module(name).write(made, folder))


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
    big = replace(
        TOY,
        **{
            name: np.resize(getattr(TOY, name), (many, *getattr(TOY, name).shape[1:]))
            for name in ("offset", "volume", "centroid", "orientation")
        },
    )
    with pytest.raises(InputError, match="70000 grains, but labels of tiff are uint16, at most 65535"):
        any_module("tiff").write(big, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "module"), [("tiff", "tifffile"), ("dolfinx", "h5py"), ("dream3d", "h5py")])
def test_a_missing_package_is_named_with_its_remedy(name: str, module: str, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); sys.modules[{module!r}] = None\n"
        "from pathlib import Path; from deck_toys import deck; from nmcfast.export.formats import any_module\n"
        f"any_module({name!r}).write(deck(), Path({str(tmp_path)!r}))"
    )
    done = subprocess.run([python_with("numba"), "-c", code], capture_output=True, text=True, check=False)
    assert f"MissingExtraError: format '{name}' needs {module}: pip install 'nmcfast[solvers]'" in done.stderr


def table_of(volumes: list[float]) -> np.ndarray:
    table = np.zeros(len(volumes), schema.table_dtype())
    table["index"], table["volume_um3"] = np.arange(len(volumes)), volumes
    return table


def test_the_size_distribution_of_particles_is_theirs(tmp_path: Path) -> None:
    """500 log-normal radii, in metres: both densities integrate to 1, and the one by area has its mean."""
    radius = np.random.default_rng(2).lognormal(1.0, 0.3, 500)
    sizes, bins, script = pybamm.write_table(table_of((4 / 3 * np.pi * radius**3).tolist()), tmp_path)
    rows = np.genfromtxt(sizes, delimiter=",", names=True)
    assert rows["radius_m"] == pytest.approx(radius * 1e-6, rel=1e-7)
    density = np.genfromtxt(bins, delimiter=",", names=True)
    width = density["upper_m"] - density["lower_m"]
    for name in ("density_by_number_per_m", "density_by_area_per_m"):
        assert (density[name] * width).sum() == pytest.approx(1)
    mean = (density["density_by_area_per_m"] * width * density["radius_m"]).sum()
    assert mean == pytest.approx(1e-6 * (radius**3).sum() / (radius**2).sum(), rel=0.01)
    compile(script.read_text(), script, "exec")


def test_one_particle_has_no_size_distribution(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'pybamm': 1 particle has no size distribution"):
        pybamm.write_table(table_of([1.0]), tmp_path)
