"""One particle as arrays: what a writer of solver input gets, whatever the solver."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nmcfast.errors import InputError


@dataclass(frozen=True, eq=False)
class Deck:
    """A particle of n grains, on cubic voxels of any size.

    labels (nz, ny, nx) uint16 or uint32: 0 outside, i + 1 in grain i; voxel centres at origin + (k + 0.5) voxel_size.
    origin (3,) µm x, y, z; voxel_size µm. position, centroid (n, 3) µm; diagonal (n, 3) µm⁻²; offset (n,);
    angle (n,) rad; volume (n,) µm³ on the model grid, which may have another voxel size; orientation (n, 4), as in
    docs/conventions.md. descriptors: one number for each scalar of the table of particles (docs/format.md). source:
    recipe of the library the particle is from.
    """

    index: int
    labels: np.ndarray
    origin: np.ndarray
    voxel_size: float
    position: np.ndarray
    diagonal: np.ndarray
    offset: np.ndarray
    angle: np.ndarray
    centroid: np.ndarray
    volume: np.ndarray
    orientation: np.ndarray
    descriptors: Mapping[str, float]
    source: Mapping[str, Any] = field(default_factory=dict)

    @property
    def grains(self) -> int:
        return len(self.offset)

    def labels_as(self, dtype: str, format: str) -> np.ndarray:
        """The labels in the type of a file format; InputError when it cannot count this particle's grains."""
        largest = np.iinfo(dtype).max
        if self.grains > largest:
            raise InputError(
                f"particle {self.index}: {self.grains} grains, but labels of {format} are {dtype}, at most {largest}: "
                "use another format"
            )
        return self.labels.astype(dtype, copy=False)
