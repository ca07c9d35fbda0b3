"""A library as an xarray Dataset, its labels read when they are asked for."""

from functools import partial
from typing import Any

import numpy as np

from nmcfast.errors import InputError, MissingExtraError
from nmcfast.export import schema
from nmcfast.export.records import attributes, label_dtype
from nmcfast.library.stored import StoredLibrary

try:
    import xarray
    from xarray.backends import BackendArray
    from xarray.core import indexing
    from xarray.indexes import PandasIndex
except ImportError as error:
    raise MissingExtraError("library.xarray() needs xarray: pip install 'nmcfast[tables]'") from error


class _Labels(BackendArray):
    """Labels of all particles, padded with 0 to the largest box, one particle read at a time."""

    def __init__(self, library: StoredLibrary) -> None:
        self._library, table = library, library.table
        self._numbers = table["index"]
        box = table["box_shape"].max(axis=0) if len(table) else np.zeros(3, int)
        self.shape = (len(table), *box.tolist())
        self.dtype = label_dtype(int(table["grains"].max(initial=0)))

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        rows = np.atleast_1d(self._numbers[key[0]])
        out = np.zeros((len(rows), *self.shape[1:]), self.dtype)
        for whole, number in zip(out, rows.tolist(), strict=True):
            labels = self._library.labels(number)
            whole[tuple(map(slice, labels.shape))] = labels
        picked = out[(slice(None), *key[1:])]
        return picked if isinstance(key[0], slice) else picked[0]


def dataset(library: StoredLibrary) -> "xarray.Dataset":
    """The table of the finished particles along `particle`, and lazily their labels (particle, z, y, x)."""
    table = library.table
    variables: dict[str, Any] = {
        v.leaf: (("particle", *v.dims[1:]), table[v.leaf], attributes(v)) for v in schema.TABLE if v.leaf != "index"
    }
    if library.recipe["labels"]:
        lazy = indexing.LazilyIndexedArray(_Labels(library))
        said = {**attributes(schema.LABELS), "voxel_size": library.recipe["voxel_size"]}
        variables["labels"] = (("particle", "z", "y", "x"), lazy, said)
    recipe = {name: str(value) if isinstance(value, bool) else value for name, value in library.recipe.items()}
    return xarray.Dataset(variables, _numbers(library), recipe)


def _numbers(library: StoredLibrary) -> xarray.Coordinates:
    """The coordinate `particle`, which says what there is when it is asked for a number that is not.

    A plain index with one method of its own: xarray aligns indexes of one class alone, so that a class of ours could
    not meet the arrays of others.
    """
    numbers = library.table["index"].astype(np.int64)
    index = PandasIndex(numbers, "particle")
    setattr(index, "sel", partial(_selected, PandasIndex(numbers, "particle"), library.name))  # noqa: B010
    return xarray.Coordinates.from_xindex(index)


def _selected(index: PandasIndex, name: str, labels: dict[Any, Any], **options: Any) -> Any:
    try:
        return index.sel(labels, **options)
    except KeyError:
        wanted, held = np.asarray(labels["particle"]).ravel().tolist(), index.index
    known = f"its finished particles, {held.min()} to {held.max()}" if len(held) else "none, no shard is finished"
    raise InputError(f"{name}: found particle {[n for n in wanted if n not in held]}, expected {known}")
