"""What the shards of every format share: records become columns when written, and columns records when read."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate
from math import prod
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from nmcfast.errors import DamageError
from nmcfast.export import schema
from nmcfast.export.schema import LABELS, ParticleRecord, Variable
from nmcfast.export.shards import ShardFolder, shard_name, shard_range

Shape = tuple[int, ...]
LARGEST_TABLE, LARGEST_LABELS = 2**32, 2**33  # bytes of an array of a table, of a particle's labels
LABEL_CHUNK = (64, 64, 64)  # voxels along z, y, x


class Array(Protocol):
    """A stored array; `read` gives the part from start to stop along the first axes, all along the others."""

    shape: Shape
    dtype: np.dtype

    def read(self, *bounds: tuple[int, int]) -> np.ndarray: ...


def label_dtype(grains: int) -> np.dtype:
    """The dtype of labels in a shard whose largest particle has so many grains."""
    fits = grains <= np.iinfo(LABELS.dtype).max
    return np.dtype(f"<{LABELS.dtype if fits else schema.WIDE_LABELS}")


def label_shape(boxes: np.ndarray) -> Shape:
    """Shape of the label array of particles whose boxes (p, 3) are given."""
    return (len(boxes), *boxes.max(axis=0).tolist())


def attributes(variable: Variable) -> dict[str, Any]:
    """What the schema says of an array, under the names that every format uses."""
    return {"units": variable.unit, "source": variable.source, "description": variable.prose}


class RecordWriter(ABC):
    """Writes one shard: `add` a record for each of its particles in order, then `commit`.

    As a context manager it removes what is unfinished when the block is left without `commit`. NoSpaceError when the
    disk is full. A format says what becomes of labels and columns.
    """

    def __init__(self, library: Path, number: int, first: int, recipe: dict[str, Any]) -> None:
        self.first, self.recipe = first, recipe
        self._folder = ShardFolder(library, number, recipe)
        self._rows: list[dict[str, np.ndarray]] = []
        with self._folder.guard():
            self._start()

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
            if self.recipe["labels"]:
                self._add_labels(record, schema.check_labels(record))

    def commit(self) -> None:
        """Write what is left and make the shard exist, all at once."""
        with self._folder.guard():
            self._finish({variable.name: self._column(variable) for variable in schema.VARIABLES})
            self._folder.commit(self.first, len(self._rows))

    def abort(self) -> None:
        """Remove the unfinished shard; harmless after `commit`."""
        self._folder.abort()

    def _column(self, variable: Variable) -> np.ndarray:
        if variable.dims == ("pointer",):
            counts = (row[schema.POINTED[variable.name]].item() for row in self._rows)
            return np.fromiter(accumulate(counts, initial=0), f"<{variable.dtype}")
        join = np.stack if variable.dims[0] == "p" else np.concatenate
        return join([row[variable.name] for row in self._rows])

    @abstractmethod
    def _start(self) -> None:
        """Make what labels will be written into."""

    @abstractmethod
    def _add_labels(self, record: ParticleRecord, labels: np.ndarray) -> None: ...

    @abstractmethod
    def _finish(self, columns: dict[str, np.ndarray]) -> None:
        """Write the arrays of `schema.VARIABLES`, and end the labels."""


class RecordReader(ABC):
    """Reads one shard, each array when it is first asked for.

    DamageError, naming the file, for whatever is not as the format says; a missing file never reads as zeros.
    """

    def __init__(self, library: Path, number: int, recipe: dict[str, Any]) -> None:
        self.folder, self.recipe = library / "shards" / shard_name(number), recipe
        self.particles = shard_range(recipe, number)
        self._arrays: dict[str, Array] = {}

    def array(self, variable: Variable) -> Array:
        """The open array of a variable."""
        if variable.name not in self._arrays:
            self._arrays[variable.name] = self._open(variable)
        return self._arrays[variable.name]

    @abstractmethod
    def _open(self, variable: Variable) -> Array: ...

    def _check(self, variable: Variable, shape: Shape, dtype: np.dtype, where: Path) -> None:
        """DamageError when shape or dtype of an array are not those of the format."""
        dtypes = {np.dtype(f"<{variable.dtype}")} | ({label_dtype(2**16)} if variable is LABELS else set())
        if dtype not in dtypes:
            raise DamageError(f"{where}: {variable.name} is {dtype}, not what the format says")
        if variable.dims[0] == "p" and shape[:1] != (len(self.particles),):
            raise DamageError(f"{where}: has {shape[0] if shape else 0} particles, expected {len(self.particles)}")
        size = prod(shape[variable is LABELS :]) * dtype.itemsize
        if size > (most := LARGEST_LABELS if variable is LABELS else LARGEST_TABLE):
            raise DamageError(f"{where}: {variable.name} says it takes {size} bytes, at most {most} are read")
        row = shape[1:] if variable is LABELS else schema.array_shape(variable, 0, 0, 0)[1:]
        if len(shape) != len(variable.dims) or shape[1:] != row:
            raise DamageError(f"{where}: {variable.name} has shape {shape}, expected rows of {row}")

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

    def expected_labels(self) -> tuple[Shape, np.dtype]:
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
        return self.label_box(row, *((0, n) for n in self.table["box_shape"][row].tolist()))

    def label_slice(self, row: int, z: int) -> np.ndarray:
        """Plane z of these labels, (ny, nx), read without the others."""
        _, ny, nx = self.table["box_shape"][row].tolist()
        return self.label_box(row, (z, z + 1), (0, ny), (0, nx))[0]

    def label_blocks(self, row: int) -> Iterator[tuple[Shape, np.ndarray]]:
        """What is stored of the labels of a row, as blocks with their lower corners (z, y, x); elsewhere is 0."""
        yield (0, 0, 0), self.array(LABELS).read((row, row + 1))[0]

    def label_box(self, row: int, *bounds: tuple[int, int]) -> np.ndarray:
        """The part of these labels from start to stop along z, y, x; reads what it crosses."""
        return self.array(LABELS).read((row, row + 1), *bounds)[0]
