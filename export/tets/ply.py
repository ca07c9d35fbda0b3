"""PLY: the outer surface, and all boundaries with the grains on their sides; binary."""

from pathlib import Path

import numpy as np

from nmcfast.export.tetrahedra import TetDeck
from nmcfast.export.triangles import colours

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
    return [
        _write_faces(folder / "particle.ply", deck, deck.outside),
        _write_faces(folder / "facets.ply", deck, np.ones(len(deck.facets), bool)),
    ]


def _write_faces(path: Path, deck: TetDeck, chosen: np.ndarray) -> Path:
    used, corners = np.unique(deck.facets[chosen, :3], return_inverse=True)
    faces = np.zeros(int(chosen.sum()), _FACE)
    faces["count"], faces["corners"] = 3, corners.reshape(-1, 3)
    faces["grain_id"], faces["neighbour"] = deck.facet_grains[chosen].T
    faces["rgb"] = colours(faces["grain_id"])
    head = _HEAD.format(points=len(used), faces=len(faces))
    path.write_bytes(head.encode() + deck.points[used].astype("<f8").tobytes() + faces.tobytes())
    return path
