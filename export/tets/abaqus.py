"""Abaqus and CalculiX: the files of hexahedra with tetrahedra in them, and cohesive elements where nodes are split."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nmcfast.export.decks.abaqus import FREE, HEAD, HELD, STEP, materials
from nmcfast.export.decks.text import rows, write_text
from nmcfast.export.tetrahedra import TetDeck

_INTERFACE = """\
** THE NUMBERS ARE A CHOICE: put in your own. Stiffness MPa/um, strength MPa, energy of opening uN/um.
*COHESIVE SECTION, ELSET=COHESIVE, MATERIAL=GRAIN_BOUNDARY, RESPONSE=TRACTION SEPARATION, THICKNESS=SPECIFIED
1.,
*MATERIAL, NAME=GRAIN_BOUNDARY
*ELASTIC, TYPE=TRACTION
1e6, 1e6, 1e6
*DAMAGE INITIATION, CRITERION=QUADS
100., 100., 100.
*DAMAGE EVOLUTION, TYPE=ENERGY
1.,
"""


def write(deck: TetDeck, folder: Path) -> list[Path]:
    """particle.inp (surface held), free.inp, mesh.inp, materials.inp: C3D4 or C3D10, named as the hexahedra are.

    Element sets GRAIN_1 …, GRAINS; surfaces OUTER, and INTERFACE_a_b of sides of grain a; node sets ALL_NODES,
    OUTER_NODES, INTERFACE_NODES, HELD_1 to HELD_3. Split: COH3D6 in element sets COHESIVE_a_b, COHESIVE.
    """
    bonds = [_INTERFACE] if len(deck.cohesive) else []
    return [
        write_text(folder / "particle.inp", [HEAD, HELD, STEP.format("")]),
        write_text(folder / "free.inp", [HEAD, FREE, STEP.format("")]),
        write_text(folder / "mesh.inp", _mesh(deck)),
        write_text(folder / "materials.inp", [*materials(deck.orientation, deck.groups), *bonds]),
    ]


def three_nodes(points: np.ndarray) -> tuple[int, int, int]:
    """Nodes that hold a particle: one near its middle, the farthest from it along x, the farthest along y of the line.

    Fixed by three, two and one displacements they take up no force.
    """
    middle = int(np.argmin(((points - points.mean(axis=0)) ** 2).sum(axis=1)))
    away = points - points[middle]
    along = int(np.argmax(np.abs(away[:, 0]) - np.hypot(away[:, 1], away[:, 2])))
    beside = away - away[:, :1] / away[along, 0] * away[along]
    return middle, along, int(np.argmax(np.abs(beside[:, 1])))


def _mesh(deck: TetDeck) -> Iterator[str]:
    yield "*NODE, NSET=ALL_NODES\n"
    yield from rows("%d, %.12g, %.12g, %.12g\n", np.arange(1, len(deck.points) + 1), deck.points)
    nodes = deck.cells.shape[1]
    number = np.arange(1, len(deck.cells) + len(deck.cohesive) + 1)
    for grain, part in deck.blocks():
        yield f"*ELEMENT, TYPE=C3D{nodes}, ELSET=GRAIN_{grain}\n"
        yield from rows("%d" + ", %d" * nodes + "\n", number[part], deck.cells[part] + 1)
    yield "*ELSET, ELSET=GRAINS\n"
    yield from rows("GRAIN_%d\n", deck.groups)
    yield from _cohesive(deck, number[len(deck.cells) :])
    yield from _surfaces(deck, number)
    inner, split = deck.interfaces[0], deck.cohesive
    for name, used in (("OUTER_NODES", [deck.outer]), ("INTERFACE_NODES", [inner, split])):
        if used[0].size:
            yield f"*NSET, NSET={name}\n"
            yield from rows("%d\n", np.unique(np.concatenate([part.ravel() for part in used])) + 1)
    for k, node in enumerate(three_nodes(deck.points), 1):
        yield f"*NSET, NSET=HELD_{k}\n{node + 1}\n"


def _cohesive(deck: TetDeck, number: np.ndarray) -> Iterator[str]:
    """COH3D6: three nodes of the lower face, the normal of their turn towards the upper one, then their twins."""
    pairs, kind = np.unique(deck.cohesive_grains, axis=0, return_inverse=True)
    rows_of = np.split(np.argsort(kind.ravel(), kind="stable"), np.cumsum(np.bincount(kind.ravel()))[:-1])
    for (a, b), part in zip(pairs.tolist(), rows_of, strict=False):
        yield f"*ELEMENT, TYPE=COH3D6, ELSET=COHESIVE_{a}_{b}\n"
        yield from rows("%d" + ", %d" * 6 + "\n", number[part], deck.cohesive[part] + 1)
    if len(pairs):
        yield "*ELSET, ELSET=COHESIVE\n"
        yield from rows("COHESIVE_%d_%d\n", pairs)


def _surfaces(deck: TetDeck, number: np.ndarray) -> Iterator[str]:
    cell, side = deck.sides
    yield "*SURFACE, NAME=OUTER, TYPE=ELEMENT\n"
    yield from rows("%d, S%d\n", number[cell[deck.outside]], side[deck.outside] + 1)
    for a, b, part in deck.facets_of_pairs():
        yield f"*SURFACE, NAME=INTERFACE_{a}_{b}, TYPE=ELEMENT\n"
        yield from rows("%d, S%d\n", number[cell[part]], side[part] + 1)
