"""Seeds with their markers, and label volumes of them, Eq. (8)."""

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nmcfast.errors import InputError
from nmcfast.kernels.gbpd import boxes, halo
from nmcfast.kernels.gbpd.labels import EVERYWHERE, label_volume, tables
from nmcfast.kernels.gbpd.layout import LEAF, TILE, Names, Part, records_of
from nmcfast.markers import frames, metrics
from nmcfast.memory import available_memory

NORMS = ("unsquared", "squared")


@dataclass(frozen=True, eq=False)
class Seeds:
    """Seeds s with the markers of Eq. (8), n of them.

    position (n, 3) µm, diagonal (n, 3) of D µm⁻², offset (n,) r, angle (n,) γ of Eq. (12) in rad; all exact in float32.
    """

    position: np.ndarray
    diagonal: np.ndarray
    offset: np.ndarray
    angle: np.ndarray

    def __len__(self) -> int:
        return len(self.offset)

    @cached_property
    def frame(self) -> np.ndarray:
        """Q of Eq. (12), (n, 3, 3): rows are the axes of the grain, the first along the radius."""
        return frames(self.position, self.angle)

    @cached_property
    def metric(self) -> np.ndarray:
        """M = Qᵀ D Q of Eq. (8), (n, 3, 3) µm⁻²."""
        return metrics(self.frame, self.diagonal)

    def take(self, rows: np.ndarray) -> "Seeds":
        """The seeds of some rows."""
        return Seeds(self.position[rows], self.diagonal[rows], self.offset[rows], self.angle[rows])


def joined(a: Seeds, b: Seeds) -> Seeds:
    """The seeds of two sets, one behind the other."""
    pairs = ((a.position, b.position), (a.diagonal, b.diagonal), (a.offset, b.offset), (a.angle, b.angle))
    return Seeds(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True)
class Grid:
    """A grid of cubic voxels whose faces lie on multiples of the voxel size.

    first (3,): index of the first voxel along x, y, z, so that its lower corner is first · size; shape (nz, ny, nx);
    size in µm.
    """

    first: tuple[int, int, int]
    shape: tuple[int, int, int]
    size: float

    @property
    def origin(self) -> np.ndarray:
        """Lower corner (3,) µm, x, y, z."""
        return np.array(self.first) * self.size

    @property
    def bounds(self) -> np.ndarray:
        """Lower and upper corner (2, 3) µm, x, y, z."""
        first = np.array(self.first)
        return np.stack([first, first + self.shape[::-1]]) * self.size

    def grown(self, voxels: int) -> "Grid":
        """The grid with so many voxels more on all sides."""
        x, y, z = (k - voxels for k in self.first)
        nz, ny, nx = (n + 2 * voxels for n in self.shape)
        return Grid((x, y, z), (nz, ny, nx), self.size)


def grid_within(box: np.ndarray, size: float) -> Grid:
    """The voxels of a size whose centres lie in a box (2, 3) of lower and upper corner, µm; errors as `grid_over`."""
    return grid_over(box + np.array([[0.5 * size], [-0.5 * size]]), size)


def grid_over(box: np.ndarray, size: float) -> Grid:
    """The voxels of a size that meet a box (2, 3) of lower and upper corner, µm.

    Raises InputError when the size is not positive or the labels would not fit into memory.
    """
    if not (np.isfinite(size) and size > 0):
        raise InputError(f"voxel_size: found {size} µm, expected a positive number")
    span = np.maximum(np.ceil(box[1] / size) - np.floor(box[0] / size), 0.0)
    need, free = float(np.prod(span)) * 8.0, available_memory()  # labels, their working copies and scratch
    if need > free:
        raise InputError(
            f"voxel_size: {size} µm needs {need / 2**30:.3g} GiB for {' × '.join(f'{s:.0f}' for s in span)} voxels,"
            f" {free / 2**30:.3g} GiB are free; use {size * (need / free) ** (1 / 3):.2g} µm or more"
        )
    first = np.floor(box[0] / size).astype(int)
    x, y, z = (int(s) for s in span)
    return Grid((int(first[0]), int(first[1]), int(first[2])), (z, y, x), float(size))


def label(
    seeds: Seeds,
    grid: Grid,
    names: np.ndarray,
    relevant: np.ndarray,
    *,
    blocks: np.ndarray = EVERYWHERE,
    norm: str = "unsquared",
    threads: int = 1,
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> np.ndarray:
    """Names of the seeds whose grain holds the voxel centres of a grid, Eq. (8) -> (nz, ny, nx), dtype of names.

    names (n,) unsigned: what is written for each seed. relevant (n,) bool: the seeds that are asked for; where none of
    them can win, 0 is written without looking further. blocks (z, y, x) bool, of 8³ voxels each: likewise 0 where none
    is asked for, as far as that saves work. shift x, y, z µm moves the grid. Ties go to the lower row.
    """
    out = np.zeros(grid.shape, names.dtype)
    if len(seeds) == 0:
        return out
    given = tables(seeds.position, seeds.metric, seeds.offset, grid.origin + shift, grid.size, norm == "squared")
    label_volume(out, _written(names, relevant), given, blocks, threads)
    return out


def _written(names: np.ndarray, relevant: np.ndarray) -> Names:
    """What a kernel writes: the names (n,) of seeds, and 0 where none of the relevant (n,) can win."""
    return Names(np.append(names, names.dtype.type(0)), relevant.astype(np.uint8))


class Field:
    """Seeds over a grid, to be looked at several times: what may win where is found once, Eq. (8).

    blocks (z, y, x) bool, of 8³ voxels each: those that will be asked for.
    """

    def __init__(self, seeds: Seeds, grid: Grid, blocks: np.ndarray = EVERYWHERE, norm: str = "unsquared") -> None:
        self.seeds, self.grid = seeds, grid
        self._tables = tables(seeds.position, seeds.metric, seeds.offset, grid.origin, grid.size, norm == "squared")
        self._candidates, self._placed = records_of(self._tables.factor, self._tables.shift), np.empty(0)
        corners = itertools.product(*(range(0, n, TILE) for n in grid.shape)) if len(seeds) else ()
        self._parts = [
            Part(*boxes.list_boxes(self._at(low), low, grid.shape, blocks, self._tables.squared))
            for low in map(np.array, corners)
        ]

    def label(
        self, out: np.ndarray, names: np.ndarray, relevant: np.ndarray, blocks: np.ndarray, threads: int = 1
    ) -> np.ndarray:
        """Write names into out (nz, ny, nx) as `label` does, in blocks (z, y, x) bool that a relevant seed may reach.

        Returns which these are, (z, y, x) bool; none for all of them, where none were given.
        """
        kernel = boxes.label_boxes_parallel if threads > 1 else boxes.label_boxes_serial
        written, reached = _written(names, relevant), blocks & False
        for part in self._parts:
            kernel(out, written, self._tables, blocks, threads, self._at(part.low), part, reached)
        return reached

    def bounding(self, inner: np.ndarray, blocks: np.ndarray = EVERYWHERE) -> np.ndarray:
        """Which other seeds (n,) bool bound the grains of the inner ones (n,) bool at every point of the grid's box.

        Among these and the inner ones an inner one wins where it wins among all, and nowhere else: in that box, not
        beyond, and in blocks (z, y, x) bool that are asked for.
        """
        known, unseen = inner.copy(), np.ones(tuple(-(-n // LEAF) for n in self.grid.shape), bool)
        relevant, squared = inner.astype(np.uint8), self._tables.squared
        for search in (halo.mark_halo, halo.guard_halo):
            for part in self._parts:
                search(known, unseen, relevant, self._at(part.low), self.grid.shape, blocks, squared, part)
        return known & ~inner

    def _at(self, low: np.ndarray) -> np.ndarray:
        """The candidates, in coordinates of the tile that starts at voxel low."""
        if not np.array_equal(self._placed, low):
            boxes.place_at(self._candidates, self._tables.place, low, self.grid.shape, self._tables.squared)
            self._placed = low
        return self._candidates
