"""A mesh opened along boundaries: each node once for every side it has there, wedges without thickness in between."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nmcfast.errors import InputError
from nmcfast.export.tetrahedra import SIDES, sides_of

Pairs = Iterable[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Split:
    """The cells of a mesh on nodes that are split along chosen boundaries, and wedges that join them again.

    points (p, 3) µm; cells (m, 4) int32; facets (f, 3): those of the mesh, on the side of the first of their grains.
    wedges (k, 6), pair by pair: three nodes on the side of the first of wedge_grains (k, 2), counter-clockwise seen
    from the second, and their twins there. origin (p,): the node of the mesh that each was. whole: chosen facets
    without a wedge, since the rim of what was chosen holds all of their nodes together.
    """

    points: np.ndarray
    cells: np.ndarray
    facets: np.ndarray
    wedges: np.ndarray
    wedge_grains: np.ndarray
    origin: np.ndarray
    whole: int


def split(
    points: np.ndarray,
    cells: np.ndarray,
    grain: np.ndarray,
    facets: np.ndarray,
    facet_grains: np.ndarray,
    pairs: Pairs | None = None,
) -> Split:
    """The arrays of a `Mesh`, opened along the boundaries of pairs of grains, all where None.

    A node becomes as many as the cells about it fall into when no way leads through a chosen facet: two on a face,
    three on a line where three grains meet, four at a point, when all boundaries there are chosen; on the rim of what
    is chosen it stays one. Raises InputError for a pair that shares no boundary.
    """
    chosen = _chosen(facet_grains, pairs)
    parted = cells.copy()
    origin = _part(parted, grain, np.unique(facets[chosen]), _keys(facet_grains[chosen]), len(points))
    order = np.flatnonzero(chosen)[np.lexsort(facet_grains[chosen].T[::-1])]
    between = facet_grains[order]
    sides = [_seen_from(cells, parted, grain, facets[order], owner) for owner in between.T]
    opened = (sides[0] != sides[1]).any(axis=1)
    wedges = np.concatenate(sides, axis=1)[opened]
    lower = _seen_from(cells, parted, grain, facets, facet_grains[:, 0])
    return Split(points[origin], parted, lower, wedges, between[opened], origin, int((~opened).sum()))


def _keys(pairs: np.ndarray) -> np.ndarray:
    return np.sort(pairs, axis=1) @ np.array([2**32, 1], np.int64)


def _chosen(facet_grains: np.ndarray, pairs: Pairs | None) -> np.ndarray:
    """Which facets (f,) lie between two grains that are chosen."""
    inner = facet_grains[:, 1] >= 0
    if pairs is None:
        return inner
    asked = np.array([(min(a, b), max(a, b)) for a, b in pairs], np.int64).reshape(-1, 2)
    known = _keys(facet_grains)
    for (a, b), found in zip(asked.tolist(), np.isin(_keys(asked), known[inner]).tolist(), strict=True):
        if not found:
            raise InputError(f"pairs: grains {a + 1} and {b + 1} share no boundary in this mesh: see pairs.csv")
    return inner & np.isin(known, _keys(asked))


def _part(cells: np.ndarray, grain: np.ndarray, nodes: np.ndarray, chosen: np.ndarray, count: int) -> np.ndarray:
    """Give cells (m, 4) nodes of their own beyond chosen boundaries, at these nodes; which node each was (p,)."""
    held = np.zeros(count, bool)
    held[nodes] = True
    near = np.flatnonzero(held[cells].any(axis=1))
    corner = 4 * np.arange(len(near))[:, None, None] + SIDES  # every corner of every cell near is an item
    faces = cells[near][:, SIDES].reshape(-1, 3)
    turn = np.argsort(faces, axis=1)
    faces = np.take_along_axis(faces, turn, axis=1)
    items = np.take_along_axis(corner.reshape(-1, 3), turn, axis=1)
    order = np.lexsort(faces.T)
    twin = np.flatnonzero((faces[order][1:] == faces[order][:-1]).all(axis=1))
    a, b = order[twin], order[twin + 1]
    beside = grain[near[np.column_stack([a, b]) // len(SIDES)]]
    joined = ~np.isin(_keys(beside), chosen) | (beside[:, 0] == beside[:, 1])
    links = items[a[joined]].ravel(), items[b[joined]].ravel()
    graph = coo_array((np.ones(len(links[0]), np.int8), links), shape=(4 * len(near),) * 2)
    part = connected_components(graph, directed=False)[1]
    _, first, part = np.unique(part, return_index=True, return_inverse=True)
    node = cells[near].ravel()[first]  # of each part, and where its cells begin
    rank = np.lexsort((first, node))
    again = (np.diff(node[rank], prepend=-1) == 0) & held[node[rank]]
    number = node.copy()
    number[rank[again]] = count + np.arange(again.sum())
    cells[near] = np.where(held[cells[near]], number[part].reshape(-1, 4), cells[near])
    return np.concatenate([np.arange(count), node[rank[again]]])


def _seen_from(
    cells: np.ndarray, parted: np.ndarray, grain: np.ndarray, facets: np.ndarray, owner: np.ndarray
) -> np.ndarray:
    """The nodes (f, 3) that facets have on the side of their owner."""
    if not len(facets):
        return facets
    cell, _ = sides_of(cells, grain, facets, owner)
    corner = np.argmax(cells[cell][:, None, :] == facets[:, :, None], axis=2)
    return np.take_along_axis(parted[cell], corner, axis=1)
