"""The files of a mesh of tetrahedra: those of a format, tables of grains and of pairs of grains, figures of quality."""

from importlib import import_module
from pathlib import Path

import numpy as np

from nmcfast.errors import InputError
from nmcfast.export.decks.text import rows, write_text
from nmcfast.export.formats import COHESIVE, SURFACES, TETRAHEDRA
from nmcfast.export.orientations import bunge_angles
from nmcfast.export.tetrahedra import FIRST_PAIR, TetDeck
from nmcfast.export.tets import report

_TABLE = "grain_id,tetrahedra,volume_um3,x_um,y_um,z_um,qw,qx,qy,qz,phi1_rad,Phi_rad,phi2_rad\n"
_PAIRS = "tag,grain_a,grain_b,facets,area_um2\n"


def write(deck: TetDeck, folder: Path, format: str) -> list[Path]:
    """The files of a format, grains.csv (a row a grain, tetrahedra 0 where it got none), pairs.csv, quality.*."""
    if len(deck.cohesive) and format not in COHESIVE:
        raise InputError(f"--to: {format} has no cohesive elements, expected one of {', '.join(sorted(COHESIVE))}")
    written = import_module({**TETRAHEDRA, **SURFACES}[format]).write(deck, folder)
    return [*written, grain_table(deck, folder), pair_table(deck, folder), *report.write(deck, folder)]


def grain_table(deck: TetDeck, folder: Path) -> Path:
    """grains.csv: a row a grain with its label, tetrahedra, volume in the mesh, centroid, quaternion, Bunge angles."""
    counts = np.bincount(deck.grain, minlength=len(deck.volume) + 1)[1:]
    label = np.arange(1, len(deck.volume) + 1)
    angles = bunge_angles(deck.orientation)
    body = rows("%d,%d" + ",%.9g" * 11 + "\n", label, counts, deck.volume, deck.centroid, deck.orientation, angles)
    return write_text(folder / "grains.csv", [_TABLE, *body])


def pair_table(deck: TetDeck, folder: Path) -> Path:
    """pairs.csv: a row for each two grains that share a boundary, with the number of its group of facets."""
    facets = np.array([len(part) for _, _, part in deck.facets_of_pairs()], np.int64)
    tag = FIRST_PAIR + np.arange(len(deck.pairs))
    return write_text(folder / "pairs.csv", [_PAIRS, *rows("%d,%d,%d,%d,%.9g\n", tag, deck.pairs, facets, deck.areas)])
