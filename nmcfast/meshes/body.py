"""What is meshed: grains where d_i is least, Eq. (8), within a shell, Eq. (7); as the kernels take it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nmcfast.region import Region
from nmcfast.shells.shell import Shell
from nmcfast.tessellation import Grid, Seeds, label

BLOCK = 8  # cells of an edge of the blocks that are labelled or not


@dataclass(frozen=True, eq=False)
class Body:
    """Grains within a shell: x is in grain i where |x| ≤ X(x / |x|) and d_i(x) is least, lowest i of equals."""

    grains: Seeds
    shell: Shell
    norm: str

    @property
    def squared(self) -> bool:
        return self.norm == "squared"

    @cached_property
    def seeds(self) -> np.ndarray:
        """Rows (n, 10) of `kernels.meshes.surfaces`."""
        upper = np.triu_indices(3)
        g = self.grains
        return np.ascontiguousarray(np.column_stack([g.position, g.metric[:, upper[0], upper[1]], g.offset]))

    @cached_property
    def shape(self) -> np.ndarray:
        """X(u) as polynomials, (2, L + 1, L + 1); see `kernels.meshes.surfaces`."""
        return polynomials(self.shell.coefficients)

    @cached_property
    def reach(self) -> np.ndarray:
        """A radius that the shell has everywhere and one it has nowhere, (2,) µm."""
        radius = self.shell.grid_radius(4)
        slack = 0.1 * (radius.max() - radius.min()) + 1e-9
        return np.array([radius.min() - slack, radius.max() + slack])

    def label(self, grid: Grid, shift: tuple[float, float, float], margin: float, threads: int) -> np.ndarray:
        """Names of a grid's cells (nz, ny, nx), grain i as i + 1; 0 where blocks lie more than margin µm outside."""
        near = Region(self.shell, margin).depths(grid, shift)[1] >= 0.0
        kind = np.uint16 if len(self.grains) < 65535 else np.uint32
        names: np.ndarray = np.arange(1, len(self.grains) + 1).astype(kind)
        return label(self.grains, grid, names, names > 0, blocks=near, norm=self.norm, threads=threads, shift=shift)


def polynomials(coefficients: np.ndarray) -> np.ndarray:
    """Coefficients (2, L + 1, L + 1) of X(u) = Σ_m A_m(z) Re (x + iy)^m + B_m(z) Im (x + iy)^m, Eqs. (2), (7)."""
    order = round(np.sqrt(len(coefficients))) - 1
    out, start = np.zeros((2, order + 1, order + 1)), np.sqrt(1.0 / (4.0 * np.pi))
    for m in range(order + 1):
        if m > 0:
            start *= np.sqrt((2 * m + 1) / (2 * m)) * (np.sqrt(2.0) if m == 1 else 1.0)
        below, here = np.zeros(order + 1), np.zeros(order + 1)
        here[0] = start
        for l in range(m, order + 1):  # noqa: E741
            if l > m:
                a = np.sqrt((4.0 * l * l - 1.0) / (l * l - m * m))
                b = np.sqrt(((l - 1.0) ** 2 - m * m) / (4.0 * (l - 1.0) ** 2 - 1.0))
                below, here = here, a * (np.roll(here, 1) - b * below)
            out[0, m] += coefficients[l * l + l + m] * here
            if m > 0:
                out[1, m] += coefficients[l * l + l - m] * here
    return out
