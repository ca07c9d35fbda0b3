"""Where a mesh starts: a lattice over the body, each cell with the grain of its middle, names repaired to manifolds."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nmcfast.errors import InputError, NmcfastError
from nmcfast.kernels.meshes import lattice, links, repair, stars
from nmcfast.memory import available_memory
from nmcfast.meshes.body import Body
from nmcfast.tessellation import Grid

MARGIN = 3.0  # cells of the lattice kept around the shell
ROOM = 72  # tetrahedra about a node while cells are flipped
_LATTICE = 24  # about a node of the lattice
_ROUNDS = 20
_BRIDGES = 3  # first rounds, in which parts are joined by necks: later on these would cut each other


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

    @cached_property
    def beside(self) -> np.ndarray:
        """The cells beside each cell (m, 4), see `kernels.meshes.stars`: of cells that change no more."""
        beside = np.empty(self.cells.shape, np.int32)
        stars.neighbours(*self.stars, beside)
        return beside

    @property
    def stars(self) -> tuple[np.ndarray, ...]:
        """cells, names, start, stop, items: what most kernels take."""
        return self.cells, self.names, self.start, self.stop, self.items


def lattice_over(body: Body, edge: float, offset: np.ndarray, threads: int) -> Tetrahedra:
    """The lattice of cells of an edge µm whose middles lie less than MARGIN cells outside the shell, with their names.

    offset (3,) in cells: where a corner lies. Raises InputError when it would not fit into memory.
    """
    margin = MARGIN * edge
    box = body.bounds + np.array([[-margin], [margin]])
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
    body.fill(slots, grid, offset, margin, threads)
    count = int(np.count_nonzero(slots >= 0))
    cells, names = np.empty((count, 4), np.int32), np.empty(count, np.int32)
    lattice.fill_cells(slots, cells, names)
    del slots
    points = np.empty((count, 3))  # more than there are nodes
    nodes = lattice.place_nodes(cells, np.array(shape), grid.origin + offset * edge, edge, points)
    return Tetrahedra.of(points[:nodes].copy(), cells, names, _LATTICE)


def repaired(t: Tetrahedra, body: Body, edge: float, smallest: int = 1) -> np.ndarray | None:
    """Rename cells until each name and the solid are one face-connected part and manifold.

    Grains of fewer cells than smallest go to the neighbours that they share most faces with. Returns the names of those
    that lost cells because these do not hang together with the rest; None where names do not become manifold. What
    blocks itself is flattened: to the commonest grain about a node, from the third time on outside cells too.
    """
    rim, cut = _rim(t), [_keep_largest(t)]
    fixed = rim[t.cells].any(axis=1)
    bad, given = _faulty(t, rim), (2.0 * edge, fixed, body.seeds, body.shape, body.squared)
    for turn in range(_ROUNDS):
        before = t.names.copy()
        if not _merge_crumbs(t, fixed, smallest, turn < _BRIDGES) and not bad.any():
            cut.append(_keep_largest(t))
            if not len(cut[-1]):
                return np.unique(np.concatenate(cut))
        _suspect(t, before, rim, bad)
        _, left = repair.repair(t.points, *t.stars, t.beside, bad, *given)
        if left and turn > 0:
            before = t.names.copy()
            repair.flatten(*t.stars, bad, fixed, turn % 3 == 0)
            _suspect(t, before, rim, bad)
    return None


def _faulty(t: Tetrahedra, rim: np.ndarray) -> np.ndarray:
    """Nodes (n,) uint8 where the names are not manifold, those of the rim apart."""
    bad = np.empty(len(t.points), np.uint8)
    links.count_faults(*t.stars, True, bad)
    bad[rim] = 0
    return bad


def _suspect(t: Tetrahedra, before: np.ndarray, rim: np.ndarray, bad: np.ndarray) -> None:
    """Set bad (n,) at the nodes of cells whose names are not those of before, those of the rim apart."""
    bad[t.cells[t.names != before]] = 1
    bad[rim] = 0


def _rim(t: Tetrahedra) -> np.ndarray:
    """Nodes (n,) bool of the lattice that do not have all of their 24 cells."""
    return t.stop - t.start[:-1] < _LATTICE


def _keep_largest(t: Tetrahedra) -> np.ndarray:
    """Give all but the largest face-connected part of the solid to the outside; the names of grains that lost cells."""
    part, solid = np.empty(len(t.cells), np.int32), t.names > 0
    stars.parts(solid.astype(np.int32), t.beside, part)
    size = np.bincount(part[solid])
    lost = solid & (part != size.argmax()) if len(size) else solid
    names = np.unique(t.names[lost])
    t.names[lost] = 0
    return names


def _merge_crumbs(t: Tetrahedra, fixed: np.ndarray, smallest: int, bridging: bool) -> int:
    part = np.empty(len(t.cells), np.int32)
    count = stars.parts(t.names, t.beside, part)
    size = np.bincount(part, minlength=count)
    name = np.empty(count, np.int32)
    name[part] = t.names
    order = np.lexsort((np.arange(count), -size, name))
    largest = np.zeros(count, bool)
    largest[order[np.diff(name[order], prepend=-1) > 0]] = True
    largest &= (size >= smallest) | (name == 0)
    return repair.give_away(t.names, t.beside, part, size, largest, fixed, bridging)


def without_outside(t: Tetrahedra) -> Tetrahedra:
    """The cells of grains alone, and for each outer facet a cell of name 0 to the node len(points)."""
    given = t.cells, t.names, t.beside, True
    count = stars.facets(*given, *_room(0))
    outer, pairs = _room(count)
    stars.facets(*given, outer, pairs)
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
