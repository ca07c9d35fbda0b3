"""Parquet: the index of the chosen particles, one row each."""

from pathlib import Path

import numpy as np

from nmcfast.export.parquet import table_bytes


def write_table(table: np.ndarray, folder: Path) -> list[Path]:
    """index.parquet of a table of particles. Needs pyarrow."""
    path = folder / "index.parquet"
    path.write_bytes(table_bytes(table, "format 'parquet'"))
    return [path]
