"""Shards of meshes: a .vtu file of hexahedra for each particle, an index of them, and the tables as HDF5.

The cells are the voxels of the grains; outside is left out. Any program that reads VTK's XML files opens them. They
are large: the mesh of a particle takes twenty to fifty times what its labels take in a Zarr shard.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from nmcfast.errors import DamageError
from nmcfast.export import hdf5, shards
from nmcfast.export.hdf5_file import ImageFile, interruptions_wait, write_columns
from nmcfast.export.hexahedra import HexMesh, hex_mesh
from nmcfast.export.records import Array, RecordWriter, Shape
from nmcfast.export.schema import LABELS, ParticleRecord, Variable
from nmcfast.export.vtk_xml import Appended, collection, read_arrays

INDEX = "shard.pvd"
LIBRARY_FILES = ("library.pvd",)
HEXAHEDRON = 12  # of VTK's cell types


def encoders() -> dict[str, str]:
    """Versions of the packages that the bytes of a shard depend on."""
    return {**hdf5.encoders(), "zlib": zlib.ZLIB_RUNTIME_VERSION}


def mesh_name(index: int) -> str:
    return f"{index:06d}.vtu"


def shard_files(recipe: dict[str, Any], particles: range) -> set[str]:
    """The files of a shard, without its manifest."""
    return {hdf5.DATA, *([INDEX, *map(mesh_name, particles)] if recipe["labels"] else [])}


def table_files(recipe: dict[str, Any], particles: range) -> set[str]:
    """Those of a shard that its table and the files beside the shards are made from."""
    return {hdf5.DATA}


def library_files(library: Path, recipe: dict[str, Any]) -> dict[str, bytes]:
    """The files beside the shards of a finished library: an index of all meshes."""
    entries = [
        (index, f"shards/{shards.shard_name(number)}/{mesh_name(index)}")
        for number in range(shards.shard_count(recipe))
        for index in shards.shard_range(recipe, number)
    ]
    return dict.fromkeys(LIBRARY_FILES, collection(entries if recipe["labels"] else []).encode())


def mesh_file(record: ParticleRecord, labels: np.ndarray, voxel_size: float) -> bytes:
    """The .vtu file of a particle, with grain_id and material (1 … n), orientation and distance to the centre per cell.

    voxel is the place of each cell in the flattened labels (nz, ny, nx), so that these can be read back. What else is
    to know stands in attributes of the piece, which viewers pass over: MFEM takes no element beside it (FieldData).
    """
    mesh, appended = hex_mesh(labels, record.box_origin, voxel_size), Appended()
    count = len(mesh.voxel)
    facts = {
        "index": [record.index],
        "box_shape": labels.shape,
        "box_origin": np.asarray(record.box_origin, float).tolist(),
        "voxel_size": [float(voxel_size)],
    }
    topology = {
        "connectivity": mesh.cells.ravel(),
        "offsets": np.arange(8, 8 * count + 8, 8),
        "types": np.full(count, HEXAHEDRON, np.uint8),
    }
    told = "".join(f' {name}="{" ".join(map(repr, values))}"' for name, values in facts.items())
    points = appended.add("Points", mesh.points)
    cells = "".join(appended.add(name, values) for name, values in topology.items())
    data = "".join(appended.add(name, values) for name, values in _cell_arrays(mesh, record, voxel_size))
    body = (
        f'>\n<Piece NumberOfPoints="{len(mesh.points)}" NumberOfCells="{count}"{told}>\n'
        f"<Points>\n{points}</Points>\n<Cells>\n{cells}</Cells>\n"
        f'<CellData Scalars="material">\n{data}</CellData>\n</Piece>\n'
    )
    return appended.file("UnstructuredGrid", body)


def _cell_arrays(mesh: HexMesh, record: ParticleRecord, voxel_size: float) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays of the cells, one in memory at a time."""
    grain = mesh.grain.astype(np.int32)
    yield "material", grain  # MFEM wants this name, first in the file, and as active scalars
    yield "grain_id", grain
    x, y, z = (o + (np.arange(n) + 0.5) * voxel_size for o, n in zip(record.box_origin, mesh.shape[::-1], strict=True))
    square = (z**2)[:, None, None] + (y**2)[:, None] + x**2
    yield "distance", np.sqrt(square.ravel()[mesh.voxel]).astype(np.float32)
    yield "orientation", np.asarray(record.orientation, np.float32)[grain - 1]
    yield "voxel", mesh.voxel


class ShardWriter(RecordWriter):
    """Writes a shard as meshes and one HDF5 file of tables. Memory is the tables and one particle's mesh."""

    def _start(self) -> None:
        self._meshes: list[tuple[int, str]] = []

    def _add_labels(self, record: ParticleRecord, labels: np.ndarray) -> None:
        name = mesh_name(record.index)
        self._folder.write(name, mesh_file(record, labels, self.recipe["voxel_size"]))
        self._meshes.append((record.index, name))

    @interruptions_wait()
    def _finish(self, columns: dict[str, np.ndarray]) -> None:
        if self.recipe["labels"]:
            self._folder.write(INDEX, collection(self._meshes).encode())
        tables = ImageFile()
        write_columns(tables.file, columns, self.recipe)
        self._folder.write(hdf5.DATA, tables.image())


class _MeshLabels:
    """The labels of a shard, read from its meshes, one particle at a time."""

    def __init__(self, folder: Path, particles: range, shape: Shape, dtype: np.dtype, boxes: np.ndarray) -> None:
        self._folder, self._particles, self._boxes = folder, particles, boxes
        self.shape, self.dtype = shape, dtype

    def read(self, *bounds: tuple[int, int]) -> np.ndarray:
        first, last = bounds[0] if bounds else (0, self.shape[0])
        rest = [*bounds[1:], *((0, n) for n in self.shape[1 + len(bounds[1:]) :])]
        out = np.zeros((max(0, last - first), *(b - a for a, b in rest)), self.dtype)
        for row in range(first, last):
            part = self._whole(row)[tuple(slice(a, b) for a, b in rest)]
            nz, ny, nx = part.shape
            out[row - first, :nz, :ny, :nx] = part
        return out

    def _whole(self, row: int) -> np.ndarray:
        path, box = self._folder / mesh_name(self._particles[row]), tuple(self._boxes[row].tolist())
        try:
            told, held = read_arrays(path, ("grain_id", "voxel"))
            if told["box_shape"] != " ".join(map(str, box)):
                raise ValueError(f"its box is {told['box_shape']}, that of the table {box}")
            labels = np.zeros(box, self.dtype)
            labels.reshape(-1)[held["voxel"]] = held["grain_id"]
        except (OSError, ValueError, LookupError, zlib.error, ElementTree.ParseError) as error:
            raise DamageError(f"{path}: cannot be read: {error}") from error
        return labels


class ShardReader(hdf5.ShardReader):
    """Reads a shard of meshes: tables from its HDF5 file, labels from the cells."""

    def _open(self, variable: Variable) -> Array:
        if variable is not LABELS:
            return super()._open(variable)
        return _MeshLabels(self.folder, self.particles, *self.expected_labels(), self.table["box_shape"])
