"""STL: the outer surface, and a closed surface a grain, binary; neighbours have equal triangles, turned round."""

from pathlib import Path

import numpy as np

from nmcfast.export.tetrahedra import TetDeck
from nmcfast.export.triangles import closed_surfaces

_ROW = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def write(deck: TetDeck, folder: Path) -> list[Path]:
    """particle.stl, the outer surface, and grains/grain_1.stl …, µm."""
    (folder / "grains").mkdir()
    written = [_write_surface(folder / "particle.stl", deck.points[deck.outer[:, :3]])]
    for grain, triangles in closed_surfaces(deck):
        written.append(_write_surface(folder / "grains" / f"grain_{grain}.stl", deck.points[triangles]))
    return written


def _write_surface(path: Path, corners: np.ndarray) -> Path:
    """Triangles (t, 3, 3) µm, counter-clockwise from outside."""
    rows = np.zeros(len(corners), _ROW)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    rows["normal"] = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    rows["corners"] = corners
    head = b"nmcfast, um".ljust(80, b" ")
    path.write_bytes(head + np.uint32(len(rows)).astype("<u4").tobytes() + rows.tobytes())
    return path
