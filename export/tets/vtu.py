"""VTK's unstructured grids: tetrahedra, the facets between them, wedges without thickness, the worst cells."""

from pathlib import Path

import numpy as np

from nmcfast.export.tetrahedra import TetDeck
from nmcfast.export.vtk_xml import Appended

_KINDS = {3: 5, 4: 10, 6: 22, 10: 24}  # VTK's number of triangles and tetrahedra, by nodes
_WEDGE, _TURNED = 13, [0, 2, 1, 3, 5, 4]  # in VTK the base of a wedge looks away from its other side


def write(deck: TetDeck, folder: Path) -> list[Path]:
    """particle.vtu: cells with grain_id, orientation, angle; facets.vtu: triangles with the grains on their sides.

    Split: cohesive.vtu, wedges with the grains on their sides.
    """
    solid = {
        "grain_id": deck.grain.astype(np.int32),
        "orientation": deck.orientation.astype(np.float32)[deck.grain - 1],
        "smallest_dihedral": deck.angle.astype(np.float32),
    }
    written = [
        write_grid(folder / "particle.vtu", deck.points, deck.cells, solid),
        write_grid(folder / "facets.vtu", deck.points, deck.facets, _sides(deck.facet_grains)),
    ]
    if len(deck.cohesive):
        given = deck.points, deck.cohesive[:, _TURNED], _sides(deck.cohesive_grains), _WEDGE
        written.append(write_grid(folder / "cohesive.vtu", *given))
    return written


def _sides(grains: np.ndarray) -> dict[str, np.ndarray]:
    return {"grain_id": grains[:, 0].astype(np.int32), "neighbour": grains[:, 1].astype(np.int32)}


def write_grid(path: Path, points: np.ndarray, cells: np.ndarray, data: dict[str, np.ndarray], kind: int = 0) -> Path:
    """Cells (m, nodes) with their data and the points that they use; kind: VTK's, where nodes do not say it."""
    used, rows = np.unique(cells, return_inverse=True)
    appended, (count, corners) = Appended(), cells.shape
    topology = {
        "connectivity": rows.reshape(-1).astype(np.int32),
        "offsets": np.arange(corners, corners * (count + 1), corners),
        "types": np.full(count, kind or _KINDS[corners], np.uint8),
    }
    where = appended.add("Points", points[used])
    joined = "".join(appended.add(name, values) for name, values in topology.items())
    told = "".join(appended.add(name, values) for name, values in data.items())
    body = (
        f'>\n<Piece NumberOfPoints="{len(used)}" NumberOfCells="{count}">\n<Points>\n{where}</Points>\n'
        f'<Cells>\n{joined}</Cells>\n<CellData Scalars="grain_id">\n{told}</CellData>\n</Piece>\n'
    )
    path.write_bytes(appended.file("UnstructuredGrid", body))
    return path
