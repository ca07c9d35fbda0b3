"""An EBSD map in memory, the same whatever file it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmcfast.ebsd.grid import Grid
from nmcfast.ebsd.notes import Note

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Phase:
    """A crystal phase of the header.

    laue is None where the file does not say the symmetry; x_axis: the crystal axis along x of the Euler
    frame, "a" (EDAX) or "a*" (Oxford). said: what the file says of the symmetry, and where, for messages.
    """

    name: str
    laue: str | None = None
    x_axis: str = "a"
    said: str = field(default="", compare=False)


@dataclass(frozen=True)
class EbsdMap:
    """Measurement points of a planar section, section 4.4, in the order of the file.

    x, y (n,) µm, y downwards as in the file; euler (n, 3) rad, Bunge, as written, also where indexed (n,) is
    False; phase (n,) key of `phases`; quality (n,) image quality or band contrast; confidence (n,) EDAX's
    confidence index; fit (n,) degrees, mean angular deviation. NaN where the file has no such column. layout:
    rows and columns. notes: what the reader had to decide, one sentence each, with the option that decides otherwise.
    unindexed: number of points by the mark that says so; name: which map of a file that holds several.
    """

    path: Path
    x: Array
    y: Array
    euler: Array
    indexed: NDArray[np.bool_]
    phase: NDArray[np.int32]
    quality: Array
    confidence: Array
    fit: Array
    phases: dict[int, Phase]
    layout: Grid
    notes: tuple[Note, ...] = ()
    unindexed: Mapping[str, int] = field(default_factory=dict)
    name: str = ""

    @property
    def grid(self) -> str:
        """ "square" or "hexagonal", found in the coordinates."""
        return self.layout.kind

    @property
    def step(self) -> tuple[float, float]:
        """Distance of points in a row and of rows, µm."""
        return self.layout.step

    def __len__(self) -> int:
        return len(self.x)
