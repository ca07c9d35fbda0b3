"""Checks what the arrays of a shard say against the schema and against each other, label by label."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from nmcfast.errors import DamageError
from nmcfast.export import schema
from nmcfast.export.schema import LABELS

_ROUNDING = 1e-5  # relative: volumes are stored as float32, and summed over up to 10⁵ grains


def unreadable(reader: Any) -> Iterator[str]:
    """Which particles of a shard with damaged files have lost their arrays or labels; those in a row on one line."""
    lost: dict[str, list[int]] = {}
    for row, index in enumerate(reader.particles):
        for error in _errors_of(reader, row):
            lost.setdefault(error, []).append(index)
    for error, numbers in lost.items():
        yield f"{_particles(numbers)}: {error}"
    if not lost:
        yield f"{_particles([*reader.particles])}: can be read, but not from the files that were recorded"


def _errors_of(reader: Any, row: int) -> Iterator[str]:
    try:
        reader.record(row)
    except DamageError as error:
        yield f"arrays cannot be read: {error}"
    if reader.recipe["labels"]:
        try:
            reader.labels(row)
        except DamageError as error:
            yield f"labels cannot be read: {error}"


def _particles(numbers: list[int]) -> str:
    """Ascending numbers as a person writes them."""
    if len(numbers) == 1:
        return f"particle {numbers[0]}"
    if numbers[-1] - numbers[0] + 1 == len(numbers):
        return f"particles {numbers[0]} to {numbers[-1]}"
    return f"particles {', '.join(map(str, numbers))}"


def problems(reader: Any) -> Iterator[str]:
    """Stops at the first stage that finds something: the later ones build on it."""
    try:
        wrong = list(_pointer_problems(reader)) or list(_array_problems(reader))
        yield from wrong
        if wrong:
            return
        for row, index in enumerate(reader.particles):
            yield from (f"particle {index}: {p}" for p in _particle_problems(reader, row))
    except DamageError as error:
        yield str(error)


def _pointer_problems(reader: Any) -> Iterator[str]:
    """The table rows are those of the shard's particles, and the pointers are the sums of their counts."""
    if not np.array_equal(reader.table["index"], np.asarray(reader.particles, np.uint64)):
        yield f"particles/index: not {reader.particles.start} to {reader.particles.stop - 1} in order"
    for letter, pointer in schema.POINTERS.items():
        counts = reader.table[schema.POINTED[pointer.name].rpartition("/")[2]]
        if not np.array_equal(np.diff(reader.starts[letter], prepend=0), [0, *counts.tolist()]):
            yield f"{pointer.name}: not the running sum of {schema.POINTED[pointer.name]}"


def _array_problems(reader: Any) -> Iterator[str]:
    totals = {letter: int(starts[-1]) for letter, starts in reader.starts.items()}
    for variable in schema.VARIABLES:
        array = reader.array(variable)
        expected = schema.array_shape(variable, len(reader.particles), totals["g"], totals["h"])
        if array.shape != expected:
            yield f"{variable.name}: shape {array.shape}, expected {expected}"
        elif variable.dtype[0] == "f" and not np.isfinite(array.read()).all():
            yield f"{variable.name}: holds a value that is not finite"
    if reader.recipe["labels"] and (found := reader.array(LABELS)):
        shape, dtype = reader.expected_labels()
        if (found.shape, found.dtype) != (shape, dtype):
            yield f"labels: {found.dtype} {found.shape}, expected {dtype} {shape}"


def _particle_problems(reader: Any, row: int) -> Iterator[str]:
    record, table = reader.record(row), reader.table[row]
    volume = record.volume.sum(dtype=float)
    if not np.isclose(volume, table["volume_um3"], _ROUNDING, 0):
        yield f"particles/volume_um3 is {table['volume_um3']}, its grains have {volume} µm³"
    if np.count_nonzero(record.components > 1) != table["disconnected"]:
        yield f"particles/disconnected is {table['disconnected']}, not what grains/components gives"
    lengths = np.linalg.norm(record.orientation.astype(float), axis=1)
    for grain in np.flatnonzero((np.abs(lengths - 1.0) > _ROUNDING) | (record.orientation[:, 0] < 0)):
        yield f"grains/orientation of grain {grain} is {record.orientation[grain]}, not of length 1 with w ≥ 0"
    if reader.recipe["labels"]:
        yield from (f"labels {p}" for p in _label_problems(reader, row, record.volume))


def _label_counts(reader: Any, row: int, grains: int) -> tuple[np.ndarray, int]:
    """Voxels of each label within the box, of 1 and above; how many are labelled outside it."""
    box = reader.table["box_shape"][row].tolist()
    counts, outside = np.zeros(grains + 1, np.int64), 0
    for corner, block in reader.label_blocks(row):
        inner = block[tuple(slice(0, max(0, n - at)) for n, at in zip(box, corner, strict=True))]
        if inner.shape != block.shape:
            outside += int(np.count_nonzero(block) - np.count_nonzero(inner))
        found = np.bincount(inner.ravel(), minlength=counts.size)
        found[: counts.size] += counts
        counts = found
    return counts, outside


def _label_problems(reader: Any, row: int, volume: np.ndarray) -> Iterator[str]:
    """Labels of 1…n and 0 inside the box, 0 outside; on the model grid each count is the grain's volume."""
    grains, recipe = int(reader.table["grains"][row]), reader.recipe
    counts, outside = _label_counts(reader, row, grains)
    if counts.size > grains + 1:
        yield f"reach {counts.size - 1}, the particle has {grains} grains"
        return
    if outside:
        yield "outside the box are not 0"
    if recipe["voxel_size"] != recipe["grid_size"]:
        return
    for grain in np.flatnonzero(~np.isclose(counts[1:] * recipe["grid_size"] ** 3, volume, _ROUNDING, 0)):
        yield f"grain {grain} has {counts[grain + 1]} voxels, its volume is {volume[grain]} µm³"
