"""Tetrahedra in files, as other programs read them, and a field on them."""

import json
import re
from xml.etree import ElementTree

import h5py
import meshio
import numpy as np
import pytest
import skfem
import tet_toys
from skfem.models.poisson import laplace
from solver_readers import NEEDS, python_with, read_with
from tet_toys import Found, check

from nmcfast.export.formats import COHESIVE, SURFACES, TETRAHEDRA
from nmcfast.export.orientations import bunge_angles, matrices
from nmcfast.export.tetrahedra import FIRST_PAIR, INTERFACES, OUTER, SIDES
from nmcfast.export.tets import files


@pytest.fixture(scope="module", params=["order 1", "order 2"])
def deck(request):
    return tet_toys.deck(order=int(request.param[-1]))


@pytest.fixture(scope="module")
def linear():
    return tet_toys.deck()


@pytest.mark.parametrize("format", [*TETRAHEDRA, *SURFACES])
def test_every_format_is_written_with_tables_and_report(linear, tmp_path, format):
    written = files.write(linear, tmp_path, format)
    assert sorted(written) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    table = np.genfromtxt(tmp_path / "grains.csv", delimiter=",", names=True)
    np.testing.assert_allclose(table["volume_um3"], linear.volume, rtol=1e-8)
    np.testing.assert_array_equal(table["tetrahedra"], [*np.bincount(linear.grain)[1:], 0])
    pairs = np.genfromtxt(tmp_path / "pairs.csv", delimiter=",", names=True)
    assert pairs["facets"].sum() == len(linear.interfaces[0])
    assert pairs["area_um2"].sum() == pytest.approx(tet_toys.area(linear.points[linear.interfaces[0]]))
    assert (tmp_path / "quality.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "quality.json").read_text()) == linear.report
    assert linear.report["grains_without_tetrahedra"] == [8]


def test_the_report_says_it_in_ten_lines_and_shows_the_worst(linear, tmp_path):
    files.write(linear, tmp_path, "vtu")
    lines = (tmp_path / "quality.txt").read_text().splitlines()
    assert len(lines) == 10
    assert lines[1].split("  ")[-1].strip() == "8, 1"
    assert f" {linear.angle.min():.1f}, " in lines[3]
    worst = meshio.read(tmp_path / "worst.vtu")
    shown = worst.cell_data["smallest_dihedral"][0]
    np.testing.assert_allclose(shown, np.sort(linear.angle)[: len(shown)], rtol=1e-6)
    cells = worst.points[worst.cells_dict["tetra"]]
    np.testing.assert_array_equal(cells, linear.points[linear.cells[worst.cell_data["cell"][0]]])


def test_without_matplotlib_the_report_says_so(linear, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    assert tmp_path / "quality.png" not in files.write(linear, tmp_path, "vtu")
    assert "nmcfast[plot]" in json.loads((tmp_path / "quality.json").read_text())["quality.png"]


def test_meshio_reads_vtu(deck, tmp_path):
    files.write(deck, tmp_path, "vtu")
    solid, facets = meshio.read(tmp_path / "particle.vtu"), meshio.read(tmp_path / "facets.vtu")
    np.testing.assert_array_equal(solid.points[solid.cells[0].data], deck.points[deck.cells])
    np.testing.assert_array_equal(solid.cell_data["grain_id"][0], deck.grain)
    np.testing.assert_allclose(solid.cell_data["orientation"][0], deck.orientation[deck.grain - 1], atol=1e-6)
    np.testing.assert_array_equal(facets.points[facets.cells[0].data], deck.points[deck.facets])
    sides = np.column_stack([facets.cell_data["grain_id"][0], facets.cell_data["neighbour"][0]])
    np.testing.assert_array_equal(sides, deck.facet_grains)


@pytest.mark.parametrize("name", ["particle.msh", "particle_v2.msh"])
def test_meshio_reads_gmsh(deck, tmp_path, name):
    files.write(deck, tmp_path, "gmsh")
    read = meshio.gmsh.read(tmp_path / name)
    tags = {(int(tag), int(dimension)): said for said, (tag, dimension) in read.field_data.items()}
    named = {}
    for block, tag in zip(read.cells, read.cell_data["gmsh:geometrical"], strict=True):
        for k in np.unique(tag):  # of one kind in a row, meshio makes one block of 2.2
            rows = block.data[tag == k]
            named.setdefault(tags[int(k), 3 if "tetra" in block.type else 2], []).append(read.points[rows])
        nodes = {"tetra": 4, "tetra10": 10, "triangle": 3, "triangle6": 6}[block.type]
        assert nodes == (deck.cells if nodes in (4, 10) else deck.facets).shape[1]
    check(found_by_name({key: np.concatenate(parts) for key, parts in named.items()}), deck)
    every = np.concatenate([p for key, parts in named.items() if key.startswith("grain_") for p in parts])
    np.testing.assert_allclose(every, deck.points[deck.cells], atol=1e-9)


def found_by_name(named):
    """What was found under names: grain_i, surface or outer, interface_a_b."""
    grains = {int(name[6:]): p[:, :4] for name, p in named.items() if name.startswith("grain_")}
    pairs = {tuple(map(int, n.split("_")[1:])): p[:, :3] for n, p in named.items() if n.startswith("interface_")}
    return Found(grains, named["surface" if "surface" in named else "outer"][:, :3], pairs)


def test_gmsh_finds_groups_of_several_tags(linear, tmp_path):
    import gmsh

    files.write(linear, tmp_path, "gmsh")
    gmsh.initialize(["", "-v", "0"])
    try:
        gmsh.open(str(tmp_path / "particle.msh"))
        named = {gmsh.model.getPhysicalName(*group): group for group in gmsh.model.getPhysicalGroups()}
        assert named["surface"] == (2, OUTER)
        assert named["interfaces"] == (2, INTERFACES)
        entities = gmsh.model.getEntitiesForPhysicalGroup(2, INTERFACES)
        counted = sum(len(gmsh.model.mesh.getElements(2, int(e))[1][0]) for e in entities)
        assert counted == len(linear.interfaces[0])
        assert len(entities) == len(linear.pairs)
    finally:
        gmsh.finalize()


def test_abaqus_has_sets_surfaces_and_orientations(deck, tmp_path):
    files.write(deck, tmp_path, "abaqus")
    text = (tmp_path / "mesh.inp").read_text()
    read = meshio.abaqus.read(tmp_path / "mesh.inp")
    np.testing.assert_allclose(read.points, deck.points, atol=1e-9)
    cells = np.concatenate([block.data for block in read.cells])
    np.testing.assert_array_equal(cells, deck.cells)
    grains = {int(g): read.points[cells[deck.grain == g, :4]] for g in deck.groups}
    surfaces = re.findall(r"\*SURFACE, NAME=(\w+), TYPE=ELEMENT\n((?:\d+, S\d\n)+)", text)
    named = {name.lower(): read.points[faces_of(cells, said)] for name, said in surfaces}
    check(found_by_name({**{f"grain_{g}": p for g, p in grains.items()}, **named}), deck)
    for name, facets in (("OUTER_NODES", deck.outer), ("INTERFACE_NODES", deck.interfaces[0])):
        nodes = {int(n) for n in text.split(f"NSET={name}\n")[1].split("*")[0].split()}
        assert nodes == set((np.unique(facets) + 1).tolist())
    held = [int(text.split(f"NSET=HELD_{k}\n")[1].split()[0]) - 1 for k in (1, 2, 3)]
    assert tet_toys.area(deck.points[held][None]) > 0.2
    lines = re.findall(r"NAME=CRYSTAL_(\d+).*\n(.*)\n", (tmp_path / "materials.inp").read_text())
    axes = np.array([list(map(float, line.split(","))) for _, line in lines])
    np.testing.assert_array_equal([int(n) for n, _ in lines], deck.groups)
    np.testing.assert_allclose(axes[:, :3], matrices(deck.orientation)[deck.groups - 1][:, :, 0], atol=1e-8)


def faces_of(cells, said):
    """Triangles (f, 3) of lines such as `7, S3`."""
    lines = (line.split(", S") for line in said.split("\n") if line)
    return np.array([cells[int(cell) - 1, :4][SIDES[int(side) - 1]] for cell, side in lines])


@pytest.mark.skipif(python_with(NEEDS["abaqus_ccx"]) is None, reason="CalculiX is not here")
def test_calculix_solves_the_deck(deck, tmp_path):
    files.write(deck, tmp_path, "abaqus")
    found = read_with("abaqus_ccx", tmp_path)
    straight = deck.volume[deck.groups - 1]
    volume = [found["grains"][int(g)] for g in deck.groups]
    if deck.quadratic:  # bent outwards: what chords cut off comes back, most of it in the smallest grain
        assert sum(volume) == pytest.approx(straight.sum(), rel=0.03)
        assert sum(volume) > straight.sum()
    else:
        np.testing.assert_allclose(volume, straight, rtol=1e-5)
    assert found["surface"] == pytest.approx(tet_toys.area(deck.points[deck.outer[:, :3]]), rel=0.05)
    assert found["stressed"] == len(deck.cells)
    assert np.linalg.norm(found["stress"]) > 1.0


def test_vtk_reads_exodus(deck, tmp_path):
    files.write(deck, tmp_path, "exodus")
    check(found_by_name(exodus_by_vtk(tmp_path / "particle.e")), deck, 1e-5)  # VTK has places in float32
    angles = np.loadtxt(tmp_path / "euler_deg.txt")
    np.testing.assert_allclose(np.radians(angles), bunge_angles(deck.orientation), atol=1e-8)


def exodus_by_vtk(path):
    """Corners of the elements of each block and side set, by the names they have in the file."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOExodus import vtkExodusIIReader

    reader = vtkExodusIIReader()
    reader.SetFileName(str(path))
    reader.UpdateInformation()
    kinds = (vtkExodusIIReader.ELEM_BLOCK, 0), (vtkExodusIIReader.SIDE_SET, 4)
    for kind, _ in kinds:
        for k in range(reader.GetNumberOfObjects(kind)):
            reader.SetObjectStatus(kind, k, 1)
    reader.Update()
    found = {}
    for kind, place in kinds:
        blocks = reader.GetOutput().GetBlock(place)
        for k in range(reader.GetNumberOfObjects(kind)):
            part = blocks.GetBlock(k)
            rows = vtk_to_numpy(part.GetCells().GetConnectivityArray()).reshape(part.GetNumberOfCells(), -1)
            name = reader.GetObjectName(kind, k).split()[0]
            found[name] = vtk_to_numpy(part.GetPoints().GetData()).astype(float)[rows]
    return found


def test_meshio_reads_nastran(deck, tmp_path):
    files.write(deck, tmp_path, "nastran")
    read = meshio.nastran.read(tmp_path / "particle.nas")
    np.testing.assert_allclose(read.points, deck.points, atol=2e-9)
    grains, outer = {}, []
    for block, number in zip(read.cells, read.cell_data["nastran:ref"], strict=True):
        for k in np.unique(number):
            if "tetra" in block.type:
                grains.setdefault(int(k), []).append(read.points[block.data[number == k][:, :4]])
            else:
                assert k == OUTER
                outer.append(read.points[block.data[:, :3]])
    check(Found({g: np.concatenate(p) for g, p in grains.items()}, np.concatenate(outer)), deck, 1e-6)
    written = (tmp_path / "particle.nas").read_text().splitlines()
    assert {len(line) for line in written if line.startswith("CTETRA")} == {8 * min(3 + deck.cells.shape[1], 9)}
    lines = (tmp_path / "particle.nas").read_text().replace("\n        ", "").splitlines()  # cards, continued
    cards = [line[8:] for line in lines if line.startswith("CTETRA")]
    fields = np.array([[int(card[k : k + 8]) for k in range(0, len(card), 8)] for card in cards])
    np.testing.assert_array_equal(fields[:, 1], deck.grain)
    np.testing.assert_array_equal(fields[:, 2:] - 1, deck.cells)


def test_xdmf_and_hdf5_are_what_dolfinx_asks_for(deck, tmp_path):
    files.write(deck, tmp_path, "dolfinx")
    grids = {grid.get("Name"): grid for grid in ElementTree.parse(tmp_path / "particle.xdmf").iter("Grid")}
    assert list(grids) == ["mesh", "grains", "facets"]

    def item(grid, path):
        element = grids[grid].find(f"{path}/DataItem")
        name, inner = element.text.split(":/")
        with h5py.File(tmp_path / name) as file:
            values = file[inner][()]
        assert list(values.shape) == [int(n) for n in element.get("Dimensions").split()]
        return values

    points, cells = item("mesh", "Geometry"), item("mesh", "Topology")
    tags, triangles = item("facets", "Attribute").ravel(), item("facets", "Topology")
    np.testing.assert_array_equal(cells, deck.cells)
    label = item("grains", "Attribute").ravel()
    grains = {int(g): points[cells[label == g, :4]] for g in np.unique(label)}
    table = np.genfromtxt(tmp_path / "pairs.csv", delimiter=",", names=True)
    pairs = {(int(row["grain_a"]), int(row["grain_b"])): points[triangles[tags == row["tag"], :3]] for row in table}
    assert int(table["tag"][0]) == FIRST_PAIR
    check(Found(grains, points[triangles[tags == 1, :3]], pairs), deck)
    kinds = [grid.find("Topology").get("TopologyType") for grid in grids.values()]
    assert kinds[1:] == (["Tetrahedron_10", "Triangle_6"] if deck.quadratic else ["Tetrahedron", "Triangle"])


def test_scikit_fem_loads_what_gmsh_has(linear, tmp_path):
    files.write(linear, tmp_path, "gmsh")
    mesh = skfem.MeshTet.load(str(tmp_path / "particle.msh"))
    rows = {int(name[6:]): cells for name, cells in mesh.subdomains.items() if name.startswith("grain_")}
    grains = {g: mesh.p.T[mesh.t.T[cells]] for g, cells in rows.items()}
    volume = {g: np.abs(tet_toys.tet_volumes(p)).sum() for g, p in grains.items()}
    np.testing.assert_allclose([volume[g] for g in linear.groups], linear.volume[linear.groups - 1], rtol=1e-8)
    assert sorted(mesh.boundaries["surface"]) == sorted(mesh.boundary_facets())
    a, b = linear.pairs[0]
    facets = mesh.p.T[mesh.facets.T[mesh.boundaries[f"interface_{a}_{b}"]]]
    assert tet_toys.area(facets) == pytest.approx(linear.areas[0])


def test_a_linear_field_is_exact(linear):
    """The patch test of diffusion: what is linear on the outer surface is linear inside."""
    mesh = skfem.MeshTet(linear.points.T, linear.cells.T.astype(np.int64))
    basis = skfem.Basis(mesh, skfem.ElementTetP1())
    field = linear.points @ np.array([1.0, -2.0, 0.5]) + 3.0
    held = np.unique(linear.outer)
    u = field.copy()
    u[np.setdiff1d(np.arange(len(u)), held)] = 0.0
    solved = skfem.solve(*skfem.condense(laplace.assemble(basis), x=u, D=held))
    assert len(held) < len(u)
    np.testing.assert_allclose(solved, field, atol=1e-10)


def test_formats_without_cohesive_elements_refuse_them():
    assert set(TETRAHEDRA) - COHESIVE == {"dolfinx", "nastran"}
