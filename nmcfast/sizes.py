"""Bytes that particles take in a library, foreseen from its model, and how many of them make a shard.

Measured on libraries of `nmc811`: a grain takes bytes in the tables, and in labels for each voxel of its surface, which
is where they change. Good to a factor of two, for any model, voxel size and format.
"""

import numpy as np

from nmcfast.model import Model
from nmcfast.shells.choice import describe, draw_chosen, meets
from nmcfast.shells.law import Law
from nmcfast.shells.shell import draw_shells

SHARD_BYTES = 2**26  # of a shard: one file system entry is worth it, and a job that is killed loses a minute
_LEAST_SHARDS = 8  # of a library, so that several workers have something to do
_MOST = 2**14  # particles of a shard
_SHELLS = 512  # that are drawn to know their mean volume
_ROW, _GRAIN, _FACE = 1000.0, 59.0, 2.3  # bytes of a particle without grains, of a grain, of a voxel of its surface
_CELL = 20.0  # bytes of a voxel as a hexahedron
_HDF5 = 1.13  # times what Zarr takes


def bytes_each(model: Model, *, format: str, labels: bool, voxel_size: float, where: str = "") -> float:
    """Bytes of a particle on the disk, about, in the mean; a function of these alone."""
    volume = _mean_volume(model.shell, where)
    per_volume = model.grains.mu / model.grains.pixel_um**3
    grains = volume * per_volume
    tables = _ROW + _GRAIN * grains
    if not labels:
        return tables
    if format == "vtu":
        return tables + _CELL * volume / voxel_size**3
    surface = (1.0 / (per_volume * voxel_size**3)) ** (2.0 / 3.0)  # voxels; less than one where grains are smaller
    made = tables + _FACE * min(grains * surface, volume / voxel_size**3)
    return made * (_HDF5 if format == "hdf5" else 1.0)


def particles_of_shard(model: Model, count: int, *, format: str, labels: bool, voxel_size: float, where: str) -> int:
    """How many particles make a shard of some tens of megabytes: a power of two, or an eighth of a small library."""
    each = bytes_each(model, format=format, labels=labels, voxel_size=voxel_size, where=where)
    fitting = 2 ** int(np.floor(np.log2(max(1.0, SHARD_BYTES / each))))
    return max(1, min(fitting, _MOST, -(-count // _LEAST_SHARDS)))


def _mean_volume(law: Law, where: str) -> float:
    """Mean volume µm³ of shells of a law that meet a condition."""
    shells, _ = draw_shells(law, 0, np.arange(_SHELLS, dtype=np.uint64))
    chosen = shells[meets(shells, where)] if where else shells
    if not len(chosen):
        chosen = draw_chosen(law, 0, 0, where)[0].coefficients[None]
    return float(describe(chosen)["shell_volume_um3"].mean())
