"""MOOSE, phase field: the text file of EBSDMeshGenerator and EBSDReader, one line a voxel."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nmcfast.export.deck import Deck
from nmcfast.export.decks.text import rows, write_text
from nmcfast.export.orientations import bunge_angles

GRAINS, OUTSIDE = 1, 0  # phases
_SYMMETRY = 32  # trigonal, in the numbers of EDAX that DREAM.3D and MOOSE use (43 cubic, 62 hexagonal)
_ROW = "%.7f %.7f %.7f %.9g %.9g %.9g %d %d %d\n"


def write(deck: Deck, folder: Path) -> list[Path]:
    """particle.ebsd.txt, µm and rad: feature 0 of phase 0 is outside, feature i of phase 1 is grain i."""
    return [write_text(folder / "particle.ebsd.txt", _pieces(deck))]


def _pieces(deck: Deck) -> Iterator[str]:
    h, (nz, ny, nx) = deck.voxel_size, deck.labels.shape
    for axis, first, count in zip("XYZ", deck.origin, (nx, ny, nz), strict=True):
        yield f"# {axis}_Min: {first:.9g}\n# {axis}_Max: {first + count * h:.9g}\n"
        yield f"# {axis}_step: {h:.9g}\n# {axis}_Dim: {count}\n"
    yield "# Columns: phi1 PHI phi2 x y z feature_id phase symmetry\n"
    angles = np.concatenate([np.zeros((1, 3)), bunge_angles(deck.orientation)])
    x, y = deck.origin[0] + (np.arange(nx) + 0.5) * h, deck.origin[1] + (np.arange(ny) + 0.5) * h
    plane_x, plane_y = np.tile(x, ny), np.repeat(y, nx)
    for k, plane in enumerate(deck.labels):
        label = plane.ravel()
        z = np.full(len(label), deck.origin[2] + (k + 0.5) * h)
        inside = label > 0
        phase, symmetry = np.where(inside, GRAINS, OUTSIDE), np.where(inside, _SYMMETRY, 0)
        yield from rows(_ROW, angles[label], plane_x, plane_y, z, label, phase, symmetry)
