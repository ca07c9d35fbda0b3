"""A mesh made good: nodes drawn onto the boundaries, cells joined otherwise and renamed, in turns."""

from dataclasses import dataclass, field

import numpy as np

from nmcfast.kernels.meshes import collapse, flips, links, moves, polish, quality, rename, stars
from nmcfast.meshes.body import Body
from nmcfast.meshes.grading import Grading
from nmcfast.meshes.start import Tetrahedra

SWEEPS = 2  # over all nodes that are awake, in each turn
# The worst shape that drawing a node onto its boundary may make, turn by turn: some 9°, later 13°.
GUARDS = tuple(guard * moves.REGULAR for guard in (50.0, 50.0, 50.0, 30.0, 20.0, 20.0, 20.0))
ASKED = np.sin(np.radians(35.0))  # cells of a smaller sine are joined otherwise where that betters them
ENDS = 3  # times that the worst cells are looked at once more when nodes have come to rest
SHRUNK = np.sin(np.radians(25.0))  # cells of a smaller one lose an edge where that betters them
POLISHED = np.sin(np.radians(15.0))  # nodes of cells of a smaller one are searched for better places at the end
BLUNT = np.sin(np.radians(20.0))  # the least sine that coarser cells may have, but for those that have less
COARSER, FEW = 6, 5e-3  # times that a mesh is made coarser at most, until no more than this share of its nodes goes
DEEP = 0.02  # of the size: what the middle of a cell must lie within another grain to be renamed
STILL = 0.02  # of the size: a step that is no news, and wakes no neighbour
_ALL = 255
_MOVED, _FLIPS, _SHRINKS, _NAMES, _PLACES, _POLISH = 1, 2, 4, 8, 16, 32  # bits of news
_SPARE = 1.1  # room for cells: flips add some and take away more


@dataclass(eq=False)
class Work:
    """A mesh in work, cells with room behind them: `end` are in use. size µm: the length that steps are measured by.

    awake (n,): nodes that a sweep shall move; news (n + 1,): bits of those who have not yet looked at what changed
    about a node, the last one for the outside.
    """

    mesh: Tetrahedra
    body: Body
    size: float
    threads: int
    end: int = field(init=False)
    sines: np.ndarray = field(init=False)
    cells_of: np.ndarray = field(init=False)
    awake: np.ndarray = field(init=False)
    news: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        m, nodes = self.mesh, len(self.mesh.points)
        self.end = len(m.cells)
        spare = int((_SPARE - 1.0) * self.end) + 1000
        self.cells_of = np.bincount(m.names, minlength=len(self.body.grains) + 1)
        m.cells = np.concatenate([m.cells, np.empty((spare, 4), np.int32)])
        m.names = np.concatenate([m.names, np.full(spare, -1, np.int32)])
        self.sines = np.empty(len(m.cells))
        self.awake, self.news = np.ones(nodes, np.uint8), np.full(nodes + 1, _ALL, np.uint8)
        self.news[nodes] = 0

    def move(self, sweeps: int, guard: float) -> None:
        """Move the nodes that are awake, and those that this wakes."""
        m, b = self.mesh, self.body
        order, bounds = np.empty(len(m.points), np.int32), np.empty(65, np.int64)
        count = stars.colours(m.cells, m.start, m.stop, m.items, order, bounds)
        sweep = moves.sweep_parallel if self.threads > 1 else moves.sweep_serial
        given = b.seeds, b.shape, b.squared, self.size, guard, STILL, self.threads
        about = order, bounds[: count + 1], self.awake, self.news, *given
        for _ in range(sweeps):
            sweep(m.points, *m.stars, *about)

    def flip(self) -> None:
        """Join badly shaped cells otherwise, where something changed."""
        m, todo, changed = self.mesh, self._worst(_FLIPS, ASKED), np.zeros(len(self.mesh.points), np.uint8)
        about = todo, self.sines, ASKED, self.cells_of, changed
        self.end, _ = flips.flip(m.points, m.cells, m.names, self.end, *m.stars[2:], *about)
        self._note(changed)

    def collapse(self) -> None:
        """Shrink short edges of badly shaped cells, where something changed."""
        m, todo, changed = self.mesh, self._worst(_SHRINKS, SHRUNK), np.zeros(len(self.mesh.points), np.uint8)
        collapse.collapse(m.points, *m.stars, todo, self.sines, SHRUNK, self.cells_of, changed)
        self._note(changed)

    def coarsen(self, wanted: np.ndarray) -> int:
        """Shrink edges shorter than wanted (n,) µm; how many."""
        m, changed = self.mesh, np.zeros(len(self.mesh.points), np.uint8)
        self._worst(_MOVED, 0.0)
        about = wanted, self.size, BLUNT, self.sines, self.cells_of, changed
        count: int = collapse.coarsen(m.points, *m.stars, *about)
        self._note(changed)
        return count

    def _worst(self, who: int, limit: float) -> np.ndarray:
        """Cells of a smaller sine than a limit about nodes with news; the sines of all anew, where nodes moved."""
        m, out = self.mesh, np.empty(self.end, np.int64)
        cells, names = m.cells[: self.end], m.names[: self.end]
        count = quality.worst_cells(m.points, cells, names, self.sines, self.news, _MOVED, who, limit, out)
        self.news &= ~np.uint8(_MOVED | who)
        return out[:count]

    def _note(self, changed: np.ndarray) -> None:
        self.awake |= changed
        self.news[:-1] |= _ALL * changed

    def polish(self) -> None:
        """Search better places for the nodes of the worst cells."""
        m, b, changed = self.mesh, self.body, np.zeros(len(self.mesh.points), np.uint8)
        todo, given = self._worst(_POLISH, POLISHED), (b.seeds, b.shape, b.squared, self.size)
        polish.polish(m.points, *m.stars, todo, self.sines, POLISHED, *given, changed)
        self._note(changed)

    def rename(self, passes: int = 5) -> None:
        """Give cells that lie in another grain its name, where something changed."""
        m, b, changed = self.mesh, self.body, self._told(_NAMES)
        least = DEEP * self.size
        for _ in range(passes):
            if not rename.rename(m.points, *m.stars, self.end, b.seeds, b.squared, least, self.cells_of, changed):
                break
            self._note(changed)

    def rename_about(self, passes: int = 3) -> None:
        """Rename cells about nodes that lie far off their boundaries, where something changed."""
        m, b, changed = self.mesh, self.body, self._told(_PLACES)
        given = b.seeds, b.shape, b.squared, self.size, self.cells_of
        for _ in range(passes):
            if not rename.rename_about(m.points, *m.stars, *given, changed):
                break
            self._note(changed)

    def _told(self, who: int) -> np.ndarray:
        """Nodes (n,) uint8 with news for one who asks, who will not hear of them again."""
        told = (self.news[:-1] & who > 0).astype(np.uint8)
        self.news &= ~np.uint8(who)
        return told

    def finished(self) -> Tetrahedra:
        """The mesh without the room behind it and without the cells that are no longer there."""
        m = self.mesh
        there = m.names >= 0
        used = np.zeros(len(m.points) + 1, bool)
        used[m.cells[there]] = True
        number = (np.cumsum(used) - 1).astype(np.int32)
        most = int((m.stop - m.start[:-1]).max(initial=0))
        return Tetrahedra.of(m.points[used[:-1]], number[m.cells[there]], m.names[there], most)


def optimised(mesh: Tetrahedra, body: Body, size: float, threads: int, grading: Grading | None = None) -> Tetrahedra:
    """The mesh with its nodes on the boundaries and its cells well shaped, at a size µm; the given one is used up.

    grading: where it may get coarser.
    """
    work = Work(mesh, body, size, threads)
    for turn, guard in enumerate(GUARDS):
        work.move(SWEEPS, guard)
        work.flip()
        if turn > 0:
            work.collapse()
        work.rename()
        if turn > 0:
            work.rename_about()
    if grading is not None:
        _make_coarser(work, grading)
    work.move(SWEEPS + 1, GUARDS[-1])
    for _ in range(ENDS):
        work.flip()
        work.collapse()
        work.polish()
    return work.finished()


def _make_coarser(work: Work, grading: Grading) -> None:
    depth = grading.depths(work.mesh)
    for _ in range(COARSER):
        wanted = grading.wanted(work.mesh.points, depth, work.size)
        if work.coarsen(wanted) < FEW * len(wanted):
            break
        work.move(SWEEPS, GUARDS[-1])
        work.flip()


def fault_of(mesh: Tetrahedra) -> str | None:
    """What is wrong with a mesh: cells turned over, nodes that are not manifold, grains in parts; None when nothing."""
    count, nodes = len(mesh.cells), len(mesh.points)
    sines, part, bad = np.empty(count), np.empty(count, np.int32), np.empty(nodes, np.uint8)
    every, turned = np.ones(nodes + 1, np.uint8), np.empty(count, np.int64)
    found = quality.worst_cells(mesh.points, mesh.cells, mesh.names, sines, every, 1, 1, np.finfo(float).tiny, turned)
    if found:
        return f"{found} tetrahedra are turned over"
    if links.count_faults(*mesh.stars, False, bad):
        return f"{int(bad.sum())} nodes are not manifold"
    count = stars.parts(mesh.names, mesh.beside, part)
    grains = len(np.unique(mesh.names[mesh.names > 0]))
    inside = len(np.unique(part[mesh.names > 0]))
    return f"{grains} grains are in {inside} parts" if inside != grains or count < grains else None
