"""What is meshed: grains where d_i is least, Eq. (8), within a shell, Eq. (7), or as far as other grains reach."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from nmcfast.kernels.meshes import lattice
from nmcfast.region import Region
from nmcfast.shells.shell import Shell
from nmcfast.tessellation import Grid, Seeds, joined, label

Shift = tuple[float, float, float]


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
        return rows_of(self.grains)

    @property
    def bounds(self) -> np.ndarray:
        """A box (2, 3) µm that it lies in."""
        return self.shell.bounds()

    @cached_property
    def shape(self) -> np.ndarray:
        """What is outside, X(u) as polynomials (2, L + 1, L + 1); see `kernels.meshes.surfaces`."""
        return polynomials(self.shell.coefficients)

    @cached_property
    def reach(self) -> np.ndarray:
        """A radius that the shell has everywhere and one it has nowhere, (2,) µm."""
        radius = self.shell.grid_radius(4)
        slack = 0.1 * (radius.max() - radius.min()) + 1e-9
        return np.array([radius.min() - slack, radius.max() + slack])

    def fill(self, slots: np.ndarray, grid: Grid, offset: np.ndarray, margin: float, threads: int) -> None:
        """Names of the slots (12, nz, ny, nx) of a lattice: grain i as i + 1, 0 outside, −1 beyond margin µm outside.

        The lattice's corners lie on those of the grid, moved by offset (3,) in cells.
        """
        for slot in range(lattice.SLOTS):
            shift = (offset + step(slot)) * grid.size
            near = Region(self.shell, margin).depths(grid, tuple(shift.tolist()))[1] >= 0.0
            slots[slot] = self._label(self.grains, grid, shift, near, threads)
            middle = grid.origin + shift + 0.5 * grid.size
            lattice.mark_depths(slots[slot], slot, middle, grid.size, self.shape, self.reach, margin)

    def _label(self, seeds: Seeds, grid: Grid, shift: np.ndarray, near: np.ndarray, threads: int) -> np.ndarray:
        """Names of a grid's cells (nz, ny, nx), seed i as i + 1; 0 where a block has no part of what is near."""
        kind = np.uint16 if len(seeds) < 65535 else np.uint32
        names: np.ndarray = np.arange(1, len(seeds) + 1).astype(kind)
        place = tuple(shift.tolist())
        return label(seeds, grid, names, names > 0, blocks=near, norm=self.norm, threads=threads, shift=place)


@dataclass(frozen=True, eq=False)
class Cluster(Body):
    """Grains as far as those that bound them: x is in grain i where d_i(x) is least of all, d of the halo too.

    domain (2, 3) µm: the box of the grains; region: where the halo bounds them, beyond it nothing is in a grain. Where
    two grains of the halo meet a third, the outer surface has an edge that no edge of the mesh follows.
    """

    halo: Seeds
    domain: np.ndarray
    region: Region

    @property
    def bounds(self) -> np.ndarray:
        return self.domain

    @cached_property
    def shape(self) -> np.ndarray:
        """The seeds outside, (1, h, 10)."""
        return rows_of(self.halo)[None]

    def fill(self, slots: np.ndarray, grid: Grid, offset: np.ndarray, margin: float, threads: int) -> None:
        seeds = joined(self.grains, self.halo)
        for slot in range(lattice.SLOTS):
            shift = (offset + step(slot)) * grid.size
            low, high = self.region.depths(grid, tuple(shift.tolist()))
            names = self._label(seeds, grid, shift, high >= 0.0, threads)
            self.region.clip(names, grid, (high >= 0.0) & (low < 0.0), len(seeds) + 1, tuple(shift.tolist()))
            slots[slot] = np.where(names > len(self.grains), 0, names)
        far = ~ndimage.binary_dilation((slots > 0).any(axis=0), np.ones((3, 3, 3)), round(margin / grid.size) + 1)
        slots[:, far] = -1
        for slot in range(lattice.SLOTS):  # the last cells along a slot's axis have no neighbour
            np.moveaxis(slots[slot], 2 - slot // 4, 0)[-1] = -1


def step(slot: int) -> np.ndarray:
    """Where the middle of a slot lies from the middle of its cell, in edges."""
    axis, out = slot // 4, np.zeros(3)
    out[axis] = 0.5
    out[(axis + 1) % 3], out[(axis + 2) % 3] = lattice.STEPS[slot % 4]
    return out


def rows_of(seeds: Seeds) -> np.ndarray:
    """Rows (n, 10) of `kernels.meshes.surfaces`: place, metric, offset."""
    upper = np.triu_indices(3)
    metric = seeds.metric[:, upper[0], upper[1]]
    return np.ascontiguousarray(np.column_stack([seeds.position, metric, seeds.offset]))


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
