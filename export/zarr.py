"""Shards as Zarr v3 groups: tables of particles, ragged tables of grains, label volumes."""

from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

import numpy as np

from nmcfast.errors import DamageError, InputError
from nmcfast.export import schema, sharding
from nmcfast.export.files import json_bytes, read_json
from nmcfast.export.root import group_document
from nmcfast.export.schema import LABELS, ParticleRecord, Variable
from nmcfast.export.shards import ShardFolder, shard_name, shard_range

LABEL_CHUNK = (64, 64, 64)  # voxels along z, y, x
GROUPS = ("", *sorted({v.name.partition("/")[0] + "/" for v in schema.VARIABLES}))
_LABEL_DATA = sharding.data_path(LABELS.name, len(LABELS.dims))


def attributes(variable: Variable, recipe: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a stored array; labels carry their voxel size as viewers read it."""
    said = {"units": variable.unit, "source": variable.source, "description": variable.prose}
    if variable.name != LABELS.name:
        return said
    h = recipe["voxel_size"]
    return {**said, "voxel_size": [h, h, h], "dimension_units": ["", *[f"{h} um"] * 3]}


def document(variable: Variable, shape: sharding.Shape, dtype: np.dtype, recipe: dict[str, Any]) -> dict[str, Any]:
    """The zarr.json of a variable: all of it follows from schema, shape, dtype and recipe."""
    chunk = _chunk(variable, shape, dtype)
    return sharding.array_document(shape, chunk, dtype, variable.dims, attributes(variable, recipe))


def label_dtype(grains: int) -> np.dtype:
    """The dtype of labels in a shard whose largest particle has so many grains."""
    fits = grains <= np.iinfo(LABELS.dtype).max
    return np.dtype(f"<{LABELS.dtype if fits else schema.WIDE_LABELS}")


def label_shape(boxes: np.ndarray) -> sharding.Shape:
    """Shape of the label array of particles whose boxes (p, 3) are given."""
    return (len(boxes), *boxes.max(axis=0).tolist())


def _chunk(variable: Variable, shape: sharding.Shape, dtype: np.dtype) -> sharding.Shape:
    return (1, *LABEL_CHUNK) if variable.name == LABELS.name else sharding.table_chunk(shape, dtype.itemsize)


def shard_files(recipe: dict[str, Any]) -> set[str]:
    """The files of a shard, without its manifest."""
    stored = [*schema.VARIABLES, *([LABELS] if recipe["labels"] else [])]
    documents = {f"{name}zarr.json" for name in (*GROUPS, *(f"{v.name}/" for v in stored))}
    return documents | {sharding.data_path(v.name, len(v.dims)) for v in stored}


class ShardWriter:
    """Writes one shard: `add` a record for each of its particles in order, then `commit`.

    As a context manager it removes what is unfinished when the block is left without `commit`. Memory is the
    tables and one particle's labels. NoSpaceError when the disk is full.
    """

    def __init__(self, library: Path, number: int, first: int, recipe: dict[str, Any]) -> None:
        self.first, self.recipe = first, recipe
        self._folder = ShardFolder(library, number, recipe)
        self._rows: list[dict[str, np.ndarray]] = []
        self._labels: _LabelWriter | None = None
        if recipe["labels"]:
            with self._folder.guard():
                self._labels = _LabelWriter(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.abort()

    def add(self, record: ParticleRecord) -> None:
        """Append a particle. InputError when the record is not what the schema says."""
        with self._folder.guard():
            expected = self.first + len(self._rows)
            if record.index != expected:
                raise ValueError(f"shard of particles from {self.first}: got {record.index}, expected {expected}")
            self._rows.append(schema.rows(record))
            if self._labels is not None:
                self._labels.add(schema.check_labels(record), record.grains)

    def commit(self) -> None:
        """Write what is left and make the shard exist, all at once."""
        with self._folder.guard():
            for name in GROUPS:
                self._folder.write(f"{name}zarr.json", json_bytes(group_document()))
            for variable in schema.VARIABLES:
                self._write_table(variable)
            if self._labels is not None:
                shape, dtype = self._labels.finish()
                self._write_document(LABELS, shape, dtype)
            self._folder.commit(self.first, len(self._rows))

    def abort(self) -> None:
        """Remove the unfinished shard; harmless after `commit`."""
        self._folder.abort()

    def _write_table(self, variable: Variable) -> None:
        values = self._column(variable)
        file = self._folder.create(sharding.data_path(variable.name, values.ndim))
        index = sharding.write_block(file, values, _chunk(variable, values.shape, values.dtype))
        sharding.write_index(file, index)
        self._write_document(variable, values.shape, values.dtype)

    def _column(self, variable: Variable) -> np.ndarray:
        if variable.dims == ("pointer",):
            counts = (row[schema.POINTED[variable.name]].item() for row in self._rows)
            return np.fromiter(accumulate(counts, initial=0), f"<{variable.dtype}")
        join = np.stack if variable.dims[0] == "p" else np.concatenate
        return join([row[variable.name] for row in self._rows])

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


class ShardReader:
    """Reads one shard, each array when it is first asked for.

    DamageError, naming the file, for whatever is not as the format says; a missing file never reads as zeros.
    """

    def __init__(self, library: Path, number: int, recipe: dict[str, Any]) -> None:
        self.folder, self.recipe = library / "shards" / shard_name(number), recipe
        self.particles = shard_range(recipe, number)
        self._arrays: dict[str, sharding.ShardedArray] = {}

    def array(self, variable: Variable) -> sharding.ShardedArray:
        """The open array of a variable."""
        if variable.name not in self._arrays:
            self._arrays[variable.name] = self._open(variable)
        return self._arrays[variable.name]

    def _open(self, variable: Variable) -> sharding.ShardedArray:
        path = self.folder / variable.name / "zarr.json"
        try:
            held = read_json(path)
            shape, dtype = tuple(held["shape"]), np.dtype(held["data_type"]).newbyteorder("<")
            agrees = held == document(variable, shape, dtype, self.recipe)
        except (InputError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise DamageError(f"{path}: does not describe an array: {error}") from error
        dtypes = {np.dtype(f"<{variable.dtype}")} | ({label_dtype(2**16)} if variable is LABELS else set())
        if not agrees or dtype not in dtypes:
            raise DamageError(f"{path}: does not say of {variable.name} what the format says")
        if variable.dims[0] == "p" and shape[0] != len(self.particles):
            raise DamageError(f"{path}: has {shape[0]} particles, expected {len(self.particles)}")
        data = self.folder / sharding.data_path(variable.name, len(shape))
        return sharding.ShardedArray(data, shape, _chunk(variable, shape, dtype), dtype)

    @cached_property
    def table(self) -> np.ndarray:
        """One row a particle, dtype `schema.table_dtype()`."""
        table = np.empty(len(self.particles), schema.table_dtype())
        for variable in schema.TABLE:
            table[variable.leaf] = self.array(variable).read()
        return table

    @cached_property
    def starts(self) -> dict[str, np.ndarray]:
        """Where the rows of each particle start, and the last ones end, in kept "g" and halo grains "h"."""
        return {letter: self.array(v).read().astype(np.int64) for letter, v in schema.POINTERS.items()}

    def expected_labels(self) -> tuple[sharding.Shape, np.dtype]:
        """Shape and dtype that the table of particles asks of the label array."""
        return label_shape(self.table["box_shape"]), label_dtype(self.table["grains"].max())

    def record(self, row: int) -> ParticleRecord:
        """The particle in a row of the shard, without its labels."""
        parts = {v.name: self.table[v.leaf][row] for v in schema.TABLE}
        for variable in schema.BULK:
            if variable.dims[0] == "p":
                parts[variable.name] = self.array(variable).read((row, row + 1))[0]
            else:
                start, stop = self.starts[variable.dims[0]][row : row + 2].tolist()
                parts[variable.name] = self.array(variable).read((start, stop))
        return schema.record_from(parts)

    def labels(self, row: int) -> np.ndarray:
        """Labels of the particle in a row, (nz, ny, nx), cropped to its box."""
        return self._labels(row, *((0, n) for n in self.table["box_shape"][row].tolist()))[0]

    def label_slice(self, row: int, z: int) -> np.ndarray:
        """Plane z of these labels, (ny, nx), read without the others."""
        _, ny, nx = self.table["box_shape"][row].tolist()
        return self._labels(row, (z, z + 1), (0, ny), (0, nx))[0, 0]

    def _labels(self, row: int, *bounds: tuple[int, int]) -> np.ndarray:
        return self.array(LABELS).read((row, row + 1), *bounds)
