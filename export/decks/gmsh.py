"""A Gmsh mesh, MSH 4.1 and 2.2 in text: hexahedra by grain, quadrangles of the outer surface."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nmcfast.export.deck import Deck
from nmcfast.export.decks.text import grain_groups, rows, write_grain_table, write_text
from nmcfast.export.hexahedra import HexMesh, hex_mesh

# Physical tag of the outer surface. Some readers mix the tags of volumes and surfaces up: no grain has this number.
SURFACE = 1_000_001
_QUAD, _HEX = 3, 5  # Gmsh's element types


def write(deck: Deck, folder: Path) -> list[Path]:
    """particle.msh and particle_v2.msh (2.2), µm: physical volumes grain_1 …, tag = label, physical surface `surface`.

    NGSolve and FiPy read 2.2 only. And grains.csv.
    """
    mesh, groups = hex_mesh(deck.labels, deck.origin, deck.voxel_size), grain_groups(deck)
    return [
        write_text(folder / "particle.msh", _pieces_4(mesh, groups)),
        write_text(folder / "particle_v2.msh", _pieces_2(mesh, groups)),
        write_grain_table(deck, folder),
    ]


def _head(version: str, groups: np.ndarray) -> Iterator[str]:
    yield f"$MeshFormat\n{version} 0 8\n$EndMeshFormat\n"
    yield f'$PhysicalNames\n{len(groups) + 1}\n2 {SURFACE} "surface"\n'
    yield from rows('3 %d "grain_%d"\n', groups, groups)
    yield "$EndPhysicalNames\n"


def _pieces_2(mesh: HexMesh, groups: np.ndarray) -> Iterator[str]:
    yield from _head("2.2", groups)
    yield f"$Nodes\n{len(mesh.points)}\n"
    yield from rows("%d %.9g %.9g %.9g\n", np.arange(1, len(mesh.points) + 1), mesh.points)
    quads = mesh.outer_quads + 1
    number = np.arange(1, len(quads) + len(mesh.cells) + 1)
    yield f"$EndNodes\n$Elements\n{len(number)}\n"
    yield from rows(f"%d {_QUAD} 2 {SURFACE} 1" + " %d" * 4 + "\n", number[: len(quads)], quads)
    yield from rows(
        f"%d {_HEX} 2 %d %d" + " %d" * 8 + "\n", number[len(quads) :], mesh.grain, mesh.grain, mesh.cells + 1
    )
    yield "$EndElements\n"


def _pieces_4(mesh: HexMesh, groups: np.ndarray) -> Iterator[str]:
    yield from _head("4.1", groups)
    box = " ".join(f"{v:.9g}" for v in (*mesh.points.min(axis=0), *mesh.points.max(axis=0)))
    yield f"$Entities\n0 0 1 {len(groups)}\n1 {box} 1 {SURFACE} 0\n"
    yield from rows(f"%d {box} 1 %d 0\n", groups, groups)
    yield "$EndEntities\n"
    n = len(mesh.points)
    yield f"$Nodes\n1 {n} 1 {n}\n3 {groups[0]} 0 {n}\n"
    yield from rows("%d\n", np.arange(1, n + 1))
    yield from rows("%.9g %.9g %.9g\n", mesh.points)
    yield "$EndNodes\n"
    quads = mesh.outer_quads + 1
    total = len(quads) + len(mesh.cells)
    yield f"$Elements\n{len(groups) + 1} {total} 1 {total}\n2 1 {_QUAD} {len(quads)}\n"
    yield from rows("%d" + " %d" * 4 + "\n", np.arange(1, len(quads) + 1), quads)
    first = len(quads) + 1
    for grain in groups:
        cells = mesh.cells[mesh.grain == grain] + 1
        yield f"3 {grain} {_HEX} {len(cells)}\n"
        yield from rows("%d" + " %d" * 8 + "\n", np.arange(first, first + len(cells)), cells)
        first += len(cells)
    yield "$EndElements\n"
