"""PLY: the outer surface, and all boundaries with the grains on their sides; binary."""

from pathlib import Path

import numpy as np

from nmcfast.export.tetrahedra import TetDeck
from nmcfast.export.triangles import Polygons, colours, polygons

_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3), ("grain_id", "<i4"), ("neighbour", "<i4"), ("rgb", "u1", 3)])
_HEAD = """\
ply
format binary_little_endian 1.0
comment nmcfast, um
element vertex {points}
property double x
property double y
property double z
element face {faces}
property list uchar int vertex_indices
property int grain_id
property int neighbour
property uchar red
property uchar green
property uchar blue
end_header
"""


def write(deck: TetDeck, folder: Path) -> list[Path]:
    """particle.ply, the outer surface, and facets.ply: every boundary once, faces with grain_id and neighbour, µm."""
    return [_write_faces(folder / f"{drawn.name}.ply", drawn) for drawn in polygons(deck)]


def _write_faces(path: Path, drawn: Polygons) -> Path:
    faces = np.zeros(len(drawn.corners), _FACE)
    faces["count"], faces["corners"] = 3, drawn.corners
    faces["grain_id"], faces["neighbour"] = drawn.sides.T
    faces["rgb"] = colours(faces["grain_id"])
    head = _HEAD.format(points=len(drawn.points), faces=len(faces))
    path.write_bytes(head.encode() + drawn.points.astype("<f8").tobytes() + faces.tobytes())
    return path
