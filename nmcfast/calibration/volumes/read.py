"""Opening a CT volume of any kind that is read here, told by its first bytes and not by its name, section 2.1."""

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from nmcfast.calibration.volumes.volume import Ask, Note, Volume
from nmcfast.errors import InputError, MissingExtraError

READ = (
    "TIFF (also OME, ImageJ, BigTIFF), a folder of slices (TIFF, PNG, JPEG, BMP), HDF5 by any name (.h5, .nxs, .mat), "
    "Zarr, NumPy .npy, MetaImage .mhd/.mha, NRRD, MATLAB .mat"
)


def open_volume(path: str | os.PathLike[str], ask: Ask = Ask()) -> Volume:  # noqa: B008, frozen
    """Values of a CT volume with what its file states and what was decided on the way, section 2.1.

    path: a file or folder of the kinds in `READ`; `file.h5:/dataset` or `store.zarr:/array` names one array of several.
    Raises InputError when it is missing, unreadable, not three-dimensional, empty, constant or too large for memory,
    which is checked before reading. Nothing is unpickled.
    """
    name, inner = split_path(os.fspath(path))
    if not name.exists():
        raise InputError(f"{name}: no such file or folder")
    with _warnings_kept() as kept:
        try:
            volume = _reader(name)(name, inner, ask)
        except (InputError, MissingExtraError):
            raise
        except Exception as error:  # the readers' libraries raise whatever a broken file happens to trip
            raise InputError(f"{path}: cannot be read as a volume ({_line(error)})") from error
    volume.notes += [Note(f"the reader remarks: {text}") for text in dict.fromkeys(kept)]
    volume.values = _native(volume.values)
    _check_values(os.fspath(path), volume.values)
    return volume


def split_path(path: str) -> tuple[Path, str]:
    """A path and the array in it: the first colon behind which the head exists."""
    if Path(path).exists():
        return Path(path), ""
    places = [place for place, letter in enumerate(path) if letter == ":"]
    for place in places:
        if Path(path[:place]).exists() and place > 1:
            return Path(path[:place]), path[place + 1 :].strip("/")
    return Path(path), ""


def _reader(path: Path) -> Callable[[Path, str, Ask], Volume]:
    from nmcfast.calibration.volumes import hdf5, headers, slices, tiff

    if path.is_dir():
        return slices.read_slices if slices.holds(path) else hdf5.read_zarr
    start = path.open("rb").read(512)
    for mark, reader in (
        (b"II*\x00", tiff.read_tiff),
        (b"MM\x00*", tiff.read_tiff),
        (b"II+\x00", tiff.read_tiff),
        (b"MM\x00+", tiff.read_tiff),
        (b"\x93NUMPY", headers.read_npy),
        (b"NRRD", headers.read_nrrd),
        (b"MATLAB 5.0", headers.read_matlab),
    ):
        if start.startswith(mark) and not _is_hdf5(path):
            return reader
    if _is_hdf5(path):
        return hdf5.read_hdf5
    if headers.is_metaimage(start):
        return headers.read_metaimage
    raise InputError(f"{path}: {_unknown(path, start)}; read are {READ}")


def _is_hdf5(path: Path) -> bool:
    import h5py

    return bool(h5py.is_hdf5(path))


def _unknown(path: Path, start: bytes) -> str:
    if not start:
        return "cannot be read as a volume, the file is empty"
    if path.suffix.lower() in (".raw", ".vol", ".bin", ".dat"):
        return "bare values without shape or type; describe them in an .mhd header beside the file and give that"
    if start.startswith(b"PK"):
        return "cannot be read as a volume, it is a zip archive; unpack it, an .npz into .npy"
    if start.startswith((b"\x89PNG", b"\xff\xd8", b"BM")):
        return "cannot be read as a volume, it is one picture; give the folder of slices"
    return "cannot be read as a volume, its first bytes are of none of the kinds known"


@contextmanager
def _warnings_kept() -> Iterator[list[str]]:
    """First lines of what libraries warn or log of a file, to become notes instead of lines with source code."""
    kept: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: kept.append(record.getMessage().splitlines()[0][:160])  # type: ignore[method-assign]
    logger = logging.getLogger("tifffile")
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield kept
        finally:
            logger.removeHandler(handler)
            logger.propagate = before
    kept += [str(entry.message).splitlines()[0][:160] for entry in caught if entry.category is not ResourceWarning]


def _native(values: np.ndarray) -> np.ndarray:
    """The values in the machine's byte order; half precision, which no filter takes, as single; bool as bytes."""
    if values.dtype == np.float16 or values.dtype.itemsize > 8:
        return values.astype(np.float32 if values.dtype == np.float16 else np.float64)
    if values.dtype == bool:
        return values.view(np.uint8)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _check_values(path: str, values: np.ndarray) -> None:
    low, high = values.min(), values.max()
    if values.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
        finite = values[np.isfinite(values)]
        if finite.size == 0:
            raise InputError(f"{path}: found values that are not finite everywhere, expected grey values")
        low, high = finite.min(), finite.max()
    if low == high:
        raise InputError(f"{path}: found the value {low} everywhere, expected at least two phases")


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:160]
