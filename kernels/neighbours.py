"""The k nearest seeds of any seeds, sorted into a grid of cells; those drawn cell by cell have `cell_neighbours`.

n seeds, m queries, k neighbours.
"""

import math

import numpy as np
from numba import prange

from nmcfast.kernels._cache import helper, twins
from nmcfast.kernels.vectors.lanes import bits_unless_above, first_bit, spread
from nmcfast.kernels.vectors.memory import load

_PER_CELL = 4.0  # seeds in a cell: 27 cells then hold the 12 nearest of most seeds
_GUESS = 1.5 / (_PER_CELL * 4.0 / 3.0 * math.pi)  # cells³ a neighbour: a ball of 1.5 k seeds holds k of them, mostly


@helper
def _cell_of(value, low, side, cells):
    return min(max(int((value - low) / side), 0), cells - 1)


@helper
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


@helper
def insert(index, square, i, q):
    """Put seed i at squared distance q into lists that are sorted by (distance, index); the last falls out."""
    k = index.size - 1
    while k > 0 and (q < square[k - 1] or (q == square[k - 1] and i < index[k - 1])):
        index[k] = index[k - 1]
        square[k] = square[k - 1]
        k -= 1
    index[k] = i
    square[k] = q


@helper
def _scan(i, points, place, sorted_place, slack, order, start, stop, bound, index, square):
    """Put the seeds start to stop of the order of cells that are nearer than `bound`, a square, into the lists.

    place (3,) and sorted_place, rows x, y, z of n + 16, are float32 coordinates from the corner of the cells. Sixteen
    at a time they say which seeds cannot be nearer, by more than their rounding, slack; float64 decides on the others.

    Eleven arguments: it is called for every seed, and its arrays are the caller's, so that none is made here.
    """
    last = square.size - 1
    worst = min(square[last], bound)
    limit = spread(_limit(worst, slack))
    row = sorted_place.size // 3
    x0, y0, z0 = place
    for p in range(start, stop, 16):
        dx, dy = load(sorted_place, p) - x0, load(sorted_place, row + p) - y0
        dz = load(sorted_place, 2 * row + p) - z0
        bits = bits_unless_above(dx * dx + dy * dy + dz * dz, limit)
        if stop - p < 16:
            bits &= (1 << (stop - p)) - 1
        while bits:
            j = order[p + first_bit(bits)]
            bits &= bits - 1
            x, y, z = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1], points[j, 2] - points[i, 2]
            q = x * x + y * y + z * z
            if j != i and (q < worst or (q == worst and j < index[last])):
                insert(index, square, j, q)
                worst = min(square[last], bound)


@helper
def _limit(worst, slack):
    """Square of a distance in float32 above which a seed is certainly farther away than the root of `worst`."""
    reach = math.sqrt(worst) + slack
    return np.float32(reach * reach * (1.0 + 1e-6))


@helper
def _search(i, points, sorted_place, slack, first, order, low, side, cells, index, square):
    """Fill index (k,) and square (k,) with the nearest seeds of seed i, cube of cells by cube of cells.

    Cells along z follow each other in the order, so a row of them is one run of seeds.

    Eleven arguments: it is called for every seed, and its arrays are the caller's, so that none is made here.
    """
    index[:] = -1
    square[:] = np.inf
    place = (np.float32(points[i, 0] - low[0]), np.float32(points[i, 1] - low[1]), np.float32(points[i, 2] - low[2]))
    cx = _cell_of(points[i, 0], low[0], side, cells[0])
    cy = _cell_of(points[i, 1], low[1], side, cells[1])
    cz = _cell_of(points[i, 2], low[2], side, cells[2])
    inset = np.inf
    for axis in range(3):
        inside = points[i, axis] - low[axis] - (cx, cy, cz)[axis] * side
        inset = min(inset, inside, side - inside)
    bound = side * side * (_GUESS * square.size) ** (2.0 / 3.0)
    ring = 1
    while ring <= max(cells[0], cells[1], cells[2]):
        z0, z1 = max(cz - ring, 0), min(cz + ring, cells[2] - 1)
        for ax in range(max(cx - ring, 0), min(cx + ring + 1, cells[0])):
            for ay in range(max(cy - ring, 0), min(cy + ring + 1, cells[1])):
                row = (ax * cells[1] + ay) * cells[2]
                if ring == 1 or abs(ax - cx) == ring or abs(ay - cy) == ring:
                    start, stop = first[row + z0], first[row + z1 + 1]
                    _scan(i, points, place, sorted_place, slack, order, start, stop, bound, index, square)
                    continue
                for az in (cz - ring, cz + ring):
                    if 0 <= az < cells[2]:
                        start, stop = first[row + az], first[row + az + 1]
                        _scan(i, points, place, sorted_place, slack, order, start, stop, bound, index, square)
        if index[square.size - 1] < 0 and bound < np.inf:  # fewer than k within the guess: look again without it
            bound = np.inf
            index[:] = -1
            square[:] = np.inf
            continue
        covered = ring * side + inset  # nothing that was not looked at is nearer
        if covered > 0.0 and square[square.size - 1] < covered * covered * (1.0 - 1e-12):
            break
        ring += 1


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
    row = n + 16
    place = np.zeros(3 * row, np.float32)
    for p in range(n):
        for axis in range(3):
            place[axis * row + p] = points[order[p], axis] - low[axis]
    slack = extent * 2.0**-20 + 1e-18  # four times what rounding moves a distance; squares stay above float32's least
    index = np.empty((queries.size, k), np.int64)
    distance = np.empty((queries.size, k))
    for m in prange(queries.size):
        i = queries[m]
        _search(i, points, place, slack, first, order, low, side, cells, index[m], distance[m])
        for j in range(k):
            distance[m, j] = math.sqrt(distance[m, j])
    return index, distance


nearest_serial, nearest_parallel = twins(_nearest, "nearest")
