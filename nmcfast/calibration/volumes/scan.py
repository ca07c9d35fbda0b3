"""Any CT file as an array of cubic voxels with voxel size, field of view and notes: the door of this room."""

import os
from dataclasses import dataclass

import numpy as np

from nmcfast.calibration.volumes import geometry, kinds, view
from nmcfast.calibration.volumes.phases import phase_mask
from nmcfast.calibration.volumes.read import open_volume
from nmcfast.calibration.volumes.volume import Ask, Note, Volume
from nmcfast.errors import InputError
from nmcfast.options import VolumeOptions


@dataclass
class Scan:
    """A volume in cubes: grey values, bool where one phase is the particles, or int32 labels; view None means all."""

    values: np.ndarray
    voxel_um: float
    view: np.ndarray | None
    notes: list[Note]
    stored: tuple[int, ...]


def scan(path: str | os.PathLike[str], voxel_size: tuple[float, ...] | None, choices: VolumeOptions) -> Scan:
    """A CT file as a volume of cubic voxels with its field of view."""
    if choices.instances and choices.segmented:
        raise InputError("--instances: found --segmented too, expected one of them")
    volume = open_volume(path, Ask(choices.series, choices.channel, choices.gaps))
    with naming(path):
        sizes, notes = geometry.settle(volume.stated, voxel_size, choices.geometry)
        notes = [*volume.notes, *notes, *_white(volume, choices.kind)]
        seen, more = _view(volume, choices)
        notes += more
        if choices.kind == "phases" or (choices.kind == "grey" and choices.classes is None and not choices.grey):
            kinds.refuse_labels(volume.values, choices.segmented)
        if choices.kind == "grey" and kinds.is_two_valued(volume.values):
            notes.append(
                Note("two values only, smoothed as grey ones are", "--segmented --phase N takes them as they are")
            )
        return _cubic(volume.values, sizes, seen, notes, choices)


class naming:
    """Errors within name the file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, InputError) and not str(error).startswith(self._path):
            raise InputError(f"{self._path}: {error}") from error


def _white(volume: Volume, kind: str) -> list[Note]:
    """Values turned where 0 is white, in place, so that bright is large as on a screen."""
    if not volume.white_is_zero:
        return []
    values = volume.values
    if kind != "grey" and not kinds.is_two_valued(values):
        return [Note("the file says that 0 is white; phases and labels are left as they are")]
    low, high = values.min(), values.max()
    top = low + high if kind != "grey" or high <= 1 or values.dtype.kind != "u" else np.iinfo(values.dtype).max
    np.subtract(values.dtype.type(top), values, out=values)
    return [Note("the file says that 0 is white: values turned over", "--invert")]


def _view(volume: Volume, choices: VolumeOptions) -> tuple[np.ndarray | None, list[Note]]:
    found, notes = view.field_of_view(volume.values)
    if choices.mask is None:
        return found, notes
    given = view.given_view(open_volume(choices.mask).values, volume.values.shape)
    words = f"field of view of {choices.mask}, {100 * given.mean():.1f} % of the volume"
    return given if found is None else given & found, [*notes, Note(words, "--mask")]


def _cubic(
    values: np.ndarray, sizes: np.ndarray, seen: np.ndarray | None, notes: list[Note], choices: VolumeOptions
) -> Scan:
    stored = values.shape
    shape, factor, more = geometry.resampling(stored, sizes)
    if choices.kind == "instances":
        values, background = kinds.instance_labels(values)
        if background:
            more.append(Note(f"label 0 is absent: {background}, the most frequent, is what lies between the particles"))
        values = values if shape == stored else geometry.cubic_labels(values, shape, factor)
    elif choices.kind == "phases":
        values = phase_mask(values, choices.phase)
        values = values if shape == stored else geometry.cubic_mask(values, shape, factor)
    else:
        values = geometry.cubes(values, shape)
    seen = None if seen is None else geometry.nearest(seen, shape)
    return Scan(values, float(sizes.min()), seen, [*notes, *more], stored)
