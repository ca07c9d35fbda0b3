"""Meshes of shards open in VTK and meshio with the grains, volumes and surface of the labels, and give labels back."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from library_toys import empty_library, record, seen_by_paraview, tree, write_library, write_shard
from test_generate import SMALL

from nmcfast import export_library, generate_library
from nmcfast.errors import DamageError, InputError
from nmcfast.export import root, vtk_xml, vtu
from nmcfast.export.verify import verify
from nmcfast.library.open import open_library

H = 0.05
MESH = "shards/000001/000004.vtu"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_library(tmp_path_factory.mktemp("library") / "lib.vtu", format="vtu")


def labels_of(index: int) -> np.ndarray:
    labels = record(index).labels
    assert labels is not None
    return labels


def surface(labels: np.ndarray) -> int:
    """Faces between grains and outside."""
    solid = np.pad(labels > 0, 1).astype(int)
    return sum(int(np.count_nonzero(np.diff(solid, axis=axis))) for axis in range(3))


def test_every_particle_comes_back(library: Path) -> None:
    assert verify(library).ok
    opened = open_library(library)
    assert opened.table["index"].tolist() == list(range(7))
    for index in range(7):
        assert np.array_equal(opened.labels(index), labels_of(index))
        assert np.array_equal(opened.label_slice(index, 8), labels_of(index)[8])
        assert np.array_equal(opened.record(index).halo_position, record(index).halo_position)


def test_vtk_has_grains_volumes_and_surface_exactly(library: Path) -> None:
    io = pytest.importorskip("vtkmodules.vtkIOXML", reason="the vtk wheel is not installed")
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersGeometry import vtkGeometryFilter
    from vtkmodules.vtkFiltersVerdict import vtkCellSizeFilter

    made, labels = record(4), labels_of(4)
    reader = io.vtkXMLUnstructuredGridReader()
    reader.SetFileName(str(library / MESH))
    reader.Update()
    mesh = reader.GetOutput()
    cells = {
        name: vtk_to_numpy(mesh.GetCellData().GetArray(name))
        for name in ("grain_id", "material", "distance", "orientation", "voxel")
    }
    sizes = vtkCellSizeFilter()
    sizes.SetInputData(mesh)
    sizes.Update()
    volume = vtk_to_numpy(sizes.GetOutput().GetCellData().GetArray("Volume"))
    expected = np.bincount(labels.ravel())[1:]
    assert np.allclose(np.bincount(cells["grain_id"], volume)[1:], expected * H**3, rtol=1e-12, atol=0)
    assert np.array_equal(cells["grain_id"], cells["material"])
    assert np.array_equal(cells["orientation"], made.orientation[cells["grain_id"] - 1])
    z, y, x = np.unravel_index(cells["voxel"], labels.shape)
    centre = made.box_origin + (np.stack([x, y, z], axis=1) + 0.5) * H
    assert np.allclose(cells["distance"], np.linalg.norm(centre, axis=1), rtol=1e-6)
    bounds = np.reshape(mesh.GetBounds(), (3, 2))
    assert np.allclose(bounds, np.stack([centre.min(axis=0), centre.max(axis=0)], axis=1) + np.array([-H, H]) / 2)
    shell = vtkGeometryFilter()
    shell.SetInputData(mesh)
    shell.Update()
    assert shell.GetOutput().GetNumberOfCells() == surface(labels)


def test_meshio_has_grains_and_volumes(library: Path) -> None:
    meshio = pytest.importorskip("meshio", reason="meshio is not installed")
    mesh = meshio.read(library / MESH)
    ((kind, cells),) = mesh.cells_dict.items()
    assert kind == "hexahedron"
    labels = labels_of(4)
    edge = mesh.points[cells][:, [1, 3, 4]] - mesh.points[cells][:, [0]]
    volume = np.bincount(mesh.cell_data["grain_id"][0], np.linalg.det(edge))
    assert np.allclose(volume[1:], np.bincount(labels.ravel())[1:] * H**3)


def test_the_index_leads_to_every_mesh(library: Path) -> None:
    from xml.etree import ElementTree

    for index, particles in ((library / "library.pvd", range(7)), (library / "shards/000001/shard.pvd", range(3, 6))):
        entries = ElementTree.parse(index).getroot().findall("Collection/DataSet")
        assert [int(entry.get("timestep", "")) for entry in entries] == list(particles)
        assert all((index.parent / entry.get("file", "")).is_file() for entry in entries)


def test_paraview_5_11_opens_the_index_of_all_meshes(library: Path) -> None:
    found = seen_by_paraview(library / "library.pvd")
    assert list(found) == [str(index) for index in range(7)]
    for index, seen in found.items():
        labels = labels_of(int(index))
        assert seen["grain_id"] == labels[labels > 0].tolist()
        assert np.isclose(seen["bounds"][0], record(int(index)).box_origin[0] + H * np.argwhere(labels)[:, 2].min())


def test_bytes_do_not_depend_on_the_order_of_shards(library: Path, tmp_path: Path) -> None:
    again, made = empty_library(tmp_path, format="vtu")
    for number in (2, 0, 1):
        write_shard(again, number, made)
    root.finish_library(again)
    assert tree(again) == tree(library)


def test_zarr_to_meshes_and_back_gives_the_same_labels(tmp_path: Path) -> None:
    generate_library(tmp_path / "lib.zarr", SMALL, count=3, seed=3, shard_size=2)
    export_library(open_library(tmp_path / "lib.zarr"), tmp_path / "lib.vtu", to="vtu")
    export_library(open_library(tmp_path / "lib.vtu"), tmp_path / "back.zarr", to="zarr")
    assert tree(tmp_path / "back.zarr") == tree(tmp_path / "lib.zarr")


@pytest.mark.parametrize("labels", [True, False])
def test_particles_without_grains_and_boxes_without_voxels(tmp_path: Path, labels: bool) -> None:
    library, made = empty_library(tmp_path, count=2, format="vtu", labels=labels)
    with vtu.ShardWriter(library, 0, 0, made) as shard:
        for index in range(2):
            shard.add(record(index, np.zeros((0, 0, 0), np.uint16), 0))
        shard.commit()
    root.finish_library(library)
    assert verify(library).ok
    if labels:
        assert open_library(library).labels(1).shape == (0, 0, 0)
    else:
        assert not list(library.rglob("*.vtu"))
        with pytest.raises(InputError, match="holds no labels"):
            open_library(library).labels(1)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def other_box(content: bytes) -> bytes:
    return content.replace(b'"15 15 12"', b'"12 15 15"')


def fewer_blocks(content: bytes) -> bytes:
    start = content.index(b'encoding="raw">\n_') + 17
    at = start + int(content.split(b'Name="grain_id" format="appended" offset="')[1].split(b'"')[0])
    return content[:at] + (2**60).to_bytes(8, "little") + content[at + 8 :]


@pytest.mark.parametrize("damage", [cut, other_box, fewer_blocks, lambda content: b""])
def test_a_damaged_mesh_is_named(library: Path, tmp_path: Path, damage: Any) -> None:
    copy = shutil.copytree(library, tmp_path / "copy.vtu")
    content = (copy / MESH).read_bytes()
    assert damage(content) != content
    (copy / MESH).write_bytes(damage(content))
    with pytest.raises(DamageError, match=rf"{MESH}: cannot be read: "):
        open_library(copy).labels(4)
    found = verify(copy).problems
    assert any(line.startswith("shard 000001, 000004.vtu: ") for line in found)
    assert any(line.startswith("shard 000001, particle 4: labels cannot be read") for line in found)


def test_a_missing_mesh_is_damage_and_never_zeros(library: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(library, tmp_path / "copy.vtu")
    (copy / MESH).unlink()
    with pytest.raises(DamageError, match=r"000004\.vtu: cannot be read"):
        open_library(copy).labels(4)
    assert "shard 000001, 000004.vtu: missing" in verify(copy).problems


@pytest.mark.parametrize("size", [0, 1, 8191, 8192, 8193, 20_000])
def test_blocks_of_any_length_come_back(tmp_path: Path, size: int) -> None:
    """Blocks hold 8,192 numbers of four bytes."""
    values, appended = np.arange(size, dtype=np.int32), vtk_xml.Appended()
    elements = appended.add("first", values) + appended.add("second", values[::-1].astype(np.float64))
    (tmp_path / "file").write_bytes(appended.file("ImageData", f"><Piece>{elements}</Piece>"))
    _, held = vtk_xml.read_arrays(tmp_path / "file", ("second", "first"))
    assert np.array_equal(held["first"], values)
    assert np.array_equal(held["second"], values[::-1])


def test_an_image_opens_in_vtk_in_its_place(tmp_path: Path) -> None:
    io = pytest.importorskip("vtkmodules.vtkIOXML", reason="the vtk wheel is not installed")
    from vtkmodules.util.numpy_support import vtk_to_numpy

    generate_library(tmp_path / "lib.zarr", SMALL, count=1, seed=3)
    export_library(open_library(tmp_path / "lib.zarr"), tmp_path / "out", to="vti", voxel_size=0.08)
    volume = open_library(tmp_path / "lib.zarr")[0].voxelize(0.08)
    reader = io.vtkXMLImageDataReader()
    reader.SetFileName(str(tmp_path / "out/000000/particle.vti"))
    reader.Update()
    image = reader.GetOutput()
    held = vtk_to_numpy(image.GetCellData().GetArray("grain_id")).reshape(volume.labels.shape)
    assert np.array_equal(held, volume.labels)
    assert image.GetOrigin() == tuple(volume.origin)
    assert image.GetSpacing() == (0.08, 0.08, 0.08)
