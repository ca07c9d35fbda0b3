"""Reading a CT volume from TIFF, HDF5 or Zarr, section 2.1, checked before it is trusted."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nmcfast.errors import InputError, MissingExtraError
from nmcfast.memory import available_memory

BYTES_A_VOXEL = 60  # peak of the whole segmentation, measured 58 on 251 × 301 × 301 voxels
HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf")


def read_volume(path: str | os.PathLike[str]) -> np.ndarray:
    """Voxels of a CT volume -> (nz, ny, nx) of the dtype stored.

    path: a TIFF file, a folder of TIFF slices in order of name, `file.h5:/dataset`, or a Zarr array
    (`store.zarr:/array` inside a group). Raises InputError when the file is missing, unreadable, not
    three-dimensional, empty, constant, not finite or too large for memory, which is checked before reading.
    """
    name, inner = _split(os.fspath(path))
    if not Path(name).exists():
        raise InputError(f"{name}: no such file or folder")
    reader = _reader(Path(name))
    try:
        volume = reader(Path(name), inner)
    except (InputError, MissingExtraError):
        raise
    except Exception as error:  # the readers' libraries raise whatever a broken file happens to trip
        raise InputError(f"{path}: cannot be read as a volume ({_line(error)})") from error
    _check_values(os.fspath(path), volume)
    return volume


def _split(path: str) -> tuple[str, str]:
    for suffix in (*HDF5_SUFFIXES, ".zarr"):
        name, mark, inner = path.partition(suffix + ":")
        if mark:
            return name + suffix, inner.strip("/")
    return path, ""


def _reader(path: Path) -> Callable[[Path, str], np.ndarray]:
    if path.suffix.lower() in HDF5_SUFFIXES:
        return _read_hdf5
    if path.is_dir() and not any(_slices(path)):
        return _read_zarr
    return _read_tiff


def _slices(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in (".tif", ".tiff"))


def _read_tiff(path: Path, _: str) -> np.ndarray:
    try:
        import tifffile
    except ImportError as error:
        raise MissingExtraError("TIFF volumes need tifffile: pip install 'nmcfast[imaging]'") from error
    if path.is_dir():
        slices = _slices(path)
        with tifffile.TiffFile(slices[0]) as first:
            page = first.series[0]
        _check_shape(path, (len(slices), *page.shape), page.dtype)
        return np.asarray(tifffile.imread(slices))
    with tifffile.TiffFile(path) as file:
        if not file.series:
            raise InputError(f"{path}: found no image in the TIFF file, expected a stack of slices")
        series = file.series[0]
        _check_shape(path, series.shape, series.dtype)
        return series.asarray()


def _read_hdf5(path: Path, inner: str) -> np.ndarray:
    import h5py

    with h5py.File(path, "r") as file:
        arrays: dict[str, Any] = {}
        file.visititems(lambda name, node: arrays.update({name: node}) if _is_array(node) else None)
        found = _choose(path, arrays, inner)
        _check_shape(path, found.shape, found.dtype)
        return np.asarray(found[...])


def _read_zarr(path: Path, inner: str) -> np.ndarray:
    import zarr

    node: Any = zarr.open(path, mode="r")
    arrays = {"": node} if _is_array(node) else dict(node.arrays())
    found = _choose(path, arrays, inner)
    _check_shape(path, found.shape, found.dtype)
    return np.asarray(found[...])


def _is_array(node: Any) -> bool:
    return hasattr(node, "shape") and hasattr(node, "dtype")


def _choose(path: Path, arrays: dict[str, Any], inner: str) -> Any:
    if not inner and len(arrays) == 1:
        return next(iter(arrays.values()))
    if inner not in arrays:
        names = ", ".join(sorted(arrays)) or "none"
        raise InputError(f"{path}: found the arrays {names}; name one as {path}:/array")
    return arrays[inner]


def _check_shape(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    if len(shape) != 3:
        raise InputError(f"{path}: found {len(shape)} dimensions {tuple(shape)}, expected a volume (nz, ny, nx)")
    if 0 in shape:
        raise InputError(f"{path}: found the empty shape {tuple(shape)}, expected a volume (nz, ny, nx)")
    if dtype.kind not in "buif":
        raise InputError(f"{path}: found values of type {dtype}, expected grey values or phase numbers")
    needed, free = float(np.prod(shape, dtype=float)) * BYTES_A_VOXEL, available_memory()
    if needed > free:
        size = f"{needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free"
        raise InputError(f"{path}: {tuple(shape)} voxels need about {size}; crop or bin the volume")


def _check_values(path: str, volume: np.ndarray) -> None:
    if volume.dtype.kind == "f" and not np.isfinite(volume).all():
        raise InputError(f"{path}: found values that are not finite, expected grey values")
    if volume.min() == volume.max():
        raise InputError(f"{path}: found the value {volume.flat[0]} everywhere, expected at least two phases")


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:160]
