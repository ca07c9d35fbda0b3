"""`export --mesh`: from a library to folders of meshes, on the command line."""

import json
from pathlib import Path

import meshio
import numpy as np
import pytest
from test_generate import SMALL

from nmcfast import export_library, generate_library
from nmcfast.cli import main
from nmcfast.errors import InputError
from nmcfast.export.formats import TETRAHEDRA
from nmcfast.library.open import open_library
from nmcfast.library.tetrahedra import TetOptions


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("library") / "lib.zarr"
    generate_library(path, SMALL, count=2, seed=3, surface="shell", labels=False)
    return path


@pytest.fixture(scope="module")
def exported(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("meshes") / "out"
    command = ["export", str(library), "--to", "vtu", "--mesh", "tet", "--size", "3x", "--output", str(output)]
    assert main([*command, "--quiet"]) == 0
    return output


def test_a_folder_a_particle_with_its_grains_and_their_sum(library, exported, capsys):
    total = 0
    for index in range(2):
        folder = exported / f"{index:06d}"
        report, particle = json.loads((folder / "quality.json").read_text()), open_library(library)[index]
        assert report["size"] == pytest.approx((6 / np.pi * particle.grains.volume.mean()) ** (1 / 3) / 3)
        read = meshio.read(folder / "particle.vtu")
        assert len(read.cells[0].data) == report["tetrahedra"]
        absent = set(range(1, len(particle.grains) + 1)) - set(read.cell_data["grain_id"][0].tolist())
        assert absent == set(report["grains_without_tetrahedra"])
        total += report["tetrahedra"]
    said = json.loads((exported / "export.json").read_text())
    assert (said["mesh"], said["size"], said["meshes"]["tetrahedra"]) == ("tet", "3x", total)


def test_the_same_command_goes_on_and_another_one_is_refused(library, exported, capsys):
    command = ["export", str(library), "--to", "vtu", "--mesh", "tet", "--output", str(exported)]
    assert main([*command, "--size", "3x", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["made"] == 0
    assert said["meshes"]["tetrahedra"] > 100
    assert main([*command, "--size", "4x", "--quiet"]) == 2
    assert "is not this export" in capsys.readouterr().err


def test_the_size_inside_makes_fewer(library, tmp_path):
    command = ["export", str(library), "--particles", "0:1", "--to", "vtu", "--mesh", "tet", "--size", "6x", "--quiet"]
    counts = []
    for more in ([], ["--size-inside", "2x"]):
        output = tmp_path / f"out{len(more)}"
        assert main([*command, *more, "--output", str(output)]) == 0
        counts.append(json.loads((output / "export.json").read_text())["meshes"]["tetrahedra"])
    assert 100 < counts[1] < 0.9 * counts[0]


def test_what_was_made_is_said(library, tmp_path, capsys):
    command = ["export", str(library), "--particles", "0:1", "--mesh", "surface", "--to", "stl", "--size", "3x"]
    assert main([*command, "--output", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "tetrahedra, smallest dihedral angle" in out
    assert (tmp_path / "out" / "000000" / "particle.stl").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"to": "damask", "mesh": "tet"}, "damask has no --mesh tet"),
        ({"to": "stl", "mesh": "tet"}, "stl has no --mesh tet"),
        ({"to": "vtu", "mesh": "surface"}, "vtu has no --mesh surface"),
        ({"to": "stl"}, "add --mesh surface"),
        ({"to": "abaqus", "size": 0.2}, "--size"),
        ({"to": "abaqus", "size_inside": 0.3}, "--size-inside"),
        ({"to": "abaqus", "mesh": "tet", "size_inside": "2y"}, "--size-inside: found '2y', expected µm"),
        ({"to": "abaqus", "mesh": "tet", "size_inside": "-1"}, "inside: found -1.0 µm"),
        ({"to": "abaqus", "order": 2}, "--order"),
        ({"to": "abaqus", "cohesive": "all"}, "--cohesive"),
        ({"to": "abaqus", "mesh": "tet", "size": "six"}, "'six', expected µm"),
        ({"to": "abaqus", "mesh": "tet", "cohesive": "3"}, "'3', expected all"),
        ({"to": "abaqus", "mesh": "tet", "cohesive": "0-1"}, "'0-1', expected all"),
        ({"to": "abaqus", "mesh": "tet", "cohesive": "all", "order": 2}, "--order 1"),
        ({"to": "abaqus", "mesh": "tet", "order": 3}, "expected 1 or 2"),
        ({"to": "nastran", "mesh": "tet", "cohesive": "all"}, "nastran has no elements"),
        ({"to": "stl", "mesh": "surface", "order": 2}, "triangles of --mesh surface"),
        ({"to": "gmsh", "mesh": "hex"}, "expected one of voxels, tet, surface"),
        ({"to": "gmsh", "mesh": "tet", "size": "0x"}, "size"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(library, tmp_path, options, said):
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        export_library(open_library(library), tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_sizes_and_pairs_as_they_are_typed():
    assert TetOptions("0.07").lengths(1.2) == (0.07, None)
    assert TetOptions(0.07, size_inside="0.3").lengths(1.2) == (0.07, 0.3)
    assert TetOptions("6x", size_inside="2x").lengths(1.2) == pytest.approx((0.2, 0.6))
    assert TetOptions(cohesive="all").pairs() is None
    assert TetOptions(cohesive="3-7,9-4").pairs() == [(2, 6), (8, 3)]


def test_every_format_of_elements_has_tetrahedra():
    from nmcfast.export.formats import ELEMENTS

    assert set(TETRAHEDRA) >= ELEMENTS
