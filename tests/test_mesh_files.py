"""Tetrahedra in files, as other programs read them, and a field on them."""

import json

import meshio
import numpy as np
import pytest
import skfem
from mesh_toys import toy
from skfem.models.poisson import laplace

from nmcfast.export import tet_files
from nmcfast.export.formats import TETRAHEDRA
from nmcfast.export.orientations import matrices
from nmcfast.export.tetrahedra import SIDES, TetDeck
from nmcfast.meshes.mesh import mesh_of


@pytest.fixture(scope="module")
def deck():
    mesh = mesh_of(toy(7, 2, 0.02), 0.2)
    rng = np.random.default_rng(1)
    orientation = rng.normal(size=(7, 4))
    orientation /= np.linalg.norm(orientation, axis=1, keepdims=True)
    volume, centroid = np.zeros(7), rng.normal(size=(7, 3))
    volume[: len(mesh.volume)] = mesh.volume
    facets = mesh.facets, mesh.facet_grains + 1
    report = mesh.quality.to_dict()
    return TetDeck(3, mesh.points, mesh.cells, mesh.grain + 1, *facets, volume, centroid, orientation, 0.2, report)


def volume_of(points, cells):
    p = points[cells]
    return np.einsum("ij,ij->i", p[:, 1] - p[:, 0], np.cross(p[:, 2] - p[:, 0], p[:, 3] - p[:, 0])) / 6.0


def test_every_format_is_written_with_table_and_report(deck, tmp_path):
    for name in TETRAHEDRA:
        (tmp_path / name).mkdir()
        written = tet_files.write(deck, tmp_path / name, name)
        assert sorted(written) == sorted((tmp_path / name).iterdir())
        table = np.genfromtxt(tmp_path / name / "grains.csv", delimiter=",", names=True)
        np.testing.assert_allclose(table["volume_um3"], deck.volume, rtol=1e-8)
        assert table["tetrahedra"].sum() == len(deck.cells)
        assert json.loads((tmp_path / name / "quality.json").read_text()) == deck.report


def test_meshio_reads_vtu(deck, tmp_path):
    tet_files.write(deck, tmp_path, "vtu")
    solid, facets = meshio.read(tmp_path / "particle.vtu"), meshio.read(tmp_path / "facets.vtu")
    np.testing.assert_array_equal(solid.points, deck.points)
    np.testing.assert_array_equal(solid.cells_dict["tetra"], deck.cells)
    np.testing.assert_array_equal(solid.cell_data["grain_id"][0], deck.grain)
    np.testing.assert_allclose(solid.cell_data["orientation"][0], deck.orientation[deck.grain - 1], atol=1e-6)
    np.testing.assert_array_equal(facets.points[facets.cells_dict["triangle"]], deck.points[deck.facets])
    sides = np.column_stack([facets.cell_data["grain_id"][0], facets.cell_data["neighbour"][0]])
    np.testing.assert_array_equal(sides, deck.facet_grains)


def test_meshio_reads_gmsh(deck, tmp_path):
    tet_files.write(deck, tmp_path, "gmsh")
    read = meshio.gmsh.read(tmp_path / "particle.msh")
    np.testing.assert_allclose(read.points, deck.points, atol=1e-9)
    total, areas = np.zeros(8), {}
    for block, tag in zip(read.cells, read.cell_data["gmsh:physical"], strict=True):
        assert len(np.unique(tag)) == 1
        if block.type == "tetra":
            total[tag[0]] = volume_of(read.points, block.data).sum()
        else:
            areas[int(tag[0])] = len(block.data)
    np.testing.assert_allclose(total[1:], deck.volume, rtol=1e-8)
    assert areas == {tet_files.SURFACE: len(deck.outer), tet_files.INTERFACES: len(deck.interfaces[0])}
    assert set(read.field_data) == {"surface", "interfaces", *(f"grain_{g}" for g in deck.groups)}


def test_abaqus_has_sets_surface_and_orientations(deck, tmp_path):
    tet_files.write(deck, tmp_path, "abaqus")
    text = (tmp_path / "mesh.inp").read_text()
    read = meshio.abaqus.read(tmp_path / "mesh.inp")
    np.testing.assert_allclose(read.points, deck.points, atol=1e-9)
    cells = np.concatenate([block.data for block in read.cells])
    assert volume_of(read.points, cells).sum() == pytest.approx(deck.volume.sum())
    order = np.argsort(deck.grain, kind="stable")
    np.testing.assert_array_equal(cells, deck.cells[order])
    sides = text.split("TYPE=ELEMENT\n")[1].split("*")[0].splitlines()
    numbers = [line.split(", S") for line in sides]
    faces = [deck.cells[int(cell) - 1][SIDES[int(side) - 1]] for cell, side in numbers]
    # the divergence theorem: the surface, turned outwards, holds the volume
    a, b, c = deck.points[faces].transpose(1, 0, 2)
    assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0 == pytest.approx(deck.volume.sum())
    nodes = {int(n) for n in text.split("NSET=OUTER_NODES\n")[1].split("*")[0].split()}
    assert nodes == set((np.unique(deck.outer) + 1).tolist())
    axes = [line for line in text.splitlines() if line.count(",") == 5]
    np.testing.assert_allclose(
        np.array([list(map(float, line.split(","))) for line in axes])[:, :3],
        matrices(deck.orientation)[deck.groups - 1][:, :, 0],
        atol=1e-8,
    )


def test_a_linear_field_is_exact(deck):
    """The patch test of diffusion: what is linear on the outer surface is linear inside."""
    mesh = skfem.MeshTet(deck.points.T, deck.cells.T.astype(np.int64))
    basis = skfem.Basis(mesh, skfem.ElementTetP1())
    linear = deck.points @ np.array([1.0, -2.0, 0.5]) + 3.0
    held = np.unique(deck.outer)
    u = linear.copy()
    u[np.setdiff1d(np.arange(len(u)), held)] = 0.0
    solved = skfem.solve(*skfem.condense(laplace.assemble(basis), x=u, D=held))
    assert len(held) < len(u)
    np.testing.assert_allclose(solved, linear, atol=1e-10)
