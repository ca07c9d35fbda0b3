"""A library as one works with it: its stored particles, chosen by what they are like, handed to other programs."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nmcfast.errors import InputError
from nmcfast.export.split import PARTS, split_of
from nmcfast.library.stored import StoredLibrary

if TYPE_CHECKING:
    import xarray

    from nmcfast.library.datasets.torch import ParticleDataset


class Library(StoredLibrary):
    """Particles by number, `library[i]`, by condition and by part; as data sets of torch and xarray."""

    def index(self, particles: Iterable[int] | None = None) -> np.ndarray:
        """The table with what the grains of each particle are like; columns are docs/loaders.md's.

        particles: numbers of those to take, all of them or an error; None takes the finished shards.
        """
        from nmcfast.library.index import index_dtype, index_of

        def rows_of(number: int) -> np.ndarray:
            return index_of(self._reader(number), number)

        if particles is None:
            return np.concatenate([np.empty(0, index_dtype()), *map(rows_of, self._finished())])
        held: dict[int, np.ndarray] = {}
        rows = []
        for number, row in map(self._shard_and_row, particles):
            if number not in held:
                held[number] = rows_of(number)
            rows.append(held[number][row])
        return np.array(rows, index_dtype())

    def split(self, part: str) -> np.ndarray:
        """Numbers of the finished particles of "train", "val" or "test", as docs/format.md tells them apart."""
        if part not in PARTS:
            raise InputError(f"split: found {part!r}, expected one of {', '.join(PARTS)}")
        numbers = self.table["index"]
        return numbers[split_of(self.recipe["seed"], numbers.tolist()) == part]

    def query(self, expression: str) -> np.ndarray:
        """Numbers of the finished particles that meet a condition, such as "sphericity > 0.9 and split == 'train'".

        It speaks of the columns of `table` and `index()`. InputError for what is no condition on them.
        """
        from nmcfast.expression import matching, names_in

        table = self.table
        if names_in(expression) - set(table.dtype.names or ()):
            table = self.index()
        columns = {name: table[name] for name in table.dtype.names or () if table[name].ndim == 1}
        return self.table["index"][matching(expression, columns, len(table))]

    def xarray(self) -> "xarray.Dataset":
        """The table, and lazily the labels, as a Dataset along `particle`. MissingExtraError without xarray."""
        from nmcfast.library.datasets.xarray import dataset

        return dataset(self)

    def torch(self, fields: Sequence[str] = ("labels",), **options: Any) -> "ParticleDataset":
        """Particles as a Dataset of torch, see `ParticleDataset`. MissingExtraError without torch."""
        from nmcfast.library.datasets.torch import ParticleDataset

        return ParticleDataset(self, fields, **options)
