"""Arrays for Python: particle.npz, to be opened by numpy.load."""

from pathlib import Path

import numpy as np

from nmcfast.export.deck import Deck

_ARRAYS = ("labels", "origin", "position", "diagonal", "offset", "angle", "centroid", "volume", "orientation")


def write(deck: Deck, folder: Path) -> list[Path]:
    """One compressed file with every array of the deck by its name, and each descriptor of the particle as a scalar."""
    arrays = {name: getattr(deck, name) for name in _ARRAYS}
    scalars = {"index": deck.index, "voxel_size": deck.voxel_size, **deck.descriptors}
    path = folder / "particle.npz"
    np.savez_compressed(path, **arrays, **{name: np.asarray(value) for name, value in scalars.items()})
    return [path]
