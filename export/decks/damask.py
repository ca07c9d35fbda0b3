"""DAMASK 3: the grid of materials and their phases and orientations."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nmcfast.export.deck import Deck
from nmcfast.export.decks.elastic import STIFFNESS
from nmcfast.export.decks.text import rows, write_text
from nmcfast.export.vti import write_image

_HEAD = """\
# Materials of particle.vti: 0 is outside, i is grain i. Orientations O: w, x, y, z; hexagonal axes x ∥ a, z ∥ c.
# THE STIFFNESSES ARE A CHOICE, of LiCrO2 without its C_14, in Pa, and those of outside are small: put in your own.
homogenization:
  single: {N_constituents: 1, mechanical: {type: pass}}
phase:
  NMC811:
    lattice: hP
    c/a: 4.94
    mechanical:
      output: [F, P]
      elastic: {type: Hooke, @}
  outside:
    lattice: cI
    mechanical:
      output: [F, P]
      elastic: {type: Hooke, C_11: 1.0e9, C_12: 0.3e9, C_44: 0.35e9}
material:
  - {homogenization: single, constituents: [{phase: outside, O: [1.0, 0.0, 0.0, 0.0], v: 1.0}]}
"""
_GRAIN = "  - {homogenization: single, constituents: [{phase: NMC811, O: [%.9f, %.9f, %.9f, %.9f], v: 1.0}]}\n"


def write(deck: Deck, folder: Path) -> list[Path]:
    """particle.vti with `material` of each voxel, lengths in µm, and material.yaml with one entry a grain."""
    image = write_image(
        folder / "particle.vti", {"material": deck.labels_as("int32", "damask")}, deck.origin, deck.voxel_size
    )
    return [image, write_text(folder / "material.yaml", _materials(deck.orientation))]


def _materials(orientation: np.ndarray) -> Iterator[str]:
    yield _HEAD.replace("@", ", ".join(f"{c[0]}_{c[1:]}: {v * 1e6:.1f}" for c, v in STIFFNESS.items() if c != "C14"))
    length = np.linalg.norm(orientation, axis=1, keepdims=True)  # 1 to float32 only, and DAMASK wants more
    yield from rows(_GRAIN, orientation / length)
