"""Shards as HDF5 files that HDF5 1.10 reads: the arrays of the schema under their names, and views for viewers."""

import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nmcfast.errors import DamageError
from nmcfast.export import hdf5_master, hdf5_views, sharding
from nmcfast.export.hdf5_file import FILTERS, ImageFile, describe, interruptions_wait, open_shard, write_columns
from nmcfast.export.records import LABEL_CHUNK, Array, RecordReader, RecordWriter, Shape, label_dtype
from nmcfast.export.schema import LABELS, ParticleRecord, Variable

DATA = "shard.h5"
VIEW = "shard.xmf"
LIBRARY_FILES = ("library.h5",)


def encoders() -> dict[str, str]:
    """Versions of the packages that the bytes of a shard depend on."""
    return {"h5py": version("h5py"), "hdf5": h5py.version.hdf5_version}


def shard_files(recipe: dict[str, Any], particles: range) -> set[str]:
    """The files of a shard, without its manifest."""
    return {DATA, VIEW} if recipe["labels"] else {DATA}


def table_files(recipe: dict[str, Any], particles: range) -> set[str]:
    """Those of a shard that its table and the files beside the shards are made from."""
    return {DATA}


@interruptions_wait()
def library_files(library: Path, recipe: dict[str, Any]) -> dict[str, bytes]:
    """The files beside the shards of a finished library: one that joins them all."""
    made = ImageFile()
    hdf5_master.write_master(made.file, library, recipe, DATA)
    return dict.fromkeys(LIBRARY_FILES, made.image())


class ShardWriter(RecordWriter):
    """Writes a shard as one HDF5 file. Memory is the compressed shard and one particle's labels."""

    @interruptions_wait()
    def _start(self) -> None:
        self._data = ImageFile()
        self._boxes: list[Shape] = []
        self._dtype = label_dtype(0)
        if self.recipe["labels"]:
            self._labels = self._create_labels()

    def _create_labels(self) -> h5py.Dataset:
        return self._data.file.create_dataset(
            LABELS.name, (0, 0, 0, 0), self._dtype, maxshape=(None,) * 4, chunks=(1, *LABEL_CHUNK), **FILTERS
        )

    @interruptions_wait()
    def _add_labels(self, record: ParticleRecord, labels: np.ndarray) -> None:
        if label_dtype(record.grains).itemsize > self._dtype.itemsize:
            self._widen(label_dtype(record.grains))
        self._append(labels)

    def _append(self, labels: np.ndarray) -> None:
        row = len(self._boxes)
        self._boxes.append(labels.shape)
        self._labels.resize((row + 1, *np.maximum(self._labels.shape[1:], labels.shape)))
        for cell in np.ndindex(sharding.grid_of(labels.shape, LABEL_CHUNK)):
            at = tuple(slice(i * c, (i + 1) * c) for i, c in zip(cell, LABEL_CHUNK, strict=True))
            if (part := labels[at]).any():  # chunks of 0 are not stored
                stops = tuple(slice(s.start, s.start + n) for s, n in zip(at, part.shape, strict=True))
                self._labels[(row, *stops)] = part

    def _widen(self, dtype: np.dtype) -> None:
        """Write what is there again, wider: the bytes are as if it had been wide from the start."""
        narrow, boxes, aside = self._labels, self._boxes, self._data
        self._data, self._boxes, self._dtype = ImageFile(), [], dtype
        self._labels = self._create_labels()
        for row, box in enumerate(boxes):
            self._append(narrow[(row, *map(slice, box))])
        aside.image()

    @interruptions_wait()
    def _finish(self, columns: dict[str, np.ndarray]) -> None:
        if self.recipe["labels"]:
            describe(self._labels, LABELS)
            placed = (columns["particles/box_origin"], self.first, self.recipe["voxel_size"])
            hdf5_views.add_views(self._data.file, *placed)
            self._folder.write(VIEW, hdf5_views.xdmf(DATA, self._labels.shape[1:], *placed).encode())
        write_columns(self._data.file, columns, self.recipe)
        self._folder.write(DATA, self._data.image())


def own_dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """An array that lies in the file itself; ValueError for one that a link, or its storage, has elsewhere."""
    parts = name.split("/")
    for depth in range(1, len(parts) + 1):
        part = "/".join(parts[:depth])
        if not isinstance(file.get(part, getlink=True), h5py.HardLink):
            raise ValueError(f"{part} is missing, or a link")
    held = file[name]
    if held.is_virtual or held.external:
        raise ValueError(f"{name} is stored in another file")
    return held


class _Dataset:
    """A stored array of an HDF5 file; whatever cannot be read is damage."""

    def __init__(self, path: Path, held: h5py.Dataset) -> None:
        self._path, self._held = path, held
        self.shape, self.dtype = held.shape, held.dtype

    def read(self, *bounds: tuple[int, int]) -> np.ndarray:
        asked = tuple(slice(start, stop) for start, stop in bounds)
        try:
            values = self._held[asked]
        except (OSError, RuntimeError, ValueError, TypeError, zlib.error) as error:
            raise DamageError(f"{self._path}: {self._held.name} cannot be read ({error})") from error
        shape = (*(max(0, stop - start) for start, stop in bounds), *self.shape[len(bounds) :])
        if values.shape != shape:
            raise DamageError(f"{self._path}: {self._held.name} is {self.shape}, too small for what is asked of it")
        return values


class ShardReader(RecordReader):
    """Reads a shard of one HDF5 file."""

    _file: h5py.File | None = None

    def _open(self, variable: Variable) -> Array:
        path = self.folder / DATA
        try:
            if self._file is None:
                self._file = open_shard(path)
            held = own_dataset(self._file, variable.name)
            array = _Dataset(path, held)
        except (OSError, LookupError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            raise DamageError(f"{path}: {variable.name} cannot be opened ({error})") from error
        self._check(variable, array.shape, array.dtype, path)
        return array
