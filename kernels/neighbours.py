"""The k nearest seeds of seeds, on a grid of cells.

n seeds, m queries, k neighbours.
"""

import math

import numpy as np
from numba import njit, prange

_PER_CELL = 4.0  # seeds in a cell: 27 cells then hold the 12 nearest of most seeds


@njit(cache=True, nogil=True)
def _cell_of(value, low, side, cells):
    return min(max(int((value - low) / side), 0), cells - 1)


@njit(cache=True, nogil=True)
def _sort_into_cells(points, low, side, cells):
    """First seed of each cell (cells + 1,) and the seeds in order of cells (n,)."""
    n = points.shape[0]
    home = np.empty(n, np.int64)
    first = np.zeros(cells[0] * cells[1] * cells[2] + 1, np.int64)
    for i in range(n):
        home[i] = _cell_of(points[i, 0], low[0], side, cells[0])
        home[i] = home[i] * cells[1] + _cell_of(points[i, 1], low[1], side, cells[1])
        home[i] = home[i] * cells[2] + _cell_of(points[i, 2], low[2], side, cells[2])
        first[home[i] + 1] += 1
    for c in range(first.size - 1):
        first[c + 1] += first[c]
    place = first[:-1].copy()
    order = np.empty(n, np.int64)
    for i in range(n):
        order[place[home[i]]] = i
        place[home[i]] += 1
    return first, order


@njit(cache=True, nogil=True)
def insert(index, square, i, q):
    """Put seed i at squared distance q into lists that are sorted by (distance, index); the last falls out."""
    k = index.size - 1
    while k > 0 and (q < square[k - 1] or (q == square[k - 1] and i < index[k - 1])):
        index[k] = index[k - 1]
        square[k] = square[k - 1]
        k -= 1
    index[k] = i
    square[k] = q


@njit(cache=True, nogil=True)
def _scan(i, x, y, z, sorted_points, order, start, stop, index, square):
    """Put the seeds start to stop of the order of cells that are near enough into the lists."""
    last = square.size - 1
    worst = square[last]
    for p in range(start, stop):
        dx, dy, dz = sorted_points[p, 0] - x, sorted_points[p, 1] - y, sorted_points[p, 2] - z
        q = dx * dx + dy * dy + dz * dz
        if q <= worst:
            j = order[p]
            if j != i and (q < worst or j < index[last]):
                insert(index, square, j, q)
                worst = square[last]


@njit(cache=True, nogil=True)
def _search(i, points, sorted_points, first, order, low, side, cells, index, square):
    """Fill index (k,) and square (k,) with the nearest seeds of seed i, cube of cells by cube of cells.

    Cells along z follow each other in the order, so a row of them is one run of seeds.
    """
    index[:] = -1
    square[:] = np.inf
    x, y, z = points[i, 0], points[i, 1], points[i, 2]
    cx = _cell_of(x, low[0], side, cells[0])
    cy = _cell_of(y, low[1], side, cells[1])
    cz = _cell_of(z, low[2], side, cells[2])
    inset = min(
        min(x - low[0] - cx * side, low[0] + (cx + 1) * side - x),
        min(y - low[1] - cy * side, low[1] + (cy + 1) * side - y),
        min(z - low[2] - cz * side, low[2] + (cz + 1) * side - z),
    )
    for ring in range(1, max(cells[0], cells[1], cells[2]) + 1):
        z0, z1 = max(cz - ring, 0), min(cz + ring, cells[2] - 1)
        for ax in range(max(cx - ring, 0), min(cx + ring + 1, cells[0])):
            for ay in range(max(cy - ring, 0), min(cy + ring + 1, cells[1])):
                row = (ax * cells[1] + ay) * cells[2]
                if ring == 1 or abs(ax - cx) == ring or abs(ay - cy) == ring:
                    _scan(i, x, y, z, sorted_points, order, first[row + z0], first[row + z1 + 1], index, square)
                    continue
                for az in (cz - ring, cz + ring):
                    if 0 <= az < cells[2]:
                        start, stop = first[row + az], first[row + az + 1]
                        _scan(i, x, y, z, sorted_points, order, start, stop, index, square)
        covered = ring * side + inset  # nothing that was not looked at is nearer
        if covered > 0.0 and square[square.size - 1] < covered * covered * (1.0 - 1e-12):
            break


def _nearest(points, queries, k):
    n = points.shape[0]
    low = np.empty(3)
    extent = 0.0
    volume = 1.0
    for axis in range(3):
        low[axis] = points[:, axis].min()
        span = points[:, axis].max() - low[axis]
        extent = max(extent, span)
        volume *= max(span, 1e-300)
    side = max((volume * _PER_CELL / n) ** (1.0 / 3.0), extent / 512.0, 1e-300)
    cells = np.empty(3, np.int64)
    for axis in range(3):
        cells[axis] = int((points[:, axis].max() - low[axis]) / side) + 1
    first, order = _sort_into_cells(points, low, side, cells)
    sorted_points = points[order]
    index = np.empty((queries.size, k), np.int64)
    distance = np.empty((queries.size, k))
    for m in prange(queries.size):
        _search(queries[m], points, sorted_points, first, order, low, side, cells, index[m], distance[m])
        for j in range(k):
            distance[m, j] = math.sqrt(distance[m, j])
    return index, distance


nearest_serial = njit(cache=True, nogil=True)(_nearest)
nearest_parallel = njit(cache=True, nogil=True, parallel=True)(_nearest)
