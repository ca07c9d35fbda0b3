"""Abaqus and CalculiX: particle.inp, a deck that runs as it is, with mesh and materials in files of their own."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nmcfast.export.deck import Deck
from nmcfast.export.decks.text import grain_groups, rows, write_grain_table, write_text
from nmcfast.export.hexahedra import HexMesh, hex_mesh
from nmcfast.export.orientations import matrices

# Abaqus counts the sides of a hexahedron in another order than `hexahedra.SIDES`: y− x+ y+ x− z− z+.
_SIDES = np.array([3, 4, 5, 6, 1, 2])

_JOB = """\
*HEADING
Particle of nmcfast: lengths in um, forces in uN, stresses in MPa
*INCLUDE, INPUT=mesh.inp
*INCLUDE, INPUT=materials.inp
** An example to start from: every grain swells along a and shrinks along c while the outer surface is held.
*BOUNDARY
OUTER_NODES, 1, 3
*INITIAL CONDITIONS, TYPE=TEMPERATURE
ALL_NODES, 0.
*STEP
*STATIC
*TEMPERATURE
ALL_NODES, 1.
*NODE FILE
U
*EL FILE
S
*END STEP
"""
_MATERIAL = """\
** THE NUMBERS ARE PLACEHOLDERS of the right order: put in your own. 1, 2 along the basal plane, 3 along c; MPa.
** Expansion is the strain per unit of "temperature", here from 0 to 1 during the step.
*MATERIAL, NAME=NMC811
*ELASTIC, TYPE=ENGINEERING CONSTANTS
200.E3, 200.E3, 140.E3, 0.25, 0.25, 0.25, 80.E3, 55.E3,
55.E3
*EXPANSION, TYPE=ORTHO
0.005, 0.005, -0.01
"""


def write(deck: Deck, folder: Path) -> list[Path]:
    """particle.inp, mesh.inp, materials.inp, grains.csv: one element set, orientation and section a grain, GRAIN_1 …

    Element sets GRAINS; node sets ALL_NODES, OUTER_NODES; surface OUTER.
    """
    mesh = hex_mesh(deck.labels, deck.origin, deck.voxel_size)
    groups = grain_groups(deck)
    return [
        write_text(folder / "particle.inp", [_JOB]),
        write_text(folder / "mesh.inp", _mesh(mesh, groups)),
        write_text(folder / "materials.inp", _materials(deck.orientation, groups)),
        write_grain_table(deck, folder),
    ]


def _mesh(mesh: HexMesh, groups: np.ndarray) -> Iterator[str]:
    yield "*NODE, NSET=ALL_NODES\n"
    yield from rows("%d, %.9g, %.9g, %.9g\n", np.arange(1, len(mesh.points) + 1), mesh.points)
    number = np.arange(1, len(mesh.cells) + 1)
    for grain in groups:
        inside = mesh.grain == grain
        yield f"*ELEMENT, TYPE=C3D8, ELSET=GRAIN_{grain}\n"
        yield from rows("%d" + ", %d" * 8 + "\n", number[inside], mesh.cells[inside] + 1)
    yield "*ELSET, ELSET=GRAINS\n"
    yield from rows("GRAIN_%d\n", groups)
    cell, side = mesh.outer
    yield "*SURFACE, NAME=OUTER, TYPE=ELEMENT\n"
    yield from rows("%d, S%d\n", number[cell], _SIDES[side])
    yield "*NSET, NSET=OUTER_NODES\n"
    yield from rows("%d\n", np.unique(mesh.outer_quads) + 1)


def _materials(orientation: np.ndarray, groups: np.ndarray) -> Iterator[str]:
    yield _MATERIAL
    axes = matrices(orientation)[groups - 1]
    axes_1, axes_2 = axes[:, :, 0], axes[:, :, 1]
    yield from rows(
        "*ORIENTATION, NAME=CRYSTAL_%d, SYSTEM=RECTANGULAR\n" + ", ".join(["%.9f"] * 6) + "\n"
        "*SOLID SECTION, ELSET=GRAIN_%d, MATERIAL=NMC811, ORIENTATION=CRYSTAL_%d\n",
        groups, axes_1, axes_2, groups, groups,
    )  # fmt: skip
