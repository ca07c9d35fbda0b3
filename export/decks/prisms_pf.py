"""PRISMS-PF: a rectilinear grid of feature numbers at points, legacy VTK text, and the parameters that load it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nmcfast.export.deck import Deck
from nmcfast.export.decks.text import rows, write_grain_table, write_text

_PER_LINE = 20
_PARAMETERS = """\
# Put these lines into parameters.prm. Lengths are um; the domain runs between centres of voxels, from 0.
set Number of dimensions = 3
set Domain size X = {0:.9g}
set Domain size Y = {1:.9g}
set Domain size Z = {2:.9g}
set Load grain structure = true
set vtk file type = RECTILINEAR
set Grain structure filename = particle
set Grain structure variable name = FeatureIds
"""


def write(deck: Deck, folder: Path) -> list[Path]:
    """particle.vtk with FeatureIds, 0 outside, at the voxels' centres, the first at 0; grains.prm; grains.csv."""
    lengths = [(n - 1) * deck.voxel_size for n in deck.labels.shape[::-1]]
    return [
        write_text(folder / "particle.vtk", _pieces(deck)),
        write_text(folder / "grains.prm", [_PARAMETERS.format(*lengths)]),
        write_grain_table(deck, folder),
    ]


def _pieces(deck: Deck) -> Iterator[str]:
    nz, ny, nx = deck.labels.shape
    yield "# vtk DataFile Version 2.0\nparticle of nmcfast\nASCII\nDATASET RECTILINEAR_GRID\n"
    yield f"DIMENSIONS {nx} {ny} {nz}\n"
    for axis, count in zip("XYZ", (nx, ny, nz), strict=True):
        yield f"{axis}_COORDINATES {count} double\n"
        yield from rows("%.9g\n", np.arange(count) * deck.voxel_size)
    yield f"POINT_DATA {deck.labels.size}\nSCALARS FeatureIds int 1\nLOOKUP_TABLE default\n"
    flat = deck.labels.ravel()
    whole = len(flat) // _PER_LINE * _PER_LINE
    if whole:
        yield from rows(" ".join(["%d"] * _PER_LINE) + "\n", flat[:whole].reshape(-1, _PER_LINE))
    yield " ".join(map(str, flat[whole:].tolist())) + "\n"
