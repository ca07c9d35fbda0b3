"""A mesh made good: nodes drawn onto the boundaries, cells joined otherwise and renamed, in turns."""

from dataclasses import dataclass, field

import numpy as np

from nmcfast.kernels.meshes import collapse, flips, links, moves, polish, quality, rename, stars
from nmcfast.meshes.body import Body
from nmcfast.meshes.start import Tetrahedra

SWEEPS = 3  # over all nodes that are awake, in each turn
# The worst shape that drawing a node onto its boundary may make, turn by turn: some 9°, later 13°.
GUARDS = tuple(guard * moves.REGULAR for guard in (50.0, 50.0, 50.0, 30.0, 20.0, 20.0, 20.0))
ASKED = np.sin(np.radians(35.0))  # cells of a smaller sine are joined otherwise where that betters them
SHRUNK = np.sin(np.radians(25.0))  # cells of a smaller one lose an edge where that betters them
POLISHED = np.sin(np.radians(15.0))  # nodes of cells of a smaller one are searched for better places at the end
DEEP = 0.02  # of the size: what the middle of a cell must lie within another grain to be renamed
STILL = 1e-3  # of the size: a step that wakes no neighbour
_SPARE = 1.1  # room for cells: flips add some and take away more


@dataclass(eq=False)
class Work:
    """A mesh in work, cells with room behind them: `end` are in use. size µm: the length that steps are measured by.

    awake (n,): nodes that a sweep shall move; changed (n,): those about which something did since the last flips.
    """

    mesh: Tetrahedra
    body: Body
    size: float
    threads: int
    end: int = field(init=False)
    sines: np.ndarray = field(init=False)
    cells_of: np.ndarray = field(init=False)
    awake: np.ndarray = field(init=False)
    changed: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        m, nodes = self.mesh, len(self.mesh.points)
        self.end = len(m.cells)
        spare = int((_SPARE - 1.0) * self.end) + 1000
        self.cells_of = np.bincount(m.names, minlength=len(self.body.grains) + 1)
        m.cells = np.concatenate([m.cells, np.empty((spare, 4), np.int32)])
        m.names = np.concatenate([m.names, np.full(spare, -1, np.int32)])
        self.sines = np.empty(len(m.cells))
        self.awake, self.changed = np.ones(nodes, np.uint8), np.ones(nodes, np.uint8)

    def move(self, sweeps: int, guard: float) -> None:
        """Move the nodes that are awake, and those that this wakes."""
        m, b = self.mesh, self.body
        order, bounds = np.empty(len(m.points), np.int32), np.empty(65, np.int64)
        count = stars.colours(m.cells, m.start, m.stop, m.items, order, bounds)
        sweep = moves.sweep_parallel if self.threads > 1 else moves.sweep_serial
        given = b.seeds, b.shape, b.squared, self.size, guard, STILL, self.threads
        about = order, bounds[: count + 1], self.awake, *given
        for _ in range(sweeps):
            self.changed |= self.awake
            sweep(m.points, *m.stars, *about)

    def flip(self) -> None:
        """Join badly shaped cells otherwise, where something changed."""
        m, end = self.mesh, self.end
        cells, names = m.cells[:end], m.names[:end]
        quality.least_sines(m.points, cells, names, self.sines[:end])
        near = np.append(self.changed, 0)[cells].any(axis=1)
        todo = np.flatnonzero(near & (names > 0) & (self.sines[:end] < ASKED))
        self.changed[:] = 0
        self.end, _ = flips.flip(
            m.points, m.cells, m.names, end, *m.stars[2:], todo, self.sines, ASKED, self.cells_of, self.changed
        )
        self.awake |= self.changed

    def collapse(self) -> None:
        """Shrink short edges of badly shaped cells."""
        m, end, changed = self.mesh, self.end, np.zeros(len(self.mesh.points), np.uint8)
        names = m.names[:end]
        quality.least_sines(m.points, m.cells[:end], names, self.sines[:end])
        todo = np.flatnonzero((names > 0) & (self.sines[:end] < SHRUNK))
        collapse.collapse(m.points, *m.stars, todo, self.sines, SHRUNK, self.cells_of, changed)
        self._note(changed)

    def _note(self, changed: np.ndarray) -> None:
        self.awake |= changed
        self.changed |= changed

    def polish(self) -> None:
        """Search better places for the nodes of the worst cells."""
        m, b, end, changed = self.mesh, self.body, self.end, np.zeros(len(self.mesh.points), np.uint8)
        names = m.names[:end]
        quality.least_sines(m.points, m.cells[:end], names, self.sines[:end])
        todo = np.flatnonzero((names > 0) & (self.sines[:end] < POLISHED))
        given = b.seeds, b.shape, b.squared, self.size
        polish.polish(m.points, *m.stars, todo, self.sines, POLISHED, *given, changed)
        self._note(changed)

    def rename(self, passes: int = 5) -> None:
        """Give cells that lie in another grain its name."""
        m, b, changed = self.mesh, self.body, np.ones(len(self.mesh.points), np.uint8)
        least = DEEP * self.size
        for _ in range(passes):
            if not rename.rename(m.points, *m.stars, self.end, b.seeds, b.squared, least, self.cells_of, changed):
                break
            self._note(changed)

    def rename_about(self, passes: int = 3) -> None:
        """Rename cells about nodes that lie far off their boundaries."""
        m, b, changed = self.mesh, self.body, np.ones(len(self.mesh.points), np.uint8)
        given = b.seeds, b.shape, b.squared, self.size, self.cells_of
        for _ in range(passes):
            if not rename.rename_about(m.points, *m.stars, *given, changed):
                break
            self._note(changed)

    def finished(self) -> Tetrahedra:
        """The mesh without the room behind it and without the cells that are no longer there."""
        m = self.mesh
        there = m.names >= 0
        used = np.zeros(len(m.points) + 1, bool)
        used[m.cells[there]] = True
        number = (np.cumsum(used) - 1).astype(np.int32)
        most = int((m.stop - m.start[:-1]).max(initial=0))
        return Tetrahedra.of(m.points[used[:-1]], number[m.cells[there]], m.names[there], most)


def optimised(mesh: Tetrahedra, body: Body, size: float, threads: int) -> Tetrahedra:
    """The mesh with its nodes on the boundaries and its cells well shaped, at a size µm; the given one is used up."""
    work = Work(mesh, body, size, threads)
    for turn, guard in enumerate(GUARDS):
        work.move(SWEEPS, guard)
        work.flip()
        if turn > 0:
            work.collapse()
        work.rename()
        if turn > 1:
            work.rename_about()
    work.move(SWEEPS + 1, GUARDS[-1])
    for _ in range(2):
        work.flip()
        work.collapse()
        work.polish()
    return work.finished()


def fault_of(mesh: Tetrahedra) -> str | None:
    """What is wrong with a mesh: cells turned over, nodes that are not manifold, grains in parts; None when nothing."""
    sines, bad, part = (
        np.empty(len(mesh.cells)),
        np.empty(len(mesh.points), np.uint8),
        np.empty(len(mesh.cells), np.int32),
    )
    quality.least_sines(mesh.points, mesh.cells, mesh.names, sines)
    if (sines <= 0.0).any():
        return f"{int((sines <= 0.0).sum())} tetrahedra are turned over"
    if links.count_faults(*mesh.stars, bad):
        return f"{int(bad.sum())} nodes are not manifold"
    count = stars.parts(*mesh.stars, part)
    grains = len(np.unique(mesh.names[mesh.names > 0]))
    inside = len(np.unique(part[mesh.names > 0]))
    return f"{grains} grains are in {inside} parts" if inside != grains or count < grains else None
