"""The index of a library: the table of its particles with what their grains are like, section 2.8."""

from typing import Any

import numpy as np
from numpy.lib import recfunctions

from nmcfast.export import schema
from nmcfast.export.orientations import matrices

# Columns beside those of the table: dtype, unit, meaning.
GRAIN_COLUMNS = {
    "shard": ("u4", "1", "number of the shard"),
    "grain_volume_mean": ("f4", "µm³", "mean volume of the kept grains"),
    "grain_volume_median": ("f4", "µm³", "median of these volumes"),
    "grain_volume_std": ("f4", "µm³", "standard deviation of these volumes"),
    "c_angle_mean": ("f4", "rad", "mean angle of the c-axes to the radius, 0 to π/2, grains weighted by volume"),
    "c_angle_std": ("f4", "rad", "standard deviation of these angles, weighted likewise"),
}
_BULK = {v.name: v for v in schema.BULK}


def index_dtype() -> np.dtype:
    extra = [(name, f"<{kind}") for name, (kind, _, _) in GRAIN_COLUMNS.items()]
    return np.dtype([*schema.table_dtype().descr, *extra])


def index_of(reader: Any, number: int) -> np.ndarray:
    """The rows of a shard, `index_dtype()`; what is measured on grains is NaN for a particle without any."""
    grains = {name: reader.array(_BULK[f"grains/{name}"]).read() for name in ("volume", "centroid", "orientation")}
    extra = np.zeros(len(reader.table), [d for d in index_dtype().descr if d[0] in GRAIN_COLUMNS])
    extra["shard"] = number
    starts = reader.starts["g"]
    for row, start, stop in zip(extra, starts, starts[1:], strict=False):
        _measure(row, *(values[start:stop].astype(float) for values in grains.values()))
    merged = recfunctions.merge_arrays((reader.table, extra), flatten=True)
    return np.asarray(merged, index_dtype())


def _measure(row: np.void, volume: np.ndarray, centroid: np.ndarray, orientation: np.ndarray) -> None:
    if len(volume) == 0:
        for name, (kind, _, _) in GRAIN_COLUMNS.items():
            if kind == "f4":
                row[name] = np.nan
        return
    row["grain_volume_mean"], row["grain_volume_std"] = volume.mean(), volume.std()
    row["grain_volume_median"] = np.median(volume)
    along = np.abs(np.einsum("ij,ij->i", matrices(orientation)[:, :, 2], centroid))
    angle = np.arccos(np.clip(along / np.linalg.norm(centroid, axis=1), 0.0, 1.0))
    row["c_angle_mean"] = mean = np.average(angle, weights=volume)
    row["c_angle_std"] = np.sqrt(np.average((angle - mean) ** 2, weights=volume))
