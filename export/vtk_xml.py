"""VTK's XML files with compressed arrays, as VTK, ParaView, meshio, MFEM and DAMASK read them.

Meshes have their arrays behind the XML, raw (`Appended`); images have them within it, in base64 (`inline`), the only
form that DAMASK's solver takes.
"""

import base64
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

TYPES = {"u1": "UInt8", "u2": "UInt16", "i4": "Int32", "u4": "UInt32", "i8": "Int64", "f4": "Float32", "f8": "Float64"}
_DTYPES = {name: np.dtype(f"<{code}") for code, name in TYPES.items()}
_BLOCK = 1 << 15  # bytes compressed at a time
_LEVEL = 1  # 6 makes meshes 7 % smaller in four times the time
_START, _END = b'<AppendedData encoding="raw">\n_', b"\n  </AppendedData>\n</VTKFile>\n"  # meshio needs the newlines


class Appended:
    """The arrays of one file, which stand behind its XML."""

    def __init__(self) -> None:
        self._data: list[bytes] = []
        self._size = 0

    def add(self, name: str, array: np.ndarray) -> str:
        """Keep an array (m,) or (m, components); the XML element that refers to it."""
        data, kind = b"".join(_packed(array)), TYPES[array.dtype.str[1:]]
        parts = f' NumberOfComponents="{array.shape[1]}"' if array.ndim == 2 else ""
        element = f'<DataArray type="{kind}" Name="{name}"{parts} format="appended" offset="{self._size}"/>\n'
        self._data.append(data)
        self._size += len(data)
        return element

    def file(self, kind: str, body: str) -> bytes:
        """The file whose XML below the root is body; kind is UnstructuredGrid, ImageData, …"""
        return b"".join([f"{_head(kind, body)}  ".encode(), _START, *self._data, _END])


def inline(name: str, array: np.ndarray) -> str:
    """The XML element that holds an array (m,), compressed, in base64: element, data and end on a line each."""
    header, blocks = (base64.b64encode(part).decode() for part in _packed(array))
    kind = TYPES[array.dtype.str[1:]]
    return f'<DataArray type="{kind}" Name="{name}" format="binary">\n{header}{blocks}\n</DataArray>\n'


def inline_file(kind: str, body: str) -> bytes:
    """The file whose XML below the root is body, with arrays made by `inline`."""
    return f"{_head(kind, body)}</VTKFile>\n".encode()


def _head(kind: str, body: str) -> str:
    return (
        f'<?xml version="1.0"?>\n<VTKFile type="{kind}" version="1.0" byte_order="LittleEndian" '
        f'header_type="UInt64" compressor="vtkZLibDataCompressor">\n<{kind}{body}</{kind}>\n'
    )


def _packed(array: np.ndarray) -> tuple[bytes, bytes]:
    """Header (number of blocks, block size, size of the last one when shorter, compressed sizes) and blocks."""
    raw = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data
    blocks = [zlib.compress(raw[k : k + _BLOCK], _LEVEL) for k in range(0, len(raw), _BLOCK)]
    header = [len(blocks), _BLOCK, len(raw) % _BLOCK, *map(len, blocks)]
    return np.array(header, "<u8").tobytes(), b"".join(blocks)


def read_arrays(path: Path, names: tuple[str, ...]) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Attributes of the piece of a file that `Appended` wrote, and its arrays of these names.

    ValueError, LookupError, or an error of zlib or XML, when it is not whole.
    """
    content = path.read_bytes()
    at = content.index(_START)
    tree = ElementTree.fromstring(content[:at] + b"</VTKFile>")
    elements = {element.get("Name", ""): element for element in tree.iter("DataArray")}
    data = memoryview(content)[at + len(_START) : len(content) - len(_END)]
    (piece,) = tree.iter("Piece")
    return piece.attrib, {name: _read(elements[name], data) for name in names}


def _read(element: ElementTree.Element, data: memoryview) -> np.ndarray:
    dtype = _DTYPES[element.get("type", "")]
    return np.frombuffer(_unpack(data, int(element.get("offset", "-1"))), dtype)


def _unpack(data: memoryview, offset: int) -> bytes:
    count = int(np.frombuffer(data, "<u8", 1, offset)[0])
    if not 0 <= count <= len(data) // 8:
        raise ValueError(f"an array of {count} blocks")
    _, last, *sizes = np.frombuffer(data, "<u8", count + 2, offset + 8).tolist()
    start, parts = offset + 8 * (count + 3), []
    for number, size in enumerate(sizes, 1):
        block = zlib.decompressobj()
        parts.append(block.decompress(data[start : start + size], _BLOCK))
        expected = last if number == count and last else _BLOCK
        if len(parts[-1]) != expected or not block.eof:
            raise ValueError(f"a block of {len(parts[-1])} bytes, expected {expected}")
        start += size
    return b"".join(parts)


def collection(entries: list[tuple[int, str]]) -> str:
    """A .pvd index: time, here the number of a particle, and path of each file."""
    rows = "".join(f'<DataSet timestep="{time}" part="0" file="{file}"/>\n' for time, file in entries)
    root = '<?xml version="1.0"?>\n<VTKFile type="Collection" version="1.0">'
    return f"{root}\n<Collection>\n{rows}</Collection>\n</VTKFile>\n"
