"""Arrays for Python: particle.npz, to be opened by numpy.load."""

from pathlib import Path
from typing import Any

import numpy as np

from nmcfast.export.deck import Deck

_ARRAYS = ("labels", "origin", "position", "diagonal", "offset", "angle", "centroid", "volume", "orientation")


def write(deck: Deck, folder: Path) -> list[Path]:
    """One compressed file with every array of the deck by its name, and each descriptor of the particle as a scalar."""
    contents: dict[str, Any] = {name: getattr(deck, name) for name in _ARRAYS}
    contents |= {"index": deck.index, "voxel_size": deck.voxel_size, **deck.descriptors}
    path = folder / "particle.npz"
    np.savez_compressed(path, **contents)
    return [path]
