"""VTK's polygons: the outer surface, and all boundaries with the grains on their sides."""

from pathlib import Path

import numpy as np

from nmcfast.export.tetrahedra import TetDeck
from nmcfast.export.vtk_xml import Appended


def write(deck: TetDeck, folder: Path) -> list[Path]:
    """particle.vtp, the outer surface, and facets.vtp: every boundary once, with grain_id and neighbour, µm."""
    return [
        _write_polygons(folder / "particle.vtp", deck, deck.outside),
        _write_polygons(folder / "facets.vtp", deck, np.ones(len(deck.facets), bool)),
    ]


def _write_polygons(path: Path, deck: TetDeck, chosen: np.ndarray) -> Path:
    used, corners = np.unique(deck.facets[chosen, :3], return_inverse=True)
    count, appended = int(chosen.sum()), Appended()
    where = appended.add("Points", deck.points[used])
    joined = appended.add("connectivity", corners.reshape(-1).astype(np.int32))
    joined += appended.add("offsets", np.arange(3, 3 * count + 1, 3))
    names = ("grain_id", "neighbour")
    sides = deck.facet_grains[chosen].astype(np.int32)
    told = "".join(appended.add(name, sides[:, k].copy()) for k, name in enumerate(names))
    body = (
        f'>\n<Piece NumberOfPoints="{len(used)}" NumberOfVerts="0" NumberOfLines="0" NumberOfStrips="0" '
        f'NumberOfPolys="{count}">\n<Points>\n{where}</Points>\n<Polys>\n{joined}</Polys>\n'
        f'<CellData Scalars="grain_id">\n{told}</CellData>\n</Piece>\n'
    )
    path.write_bytes(appended.file("PolyData", body))
    return path
