"""Abaqus and CalculiX: particle.inp and free.inp, which run as they are, mesh and materials in files beside them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage

from nmcfast.export.deck import Deck
from nmcfast.export.decks.elastic import EXPANSION, STIFFNESS
from nmcfast.export.decks.text import grain_groups, rows, write_grain_table, write_text
from nmcfast.export.hexahedra import HexMesh, hex_mesh
from nmcfast.export.orientations import matrices

# Abaqus counts the sides of a hexahedron in another order than `hexahedra.SIDES`: y− x+ y+ x− z− z+.
_SIDES = np.array([3, 4, 5, 6, 1, 2])

HEAD = """\
*HEADING
Particle of nmcfast: lengths in um, forces in uN, stresses in MPa
*INCLUDE, INPUT=mesh.inp
*INCLUDE, INPUT=materials.inp
"""
HELD = """\
** An example to start from: every grain swells along a and shrinks along c while the outer surface is held.
*BOUNDARY
OUTER_NODES, 1, 3
"""
FREE = """\
** An example to start from: every grain swells along a and shrinks along c, and nothing holds the surface. Three
** nodes keep the particle from moving and turning, without a force.
*BOUNDARY
HELD_1, 1, 3
HELD_2, 2, 3
HELD_3, 3, 3
"""
_REMOVE = """\
** Voxels that no face joins to the rest could move by themselves.
*MODEL CHANGE, TYPE=ELEMENT, REMOVE
LOOSE,
"""
STEP = """\
*INITIAL CONDITIONS, TYPE=TEMPERATURE
ALL_NODES, 0.
*STEP
*STATIC
{}*TEMPERATURE
ALL_NODES, 1.
*NODE FILE
U
*EL FILE
S
*END STEP
"""
_MATERIAL = """\
** THE NUMBERS ARE A CHOICE, of LiCrO2, which has the same structure: put in your own. 1 along a, 3 along c; MPa.
** R-3m: C11 C12 C22 C13 C23 C33 C16 C26 / C36 C66 C15 C25 C35 C56 C55 C14 / C24 C34 C46 C45 C44; 4 is 23, 5 13, 6 12.
*MATERIAL, NAME=NMC811
*ELASTIC, TYPE=ANISO
{C11}, {C12}, {C11}, {C13}, {C13}, {C33}, 0., 0.,
0., {C66}, 0., 0., 0., {C14}, {C44}, {C14},
{C24}, 0., 0., 0., {C44}
** Expansion along 1, 2, 3 is the strain per unit of "temperature", here from 0 to 1 during the step.
*EXPANSION, TYPE=ORTHO
{expansion}
"""


def write(deck: Deck, folder: Path) -> list[Path]:
    """particle.inp (surface held), free.inp, mesh.inp, materials.inp, grains.csv: sets and sections GRAIN_1 …

    Element sets GRAINS, LOOSE (no face joins them to the largest part; left out when there are none); node sets
    ALL_NODES, OUTER_NODES, HELD_1 to HELD_3; surface OUTER.
    """
    mesh = hex_mesh(deck.labels, deck.origin, deck.voxel_size)
    groups, body = grain_groups(deck), in_largest_part(deck.labels)[mesh.voxel]
    remove = "" if body.all() else _REMOVE
    return [
        write_text(folder / "particle.inp", [HEAD, HELD, STEP.format("")]),
        write_text(folder / "free.inp", [HEAD, FREE, STEP.format(remove)]),
        write_text(folder / "mesh.inp", _mesh(mesh, groups, body)),
        write_text(folder / "materials.inp", materials(deck.orientation, groups)),
        write_grain_table(deck, folder),
    ]


def in_largest_part(labels: np.ndarray) -> np.ndarray:
    """Flat, whether each voxel of labels (nz, ny, nx) is in the largest part whose voxels share faces; 0 is outside."""
    parts, _ = ndimage.label(labels > 0)
    sizes = np.bincount(parts.ravel(), minlength=2)
    return (parts == 1 + np.argmax(sizes[1:])).ravel()


def three_nodes(mesh: HexMesh, body: np.ndarray) -> tuple[int, int, int]:
    """Nodes that hold a particle: one near its middle, the farthest from it along x, and the farthest along y.

    body (m,): the cells they may belong to. Fixed by three, two and one displacements they take up no force.
    """
    used = np.unique(mesh.cells[body])
    points = mesh.points[used]
    middle = np.argmin(((points - points.mean(axis=0)) ** 2).sum(axis=1))
    away = np.abs(points - points[middle])
    near = 1e-6 * away.max()
    along = []
    for axis, across in ((0, [1, 2]), (1, [0, 2])):
        beside = (away[:, across] < near).all(axis=1)
        along.append(int(used[np.argmax(np.where(beside, away[:, axis], -1.0))]))
    return int(used[middle]), along[0], along[1]


def _mesh(mesh: HexMesh, groups: np.ndarray, body: np.ndarray) -> Iterator[str]:
    yield "*NODE, NSET=ALL_NODES\n"
    yield from rows("%d, %.9g, %.9g, %.9g\n", np.arange(1, len(mesh.points) + 1), mesh.points)
    number = np.arange(1, len(mesh.cells) + 1)
    for grain in groups:
        inside = mesh.grain == grain
        yield f"*ELEMENT, TYPE=C3D8, ELSET=GRAIN_{grain}\n"
        yield from rows("%d" + ", %d" * 8 + "\n", number[inside], mesh.cells[inside] + 1)
    yield "*ELSET, ELSET=GRAINS\n"
    yield from rows("GRAIN_%d\n", groups)
    if not body.all():
        yield "*ELSET, ELSET=LOOSE\n"
        yield from rows("%d\n", number[~body])
    cell, side = mesh.outer
    yield "*SURFACE, NAME=OUTER, TYPE=ELEMENT\n"
    yield from rows("%d, S%d\n", number[cell], _SIDES[side])
    yield "*NSET, NSET=OUTER_NODES\n"
    yield from rows("%d\n", np.unique(mesh.outer_quads) + 1)
    for k, node in enumerate(three_nodes(mesh, body) if body.any() else (), 1):
        yield f"*NSET, NSET=HELD_{k}\n{node + 1}\n"


def materials(orientation: np.ndarray, groups: np.ndarray) -> Iterator[str]:
    """The material NMC811, and of each group its crystal axes and its section."""
    constants = {**STIFFNESS, "C24": -STIFFNESS["C14"], "C66": (STIFFNESS["C11"] - STIFFNESS["C12"]) / 2}
    yield _MATERIAL.format(**constants, expansion=", ".join(map(str, EXPANSION)))
    axes = matrices(orientation)[groups - 1]
    axes_1, axes_2 = axes[:, :, 0], axes[:, :, 1]
    yield from rows(
        "*ORIENTATION, NAME=CRYSTAL_%d, SYSTEM=RECTANGULAR\n" + ", ".join(["%.9f"] * 6) + "\n"
        "*SOLID SECTION, ELSET=GRAIN_%d, MATERIAL=NMC811, ORIENTATION=CRYSTAL_%d\n",
        groups,
        axes_1,
        axes_2,
        groups,
        groups,
    )
