"""VTK images, .vti: arrays on the voxels of a grid."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nmcfast.export.vtk_xml import inline, inline_file


def write_image(path: Path, arrays: Mapping[str, np.ndarray], origin: np.ndarray, voxel_size: float) -> Path:
    """Arrays (nz, ny, nx) by name as cell data; origin (3,) µm x, y, z is the lower corner, voxel_size µm."""
    first = next(iter(arrays))
    nz, ny, nx = arrays[first].shape
    extent, corner = f"0 {nx} 0 {ny} 0 {nz}", " ".join(repr(float(v)) for v in origin)
    spacing = " ".join([repr(float(voxel_size))] * 3)
    cells = "".join(inline(name, array.ravel()) for name, array in arrays.items())
    body = (
        f' WholeExtent="{extent}" Origin="{corner}" Spacing="{spacing}">\n<Piece Extent="{extent}">\n'
        f'<CellData Scalars="{first}">\n{cells}</CellData>\n</Piece>\n'
    )
    path.write_bytes(inline_file("ImageData", body))
    return path
