"""Text files of many rows, and the table of grains that goes with every mesh."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from nmcfast.export.deck import Deck
from nmcfast.export.orientations import bunge_angles

_ROWS = 10_000  # formatted at a time
TABLE = "grains.csv"
_HEAD = "grain_id,voxels,volume_um3,x_um,y_um,z_um,qw,qx,qy,qz,phi1_rad,Phi_rad,phi2_rad\n"


def rows(pattern: str, *arrays: np.ndarray) -> Iterator[str]:
    """The pattern filled with each row of arrays (n,) or (n, k) put side by side."""
    columns = [column for array in arrays for column in array.reshape(len(array), -1).T]
    for first in range(0, len(columns[0]), _ROWS):
        part = (column[first : first + _ROWS].tolist() for column in columns)
        yield "".join(map(pattern.__mod__, zip(*part, strict=True)))


def write_text(path: Path, pieces: Iterable[str]) -> Path:
    """The pieces one after the other in a file, UTF-8, lines end with a single character."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(pieces)
    return path


def voxel_counts(deck: Deck) -> np.ndarray:
    """Voxels of each grain (n,); 0 where the voxels are too coarse for it."""
    return np.bincount(deck.labels.ravel(), minlength=deck.grains + 1)[1:]


def grain_groups(deck: Deck) -> np.ndarray:
    """The labels that have voxels, in order: those which a mesh can have as groups of elements."""
    return np.flatnonzero(voxel_counts(deck)) + 1


def write_grain_table(deck: Deck, folder: Path) -> Path:
    """grains.csv: one row a grain with label, voxels, volume on this grid, centroid, quaternion, Bunge angles."""
    counts = voxel_counts(deck)
    label = np.arange(1, deck.grains + 1)
    body = rows(
        "%d,%d" + ",%.9g" * 11 + "\n",
        label,
        counts,
        counts * deck.voxel_size**3,
        deck.centroid,
        deck.orientation,
        bunge_angles(deck.orientation),
    )
    return write_text(folder / TABLE, [_HEAD, *body])
