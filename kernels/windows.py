"""The nearest seeds of seeds in many small windows at once, for training, where each cutout has its own seeds."""

import numpy as np
from numba import prange

from nmcfast.kernels._cache import helper, twins
from nmcfast.kernels.neighbours import insert


@helper
def _sort_into_cells(points, side, shape):
    """First seed of each cell (cells + 1,) and the seeds in order of cells (n,); cells along x follow each other."""
    low = np.array([points[:, 0].min(), points[:, 1].min(), points[:, 2].min()])
    for axis in range(3):
        shape[axis] = int((points[:, axis].max() - low[axis]) / side) + 1
    n = points.shape[0]
    home = np.empty(n, np.int64)
    first = np.zeros(shape[0] * shape[1] * shape[2] + 1, np.int64)
    for i in range(n):
        x, y = int((points[i, 0] - low[0]) / side), int((points[i, 1] - low[1]) / side)
        home[i] = (int((points[i, 2] - low[2]) / side) * shape[1] + y) * shape[0] + x
        first[home[i] + 1] += 1
    first = np.cumsum(first)
    place = first[:-1].copy()
    order = np.empty(n, np.int64)
    for i in range(n):
        order[place[home[i]]] = i
        place[home[i]] += 1
    return first, order, home


@helper
def _search(query, points, first, order, cell, shape, limit, index, square):
    """Fill index (k,), square (k,) with the nearest of the seeds nearer than √limit ≤ a cell; return how many.

    points (n, 3) in order of cells, query a row of it, cell its cell.

    Nine arguments: it is called for every seed, and its arrays are the caller's, so that none is made here.
    """
    qx, qy, qz = points[query]
    cx, cy, cz = cell % shape[0], cell // shape[0] % shape[1], cell // (shape[0] * shape[1])
    x0, x1 = max(cx - 1, 0), min(cx + 1, shape[0] - 1)
    square[:] = np.inf
    last = index.size - 1
    found = 0
    for z in range(max(cz - 1, 0), min(cz + 2, shape[2])):
        for y in range(max(cy - 1, 0), min(cy + 2, shape[1])):
            row = (z * shape[1] + y) * shape[0]
            for p in range(first[row + x0], first[row + x1 + 1]):
                dx, dy, dz = points[p, 0] - qx, points[p, 1] - qy, points[p, 2] - qz
                q = dx * dx + dy * dy + dz * dz
                if q < limit and p != query:
                    found += 1
                    if q < square[last] or (q == square[last] and order[p] < index[last]):
                        insert(index, square, order[p], q)
    return found


def _nearest(position, inner, first, radius, index):
    """Fill index (m, k) with the k nearest seeds, nearest first, of the seeds where inner (n,) is true, in order.

    position (n, 3), those of window w are first[w] to first[w + 1]; ties go to the lower index. radius: within it most
    seeds have k neighbours; it is doubled where one has fewer. A window needs more than k seeds.
    """
    row = np.zeros(first.size, np.int64)
    for w in range(first.size - 1):
        row[w + 1] = row[w] + inner[first[w] : first[w + 1]].sum()
    for w in prange(first.size - 1):
        points, wanted = position[first[w] : first[w + 1]], inner[first[w] : first[w + 1]].copy()
        k = index.shape[1]
        rows = np.cumsum(wanted) - 1 + row[w]
        square, nearest = np.empty(k), np.empty(k, np.int64)
        side, missing = radius, wanted.sum()
        while missing > 0 and points.shape[0] > k:
            shape = np.empty(3, np.int64)
            start, order, home = _sort_into_cells(points, side, shape)
            ordered = points[order]
            for query in range(order.size):
                i = order[query]
                if (
                    wanted[i]
                    and _search(query, ordered, start, order, home[i], shape, side * side, nearest, square) >= k
                ):
                    index[rows[i]] = nearest + first[w]
                    wanted[i] = False
                    missing -= 1
            side *= 2.0


nearest_in_windows_serial, nearest_in_windows_parallel = twins(_nearest, "nearest_in_windows")
