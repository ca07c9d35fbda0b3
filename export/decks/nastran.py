"""NASTRAN bulk data, as COMSOL imports it: hexahedra with a property, a material and a coordinate system a grain."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nmcfast.export.deck import Deck
from nmcfast.export.decks.text import grain_groups, rows, write_grain_table, write_text
from nmcfast.export.hexahedra import HexMesh, hex_mesh
from nmcfast.export.orientations import matrices

SURFACE = 1_000_001  # property of the quadrangles of the outer surface; no grain has this number

HEAD = """\
$ Particle of nmcfast: um, MPa. THE NUMBERS OF MAT1 ARE PLACEHOLDERS: put in your own.
SOL 101
CEND
BEGIN BULK
"""
GRID = "GRID*   %16d                %16.9f%16.9f\n*       %16.9f\n"
_HEXA = "CHEXA   " + "%8d" * 8 + "\n        %8d%8d\n"
_QUAD = f"CQUAD4  %8d{SURFACE:8d}" + "%8d" * 4 + "\n"
# Origin, a point on the z axis (c) and one in the xz plane (along a).
_SYSTEM = "CORD2R* %16d               0%16.9f%16.9f\n*       %16.9f%16.9f%16.9f%16.9f\n*       %16.9f%16.9f%16.9f\n"
_PROPERTY = "PSOLID  %8d%8d%8d\n"
_MATERIAL = "MAT1    %8d 140000.             0.3\n"


def write(deck: Deck, folder: Path) -> list[Path]:
    """particle.nas, µm and MPa: PSOLID, MAT1 (a placeholder) and CORD2R i of grain i; PSHELL 1000001; grains.csv."""
    mesh = hex_mesh(deck.labels, deck.origin, deck.voxel_size)
    pieces = _pieces(mesh, grain_groups(deck), deck)
    return [write_text(folder / "particle.nas", pieces), write_grain_table(deck, folder)]


def _pieces(mesh: HexMesh, groups: np.ndarray, deck: Deck) -> Iterator[str]:
    yield HEAD
    yield from rows(GRID, np.arange(1, len(mesh.points) + 1), mesh.points)
    quads = mesh.outer_quads + 1
    number = np.arange(1, len(mesh.cells) + len(quads) + 1)
    yield from rows(_HEXA, number[: len(mesh.cells)], mesh.grain, mesh.cells + 1)
    yield from rows(_QUAD, number[len(mesh.cells) :], quads)
    yield from properties(deck.orientation, deck.centroid, groups)


def properties(orientation: np.ndarray, centroid: np.ndarray, groups: np.ndarray) -> Iterator[str]:
    """Properties, materials and crystal axes of the groups, and the end of the file."""
    yield f"PSHELL  {SURFACE:8d}{groups[0]:8d}      1.\n"
    yield from rows(_PROPERTY, groups, groups, groups)
    yield from rows(_MATERIAL, groups)
    axes, origin = matrices(orientation)[groups - 1], centroid[groups - 1]
    yield from rows(_SYSTEM, groups, origin, origin + axes[:, :, 2], origin + axes[:, :, 0])
    yield "ENDDATA\n"
