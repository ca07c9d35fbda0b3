"""VTK's polygons: the outer surface, and all boundaries with the grains on their sides."""

from pathlib import Path

import numpy as np

from nmcfast.export.tetrahedra import TetDeck
from nmcfast.export.triangles import Polygons, polygons
from nmcfast.export.vtk_xml import Appended


def write(deck: TetDeck, folder: Path) -> list[Path]:
    """particle.vtp, the outer surface, and facets.vtp: every boundary once, with grain_id and neighbour, µm."""
    return [_write_polygons(folder / f"{drawn.name}.vtp", drawn) for drawn in polygons(deck)]


def _write_polygons(path: Path, drawn: Polygons) -> Path:
    count, appended = len(drawn.corners), Appended()
    where = appended.add("Points", drawn.points)
    joined = appended.add("connectivity", drawn.corners.reshape(-1))
    joined += appended.add("offsets", np.arange(3, 3 * count + 1, 3))
    names = ("grain_id", "neighbour")
    told = "".join(appended.add(name, drawn.sides[:, k].copy()) for k, name in enumerate(names))
    body = (
        f'>\n<Piece NumberOfPoints="{len(drawn.points)}" NumberOfVerts="0" NumberOfLines="0" NumberOfStrips="0" '
        f'NumberOfPolys="{count}">\n<Points>\n{where}</Points>\n<Polys>\n{joined}</Polys>\n'
        f'<CellData Scalars="grain_id">\n{told}</CellData>\n</Piece>\n'
    )
    path.write_bytes(appended.file("PolyData", body))
    return path
