"""Tables of particles as Parquet, for DuckDB, polars, pandas and data hubs."""

from collections.abc import Mapping

import numpy as np

from nmcfast.errors import MissingExtraError
from nmcfast.export import schema

_SAID = {v.leaf: {"unit": v.unit, "description": v.prose} for v in (*schema.TABLE, *schema.INDEX)}
_ROWS = 2**16  # of a group of rows


def table_bytes(table: np.ndarray, what: str, metadata: Mapping[str, str] | None = None) -> bytes:
    """A Parquet file of a table of particles; columns of three numbers become lists of fixed length.

    The fields carry unit and description. MissingExtraError without pyarrow, naming `what` needs it.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError(f"{what} needs pyarrow: pip install 'nmcfast[tables]'") from error
    arrays, fields = [], []
    for name in table.dtype.names or ():
        values = table[name]
        flat = pa.array(np.ascontiguousarray(values).ravel())
        array = flat if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
        arrays.append(array)
        fields.append(pa.field(name, array.type, nullable=False, metadata=_SAID.get(name)))
    whole = pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=dict(metadata or {})))
    sink = pa.BufferOutputStream()
    parquet.write_table(whole, sink, compression="zstd", row_group_size=_ROWS)
    return sink.getvalue().to_pybytes()
