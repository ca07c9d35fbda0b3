"""One HDF5 file over all shards of a library: virtual datasets, so that it holds no data of its own."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nmcfast.export import schema, shards
from nmcfast.export.hdf5_file import describe, open_shard, write_recipe, write_virtual
from nmcfast.export.schema import LABELS, Variable

Piece = tuple[str, tuple[int, ...]]  # path of a shard's file relative to the library, shape of the array in it


def write_master(file: h5py.File, library: Path, recipe: dict[str, Any], data: str) -> None:
    """Fill an empty file with the arrays of all shards, one after the other; `data` is the HDF5 file of a shard.

    Labels have the shape that the largest box of the library needs. Pointers are written out: theirs are sums.
    """
    names = [f"shards/{shards.shard_name(n)}/{data}" for n in range(shards.shard_count(recipe))]
    shapes: dict[str, list[Piece]] = {}
    steps: dict[str, list[np.ndarray]] = {v.name: [] for v in schema.POINTERS.values()}
    wide = np.dtype(f"<{LABELS.dtype}")
    for name in names:
        with open_shard(library / name) as shard:
            for variable in (*schema.VARIABLES, *([LABELS] if recipe["labels"] else [])):
                shapes.setdefault(variable.name, []).append((name, shard[variable.name].shape))
            for pointer, counts in steps.items():
                counts.append(np.diff(shard[pointer][:]))
            if recipe["labels"]:
                wide = max(wide, shard[LABELS.name].dtype, key=lambda d: d.itemsize)
    write_recipe(file, recipe)
    for variable in schema.VARIABLES:
        if variable.name in steps:
            starts = np.cumsum([0, *np.concatenate(steps[variable.name])], dtype=f"<{variable.dtype}")
            dataset = file.create_dataset(variable.name, data=starts)
        else:
            dataset = _join(file, variable, np.dtype(f"<{variable.dtype}"), shapes[variable.name])
        describe(dataset, variable)
    if recipe["labels"]:
        describe(_join(file, LABELS, wide, shapes[LABELS.name]), LABELS)


def _join(file: h5py.File, variable: Variable, dtype: np.dtype, pieces: list[Piece]) -> h5py.Dataset:
    """The arrays of all shards along the first axis, the others as long as the longest, filled with 0."""
    extent = np.max([shape[1:] for _, shape in pieces], axis=0).astype(int).tolist()
    total = sum(shape[0] for _, shape in pieces)
    if total == 0 or 0 in extent:
        return file.create_dataset(variable.name, (total, *extent), dtype)
    layout, start = h5py.VirtualLayout((total, *extent), dtype), 0
    for name, shape in pieces:
        if 0 not in shape:
            at = (slice(start, start + shape[0]), *map(slice, shape[1:]))
            layout[at] = h5py.VirtualSource(name, variable.name, shape)
        start += shape[0]
    return write_virtual(file, variable.name, layout)
