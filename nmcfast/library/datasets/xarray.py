"""A library as an xarray Dataset, its labels read when they are asked for."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nmcfast.errors import MissingExtraError
from nmcfast.export import schema
from nmcfast.export.records import attributes, label_dtype

if TYPE_CHECKING:
    from nmcfast.library.library import Library

try:
    import xarray
    from xarray.backends import BackendArray
    from xarray.core import indexing
except ImportError as error:
    raise MissingExtraError("library.xarray() needs xarray: pip install 'nmcfast[tables]'") from error


class _Labels(BackendArray):
    """Labels of all particles, padded with 0 to the largest box, one particle read at a time."""

    def __init__(self, library: "Library") -> None:
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


def dataset(library: "Library") -> "xarray.Dataset":
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
    return xarray.Dataset(variables, {"particle": table["index"].astype(np.int64)}, recipe)
