"""What is stored of a library: its particles by number, its table, its labels by slice."""

import logging
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from operator import index as as_index
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nmcfast.errors import DamageError, InputError, NmcfastError
from nmcfast.export import formats, root, schema, shards, table

if TYPE_CHECKING:
    from nmcfast.model import Model
    from nmcfast.particle import Particle

_LOG = logging.getLogger("nmcfast")
_OPEN_SHARDS = 8  # shards kept open at once; each holds its table and the chunk indices of its arrays


class StoredLibrary:
    """Particles by number, `library[i]`; read when they are asked for.

    A particle of a missing shard raises InputError while the library is incomplete and DamageError after.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe = root.read_recipe(path)
        self._readers: OrderedDict[int, Any] = OrderedDict()
        self._table, self._table_of = np.empty(0, schema.table_dtype()), list[int]()

    @property
    def name(self) -> str:
        """How messages call the library: its path or URL."""
        return str(self.path)

    def __repr__(self) -> str:
        return f"<Library {self.name}: {len(self)} particles, {self._progress()}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, also in another process, opens its own files."""
        return type(self), (self.path,)

    def __len__(self) -> int:
        """Particles of the recipe, finished or not."""
        return self.recipe["count"]

    def __getitem__(self, index: int) -> "Particle":
        record = self.record(index)
        from nmcfast.particle import Particle
        from nmcfast.surface import Surface

        return Particle.from_record(record, norm=self.model.grains.norm, surface=Surface.from_recipe(self.recipe))

    def __iter__(self) -> Iterator["Particle"]:
        return (self[i] for i in self.numbers)

    @property
    def numbers(self) -> range:
        """Numbers of the particles, finished or not; they start with 0 unless the library was cut from another."""
        first = self.recipe["first"]
        return range(first, first + len(self))

    @property
    def complete(self) -> bool:
        return not self.missing_shards

    @property
    def missing_shards(self) -> list[int]:
        return sorted(set(range(shards.shard_count(self.recipe))) - set(self._committed()))

    @cached_property
    def model(self) -> "Model":
        """The model the library was made with, from the copy in it. DamageError when that is not the recipe's."""
        from nmcfast.model import model_from_bytes

        data = root.read_model(self.path, self.recipe, self.name)
        return model_from_bytes(data, f"{self.name}/{root.MODEL}")

    @property
    def table(self) -> np.ndarray:
        """One row a particle of the finished shards, in order; columns are docs/format.md's particles/."""
        numbers = self._finished()
        if numbers != self._table_of:
            self._table = self._rows_of(numbers)
            self._table.flags.writeable = False  # it is handed out again
            self._table_of = numbers
        return self._table

    def _rows_of(self, numbers: list[int]) -> np.ndarray:
        """Rows of some shards, from the one file that a finished library has of them, else shard by shard."""
        whole = self._sealed_table()
        if whole is None:
            return np.concatenate([np.empty(0, schema.table_dtype()), *(self._reader(n).table for n in numbers)])
        if len(numbers) == shards.shard_count(self.recipe):
            return whole
        return whole[np.isin(np.arange(len(whole)) // self.recipe["shard_size"], numbers)]

    def _sealed_table(self) -> np.ndarray | None:
        """The table of a finished library from table.npy; None where that is not the file that was sealed."""
        if not table.is_kept(self.recipe) or not (self.path / root.SEAL).exists():
            return None
        try:
            digest = root.read_seal(self.path, self.recipe)["files"].get(table.FILE, "")
            held = table.read(self._table_file(digest), self.recipe, digest)
        except NmcfastError:
            held = None
        if held is None:
            _LOG.warning("%s: %s or %s is damaged: every shard is read instead", self.name, table.FILE, root.SEAL)
        return held

    def _table_file(self, digest: str) -> Path:
        """Where the table of a finished library lies, which has this SHA-256."""
        return self.path / table.FILE

    def row(self, index: int) -> np.void:
        """The row of the table that belongs to a particle."""
        reader, row = self._locate(index)
        return reader.table[row]

    def record(self, index: int) -> schema.ParticleRecord:
        """The stored arrays of a particle, without its labels."""
        reader, row = self._locate(index)
        return reader.record(row)

    def labels(self, index: int) -> np.ndarray:
        """Stored labels of a particle's box, (nz, ny, nx): 0 outside, i + 1 in grain i."""
        reader, row = self._locate_labels(index)
        return reader.labels(row)

    def label_box(self, index: int, lower: Sequence[int], upper: Sequence[int]) -> np.ndarray:
        """Part of these labels from lower to upper voxel (z, y, x), the latter excluded; reads only what it crosses."""
        reader, row = self._locate_labels(index)
        bounds, shape = tuple(zip(lower, upper, strict=True)), reader.table["box_shape"][row].tolist()
        if len(bounds) != 3 or any(not 0 <= a <= b <= n for (a, b), n in zip(bounds, shape, strict=True)):
            raise IndexError(f"{self.name}: voxels {lower} to {upper} of particle {index}, whose box is {shape}")
        return reader.label_box(row, *bounds)

    def label_slice(self, index: int, z: int) -> np.ndarray:
        """Plane z, (ny, nx), of these labels; reads only the chunks it crosses."""
        reader, row = self._locate_labels(index)
        planes = int(reader.table["box_shape"][row, 0])
        if not 0 <= z < planes:
            raise IndexError(f"{self.name}: plane {z} of particle {index}, which has {planes}: 0 to {planes - 1}")
        return reader.label_slice(row, z)

    def _locate_labels(self, index: int) -> tuple[Any, int]:
        if not self.recipe["labels"]:
            raise InputError(f"{self.name}: holds no labels (recipe labels = false): use library[i].voxelize instead")
        return self._locate(index)

    def _locate(self, index: int) -> tuple[Any, int]:
        number, row = self._shard_and_row(index)
        return self._reader(number), row

    def _shard_and_row(self, index: int) -> tuple[int, int]:
        """Shard and row of a particle."""
        index = as_index(index)
        if index not in self.numbers:
            first, last = self.numbers[0], self.numbers[-1]
            raise IndexError(f"{self.name}: particle {index} of {len(self)}: expected {first} to {last}")
        return divmod(index - self.recipe["first"], self.recipe["shard_size"])

    def _reader(self, number: int) -> Any:
        if number not in self._readers:
            self._require(number)
            reader = formats.bulk_module(self.recipe["format"]).ShardReader
            self._readers[number] = reader(self.path, number, self.recipe)
        self._readers.move_to_end(number)
        while len(self._readers) > _OPEN_SHARDS:
            self._readers.popitem(last=False)
        return self._readers[number]

    def _progress(self) -> str:
        return f"{len(self._committed())} of {shards.shard_count(self.recipe)} shards"

    def _finished(self) -> list[int]:
        """Numbers of the finished shards that the recipe asks for."""
        total = shards.shard_count(self.recipe)
        return [n for n in self._committed() if n < total]

    def _committed(self) -> list[int]:
        """Numbers of the finished shards."""
        return shards.committed_shards(self.path)

    def _has(self, number: int) -> bool:
        folder = self.path / "shards" / shards.shard_name(number)
        return folder.is_dir() and not folder.is_symlink()

    def _require(self, number: int) -> None:
        if self._has(number):
            return
        done = f"shard {shards.shard_name(number)} is missing, {self._progress()}"
        if (self.path / root.SEAL).exists():
            raise DamageError(f"{self.name}: {done}, and the library was complete: restore it from a copy")
        raise InputError(f"{self.name}: {done}: continue with 'nmcfast generate' and the same parameters")
