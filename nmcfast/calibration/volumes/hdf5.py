"""HDF5 under any name (.h5, .nxs, MATLAB 7.3 .mat) and Zarr: which array is the volume, and what stands beside it."""

from pathlib import Path
from typing import Any

import numpy as np

from nmcfast.calibration.volumes.checks import check_room, three_dimensions
from nmcfast.calibration.volumes.volume import Ask, Note, Stated, Volume, listed, stated_by, unit_um
from nmcfast.errors import InputError


def read_hdf5(path: Path, inner: str, ask: Ask) -> Volume:
    """The volume of an HDF5 file: the array named, the only one with three dimensions, or NeXus' default signal."""
    import h5py

    with h5py.File(path, "r") as file:
        arrays: dict[str, Any] = {}
        file.visititems(lambda name, node: arrays.update({name: node}) if _is_array(node) else None)
        found, notes = _choose(path, arrays, inner or _signal(file, arrays))
        return _volume(path, found, notes, _stated(file, found), ask)


def read_zarr(path: Path, inner: str, ask: Ask) -> Volume:
    """The volume of a Zarr array or group; of OME-NGFF levels the finest."""
    import zarr

    node: Any = zarr.open(path, mode="r")
    arrays = (
        {"": node} if _is_array(node) else {name.strip("/"): one for name, one in node.members(None) if _is_array(one)}
    )
    scales = {} if _is_array(node) else _ngff(dict(node.attrs))
    found, notes = _choose(path, arrays, inner or next((name for name in scales if name in arrays), ""))
    name = next(key for key, one in arrays.items() if one is found)
    stated = stated_by(dict(found.attrs), "Zarr attribute") or scales.get(name)
    if stated is None and not _is_array(node):
        stated = stated_by(dict(node.attrs), "Zarr attribute")
    return _volume(path, found, notes, stated, ask)


def _volume(path: Path, found: Any, notes: list[Note], stated: Stated | None, ask: Ask) -> Volume:
    check_room(path, found.shape, np.dtype(found.dtype))
    index, more = three_dimensions(path, tuple(found.shape), ask)
    return Volume(np.asarray(found[index]), stated, notes + more)


def _is_array(node: Any) -> bool:
    return hasattr(node, "shape") and hasattr(node, "dtype") and hasattr(node, "chunks")


def _choose(path: Path, arrays: dict[str, Any], inner: str) -> tuple[Any, list[Note]]:
    if inner in arrays and (inner or len(arrays) == 1):
        return arrays[inner], [] if len(arrays) == 1 else [
            Note(f"array {inner} of {listed(sorted(arrays))}", ":/ARRAY")
        ]
    stacks = [name for name, one in arrays.items() if _is_stack(one)]
    if not inner and len(arrays) == 1:
        return next(iter(arrays.values())), []
    if not inner and len(stacks) == 1:
        return arrays[stacks[0]], [Note(f"array {stacks[0]}, the only one with three dimensions", ":/ARRAY")]
    shown = stacks if stacks and not inner else sorted(arrays)
    raise InputError(f"{path}: found the arrays {', '.join(sorted(shown)) or 'none'}; name one as {path}:/array")


def _is_stack(array: Any) -> bool:
    return sum(size > 1 for size in array.shape) >= 3 and np.dtype(array.dtype).kind in "buif"


def _signal(file: Any, arrays: dict[str, Any]) -> str:
    """Path of the array that NeXus' `default` and `signal` attributes lead to; empty where they lead nowhere."""
    node, name = file, ""
    for _ in range(4):
        for step in ("default", "signal"):
            target = _attributes(node).get(step)
            target = target.decode() if isinstance(target, bytes) else target
            if isinstance(target, str) and target in node:
                node, name = node[target], f"{name}/{target}".strip("/")
                break
        if name in arrays:
            return name
        if not hasattr(node, "keys"):
            break
    return ""


def _stated(file: Any, found: Any) -> Stated | None:
    """What the array, then the scalars and attributes of the groups around it state."""
    node = found
    while True:
        stated = stated_by(_attributes(node), "HDF5 attribute")
        if stated is None and hasattr(node, "keys"):
            stated = stated_by(_scalars(node), "HDF5 scalar")
        if stated is not None or node == file:
            return stated or _detector(file)
        node = node.parent


def _attributes(node: Any) -> dict[str, Any]:
    """Numbers and texts among the attributes; HDF5 itself may crash on a damaged list or reference."""
    import h5py

    if not isinstance(node.attrs, h5py.AttributeManager):
        return dict(node.attrs)
    kinds = {name: node.attrs.get_id(name).dtype for name in node.attrs}
    plain = [name for name, dtype in kinds.items() if dtype.kind in "iufbSU" or h5py.check_string_dtype(dtype)]
    return {name: node.attrs[name] for name in plain}


def _scalars(group: Any) -> dict[str, Any]:
    """Small arrays of a group by name, each unit beside them as `name@units`."""
    small: dict[str, Any] = {}
    for name, node in group.items():
        if _is_array(node) and node.size <= 3 and np.dtype(node.dtype).kind in "uif":
            small[name] = np.asarray(node[()])
            said = _attributes(node)
            units = said.get("units", said.get("unit"))
            if units is not None:
                small[f"{name}@units"] = units
    return small


def _detector(file: Any) -> Stated | None:
    """Pixel sizes of a NeXus detector, anywhere in the file, metres where no unit is named."""
    sizes: dict[str, Any] = {}
    file.visititems(
        lambda _, node: (
            sizes.update({k: v for k, v in _scalars(node).items() if "pixel_size" in k})
            if hasattr(node, "keys")
            else None
        )
    )
    return stated_by(sizes, "HDF5 scalar") if sizes else None


def _ngff(attributes: dict[str, Any]) -> dict[str, Stated]:
    """Spacing of each level by its path, from OME-NGFF multiscales, the finest first."""
    scales = attributes.get("ome", attributes).get("multiscales") or [{}]
    axes = [axis for axis in scales[0].get("axes", []) if isinstance(axis, dict)]
    space = [place for place, axis in enumerate(axes) if axis.get("type") == "space"]
    found = {}
    for level in scales[0].get("datasets", []):
        steps = [step["scale"] for step in level.get("coordinateTransformations", []) if step.get("type") == "scale"]
        if steps and len(space) == 3:
            z, y, x = (float(steps[0][place]) for place in space)
            found[level["path"]] = Stated((z, y, x), unit_um(axes[space[-1]].get("unit", "")), "OME-NGFF scale")
    return found
