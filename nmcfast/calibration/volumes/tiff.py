"""TIFF: which of its series is the volume, and the geometry of ImageJ, OME-XML and resolution tags."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from nmcfast.calibration.volumes.checks import check_room, three_dimensions
from nmcfast.calibration.volumes.volume import Ask, Note, Stated, Volume, listed, stated_by, unit_um
from nmcfast.errors import InputError, MissingExtraError

LARGER = 2.0  # free: a series is the volume and not one of several when it has this many times the voxels of the next
PRINTED_UM = 20.0  # free: resolution tags of coarser pixels, 72 to 1,200 dots an inch, are of screens and printers


def library() -> Any:
    try:
        import tifffile
    except ImportError as error:
        raise MissingExtraError("TIFF volumes need tifffile: pip install 'nmcfast[imaging]'") from error
    return tifffile


def read_tiff(path: Path, _: str, ask: Ask) -> Volume:
    """The volume of a TIFF file: its only or largest stack, or its pages where each is a series of its own."""
    with library().TiffFile(path) as file:
        if not file.series:
            raise InputError(f"{path}: found no image in the TIFF file, expected a stack of slices")
        chosen, notes = _choose(path, list(file.series), ask)
        first = chosen[0]
        shape = first.shape if len(chosen) == 1 else (sum(_depth(one) for one in chosen), *first.shape[-2:])
        check_room(path, shape, first.dtype)
        if len(chosen) > 1:
            values = np.concatenate([one.asarray().reshape(-1, *one.shape[-2:]) for one in chosen])
        else:
            values, more = _three(path, first, ask)
            notes += more
        white = int(first.keyframe.photometric) == 0
        return Volume(values, _stated(file, first), notes, white)


def _depth(series: Any) -> int:
    return int(np.prod(series.shape[:-2], dtype=int))


def _choose(path: Path, series: list[Any], ask: Ask) -> tuple[list[Any], list[Note]]:
    """The series that make up the volume, in order."""
    if ask.series == "all":
        return _joined(path, series), [Note(f"all {len(series)} series of the TIFF file joined", "--series")]
    if ask.series is not None:
        return [_named(path, series, ask.series)], [Note(f"series {ask.series} of {len(series)}", "--series")]
    if len(series) == 1:
        return series, []
    stacks = sorted((one for one in series if is_stack(one)), key=lambda one: -one.size)
    pages = _pages(series)
    largest = stacks[0].size if stacks else 0
    if len(pages) > 1 and len(pages) * pages[0].size > LARGER * largest:
        rest = len(series) - len(pages)
        more = f", {rest} others left out: {_shapes([one for one in series if one not in pages])}" if rest else ""
        return pages, [
            Note(f"{len(pages)} single pages of {pages[0].shape} are taken as one stack{more}", "--series N")
        ]
    if stacks and (len(stacks) == 1 or largest >= LARGER * stacks[1].size):
        number = series.index(stacks[0])
        return [stacks[0]], [Note(f"series {number} of {_shapes(series)}, the largest", "--series N")]
    raise InputError(f"{path}: found several series {_shapes(series)}; add --series N, or --series all to join them")


def is_stack(series: Any) -> bool:
    plain = [size for size, axis in zip(series.shape, series.axes, strict=True) if axis != "S" and size > 1]
    return len(plain) >= 3


def _pages(series: list[Any]) -> list[Any]:
    """The most numerous series of one page, all of one size and type, in the order of the file."""
    groups: dict[Any, list[Any]] = {}
    for one in series:
        if not is_stack(one):
            groups.setdefault((one.shape, one.dtype), []).append(one)
    return max(groups.values(), key=len, default=[])


def _named(path: Path, series: list[Any], number: str) -> Any:
    if not number.isdigit() or int(number) >= len(series):
        raise InputError(f"{path}: --series: found {number!r}, expected all or one of {_shapes(series)}")
    return series[int(number)]


def _joined(path: Path, series: list[Any]) -> list[Any]:
    if len({(one.shape[-2:], one.dtype) for one in series}) > 1:
        raise InputError(f"{path}: --series all: found slices of several sizes or types {_shapes(series)}")
    return series


def _shapes(series: list[Any]) -> str:
    return listed([f"{number}: {'×'.join(map(str, one.shape))} {one.dtype}" for number, one in enumerate(series)], 6)


def _three(path: Path, series: Any, ask: Ask) -> tuple[np.ndarray, list[Note]]:
    """Values of one series as a volume; colours that are all grey count as one channel."""
    values = series.asarray()
    if series.axes.endswith("S") and values.ndim > 3:
        return grey_of(path, values)
    channel = series.axes.index("C") if "C" in series.axes else None
    index, notes = three_dimensions(path, values.shape, ask, channel)
    return values[index], notes


def grey_of(path: Path, values: np.ndarray) -> tuple[np.ndarray, list[Note]]:
    """Grey values of pictures with colours in the last axis; InputError where the colours differ."""
    colours = values[..., : 3 if values.shape[-1] >= 3 else 1]
    if not (colours == colours[..., :1]).all():
        raise InputError(f"{path}: found coloured pictures {values.shape}, expected grey values or phase numbers")
    return np.ascontiguousarray(colours[..., 0]), [Note("pictures are stored as colours that are all grey")]


def _stated(file: Any, series: Any) -> Stated | None:
    page = series.keyframe
    if file.is_ome and file.ome_metadata:
        stated = _ome(file.ome_metadata, list(file.series).index(series))
        if stated is not None:
            return stated
    if file.is_imagej:
        return _imagej(file.imagej_metadata or {}, page)
    described = dict(file.shaped_metadata[0]) if file.shaped_metadata else {}
    depth, tags = _positive(described.get("spacing")), _tags(page)
    if depth is not None:  # written as ImageJ does: the depth alone, the plane in the tags
        plane = tags if tags is not None and tags.unit_um is not None else Stated((None,) * 3, 1.0, "")
        unit = unit_um(described.get("unit", ""))
        if unit is not None:
            y, x = (None if size is None else size * (plane.unit_um or 1.0) / unit for size in plane.size[1:])
            return Stated((depth, y, x), unit, "TIFF description and resolution tags")
        return Stated((depth, None, None), None, "TIFF description spacing")
    return stated_by(described, "TIFF description") or tags


def _ome(text: str, number: int) -> Stated | None:
    """PhysicalSizeX, Y, Z of the OME-XML, µm where it names no unit."""
    pixels = [node for node in ElementTree.fromstring(text).iter() if node.tag.rpartition("}")[2] == "Pixels"]
    node = pixels[min(number, len(pixels) - 1)].attrib if pixels else {}
    sizes: list[float | None] = []
    for axis in "ZYX":
        value = float(node.get(f"PhysicalSize{axis}", "nan"))
        unit = unit_um(node.get(f"PhysicalSize{axis}Unit", "µm"))
        sizes.append(value * unit if unit and np.isfinite(value) and value > 0 else None)
    return None if not any(sizes) else Stated((sizes[0], sizes[1], sizes[2]), 1.0, "OME-XML PhysicalSize")


def _resolution(page: Any, name: str) -> float | None:
    """Length of a pixel in the unit of the tags; None where it is not set, which is stored as 1 or 0."""
    tag = page.tags.get(name)
    if tag is None:
        return None
    above, below = tag.value if isinstance(tag.value, tuple) else (tag.value, 1)
    return None if above in (0, below) or below == 0 else below / above


def _imagej(metadata: dict[str, Any], page: Any) -> Stated | None:
    size = (_positive(metadata.get("spacing")), _resolution(page, "YResolution"), _resolution(page, "XResolution"))
    if not any(size):
        return None
    unit = unit_um(metadata.get("unit", "")) or _tag_unit(page)
    if unit is None and size[1:] == (None, None):
        size = (size[0], 1.0, 1.0)  # a depth in pixels
    return Stated(size, unit, "ImageJ spacing and resolution")


def _positive(value: object) -> float | None:
    try:
        number = abs(float(value))  # type: ignore[arg-type]  # ImageJ stores the depth of flipped stacks below 0
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) and number > 0 else None


def _tag_unit(page: Any) -> float | None:
    tag = page.tags.get("ResolutionUnit")
    return {2: 25.4e3, 3: 1e4}.get(int(tag.value)) if tag is not None else None


def _tags(page: Any) -> Stated | None:
    size = (None, _resolution(page, "YResolution"), _resolution(page, "XResolution"))
    unit = _tag_unit(page)
    if not any(size) or (unit is not None and max(value for value in size if value) * unit > PRINTED_UM):
        return None
    return Stated(size, unit, "TIFF resolution tags")
