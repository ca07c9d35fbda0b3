"""NASTRAN bulk data, as COMSOL imports it: tetrahedra with a property, a material and a coordinate system a grain."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nmcfast.export.decks.nastran import GRID, HEAD, SURFACE, properties
from nmcfast.export.decks.text import rows, write_text
from nmcfast.export.tetrahedra import TetDeck

# Fields after the name of a card: eight on a line.
_TETRA = {4: "CTETRA  " + "%8d" * 6 + "\n", 10: "CTETRA  " + "%8d" * 8 + "\n        " + "%8d" * 4 + "\n"}
_TRIANGLE = {3: f"CTRIA3  %8d{SURFACE:8d}" + "%8d" * 3 + "\n", 6: f"CTRIA6  %8d{SURFACE:8d}" + "%8d" * 6 + "\n"}


def write(deck: TetDeck, folder: Path) -> list[Path]:
    """particle.nas, µm and MPa: CTETRA; PSOLID, MAT1 (a placeholder), CORD2R i of grain i; PSHELL 1000001 outside."""
    return [write_text(folder / "particle.nas", _pieces(deck))]


def _pieces(deck: TetDeck) -> Iterator[str]:
    yield HEAD
    yield from rows(GRID, np.arange(1, len(deck.points) + 1), deck.points)
    outer = deck.outer + 1
    number = np.arange(1, len(deck.cells) + len(outer) + 1)
    yield from rows(_TETRA[deck.cells.shape[1]], number[: len(deck.cells)], deck.grain, deck.cells + 1)
    yield from rows(_TRIANGLE[outer.shape[1]], number[len(deck.cells) :], outer)
    yield from properties(deck.orientation, deck.centroid, deck.groups)
