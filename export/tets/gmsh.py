"""A Gmsh mesh, MSH 4.1 and 2.2 in text: tetrahedra by grain, triangles of the outer surface and of each pair."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nmcfast.export.decks.text import rows, write_text
from nmcfast.export.tetrahedra import COHESIVE, FIRST_PAIR, INTERFACES, OUTER, TetDeck

_TYPES = {(2, 3): 2, (2, 6): 9, (3, 4): 4, (3, 10): 11, (3, 6): 6}  # Gmsh's number of an element, by dimension, nodes
_LAST = [0, 1, 2, 3, 4, 5, 6, 7, 9, 8]  # its order of ten nodes


class _Group(NamedTuple):
    """Elements (e, nodes) of a geometrical entity, a tag and a name of its own, and a tag of several."""

    dimension: int
    tag: int
    name: str
    elements: np.ndarray
    shared: int = 0


def write(deck: TetDeck, folder: Path) -> list[Path]:
    """particle.msh and particle_v2.msh (2.2), µm: physical volumes grain_1 …, tag = label; physical surfaces.

    `surface` 1000001; `interfaces` 1000002 and, as in pairs.csv, `interface_a_b` 1000004 …, in 2.2 these alone, which
    has one tag an element. Split: prisms of physical volume `cohesive` 1000003.
    """
    groups = list(_groups(deck))
    return [
        write_text(folder / "particle.msh", _pieces_4(deck, groups)),
        write_text(folder / "particle_v2.msh", _pieces_2(deck, groups)),
    ]


def _groups(deck: TetDeck) -> Iterator[_Group]:
    yield _Group(2, OUTER, "surface", deck.outer)
    for k, (a, b, part) in enumerate(deck.facets_of_pairs()):
        yield _Group(2, FIRST_PAIR + k, f"interface_{a}_{b}", deck.facets[part], INTERFACES)
    cells = deck.cells[:, _LAST] if deck.quadratic else deck.cells
    for grain, rows_of in deck.blocks():
        yield _Group(3, grain, f"grain_{grain}", cells[rows_of])
    if len(deck.cohesive):
        yield _Group(3, COHESIVE, "cohesive", deck.cohesive)


def _head(version: str, names: list[tuple[int, int, str]]) -> Iterator[str]:
    yield f"$MeshFormat\n{version} 0 8\n$EndMeshFormat\n$PhysicalNames\n{len(names)}\n"
    yield from (f'{dimension} {tag} "{name}"\n' for dimension, tag, name in names)
    yield "$EndPhysicalNames\n"


def _pieces_4(deck: TetDeck, groups: list[_Group]) -> Iterator[str]:
    names = [(g.dimension, g.tag, g.name) for g in groups]
    names[1:1] = [(2, INTERFACES, "interfaces")] if len(deck.pairs) else []
    yield from _head("4.1", names)
    sheets = sum(g.dimension == 2 for g in groups)
    box = " ".join(f"{v:.9g}" for v in (*deck.points.min(axis=0), *deck.points.max(axis=0)))
    yield f"$Entities\n0 0 {sheets} {len(groups) - sheets}\n"
    for g in groups:
        tags = f"2 {g.tag} {g.shared}" if g.shared else f"1 {g.tag}"
        yield f"{g.tag} {box} {tags} 0\n"
    n = len(deck.points)
    yield f"$EndEntities\n$Nodes\n1 {n} 1 {n}\n3 {deck.groups[0]} 0 {n}\n"
    yield from rows("%d\n", np.arange(1, n + 1))
    yield from rows("%.12g %.12g %.12g\n", deck.points)
    total, first = sum(len(g.elements) for g in groups), 1
    yield f"$EndNodes\n$Elements\n{len(groups)} {total} 1 {total}\n"
    for g in groups:
        count, nodes = g.elements.shape
        yield f"{g.dimension} {g.tag} {_TYPES[g.dimension, nodes]} {count}\n"
        yield from rows("%d" + " %d" * nodes + "\n", np.arange(first, first + count), g.elements + 1)
        first += count
    yield "$EndElements\n"


def _pieces_2(deck: TetDeck, groups: list[_Group]) -> Iterator[str]:
    yield from _head("2.2", [(g.dimension, g.tag, g.name) for g in groups])
    yield f"$Nodes\n{len(deck.points)}\n"
    yield from rows("%d %.12g %.12g %.12g\n", np.arange(1, len(deck.points) + 1), deck.points)
    yield f"$EndNodes\n$Elements\n{sum(len(g.elements) for g in groups)}\n"
    first = 1
    for g in groups:
        count, nodes = g.elements.shape
        pattern = f"%d {_TYPES[g.dimension, nodes]} 2 {g.tag} {g.tag}" + " %d" * nodes + "\n"
        yield from rows(pattern, np.arange(first, first + count), g.elements + 1)
        first += count
    yield "$EndElements\n"
