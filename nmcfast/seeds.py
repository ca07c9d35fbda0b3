"""Poisson seeds around a shell and their neighbours, sections 2.4 and 2.6.

The process is drawn in cubic cells of space, each from its own counter, so that its restriction to a region is to
the bit the same process, whatever region is asked for.
"""

from dataclasses import dataclass

import numpy as np

from nmcfast.arrangement import Arrangement
from nmcfast.errors import InputError
from nmcfast.kernels import cell_neighbours, neighbours, philox
from nmcfast.shells.shell import Shell

SEEDS_PER_CELL = 8.0  # about; the cell is a whole number of pixels
_GUESS = 1.5  # times the volume that holds κ seeds on average does so mostly


@dataclass(frozen=True, eq=False)
class SeedPattern:
    """Seeds of a domain and around it, float32 µm.

    table (n, 8) float32: position µm, two noises in (0, 1), angle in (0, π), two zeros; inner (m,): rows of the seeds
    in the domain; neighbour (m, κ) int32: rows of the nearest seeds of each of these, the nearest first.
    """

    table: np.ndarray
    inner: np.ndarray
    neighbour: np.ndarray

    @property
    def position(self) -> np.ndarray:
        """Positions (n, 3) µm, float64."""
        return self.table[:, :3].astype(np.float64)

    @property
    def noise(self) -> np.ndarray:
        """Two noises (n, 2) in (0, 1), float64."""
        return self.table[:, 3:5].astype(np.float64)

    @property
    def angle(self) -> np.ndarray:
        """Angles (n,) in (0, π), float64."""
        return self.table[:, 5].astype(np.float64)


def cell_side(mu: float) -> int:
    """Edge of a cell of space in pixels, for μ seeds per pixel³."""
    return max(1, round((SEEDS_PER_CELL / mu) ** (1 / 3)))


def cells_near(shell: Shell, margin: float, side: float) -> tuple[np.ndarray, np.ndarray]:
    """Cells that meet the shell widened by a margin, section 2.6 -> mask (nx, ny, nz), address of the first (3,).

    margin and side in µm. A cell is tested at its centre with half its diagonal added.
    """
    lower, upper = shell.bounds() + np.array([[-margin], [margin]])
    first, last = np.floor(lower / side).astype(int), np.floor(upper / side).astype(int)
    axes = [np.arange(a, b + 1) for a, b in zip(first, last, strict=True)]
    centre = (np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) + 0.5) * side
    flat = centre.reshape(-1, 3)
    near = np.linalg.norm(flat, axis=1) <= shell.radius(flat) + margin + 0.5 * np.sqrt(3.0) * side
    return near.reshape(centre.shape[:3]), first


def draw_pattern(
    mask: np.ndarray, first: np.ndarray, mu: float, pixel: float, seed: int, index: int, kappa: int
) -> SeedPattern:
    """Seeds in the cells of a mask, and outside it as far as their κ nearest neighbours, Algorithm 1.

    mu seeds per pixel³, pixel µm. Raises InputError when the cells run beyond the 1024³ that can be addressed.
    """
    process = _Process(seed, index, mu, cell_side(mu), pixel)
    grown, corner = np.empty([n + 2 for n in mask.shape], bool), np.asarray(first, np.int64) - 1
    cell_neighbours.dilated(mask, grown)
    table, start = process.draw(grown, corner)
    inside = np.pad(mask, 1)
    count = int(np.diff(start)[inside.ravel()].sum())
    inner, neighbour = np.empty(count, np.int64), np.empty((count, kappa), np.int32)
    guess = (_GUESS * kappa / (4.0 / 3.0 * np.pi * mu)) ** (2.0 / 3.0) * pixel**2
    cell_neighbours.nearest_in_cells(table, start, inside, corner, process.side_um, guess, inner, neighbour)
    for m in np.flatnonzero(neighbour[:, 0] < 0):
        cell = np.array(np.unravel_index(np.searchsorted(start, inner[m], "right") - 1, grown.shape))
        table, neighbour[m] = _search_wider(process, table, start, grown, corner, cell, int(inner[m]), kappa)
    return SeedPattern(table, inner, neighbour)


def draw_arranged(
    mask: np.ndarray,
    first: np.ndarray,
    mu: float,
    pixel: float,
    seed: int,
    index: int,
    kappa: int,
    arrangement: Arrangement,
) -> SeedPattern:
    """As `draw_pattern`, for seeds that are arranged: thinned and moved. Ours, not the paper's.

    The cells are those of a process as dense as the densest part. Seeds may end outside the cell they were drawn in:
    inner ones are those that end in a cell of the mask. Cells around the mask are drawn as far as seeds have a say in
    the place of an inner one or of its κ nearest.
    """
    process = _Process(seed, index, mu * arrangement.densest, cell_side(mu * arrangement.densest), pixel)
    guess = (_GUESS * kappa / (4.0 / 3.0 * np.pi * mu)) ** (2.0 / 3.0) * pixel**2
    certain = 0
    while True:
        certain += 1  # cells around the mask, where every seed that ends there is known
        table, start = process.arranged(mask, first, certain, mu, arrangement)
        inside, corner = np.pad(mask, certain), np.asarray(first, np.int64) - certain
        count = int(np.diff(start)[inside.ravel()].sum())
        inner, neighbour = np.empty(count, np.int64), np.empty((count, kappa), np.int32)
        cell_neighbours.nearest_in_cells(table, start, inside, corner, process.side_um, guess, inner, neighbour)
        lost = np.flatnonzero(neighbour[:, 0] < 0)
        if not lost.size:
            return SeedPattern(table, inner, neighbour)
        if certain > 1 and len(table) > kappa:
            found, apart = neighbours.nearest_serial(table[:, :3].astype(np.float64), inner[lost], kappa)
            if apart.max() <= (certain - 1e-4) * process.side_um:
                neighbour[lost] = found
                return SeedPattern(table, inner, neighbour)


@dataclass(frozen=True)
class _Process:
    """The Poisson process of one particle: μ seeds per pixel³ in cells of `side` pixels."""

    seed: int
    index: int
    mu: float
    side: int
    pixel: float

    @property
    def side_um(self) -> float:
        return self.side * self.pixel

    def draw(self, mask: np.ndarray, corner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Table (n, 8) of the seeds in the cells of a mask whose first cell is `corner`, and where each cell starts."""
        if max(-corner.min(), (corner + mask.shape).max() - 1) >= philox.CELL_LIMIT:
            size = 2 * philox.CELL_LIMIT * self.side_um
            raise InputError(f"particle {self.index}: reaches out of the {size:.0f} µm in which seeds can be drawn")
        seed, index, start = np.uint64(self.seed), np.uint64(self.index), np.empty(mask.size + 1, np.int64)
        philox.count_seeds(seed, index, mask, corner, self.mu * self.side**3, start)
        table = np.empty((start[-1], 8), np.float32)
        philox.draw_seeds(seed, index, mask.shape, corner, start, self.side_um, table)
        return table, start

    def arranged(
        self, mask: np.ndarray, first: np.ndarray, certain: int, mu: float, arrangement: Arrangement
    ) -> tuple[np.ndarray, np.ndarray]:
        """Table of the seeds that end in a mask and `certain` cells around it, thinned and moved, and starts of cells.

        As many more cells are drawn as hold a seed that has a say in these.
        """
        moves, depends = (int(np.ceil(x(mu) / self.side)) for x in (arrangement.moves, arrangement.depends))
        wanted, rings = _grown(mask, certain), max(moves, depends)
        whole, corner = _grown(wanted, rings), np.asarray(first, np.int64) - certain
        table, start = self.draw(whole, corner - rings)
        moving = np.repeat(np.pad(_grown(wanted, moves), rings - moves).ravel(), np.diff(start))
        if arrangement.profile is not None:
            share = np.empty(len(table))
            philox.draw_shares(np.uint64(self.seed), np.uint64(self.index), whole.shape, corner - rings, start, share)
            kept = arrangement.kept(table[:, :3].astype(np.float64), share, self.pixel)
            table, moving = table[kept], moving[kept]
        table[:, :3] = arrangement.displaced(table[:, :3].astype(np.float64), mu, self.pixel, moving)
        return _by_cell(table, wanted, corner, self.side_um)


def _grown(mask: np.ndarray, rings: int) -> np.ndarray:
    """A mask of cells with so many rings of cells around it."""
    for _ in range(rings):
        grown = np.empty([n + 2 for n in mask.shape], bool)
        cell_neighbours.dilated(mask, grown)
        mask = grown
    return mask


def _by_cell(table: np.ndarray, mask: np.ndarray, corner: np.ndarray, side: float) -> tuple[np.ndarray, np.ndarray]:
    """The seeds of a table that lie in cells of a mask, cell by cell, and the first of each cell."""
    cell = np.floor(table[:, :3].astype(np.float64) / side).astype(np.int64) - corner
    there = np.flatnonzero(((cell >= 0) & (cell < mask.shape)).all(axis=1))
    home = np.ravel_multi_index(tuple(cell[there].T), mask.shape)
    inside = mask.ravel()[home]
    there, home = there[inside], home[inside]
    start = np.concatenate([[0], np.cumsum(np.bincount(home, minlength=mask.size))])
    return np.ascontiguousarray(table[there[np.argsort(home, kind="stable")]]), start


def _search_wider(
    process: _Process,
    table: np.ndarray,
    start: np.ndarray,
    drawn: np.ndarray,
    corner: np.ndarray,
    cell: np.ndarray,
    row: int,
    kappa: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The κ nearest seeds of a row whose 27 cells do not hold them for certain -> table, rows (κ,).

    Looks through cubes of more and more cells about `cell`, an index of `drawn`. Seeds of cells that were not drawn are
    put behind those of the table.
    """
    rings = 1
    while True:
        rings += 1
        cube = np.ones((2 * rings + 1,) * 3, bool)
        around, first = process.draw(cube, corner + cell - rings)
        me = first[cube.size // 2] + row - start[np.ravel_multi_index(tuple(cell), drawn.shape)]
        square = ((around[:, :3].astype(np.float64) - around[me, :3].astype(np.float64)) ** 2).sum(axis=1)
        square[me] = np.inf
        chosen = np.argsort(square, kind="stable")[:kappa]
        inset = around[me, :3] - (corner + cell) * process.side_um
        covered = process.side_um * (rings - 1e-4) + min(inset.min(), process.side_um - inset.max())
        if len(square) > kappa and square[chosen[-1]] <= covered**2:
            break
    home = np.searchsorted(first, chosen, "right") - 1
    place = np.stack(np.unravel_index(home, cube.shape), axis=1) + cell - rings
    rows = np.empty(kappa, np.int64)
    more: list[np.ndarray] = []
    for k, where in enumerate(place):
        if ((where >= 0) & (where < drawn.shape)).all() and drawn[tuple(where)]:
            rows[k] = start[np.ravel_multi_index(tuple(where), drawn.shape)] + chosen[k] - first[home[k]]
        else:
            rows[k] = len(table) + len(more)
            more.append(around[chosen[k]])
    return np.concatenate([table, np.reshape(more, (-1, 8)).astype(np.float32)]), rows
