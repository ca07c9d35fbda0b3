"""The index of a library: the table of its particles with what their grains are like, section 2.8."""

from typing import Any

import numpy as np
from numpy.lib import recfunctions

from nmcfast.export import schema
from nmcfast.export.orientations import matrices
from nmcfast.export.split import split_of

_BULK = {v.name: v for v in schema.BULK}
_MEASURED = tuple(v.leaf for v in schema.INDEX if v.dtype == "f4")


def index_dtype() -> np.dtype:
    return np.dtype([*schema.table_dtype().descr, *_extra_dtype().descr])


def _extra_dtype() -> np.dtype:
    return np.dtype([(v.leaf, f"<{v.dtype}") for v in schema.INDEX])


def index_of(reader: Any, number: int) -> np.ndarray:
    """The rows of a shard, `index_dtype()`; what is measured on grains is NaN for a particle without any."""
    grains = {name: reader.array(_BULK[f"grains/{name}"]).read() for name in ("volume", "centroid", "orientation")}
    extra = np.zeros(len(reader.table), _extra_dtype())
    extra["shard"], extra["row"] = number, np.arange(len(extra))
    extra["split"] = split_of(reader.recipe["seed"], reader.particles)
    starts = reader.starts["g"]
    for row, start, stop in zip(extra, starts, starts[1:], strict=False):
        _measure(row, *(values[start:stop].astype(float) for values in grains.values()))
    merged = recfunctions.merge_arrays((reader.table, extra), flatten=True)
    return np.asarray(merged, index_dtype())


def _measure(row: np.void, volume: np.ndarray, centroid: np.ndarray, orientation: np.ndarray) -> None:
    if len(volume) == 0:
        for name in _MEASURED:
            row[name] = np.nan
        return
    row["grain_volume_mean"], row["grain_volume_std"] = volume.mean(), volume.std()
    row["grain_volume_median"] = np.median(volume)
    along = np.abs(np.einsum("ij,ij->i", matrices(orientation)[:, :, 2], centroid))
    angle = np.arccos(np.clip(along / np.linalg.norm(centroid, axis=1), 0.0, 1.0))
    row["c_angle_mean"] = mean = np.average(angle, weights=volume)
    row["c_angle_std"] = np.sqrt(np.average((angle - mean) ** 2, weights=volume))
