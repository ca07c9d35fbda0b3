"""VTK images, .vti: arrays on the voxels of a grid, compressed, as VTK, ParaView, DAMASK and meshio read them."""

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

_TYPES = {"i4": "Int32", "u2": "UInt16", "u4": "UInt32", "f4": "Float32", "f8": "Float64"}
_BLOCK = 1 << 15  # bytes compressed at a time


def write_image(path: Path, arrays: Mapping[str, np.ndarray], origin: np.ndarray, voxel_size: float) -> Path:
    """Arrays (nz, ny, nx) by name as cell data; origin (3,) µm x, y, z is the lower corner, voxel_size µm."""
    (nz, ny, nx) = next(iter(arrays.values())).shape
    extent, corner = f"0 {nx} 0 {ny} 0 {nz}", " ".join(f"{v:.9g}" for v in origin)
    head, data, at = [], [], 0
    for name, array in arrays.items():
        packed = compressed(array)
        kind = _TYPES[array.dtype.str[1:]]
        head.append(f'        <DataArray type="{kind}" Name="{name}" format="appended" offset="{at}"/>\n')
        data.append(packed)
        at += len(packed)
    spacing = " ".join([f"{voxel_size:.9g}"] * 3)
    text = (
        '<?xml version="1.0"?>\n<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" '
        'header_type="UInt64" compressor="vtkZLibDataCompressor">\n'
        f'  <ImageData WholeExtent="{extent}" Origin="{corner}" Spacing="{spacing}">\n'
        f'    <Piece Extent="{extent}">\n      <CellData Scalars="{next(iter(arrays))}">\n{"".join(head)}'
        '      </CellData>\n    </Piece>\n  </ImageData>\n  <AppendedData encoding="raw">\n_'
    )
    tail = b"\n  </AppendedData>\n</VTKFile>\n"  # the newline is for meshio
    path.write_bytes(b"".join([text.encode(), *data, tail]))
    return path


def compressed(array: np.ndarray) -> bytes:
    """An array as VTK appends it: number of blocks, block size, size of the last one, compressed sizes, blocks."""
    raw = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    blocks = [zlib.compress(raw[k : k + _BLOCK], 6) for k in range(0, len(raw), _BLOCK)]
    header = [len(blocks), _BLOCK, len(raw) % _BLOCK, *map(len, blocks)]
    return np.array(header, "<u8").tobytes() + b"".join(blocks)
