"""Voxel size from file and option, contradictions refused; voxels that are no cubes resampled to cubes."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from nmcfast.calibration.volumes.volume import Note, Stated
from nmcfast.errors import InputError

RULES = ("agree", "file", "option")
SAME = 0.01  # free: sizes within 1 % agree
CUBIC = 0.005  # free: voxels whose edges differ by less are cubes
FLATTEST = 10.0  # free: a voxel 10 times as long as wide is refused: slices or stray units
PLAUSIBLE_UM = (0.005, 20.0)  # free: voxels of CT volumes of particles, to read numbers without a unit
_UNITS = {"nm": 1e-3, "µm": 1.0, "mm": 1e3, "m": 1e6}
_BLOCK = 16  # rows resampled at a time


def settle(stated: Stated | None, option: Sequence[float] | None, rule: str = "agree") -> tuple[np.ndarray, list[Note]]:
    """Edges of a voxel z, y, x in µm, and how they were settled.

    stated: what the file says; option: one number, or z, y, x, of --voxel-size; rule "agree" refuses a contradiction,
    "file" or "option" says which counts. Raises InputError, naming both, or asking for the option.
    """
    if rule not in RULES:
        raise InputError(f"--geometry: found {rule!r}, expected {', '.join(RULES)}")
    given = _given(option)
    if stated is None or rule == "option":
        if given is None:
            raise InputError("the file does not state the size of its voxels; add --voxel-size UM")
        ignored = f"; the file's {_text(stated)} is set aside" if stated else ""
        return given, [Note(f"voxels of {_um(given)} as --voxel-size says{ignored}", "--geometry")] if ignored else []
    sizes, notes = _absolute(stated, None if rule == "file" else given)
    if rule == "agree" and given is not None and not _agrees(sizes, given, option):
        _contradiction(f"{_um(sizes)} µm ({stated.source})", given)
    if max(sizes) / min(sizes) > FLATTEST:
        raise InputError(
            f"found voxels of {_um(sizes)} µm z, y, x ({stated.source}), expected edges within a factor "
            f"of {FLATTEST:g}; say them with --voxel-size Z,Y,X --geometry option"
        )
    return sizes, [Note(f"voxels of {_um(sizes)} µm from the file, {stated.source}", "--geometry option"), *notes]


def _given(option: Sequence[float] | None) -> np.ndarray | None:
    if option is None:
        return None
    numbers = np.array(option, dtype=float)
    if numbers.size not in (1, 3) or not (np.isfinite(numbers).all() and (numbers > 0).all()):
        found = ",".join(f"{number:g}" for number in numbers)
        raise InputError(f"voxel size: found {found}, expected a length in µm above 0, or three, z, y, x")
    return np.broadcast_to(numbers, 3).copy()


def _absolute(stated: Stated, given: np.ndarray | None) -> tuple[np.ndarray, list[Note]]:
    """Stated edges in µm with the axes filled that the file leaves out."""
    notes: list[Note] = []
    factor = stated.unit_um
    if factor is None:
        factor, notes = _guessed(stated, given)
    sizes: list[float | None] = [None if size is None else size * factor for size in stated.size]
    plane = [size for size in sizes[1:] if size is not None]
    missing = ["zyx"[axis] for axis in range(3) if sizes[axis] is None]
    if missing:
        start = given if given is not None else np.full(3, plane[0] if plane else sizes[0])
        sizes = [float(start[axis]) if size is None else size for axis, size in enumerate(sizes)]
        origin = "--voxel-size" if given is not None else "the other axes"
        notes.append(
            Note(f"the file states no size along {', '.join(missing)}: taken from {origin}", "--voxel-size Z,Y,X")
        )
    return np.array(sizes, dtype=float), notes


def _guessed(stated: Stated, given: np.ndarray | None) -> tuple[float, list[Note]]:
    """The unit of numbers that have none: what --voxel-size makes them, else the only plausible one."""
    axis = next(place for place in (2, 1, 0) if stated.size[place] is not None)
    number = float(stated.size[axis] or 0.0)
    if given is not None:
        factor = given[axis] / number
        if math.isclose(number, 1.0, rel_tol=1e-6):
            return float(factor), [
                Note(f"{stated.source} is in voxels: only its ratios are taken", "--geometry option")
            ]
        if any(abs(factor / unit - 1.0) < SAME for unit in _UNITS.values()):
            return float(factor), []
        _contradiction(f"{_text(stated)} without a unit", given)
    fits = {name: unit for name, unit in _UNITS.items() if PLAUSIBLE_UM[0] <= number * unit < PLAUSIBLE_UM[1]}
    if len(fits) != 1 or math.isclose(number, 1.0, rel_tol=1e-6):
        raise InputError(f"the file says {_text(stated)} without a unit; add --voxel-size UM")
    name, unit = next(iter(fits.items()))
    return unit, [Note(f"{_text(stated)} has no unit: read as {name}", "--voxel-size")]


def _agrees(sizes: np.ndarray, given: np.ndarray, option: Sequence[float] | None) -> bool:
    """Three numbers must all agree; one number must agree in the plane, the depth being the file's then."""
    axes = [0, 1, 2] if option is not None and len(option) == 3 else [1, 2]
    return bool((np.abs(sizes[axes] / given[axes] - 1.0) < SAME).all())


def _contradiction(says: str, given: np.ndarray) -> None:
    raise InputError(
        f"voxel size: the file says {says}, --voxel-size says {_um(given)} µm; leave --voxel-size out, or "
        "say which counts: --geometry file or --geometry option"
    )


def _um(sizes: np.ndarray) -> str:
    return f"{sizes[0]:g}" if np.ptp(sizes) == 0 else " × ".join(f"{size:g}" for size in sizes)


def _text(stated: Stated) -> str:
    numbers = " × ".join("?" if size is None else f"{size:g}" for size in stated.size)
    return f"{numbers} z, y, x ({stated.source})"


def resampling(shape: tuple[int, ...], sizes: np.ndarray) -> tuple[tuple[int, ...], np.ndarray, list[Note]]:
    """Shape and factor z, y, x that make voxels cubes of the finest edge; factor 1 where they are cubes already."""
    finest = sizes.min()
    factor = sizes / finest
    if factor.max() - 1.0 < CUBIC:
        return shape, np.ones(3), []
    new = tuple(max(1, round(count * scale)) for count, scale in zip(shape, factor, strict=True))
    words = f"voxels of {_um(sizes)} µm z, y, x resampled to cubes of {finest:g} µm, {shape} to {new} voxels"
    return new, factor, [Note(words, "--voxel-size UM --geometry option takes them as cubes")]


def cubes(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Grey values on a grid of another shape over the same box, by cubic convolution along each axis -> float32."""
    for axis in range(3):
        if values.shape[axis] != shape[axis]:
            values = _along(values, axis, shape[axis])
    return values


def _along(values: np.ndarray, axis: int, count: int) -> np.ndarray:
    old = values.shape[axis]
    place = (np.arange(count) + 0.5) * old / count - 0.5
    first, t = np.floor(place).astype(int), place % 1
    weights = (  # Keys' cubic convolution, a = −1/2
        -0.5 * t**3 + t**2 - 0.5 * t,
        1.5 * t**3 - 2.5 * t**2 + 1,
        -1.5 * t**3 + 2 * t**2 + 0.5 * t,
        0.5 * t**3 - 0.5 * t**2,
    )
    other = 0 if axis else 1
    shape = list(values.shape)
    shape[axis] = count
    result = np.empty(shape, np.float32)
    along = np.array([1, 1, 1])
    along[axis] = -1
    for start in range(0, shape[other], _BLOCK):
        box = tuple(slice(start, start + _BLOCK) if place == other else slice(None) for place in range(3))
        block = values[box].astype(np.float32)
        result[box] = sum(
            np.take(block, np.clip(first + tap - 1, 0, old - 1), axis) * weights[tap].astype(np.float32).reshape(along)
            for tap in range(4)
        )
    return result


def cubic_mask(mask: np.ndarray, shape: tuple[int, ...], factor: np.ndarray) -> np.ndarray:
    """A phase on a grid of another shape, by its signed distance, so that no stairs of the coarse axis stay."""
    inside = ndimage.distance_transform_edt(mask, sampling=factor)
    outside = ndimage.distance_transform_edt(~mask, sampling=factor)
    half = 0.5 * float(factor.min())
    signed = cubes(np.where(mask, inside - half, half - outside).astype(np.float32), shape)
    # a coarse step is a plane to the distance: a Gaussian of half the step takes the stairs
    return ndimage.gaussian_filter(signed, 0.5 * factor * (factor > 1.0 + CUBIC)) > 0


def cubic_labels(labels: np.ndarray, shape: tuple[int, ...], factor: np.ndarray) -> np.ndarray:
    """Labels on a grid of another shape, each by its own signed distance; where two overlap the greater one stays."""
    result = np.zeros(shape, np.int32)
    scale = np.array(shape) / labels.shape
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        # whole steps of the fine grid only where the coarse box ends on them: the box grows until it does
        wide = tuple(
            slice(max(0, part.start - 2), min(size, part.stop + 2))
            for part, size in zip(box, labels.shape, strict=True)
        )
        start = [round(part.start * s) for part, s in zip(wide, scale, strict=True)]
        stop = [round(part.stop * s) for part, s in zip(wide, scale, strict=True)]
        body = cubic_mask(labels[wide] == label, tuple(np.subtract(stop, start)), factor)
        target = result[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
        target[body] = label
    return result


def nearest(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Values on a grid of another shape over the same box, each from the voxel that holds its centre."""
    for axis in range(3):
        if values.shape[axis] != shape[axis]:
            place = ((np.arange(shape[axis]) + 0.5) * values.shape[axis] / shape[axis]).astype(int)
            values = np.take(values, place, axis)
    return values
