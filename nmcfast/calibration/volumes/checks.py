"""What any array must be before it is read as a volume: three axes, numbers, room in memory."""

from pathlib import Path

import numpy as np

from nmcfast.calibration.volumes.volume import Ask, Note
from nmcfast.errors import InputError
from nmcfast.memory import available_memory

BYTES_A_VOXEL = 60  # peak of a segmentation in one piece, measured 58 on 251 × 301 × 301 voxels
LEAN_BYTES = 12  # and in blocks, beyond `DIRECT` voxels; `scripts/checks/ct_memory.py`
DIRECT = 32_000_000  # voxels up to which a volume is segmented in one piece


def three_dimensions(
    path: Path, shape: tuple[int, ...], ask: Ask, channel_axis: int | None = None
) -> tuple[tuple[int | slice, ...], list[Note]]:
    """The index that makes a volume of an array of another number of axes, and what was decided.

    Axes of length 1 go. Of four that remain the shorter of the first and the last holds channels; which one counts
    must be said. Raises InputError otherwise.
    """
    index: list[int | slice] = [slice(None) if size != 1 else 0 for size in shape]
    left = [axis for axis, size in enumerate(shape) if size != 1]
    notes = [] if len(left) == len(shape) else [Note(f"axes of length 1 left out of {shape}")]
    if len(left) == 4:
        axis = channel_axis if channel_axis in left else min(left[0], left[-1], key=lambda place: shape[place])
        if ask.channel is None:
            raise InputError(
                f"{path}: found 4 dimensions {shape}, axis {axis} holding {shape[axis]} channels; add --channel N"
            )
        if not 0 <= ask.channel < shape[axis]:
            raise InputError(f"{path}: --channel: found {ask.channel}, expected 0 to {shape[axis] - 1} in {shape}")
        index[axis] = ask.channel
        left.remove(axis)
        notes.append(Note(f"channel {ask.channel} of {shape[axis]}", "--channel"))
    if 0 in shape:
        raise InputError(f"{path}: found the empty shape {shape}, expected a volume (nz, ny, nx)")
    if len(left) != 3:
        raise InputError(f"{path}: found {len(left)} dimensions {shape}, expected a volume (nz, ny, nx)")
    return tuple(index), notes


def check_room(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raises InputError where values are no numbers or the segmentation would not fit into memory."""
    if dtype.kind not in "buif":
        raise InputError(f"{path}: found values of type {dtype}, expected grey values or phase numbers")
    count = float(np.prod(shape, dtype=float))
    needed, free = count * (BYTES_A_VOXEL if count <= DIRECT else LEAN_BYTES), available_memory()
    if needed > free:
        size = f"{needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free"
        raise InputError(f"{path}: {tuple(shape)} voxels need about {size}; crop or bin the volume")
