"""The nearest seeds of seeds in many small windows at once, for training, where each cutout has its own seeds."""

import numpy as np
from numba import njit, prange


@njit(cache=True, nogil=True)
def _insert(index, square, i, q):
    """Put seed i at squared distance q into lists that are sorted by (distance, index); the last falls out."""
    k = index.size - 1
    while k > 0 and (q < square[k - 1] or (q == square[k - 1] and i < index[k - 1])):
        index[k] = index[k - 1]
        square[k] = square[k - 1]
        k -= 1
    index[k] = i
    square[k] = q


@njit(cache=True, nogil=True)
def _within(x, y, z, order, query, low, high, limit, distance, index, square):
    """Fill index (k,), square (k,) with the nearest of the seeds low to high - 1 nearer than √limit; return how many."""
    qx, qy, qz = x[query], y[query], z[query]
    for p in range(low, high):
        dx, dy, dz = x[p] - qx, y[p] - qy, z[p] - qz
        distance[p] = dx * dx + dy * dy + dz * dz
    found = 0
    square[:] = np.inf
    last = index.size - 1
    for p in range(low, high):
        q = distance[p]
        if q < limit and p != query:
            found += 1
            if q < square[last] or (q == square[last] and order[p] < index[last]):
                _insert(index, square, order[p], q)
    return found


def _nearest(position, inner, first, radius, index):
    """Fill index (m, k) with the k nearest seeds, nearest first, of the seeds where inner (n,) is true, in order.

    position (n, 3), those of window w are first[w] to first[w + 1]; ties go to the lower index. radius: within it most
    seeds have k neighbours; it is widened where they have fewer. A window needs more than k seeds.
    """
    row = np.zeros(first.size, np.int64)
    for w in range(first.size - 1):
        row[w + 1] = row[w] + inner[first[w] : first[w + 1]].sum()
    for w in prange(first.size - 1):
        points = position[first[w] : first[w + 1]]
        n, k = points.shape[0], index.shape[1]
        order = np.argsort(points[:, 0])
        x, y, z = points[order, 0].copy(), points[order, 1].copy(), points[order, 2].copy()
        rows = np.cumsum(inner[first[w] : first[w + 1]]) - 1 + row[w]
        distance, square, nearest = np.empty(n), np.empty(k), np.empty(k, np.int64)
        for query in range(n):
            if not inner[first[w] + order[query]]:
                continue
            reach, found = radius, 0
            while found < k and found < n - 1:
                low = np.searchsorted(x, x[query] - reach)
                high = np.searchsorted(x, x[query] + reach)
                found = _within(x, y, z, order, query, low, high, reach * reach, distance, nearest, square)
                reach *= 1.5
            index[rows[order[query]]] = nearest + first[w]


nearest_in_windows_serial = njit(cache=True, nogil=True)(_nearest)
nearest_in_windows_parallel = njit(cache=True, nogil=True, parallel=True)(_nearest)
