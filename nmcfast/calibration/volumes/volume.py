"""What is known of a CT volume before anything is fitted: values, stated spacing, notes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

UNITS_UM = {
    **dict.fromkeys(("pm", "picometer", "picometre"), 1e-6),
    **dict.fromkeys(("å", "angstrom", "ångström", "a"), 1e-4),
    **dict.fromkeys(("nm", "nanometer", "nanometre", "nanometers", "nanometres"), 1e-3),
    **dict.fromkeys(("um", "µm", "μm", "\\u00b5m", "micron", "microns", "micrometer", "micrometre"), 1.0),
    **dict.fromkeys(("micrometers", "micrometres"), 1.0),
    **dict.fromkeys(("mm", "millimeter", "millimetre", "millimeters", "millimetres"), 1e3),
    **dict.fromkeys(("cm", "centimeter", "centimetre", "centimeters", "centimetres"), 1e4),
    **dict.fromkeys(("inch", "inches", "in"), 25.4e3),
    **dict.fromkeys(("m", "meter", "metre", "meters", "metres"), 1e6),
}


@dataclass(frozen=True)
class Note:
    """One decision in words, with the option that decides otherwise."""

    text: str
    option: str = ""

    def __str__(self) -> str:
        return f"{self.text} ({self.option})" if self.option else self.text


@dataclass(frozen=True)
class Stated:
    """Size of a voxel z, y, x as a file states it, None along an axis where it does not.

    unit_um: the file's unit in µm, None where it names none: then only ratios are sure. source: the field it stands in.
    """

    size: tuple[float | None, float | None, float | None]
    unit_um: float | None
    source: str


@dataclass
class Volume:
    """Values (nz, ny, nx) of a CT volume as stored, with what its file states; notes say what was decided."""

    values: np.ndarray
    stated: Stated | None = None
    notes: list[Note] = field(default_factory=list)
    white_is_zero: bool = False


@dataclass(frozen=True)
class Ask:
    """What the user says of a file: series of a TIFF file ("all" joins), channel, what to do with gaps among slices."""

    series: str | None = None
    channel: int | None = None
    gaps: str = "refuse"


def unit_um(name: object) -> float | None:
    """Length of a unit in µm; None where the name is no unit of length.

    >>> unit_um("micron"), unit_um(b"nm"), unit_um("pixel")
    (1.0, 0.001, None)
    """
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
    return UNITS_UM.get(text.strip().strip('"').lower())


_SIZE = ("voxel", "pixel", "element")
_SUFFIXES = {"um": 1.0, "nm": 1e-3, "mm": 1e3, "micron": 1.0, "microns": 1.0}


def stated_by(attributes: Mapping[str, object], source: str) -> Stated | None:
    """Spacing that free attributes state: `element_size_um`, `voxel_size` with `unit`, `x_pixel_size`, `spacing` …

    One number holds for all axes; three are z, y, x as Fiji and ilastik write them. A unit stands in the name's end or
    in an attribute `unit` or `units`; otherwise it is unknown.
    """
    flat = {name.lower().replace(" ", "_").rsplit("/", 1)[-1]: value for name, value in attributes.items()}
    unit = next((unit_um(flat[name]) for name in ("unit", "units", "voxel_unit") if name in flat), None)
    for name, value in flat.items():
        stem, suffix = _stem(name)
        numbers = _numbers(value)
        if _is_size(stem) and len(numbers) in (1, 3):
            size = numbers * 3 if len(numbers) == 1 else numbers
            return Stated((size[0], size[1], size[2]), suffix or _own(flat, name) or unit, f"{source} {name}")
    by_axis = [_axis(flat, axis) for axis in "zyx"]
    if all(entry is None for entry in by_axis):
        return None
    own = next((entry[1] for entry in by_axis if entry and entry[1]), None)
    z, y, x = (entry[0] if entry else None for entry in by_axis)
    return Stated((z, y, x), own or unit, f"{source} sizes by axis")


def _stem(name: str) -> tuple[str, float | None]:
    head, _, tail = name.rpartition("_")
    return (head, _SUFFIXES[tail]) if head and tail in _SUFFIXES else (name, None)


def _is_size(stem: str) -> bool:
    plain = stem.replace("_", "")
    names = {f"{kind}{word}" for kind in _SIZE for word in ("size", "sizes", "spacing")}
    return plain in names | {"spacing", "voxelsizezyx", "resolutionzyx"}


def _axis(flat: Mapping[str, object], axis: str) -> tuple[float, float | None] | None:
    names = (f"{axis}_pixel_size", f"{axis}_voxel_size", f"pixel_size_{axis}", f"voxel_size_{axis}")
    for name, value in flat.items():
        stem, suffix = _stem(name)
        numbers = _numbers(value)
        if (stem in names or stem == f"physicalsize{axis}") and len(numbers) == 1:
            return numbers[0], suffix or _own(flat, name) or unit_um(flat.get(f"physicalsize{axis}unit", ""))
    return None


def _own(flat: Mapping[str, object], name: str) -> float | None:
    return next(
        (unit_um(flat[f"{name}{tail}"]) for tail in ("_unit", "_units", "@units") if f"{name}{tail}" in flat), None
    )


def _numbers(value: object) -> list[float]:
    """Positive finite numbers of an attribute; an empty list where it holds anything else."""
    if isinstance(value, bytes | str):
        value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        value = value.replace(",", " ").split()
    try:
        numbers = [float(item) for item in np.ravel(np.asarray(value))]
    except (TypeError, ValueError):
        return []
    return numbers if numbers and all(np.isfinite(item) and item > 0 for item in numbers) else []


def listed(items: Sequence[object], most: int = 5) -> str:
    """The first few of a list in words: `a, b, c and 4 more`."""
    shown = ", ".join(str(item) for item in items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"
