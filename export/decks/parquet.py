"""Parquet: the index of the chosen particles, one row each, for DuckDB, polars, pandas and data hubs."""

from pathlib import Path

import numpy as np

from nmcfast.errors import MissingExtraError
from nmcfast.export import schema

_UNITS = {v.leaf: {"unit": v.unit, "description": v.prose} for v in (*schema.TABLE, *schema.INDEX)}
_ROWS = 2**16  # of a group of rows


def write_table(table: np.ndarray, folder: Path) -> list[Path]:
    """index.parquet of a table of particles; columns of three numbers become lists. Needs pyarrow."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("format 'parquet' needs pyarrow: pip install 'nmcfast[tables]'") from error
    arrays, fields = [], []
    for name in table.dtype.names or ():
        values = table[name]
        flat = pa.array(np.ascontiguousarray(values).ravel())
        array = flat if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
        arrays.append(array)
        fields.append(pa.field(name, array.type, nullable=False, metadata=_UNITS.get(name)))
    path = folder / "index.parquet"
    whole = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    parquet.write_table(whole, path, compression="zstd", row_group_size=_ROWS)
    return [path]
