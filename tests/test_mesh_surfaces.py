"""Boundaries of grains as triangles, as other programs read them: closed, outward, shared."""

from collections import Counter

import meshio
import numpy as np
import pytest
import tet_toys

from nmcfast.export.tets import files
from nmcfast.export.triangles import closed_surfaces, colours


@pytest.fixture(scope="module")
def deck():
    return tet_toys.deck()


def is_closed(triangles) -> bool:
    """Whether each edge is run through once each way."""
    ways = Counter((int(t[k]), int(t[(k + 1) % 3])) for t in triangles for k in range(3))
    return set(ways.values()) == {1} and all((b, a) in ways for a, b in ways)


def joined(p):
    """Triangles (f, 3) of corners (f, 3, 3), equal places being one."""
    return np.unique(p.reshape(-1, 3), axis=0, return_inverse=True)[1].reshape(-1, 3)


def test_each_grain_has_a_closed_surface_that_holds_its_volume(deck):
    surfaces = dict(closed_surfaces(deck))
    assert list(surfaces) == deck.groups.tolist()
    for grain, triangles in surfaces.items():
        assert is_closed(triangles)
        assert tet_toys.flux(deck.points[triangles]) == pytest.approx(deck.volume[grain - 1])
    assert sum(map(len, surfaces.values())) == 2 * len(deck.interfaces[0]) + len(deck.outer)


def test_stl_is_closed_and_neighbours_have_the_same_triangles(deck, tmp_path):
    files.write(deck, tmp_path, "stl")
    shared = Counter()
    for grain in deck.groups.tolist():
        read = meshio.read(tmp_path / "grains" / f"grain_{grain}.stl")
        p = read.points[read.cells_dict["triangle"]].astype(float)
        assert is_closed(joined(p))
        assert tet_toys.flux(p) == pytest.approx(deck.volume[grain - 1], rel=1e-5)
        shared.update(frozenset(map(tuple, t)) for t in p.tolist())
    assert sorted(Counter(shared.values()).items()) == [(1, len(deck.outer)), (2, len(deck.interfaces[0]))]
    normal = vtk_polygons(tmp_path / "particle.stl", "vtkIOGeometry", "vtkSTLReader")[0]
    assert tet_toys.flux(normal) == pytest.approx(deck.volume.sum(), rel=1e-5)


def vtk_polygons(path, module, name):
    """Corners (f, 3, 3) and cell data of what a reader of VTK finds."""
    from importlib import import_module

    from vtkmodules.util.numpy_support import vtk_to_numpy

    reader = getattr(import_module(f"vtkmodules.{module}"), name)()
    reader.SetFileName(str(path))
    reader.Update()
    found = reader.GetOutput()
    rows = vtk_to_numpy(found.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    data = found.GetCellData()
    named = {data.GetArrayName(k): vtk_to_numpy(data.GetArray(k)) for k in range(data.GetNumberOfArrays())}
    return vtk_to_numpy(found.GetPoints().GetData()).astype(float)[rows], named


def test_vtk_reads_polygons_with_their_grains(deck, tmp_path):
    files.write(deck, tmp_path, "vtp")
    corners, data = vtk_polygons(tmp_path / "facets.vtp", "vtkIOXML", "vtkXMLPolyDataReader")
    np.testing.assert_array_equal(corners, deck.points[deck.facets])
    np.testing.assert_array_equal(np.column_stack([data["grain_id"], data["neighbour"]]), deck.facet_grains)
    outer, _ = vtk_polygons(tmp_path / "particle.vtp", "vtkIOXML", "vtkXMLPolyDataReader")
    assert is_closed(joined(outer))


def test_vtk_reads_ply_and_the_grains_stand_where_the_head_says(deck, tmp_path):
    files.write(deck, tmp_path, "ply")
    every, _ = vtk_polygons(tmp_path / "facets.ply", "vtkIOPLY", "vtkPLYReader")
    np.testing.assert_allclose(every, deck.points[deck.facets], atol=1e-6)
    head, body = (tmp_path / "facets.ply").read_bytes().split(b"end_header\n", 1)
    vertices = int(head.split(b"element vertex ")[1].split()[0])
    faces = np.frombuffer(body, "u1", offset=24 * vertices).reshape(len(deck.facets), -1)
    sides = faces[:, 13:21].copy().view("<i4")  # behind the number of corners and these
    np.testing.assert_array_equal(sides, deck.facet_grains)
    outer, data = vtk_polygons(tmp_path / "particle.ply", "vtkIOPLY", "vtkPLYReader")
    assert tet_toys.flux(outer) == pytest.approx(deck.volume.sum(), rel=1e-5)
    np.testing.assert_array_equal(data["RGB"], colours(deck.facet_grains[deck.outside, 0]))


def test_vtk_reads_gltf_a_node_a_grain(deck, tmp_path):
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOGeometry import vtkGLTFReader

    files.write(deck, tmp_path, "gltf")
    reader = vtkGLTFReader()
    reader.SetFileName(str(tmp_path / "particle.glb"))
    reader.Update()
    volumes, walk = [], reader.GetOutput().NewIterator()
    while not walk.IsDoneWithTraversal():
        part = walk.GetCurrentDataObject()
        rows = vtk_to_numpy(part.GetPolys().GetConnectivityArray()).reshape(-1, 3)
        volumes.append(tet_toys.flux(vtk_to_numpy(part.GetPoints().GetData()).astype(float)[rows]))
        walk.GoToNextItem()
    np.testing.assert_allclose(volumes, deck.volume[deck.groups - 1], rtol=1e-4)


def test_colours_differ_between_neighbours_in_number():
    shown = colours(np.arange(1, 50)).astype(int)
    assert (np.abs(np.diff(shown, axis=0)).max(axis=1) > 60).all()
    assert len(np.unique(colours(np.array([0])))) == 1
