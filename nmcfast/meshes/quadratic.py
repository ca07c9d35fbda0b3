"""Cells of ten nodes: those in the middle of edges lie on the analytic boundaries, as far as the cells stand it."""

import itertools
from dataclasses import dataclass

import numpy as np

from nmcfast.export.tetrahedra import EDGES
from nmcfast.kernels.meshes import middles
from nmcfast.meshes.body import Body

VALID = 0.2  # of det J of the straight cell: what a bent one must keep everywhere
FARTHEST = 0.3  # of an edge: middles whose place lies farther stay
_PARTS = (0.5, 0.25, 0.0)  # of the way that middles of cells that do not stand it go

_MIDDLE = np.full((4, 4), -1)
for _k, (_a, _b) in enumerate(EDGES.tolist()):
    _MIDDLE[_a, _b] = _MIDDLE[_b, _a] = 4 + _k
_KINDS = {kind: k for k, kind in enumerate(itertools.combinations_with_replacement(range(4), 3))}
_PLACE = np.array([_KINDS[min(p), sorted(p)[1], max(p)] for p in itertools.product(range(4), repeat=3)])


@dataclass(frozen=True, eq=False)
class Quadratic:
    """A mesh with a node in the middle of each edge.

    points (p, 3) µm: those of the mesh, then those of edges; cells (m, 10), facets (f, 6): corners, then edges in the
    order of `export.tetrahedra.EDGES`. curved: edges on boundaries; of them unplaced ones have no place near, and
    eased ones go a part of the way only, or none, for cells that would not stand it. least: the smallest det J over
    that of the straight cell, a bound from below.
    """

    points: np.ndarray
    cells: np.ndarray
    facets: np.ndarray
    curved: int
    unplaced: int
    eased: int
    least: float


def quadratic(
    points: np.ndarray,
    cells: np.ndarray,
    grain: np.ndarray,
    facets: np.ndarray,
    facet_grains: np.ndarray,
    body: Body,
) -> Quadratic:
    """The arrays of a `Mesh` with nodes in the middle of edges; cells stay valid, what it takes is counted."""
    edges, of_cell = _edges(cells, len(points))
    first, labels = _labels(of_cell, grain, _outer_edges(facets[facet_grains[:, 1] < 0], edges, len(points)))
    bent = np.flatnonzero(np.diff(first) > 1)
    place = np.empty((len(bent), 3))
    starts = np.append(0, np.cumsum(np.diff(first)[bent]))
    chosen = np.repeat(np.diff(first) > 1, np.diff(first))
    given = body.seeds, body.shape, body.squared
    unplaced = middles.place_middles(points, edges[bent], starts, labels[chosen], *given, FARTHEST, place)
    straight = points[edges].mean(axis=1)
    middle = straight.copy()
    middle[bent] = place
    every = np.concatenate([points, middle])
    full = np.concatenate([cells, len(points) + of_cell], axis=1).astype(np.int32)
    eased, least = _ease(every, full, len(points), straight)
    sides = len(points) + _rows_of(_sorted_edges(facets, [(0, 1), (1, 2), (2, 0)]), edges, len(points))
    wide = np.concatenate([facets, sides.reshape(-1, 3)], axis=1).astype(np.int32)
    return Quadratic(every, full, wide, len(bent), int(unplaced), eased, least)


def _sorted_edges(cells: np.ndarray, pairs: list[tuple[int, int]]) -> np.ndarray:
    """The edges (rows of cells × pairs, 2) of cells, lower node first."""
    return np.sort(np.stack([cells[:, list(pair)] for pair in pairs], axis=1), axis=2).reshape(-1, 2)


def _edges(cells: np.ndarray, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """All edges (e, 2), lower node first, ascending; and the six of each cell (m, 6)."""
    pairs = _sorted_edges(cells, [(a, b) for a, b in EDGES.tolist()])
    keys, number = np.unique(pairs @ np.array([nodes, 1], np.int64), return_inverse=True)
    return np.column_stack(np.divmod(keys, nodes)), number.reshape(-1, 6)


def _rows_of(pairs: np.ndarray, edges: np.ndarray, nodes: int) -> np.ndarray:
    """The row among edges (e, 2) of each of some pairs."""
    weights = np.array([nodes, 1], np.int64)
    return np.searchsorted(edges @ weights, pairs @ weights)


def _outer_edges(facets: np.ndarray, edges: np.ndarray, nodes: int) -> np.ndarray:
    """Which rows of edges lie on the outer surface."""
    return np.unique(_rows_of(_sorted_edges(facets, [(0, 1), (1, 2), (2, 0)]), edges, nodes))


def _labels(of_cell: np.ndarray, grain: np.ndarray, outer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Names about each edge as the kernels take them: those of edge k at first[k] : first[k + 1], 0 outside."""
    edge = np.concatenate([of_cell.ravel(), outer])
    name = np.concatenate([np.repeat(grain.astype(np.int64) + 1, 6), np.zeros(len(outer), np.int64)])
    keys = np.unique(edge.astype(np.int64) * 2**32 + name)
    edge, name = keys >> 32, keys & (2**32 - 1)
    first = np.searchsorted(edge, np.arange(int(of_cell.max()) + 2))
    return first, name.astype(np.int32)


def _ease(points: np.ndarray, cells: np.ndarray, corners: int, straight: np.ndarray) -> tuple[int, float]:
    """Take middles back where cells do not stand them; how many, and the least det J over that of straight cells."""
    out, far = np.ones(len(cells)), points[corners:] - straight
    part, todo = np.ones(len(straight)), np.arange(len(cells))
    for less in itertools.chain(_PARTS, itertools.repeat(0.0)):
        some = np.empty(len(todo))
        middles.least_jacobians(points, cells[todo], _PLACE, _MIDDLE, some)
        out[todo] = some
        bad = todo[some < VALID]
        back = np.unique(cells[bad, 4:]) - corners
        back = back[(far[back] != 0.0).any(axis=1) & (part[back] > less)]
        if not len(back):
            break
        part[back] = less
        points[corners + back] = straight[back] + less * far[back]
        touched = np.zeros(len(points), bool)
        touched[corners + back] = True
        todo = np.flatnonzero(touched[cells[:, 4:]].any(axis=1))
    middles.least_jacobians(points, cells, _PLACE, _MIDDLE, out)
    return int((part < 1.0).sum()), float(out.min())
