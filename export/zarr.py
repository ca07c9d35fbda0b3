"""Shards as Zarr v3 groups: tables of particles, ragged tables of grains, label volumes."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from nmcfast.errors import DamageError, InputError
from nmcfast.export import records, schema, sharding
from nmcfast.export.files import json_bytes, read_json
from nmcfast.export.records import LABEL_CHUNK, RecordReader, RecordWriter, label_dtype, label_shape
from nmcfast.export.root import group_document
from nmcfast.export.schema import LABELS, ParticleRecord, Variable
from nmcfast.export.shards import ShardFolder

GROUPS = ("", *sorted({v.name.partition("/")[0] + "/" for v in schema.VARIABLES}))
LIBRARY_FILES = ()
_LABEL_DATA = sharding.data_path(LABELS.name, len(LABELS.dims))


def encoders() -> dict[str, str]:
    """Versions of the packages that the bytes of a shard depend on."""
    return {"numcodecs": version("numcodecs")}


def attributes(variable: Variable, recipe: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a stored array; labels carry their voxel size as viewers read it."""
    said = records.attributes(variable)
    if variable.name != LABELS.name:
        return said
    h = recipe["voxel_size"]
    nanometres = f"{1000.0 * h:.9g} nm"  # neuroglancer refuses um
    return {**said, "voxel_size": [h, h, h], "dimension_units": ["", *[nanometres] * 3]}


def document(variable: Variable, shape: sharding.Shape, dtype: np.dtype, recipe: dict[str, Any]) -> dict[str, Any]:
    """The zarr.json of a variable: all of it follows from schema, shape, dtype and recipe."""
    chunk = _chunk(variable, shape, dtype)
    return sharding.array_document(shape, chunk, dtype, variable.dims, attributes(variable, recipe))


def _chunk(variable: Variable, shape: sharding.Shape, dtype: np.dtype) -> sharding.Shape:
    return (1, *LABEL_CHUNK) if variable.name == LABELS.name else sharding.table_chunk(shape, dtype.itemsize)


def shard_files(recipe: dict[str, Any], particles: range) -> set[str]:
    """The files of a shard, without its manifest."""
    stored = [*schema.VARIABLES, *([LABELS] if recipe["labels"] else [])]
    documents = {f"{name}zarr.json" for name in (*GROUPS, *(f"{v.name}/" for v in stored))}
    return documents | {sharding.data_path(v.name, len(v.dims)) for v in stored}


def library_files(library: Path, recipe: dict[str, Any]) -> dict[str, bytes]:
    """The files beside the shards of a finished library: none."""
    return {}


def table_files(recipe: dict[str, Any], particles: range) -> set[str]:
    """Those of a shard that its table and the files beside the shards are made from."""
    return {path for path in shard_files(recipe, particles) if path.startswith("particles/")}


class ShardWriter(RecordWriter):
    """Writes a shard as Zarr groups and arrays. Memory is the tables and one particle's labels."""

    def _start(self) -> None:
        self._labels = _LabelWriter(self._folder) if self.recipe["labels"] else None

    def _add_labels(self, record: ParticleRecord, labels: np.ndarray) -> None:
        assert self._labels is not None
        self._labels.add(labels, record.grains)

    def _finish(self, columns: dict[str, np.ndarray]) -> None:
        for name in GROUPS:
            self._folder.write(f"{name}zarr.json", json_bytes(group_document()))
        for variable in schema.VARIABLES:
            self._write_table(variable, columns[variable.name])
        if self._labels is not None:
            self._write_document(LABELS, *self._labels.finish())

    def _write_table(self, variable: Variable, values: np.ndarray) -> None:
        file = self._folder.create(sharding.data_path(variable.name, values.ndim))
        index = sharding.write_block(file, values, _chunk(variable, values.shape, values.dtype))
        sharding.write_index(file, index)
        self._write_document(variable, values.shape, values.dtype)

    def _write_document(self, variable: Variable, shape: sharding.Shape, dtype: np.dtype) -> None:
        said = document(variable, shape, dtype, self.recipe)
        self._folder.write(f"{variable.name}/zarr.json", json_bytes(said))


class _LabelWriter:
    """Streams label volumes into one file; shape and dtype of the array are known at the end."""

    def __init__(self, folder: ShardFolder) -> None:
        self._folder = folder
        self._dtype = np.dtype(f"<{LABELS.dtype}")
        self._file = folder.create(_LABEL_DATA)
        self._boxes: list[sharding.Shape] = []
        self._indices: list[np.ndarray] = []

    def add(self, labels: np.ndarray, grains: int) -> None:
        if label_dtype(grains).itemsize > self._dtype.itemsize:
            self._widen(label_dtype(grains))
        self._append(labels)

    def _append(self, labels: np.ndarray) -> None:
        block = labels.astype(self._dtype, copy=False)
        self._indices.append(sharding.write_block(self._file, block, LABEL_CHUNK, skip_zeros=True))
        self._boxes.append(labels.shape)

    def finish(self) -> tuple[sharding.Shape, np.dtype]:
        sharding.write_index(self._file, sharding.stack_index(self._indices))
        return label_shape(np.array(self._boxes)), self._dtype

    def _widen(self, dtype: np.dtype) -> None:
        """Write what is there again, wider: the bytes are as if it had been wide from the start."""
        boxes, narrow = self._boxes, self._dtype
        self._dtype, self._boxes, self._indices, indices = dtype, [], [], self._indices
        if not boxes:
            return
        sharding.write_index(self._file, sharding.stack_index(indices))  # a whole array, to be read back
        self._file.close()
        path = self._folder.path(_LABEL_DATA)
        aside = path.rename(path.with_name("narrow"))
        array = sharding.ShardedArray(aside, label_shape(np.array(boxes)), (1, *LABEL_CHUNK), narrow)
        self._file = self._folder.create(_LABEL_DATA)
        for row, box in enumerate(boxes):
            self._append(array.read((row, row + 1), *((0, n) for n in box))[0])
        aside.unlink()


class ShardReader(RecordReader):
    """Reads a shard of Zarr groups and arrays."""

    def label_blocks(self, row: int) -> Iterator[tuple[sharding.Shape, np.ndarray]]:
        array = self.array(LABELS)
        assert isinstance(array, sharding.ShardedArray)
        return array.blocks(row)

    def _open(self, variable: Variable) -> sharding.ShardedArray:
        path = self.folder / variable.name / "zarr.json"
        try:
            held = read_json(path)
            shape, dtype = tuple(held["shape"]), np.dtype(held["data_type"]).newbyteorder("<")
            agrees = held == document(variable, shape, dtype, self.recipe)
        except (InputError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise DamageError(f"{path}: does not describe an array: {error}") from error
        if not agrees:
            raise DamageError(f"{path}: does not say of {variable.name} what the format says")
        self._check(variable, shape, dtype, path)
        data = self.folder / sharding.data_path(variable.name, len(shape))
        return sharding.ShardedArray(data, shape, _chunk(variable, shape, dtype), dtype)
