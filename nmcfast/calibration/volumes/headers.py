"""Values behind a short header: NumPy .npy, MetaImage .mhd/.mha, NRRD, MATLAB before 7.3. Nothing is unpickled."""

import bz2
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nmcfast.calibration.volumes.checks import check_room, three_dimensions
from nmcfast.calibration.volumes.volume import Ask, Note, Stated, Volume, listed, unit_um
from nmcfast.errors import InputError

_META = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip  # a table of two columns
_NRRD = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}


def read_npy(path: Path, _: str, ask: Ask) -> Volume:
    """The array of a .npy file; pickled objects are refused."""
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise InputError(f"{path}: found Python objects or a broken header, expected an array of numbers") from error
    check_room(path, values.shape, values.dtype)
    index, notes = three_dimensions(path, values.shape, ask)
    return Volume(np.array(values[index]), None, notes)


def read_matlab(path: Path, inner: str, ask: Ask) -> Volume:
    """The array of a MATLAB file before version 7.3; axes (x, y, z) become (z, y, x)."""
    from scipy.io import loadmat, whosmat

    names = [name for name, shape, _ in whosmat(path) if (name == inner if inner else len(shape) >= 3)]
    if len(names) != 1:
        present = listed([name for name, _, _ in whosmat(path)]) or "none"
        raise InputError(f"{path}: found the arrays {present}; name one as {path}:/array")
    values = loadmat(path, variable_names=names)[names[0]].T
    check_room(path, values.shape, values.dtype)
    index, notes = three_dimensions(path, values.shape, ask)
    return Volume(np.ascontiguousarray(values[index]), None, notes)


def is_metaimage(start: bytes) -> bool:
    return bool(re.match(rb"\s*(ObjectType|NDims)\s*=", start))


def read_metaimage(path: Path, _: str, ask: Ask) -> Volume:
    """The volume that a MetaImage header describes, in the file it names or behind the header."""
    head, offset = _header(path, rb"ElementDataFile[^\n]*\n?", "=")
    kind = head.get("ElementType", "")
    if kind not in _META:
        raise InputError(f"{path}: ElementType: found {kind or 'none'}, expected one of {', '.join(_META)}")
    big = "true" in (head.get("BinaryDataByteOrderMSB", head.get("ElementByteOrderMSB", "False"))).lower()
    data, values_at = head.get("ElementDataFile", ""), 0
    if data.upper() == "LOCAL":
        source, values_at = path, offset
    else:
        source = _beside(path, data, "ElementDataFile")
        values_at = max(0, int(head.get("HeaderSize", "0")))
    shape = _shape(path, "DimSize", head.get("DimSize", ""))
    channels = int(head.get("ElementNumberOfChannels", "1"))
    shape = shape if channels == 1 else (*shape, channels)
    packed = "zlib" if head.get("CompressedData", "False").lower() == "true" else "raw"
    spacing = head.get("ElementSpacing", head.get("ElementSize", ""))
    stated = _spacing([float(part) for part in spacing.split()], None, "MetaImage ElementSpacing")
    return _values(source, values_at, shape, np.dtype((">" if big else "<") + _META[kind]), packed, stated, ask)


def read_nrrd(path: Path, _: str, ask: Ask) -> Volume:
    """The volume that an NRRD header describes, in the file it names or behind the header."""
    head, offset = _header(path, rb"\r?\n\r?\n", ":")
    kind = _NRRD.get(head.get("type", "").lower())
    if kind is None:
        raise InputError(f"{path}: type: found {head.get('type', 'none')}, expected whole or real numbers")
    order = ">" if head.get("endian", "little").lower() == "big" else "<"
    data = head.get("data file", head.get("datafile", ""))
    source = _beside(path, data, "data file") if data else path
    packed = {"raw": "raw", "gz": "zlib", "gzip": "zlib", "bz2": "bz2", "bzip2": "bz2"}.get(head.get("encoding", "raw"))
    if packed is None:
        raise InputError(f"{path}: encoding: found {head['encoding']}, expected raw, gzip or bzip2")
    shape = _shape(path, "sizes", head.get("sizes", ""))
    stated = _nrrd_spacing(head)
    return _values(source, 0 if data else offset, shape, np.dtype(order + kind), packed, stated, ask)


def _nrrd_spacing(head: dict[str, str]) -> Stated | None:
    names = re.findall(r'"([^"]*)"', head.get("space units", head.get("units", "")))
    unit = next((unit_um(name) for name in names if unit_um(name)), None)
    if "space directions" in head:
        vectors = re.findall(r"\(([^)]*)\)", head["space directions"])
        lengths = [float(np.linalg.norm([float(part) for part in vector.split(",")])) for vector in vectors]
        return _spacing(lengths, unit, "NRRD space directions")
    numbers = [float(part) for part in head.get("spacings", "").split() if part.lower() != "nan"]
    return _spacing(numbers, unit, "NRRD spacings")


def _spacing(xyz: Sequence[float], unit: float | None, source: str) -> Stated | None:
    """Spacing of a header whose fastest axis comes first; all 1 without a unit says nothing."""
    if len(xyz) != 3 or not all(np.isfinite(size) and size > 0 for size in xyz):
        return None
    if unit is None and all(size == 1.0 for size in xyz):
        return None
    return Stated((xyz[2], xyz[1], xyz[0]), unit, source)


def _header(path: Path, end: bytes, mark: str) -> tuple[dict[str, str], int]:
    """Fields of a text header and the place behind its end."""
    with path.open("rb") as file:
        start = file.read(65536)
    stop = re.search(end, start)
    place = stop.end() if stop else len(start)
    lines = start[:place].decode("latin-1").splitlines()
    pairs = [line.partition(mark)[::2] for line in lines if mark in line and not line.startswith("#")]
    return {name.strip(): value.lstrip("=").strip() for name, value in pairs}, place


def _shape(path: Path, field: str, text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d+( \d+)+", " ".join(text.split())):
        raise InputError(f"{path}: {field}: found {text or 'none'}, expected the lengths of the axes")
    return tuple(int(part) for part in text.split())[::-1]


def _beside(path: Path, name: str, field: str) -> Path:
    """The file of values, which lies beside its header or below."""
    source = path.parent / name
    if not name or not source.is_file():
        raise InputError(f"{path}: {field}: found {name or 'none'}, expected a file beside the header")
    return source


def _values(
    path: Path, offset: int, shape: tuple[int, ...], dtype: np.dtype, packed: str, stated: Stated | None, ask: Ask
) -> Volume:
    check_room(path, shape, dtype)
    index, notes = three_dimensions(path, shape, ask)
    count = int(np.prod(shape, dtype=np.int64))
    if packed == "raw":
        held = (path.stat().st_size - offset) // dtype.itemsize
        if held < count:
            raise InputError(f"{path}: found {held} values, expected {count} of {shape} {dtype}")
        return Volume(np.fromfile(path, dtype, count, offset=offset).reshape(shape)[index], stated, notes)
    with path.open("rb") as file:
        file.seek(offset)
        data = bz2.decompress(file.read()) if packed == "bz2" else zlib.decompress(file.read(), 47)
    if len(data) < count * dtype.itemsize:
        raise InputError(f"{path}: found {len(data) // dtype.itemsize} values, expected {count} of {shape} {dtype}")
    return Volume(np.frombuffer(data, dtype, count).reshape(shape)[index], stated, [*notes, Note("values unpacked")])
