"""How good a mesh is: angles, radius ratios, how near its nodes lie to the boundaries they stand for."""

from dataclasses import dataclass

import numpy as np

from nmcfast.kernels.meshes import quality, surfaces
from nmcfast.meshes.body import Body
from nmcfast.meshes.start import Tetrahedra

_NEAR = (0.02, 0.05)  # of the size


@dataclass(frozen=True, eq=False)
class Quality:
    """Figures of a mesh of m cells.

    smallest, largest (m,): dihedral angle of each cell, degrees. ratio (m,): three times the inner over the outer
    radius, 1 for the regular one. distance (b,) µm of boundary nodes from the boundaries that the grains about them
    share, and how many these are, outside counted: meeting (b,), 2 on a face, 3 on a line, 4 at a point; five and more
    have no common point. size µm.
    """

    smallest: np.ndarray
    largest: np.ndarray
    ratio: np.ndarray
    distance: np.ndarray
    meeting: np.ndarray
    size: float

    def to_dict(self) -> dict[str, float]:
        """Percentiles and shares by name, ready for JSON."""
        out = {"tetrahedra": len(self.smallest), "smallest_dihedral": float(self.smallest.min())}
        for percent in (1, 5, 50):
            out[f"dihedral_{percent}_percent"] = float(np.percentile(self.smallest, percent))
        out |= {"largest_dihedral": float(self.largest.max()), "smallest_radius_ratio": float(self.ratio.min())}
        out["radius_ratio_1_percent"] = float(np.percentile(self.ratio, 1))
        for share in _NEAR:
            out[f"nodes_within_{round(100 * share)}_percent"] = self.within(share)
        for number, name in ((2, "two"), (3, "three"), (4, "four")):
            out[f"nodes_of_{name}_within_2_percent"] = self.within(0.02, self.meeting == number)
        out["nodes_of_more_within_2_percent"] = self.within(0.02, self.meeting > 4)
        return out

    def within(self, share: float, which: np.ndarray | None = None) -> float:
        """Share of the boundary nodes, or of some of them, nearer to their boundaries than a share of the size."""
        distance = self.distance if which is None else self.distance[which]
        return float((distance < share * self.size).mean()) if len(distance) else 1.0

    def __str__(self) -> str:
        return "\n".join(f"{name:<34} {value:.6g}" for name, value in self.to_dict().items())


def quality_of(t: Tetrahedra, body: Body, size: float) -> Quality:
    """The figures of a mesh whose outside is one node."""
    cells = t.cells[t.names > 0]
    angles, ratio, volume = np.empty((len(cells), 2)), np.empty(len(cells)), np.empty(len(cells))
    quality.shapes(t.points, cells, angles, ratio, volume)
    angles = np.degrees(angles)
    distance, meeting = np.empty(len(t.points)), np.empty(len(t.points), np.int64)
    surfaces.off_surfaces(
        t.points, t.names, t.start, t.stop, t.items, body.seeds, body.shape, body.squared, distance, meeting
    )
    edge = meeting > 1
    return Quality(angles[:, 0], angles[:, 1], ratio, distance[edge], meeting[edge], size)
