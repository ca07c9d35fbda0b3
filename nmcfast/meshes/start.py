"""Where a mesh starts: a lattice over the body, each cell with the grain of its middle, names repaired to manifolds."""

from dataclasses import dataclass

import numpy as np

from nmcfast.errors import InputError, NmcfastError
from nmcfast.kernels.meshes import lattice, links, repair, stars
from nmcfast.meshes.body import Body
from nmcfast.memory import available_memory
from nmcfast.tessellation import Grid

MARGIN = 3.0  # cells of the lattice kept around the shell
ROOM = 72  # tetrahedra about a node while cells are flipped
_LATTICE = 24  # about a node of the lattice
_ROUNDS = 20


@dataclass(eq=False)
class Tetrahedra:
    """A mesh while it is made: points (n, 3) µm, cells (m, 4) int32, names (m,) int32; see `kernels.meshes`.

    start (n + 1,), stop (n,), items: cells about each node, see `kernels.meshes.stars`.
    """

    points: np.ndarray
    cells: np.ndarray
    names: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    items: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray, cells: np.ndarray, names: np.ndarray, room: int) -> "Tetrahedra":
        """With the stars of these cells, room for so many about each node."""
        start, stop = np.arange(len(points) + 1) * room, np.empty(len(points), np.int64)
        items = np.empty(len(points) * room, np.int32)
        if not stars.stars(cells, names, start, stop, items):
            raise NmcfastError(f"more than {room} tetrahedra meet at a node")
        return cls(points, cells, names, start, stop, items)

    @property
    def stars(self) -> tuple[np.ndarray, ...]:
        """cells, names, start, stop, items: what most kernels take."""
        return self.cells, self.names, self.start, self.stop, self.items


def lattice_over(body: Body, edge: float, offset: np.ndarray, threads: int) -> Tetrahedra:
    """The lattice of cells of an edge µm whose middles lie less than MARGIN cells outside the shell, with their names.

    offset (3,) in cells: where a corner lies. Raises InputError when it would not fit into memory.
    """
    margin = MARGIN * edge
    box = body.shell.bounds() + np.array([[-margin], [margin]])
    first = np.floor(box[0] / edge).astype(int) - 1
    shape = tuple(int(s) for s in (np.ceil(box[1] / edge).astype(int) + 1 - first)[::-1])
    need, free = np.prod(shape) * lattice.SLOTS * 250.0, available_memory()
    if need > free:
        raise InputError(
            f"size: a lattice of {edge:.3g} µm needs {need / 2**30:.3g} GiB, {free / 2**30:.3g} GiB are free;"
            f" use a size {1.05 * (need / free) ** (1 / 3):.2f} times as large"
        )
    grid = Grid((int(first[0]), int(first[1]), int(first[2])), (shape[0], shape[1], shape[2]), edge)
    slots = np.empty((lattice.SLOTS, *shape), np.int32)
    for slot in range(lattice.SLOTS):
        shift = (offset + _step(slot)) * edge
        slots[slot] = body.label(grid, tuple(shift.tolist()), margin, threads)
        middle = grid.origin + shift + 0.5 * edge
        lattice.mark_depths(slots[slot], slot, middle, edge, body.shape, body.reach, margin)
    count = int(np.count_nonzero(slots >= 0))
    cells, names = np.empty((count, 4), np.int32), np.empty(count, np.int32)
    lattice.fill_cells(slots, cells, names)
    del slots
    points = np.empty((count, 3))  # more than there are nodes
    nodes = lattice.place_nodes(cells, np.array(shape), grid.origin + offset * edge, edge, points)
    return Tetrahedra.of(points[:nodes].copy(), cells, names, _LATTICE)


def _step(slot: int) -> np.ndarray:
    """Where the middle of a slot lies from the middle of its cell, in edges."""
    axis, out = slot // 4, np.zeros(3)
    out[axis] = 0.5
    out[(axis + 1) % 3], out[(axis + 2) % 3] = lattice.STEPS[slot % 4]
    return out


def repaired(t: Tetrahedra, body: Body, edge: float) -> bool:
    """Rename cells until each name is one face-connected part and manifold; whether that was reached.

    What blocks itself is flattened: to the commonest grain about a node, from the third time on outside cells too.
    """
    rim = _rim(t)
    fixed = rim[t.cells].any(axis=1)
    bad = _faulty(t, rim)
    for turn in range(_ROUNDS):
        if _merge_crumbs(t, fixed):
            bad = _faulty(t, rim)
        elif not bad.any():
            return True
        _, left = repair.repair(t.points, *t.stars, bad, 2.0 * edge, fixed, body.seeds, body.shape, body.squared)
        if left and turn > 0:
            repair.flatten(*t.stars, bad, fixed, turn % 3 == 0)
            bad = _faulty(t, rim)
    return False


def _faulty(t: Tetrahedra, rim: np.ndarray) -> np.ndarray:
    """Nodes (n,) uint8 where the names are not manifold, those of the rim apart."""
    bad = np.empty(len(t.points), np.uint8)
    links.count_faults(*t.stars, bad)
    bad[rim] = 0
    return bad


def _rim(t: Tetrahedra) -> np.ndarray:
    """Nodes (n,) bool of the lattice that do not have all of their 24 cells."""
    return t.stop - t.start[:-1] < _LATTICE


def _merge_crumbs(t: Tetrahedra, fixed: np.ndarray) -> int:
    part = np.empty(len(t.cells), np.int32)
    count = stars.parts(*t.stars, part)
    size = np.bincount(part, minlength=count)
    name = np.empty(count, np.int32)
    name[part] = t.names
    order = np.lexsort((np.arange(count), -size, name))
    largest = np.zeros(count, bool)
    largest[order[np.diff(name[order], prepend=-1) > 0]] = True
    return repair.give_away(*t.stars, part, size, largest, fixed)


def without_outside(t: Tetrahedra) -> Tetrahedra:
    """The cells of grains alone, and for each outer facet a cell of name 0 to the node len(points)."""
    count = stars.facets(*t.stars, True, *_room(0))
    outer, pairs = _room(count)
    stars.facets(*t.stars, True, outer, pairs)
    inside = t.names > 0
    used = np.zeros(len(t.points), bool)
    used[t.cells[inside]] = True
    nodes = int(used.sum())
    number = (np.cumsum(used) - 1).astype(np.int32)
    ghosts = np.column_stack([number[outer], np.full(count, nodes, np.int32)])
    cells = np.concatenate([number[t.cells[inside]], ghosts])
    names = np.concatenate([t.names[inside], np.zeros(count, np.int32)])
    return Tetrahedra.of(t.points[used], cells, names, ROOM)


def _room(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.empty((count, 3), np.int32), np.empty((count, 2), np.int32)
