"""Tetrahedra of a particle in the formats of meshes: one function a format, TETRAHEDRA says which there are."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from nmcfast.export.decks.text import rows, write_text
from nmcfast.export.orientations import bunge_angles, matrices
from nmcfast.export.tetrahedra import TetDeck
from nmcfast.export.vtk_xml import Appended

SURFACE = 1_000_001  # physical tag of the outer surface in Gmsh, as that of hexahedra
INTERFACES = 1_000_002  # of all facets between grains
_TRIANGLE, _TETRAHEDRON = 2, 4  # Gmsh's element types
_VTK_TRIANGLE, _VTK_TETRAHEDRON = 5, 10
_TABLE = "grain_id,tetrahedra,volume_um3,x_um,y_um,z_um,qw,qx,qy,qz,phi1_rad,Phi_rad,phi2_rad\n"

Writer = Callable[[TetDeck, Path], list[Path]]


def write(deck: TetDeck, folder: Path, format: str) -> list[Path]:
    """The files of a format, grains.csv (a row a grain, tetrahedra 0 where it got none) and quality.json."""
    report = folder / "quality.json"
    report.write_text(json.dumps(deck.report, indent=1) + "\n", encoding="utf-8")
    return [*TETRAHEDRA[format](deck, folder), _grain_table(deck, folder), report]


def _grain_table(deck: TetDeck, folder: Path) -> Path:
    counts = np.bincount(deck.grain, minlength=len(deck.volume) + 1)[1:]
    label = np.arange(1, len(deck.volume) + 1)
    angles = bunge_angles(deck.orientation)
    body = rows("%d,%d" + ",%.9g" * 11 + "\n", label, counts, deck.volume, deck.centroid, deck.orientation, angles)
    return write_text(folder / "grains.csv", [_TABLE, *body])


def _write_abaqus(deck: TetDeck, folder: Path) -> list[Path]:
    """mesh.inp: C3D4 by sets GRAIN_1 …, surface OUTER, node sets ALL_NODES, OUTER_NODES, INTERFACE_NODES."""
    return [write_text(folder / "mesh.inp", [*_abaqus_mesh(deck), *_abaqus_orientations(deck)])]


def _abaqus_mesh(deck: TetDeck) -> Iterator[str]:
    yield "*HEADING\nParticle of nmcfast: lengths in um\n*NODE, NSET=ALL_NODES\n"
    yield from rows("%d, %.12g, %.12g, %.12g\n", np.arange(1, len(deck.points) + 1), deck.points)
    number = np.arange(1, len(deck.cells) + 1)
    for grain in deck.groups:
        inside = deck.grain == grain
        yield f"*ELEMENT, TYPE=C3D4, ELSET=GRAIN_{grain}\n"
        yield from rows("%d" + ", %d" * 4 + "\n", number[inside], deck.cells[inside] + 1)
    yield "*ELSET, ELSET=GRAINS\n"
    yield from rows("GRAIN_%d\n", deck.groups)
    cell, side = deck.outer_sides
    yield "*SURFACE, NAME=OUTER, TYPE=ELEMENT\n"
    yield from rows("%d, S%d\n", number[cell], side + 1)
    for name, facets in (("OUTER_NODES", deck.outer), ("INTERFACE_NODES", deck.interfaces[0])):
        if len(facets):
            yield f"*NSET, NSET={name}\n"
            yield from rows("%d\n", np.unique(facets) + 1)


def _abaqus_orientations(deck: TetDeck) -> Iterator[str]:
    if len(deck.orientation):
        axes = matrices(deck.orientation)[deck.groups - 1]
        pattern = "*ORIENTATION, NAME=CRYSTAL_%d, SYSTEM=RECTANGULAR\n" + ", ".join(["%.9f"] * 6) + "\n"
        yield from rows(pattern, deck.groups, axes[:, :, 0], axes[:, :, 1])


def _write_gmsh(deck: TetDeck, folder: Path) -> list[Path]:
    """particle.msh, MSH 4.1: physical volumes grain_1 …, physical surfaces `surface` and `interfaces`."""
    return [write_text(folder / "particle.msh", _gmsh(deck))]


def _gmsh(deck: TetDeck) -> Iterator[str]:
    groups, inner = deck.groups, deck.interfaces[0]
    sheets = [(SURFACE, "surface", deck.outer)] + ([(INTERFACES, "interfaces", inner)] if len(inner) else [])
    yield f"$MeshFormat\n4.1 0 8\n$EndMeshFormat\n$PhysicalNames\n{len(groups) + len(sheets)}\n"
    yield from (f'2 {tag} "{name}"\n' for tag, name, _ in sheets)
    yield from rows('3 %d "grain_%d"\n', groups, groups)
    box = " ".join(f"{v:.9g}" for v in (*deck.points.min(axis=0), *deck.points.max(axis=0)))
    yield f"$EndPhysicalNames\n$Entities\n0 0 {len(sheets)} {len(groups)}\n"
    yield from (f"{k} {box} 1 {tag} 0\n" for k, (tag, _, _) in enumerate(sheets, 1))
    yield from rows(f"%d {box} 1 %d 0\n", groups, groups)
    n = len(deck.points)
    yield f"$EndEntities\n$Nodes\n1 {n} 1 {n}\n3 {groups[0]} 0 {n}\n"
    yield from rows("%d\n", np.arange(1, n + 1))
    yield from rows("%.12g %.12g %.12g\n", deck.points)
    total = sum(len(facets) for _, _, facets in sheets) + len(deck.cells)
    yield f"$EndNodes\n$Elements\n{len(sheets) + len(groups)} {total} 1 {total}\n"
    first = 1
    for k, (_, _, facets) in enumerate(sheets, 1):
        yield f"2 {k} {_TRIANGLE} {len(facets)}\n"
        yield from rows("%d %d %d %d\n", np.arange(first, first + len(facets)), facets + 1)
        first += len(facets)
    for grain in groups:
        cells = deck.cells[deck.grain == grain] + 1
        yield f"3 {grain} {_TETRAHEDRON} {len(cells)}\n"
        yield from rows("%d %d %d %d %d\n", np.arange(first, first + len(cells)), cells)
        first += len(cells)
    yield "$EndElements\n"


def _write_vtu(deck: TetDeck, folder: Path) -> list[Path]:
    """particle.vtu: tetrahedra with grain_id and orientation; facets.vtu: triangles with the grains on their sides."""
    solid = {"grain_id": deck.grain.astype(np.int32)}
    if len(deck.orientation):
        solid["orientation"] = deck.orientation.astype(np.float32)[deck.grain - 1]
    sides = {
        "grain_id": deck.facet_grains[:, 0].astype(np.int32),
        "neighbour": deck.facet_grains[:, 1].astype(np.int32),
    }
    used, facets = np.unique(deck.facets, return_inverse=True)
    given = (
        ("particle.vtu", deck.points, deck.cells, _VTK_TETRAHEDRON, solid),
        ("facets.vtu", deck.points[used], facets.reshape(-1, 3).astype(np.int32), _VTK_TRIANGLE, sides),
    )
    return [_grid(folder / name, *arrays) for name, *arrays in given]


def _grid(path: Path, points: np.ndarray, cells: np.ndarray, kind: int, data: dict[str, np.ndarray]) -> Path:
    appended, (count, corners) = Appended(), cells.shape
    topology = {
        "connectivity": cells.ravel(),
        "offsets": np.arange(corners, corners * (count + 1), corners),
        "types": np.full(count, kind, np.uint8),
    }
    where = appended.add("Points", points)
    joined = "".join(appended.add(name, values) for name, values in topology.items())
    told = "".join(appended.add(name, values) for name, values in data.items())
    body = (
        f'>\n<Piece NumberOfPoints="{len(points)}" NumberOfCells="{count}">\n<Points>\n{where}</Points>\n'
        f'<Cells>\n{joined}</Cells>\n<CellData Scalars="grain_id">\n{told}</CellData>\n</Piece>\n'
    )
    path.write_bytes(appended.file("UnstructuredGrid", body))
    return path


TETRAHEDRA: dict[str, Writer] = {"abaqus": _write_abaqus, "gmsh": _write_gmsh, "vtu": _write_vtu}
