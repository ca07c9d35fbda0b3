"""Nodes in the middle of edges, drawn onto the surfaces that edges lie on, and whether cells stand it."""

import math

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.meshes.surfaces import ROWS, rows_at, step_onto

_STEPS = 8  # of Gauss and Newton
_CLOSE = 1e-6  # of the edge: nearer is on the surfaces


@kernel
def place_middles(points, edges, first, labels, seeds, shape, squared, most, out):
    """Fill out (e, 3) with the middles of edges (e, 2) on the surfaces of labels[first[k] : first[k + 1]]; how many
    not.

    A middle stays where it is when its place lies farther than most times the edge, or is not found.
    """
    rows, left = np.empty((ROWS, 4)), 0
    for k in range(edges.shape[0]):
        a, b = points[edges[k, 0]], points[edges[k, 1]]
        size = math.sqrt(((a - b) ** 2).sum())
        names = labels[first[k] : first[k + 1]]
        x0, y0, z0 = 0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1]), 0.5 * (a[2] + b[2])
        x, y, z, found = x0, y0, z0, False
        for _ in range(_STEPS):
            n = rows_at(x, y, z, names, names.size, seeds, shape, squared, rows)
            dx, dy, dz = step_onto(rows, n)
            x, y, z = x + dx, y + dy, z + dz
            if dx * dx + dy * dy + dz * dz < (_CLOSE * size) ** 2:
                found = True
                break
        if not found or (x - x0) ** 2 + (y - y0) ** 2 + (z - z0) ** 2 > (most * size) ** 2:
            x, y, z = x0, y0, z0
            left += 1
        out[k, 0], out[k, 1], out[k, 2] = x, y, z
    return left


@helper
def _volume(p, q, r):
    return p[0] * (q[1] * r[2] - q[2] * r[1]) + p[1] * (q[2] * r[0] - q[0] * r[2]) + p[2] * (q[0] * r[1] - q[1] * r[0])


@kernel
def least_jacobians(points, cells, place, pairs, out):
    """Fill out (m,) with a bound from below of det J over cells (m, 10), over its value were the edges straight.

    det J is cubic: no less than the least of its 20 coefficients in Bernstein's basis. place (64,): which one the
    corners (b, c, d) of the columns of J belong to; pairs (4, 4): the node between two corners.
    """
    control, jacobian = np.empty((4, 4, 3)), np.empty((4, 3, 3))
    total, count = np.empty(20), np.empty(20)
    count[:] = 0.0
    for k in range(64):
        count[place[k]] += 1.0
    for m in range(cells.shape[0]):
        for a in range(4):
            for b in range(4):
                if a == b:
                    control[a, a] = points[cells[m, a]]
                else:
                    ends = points[cells[m, a]] + points[cells[m, b]]
                    control[a, b] = 2.0 * points[cells[m, pairs[a, b]]] - 0.5 * ends
        for b in range(4):
            for column in range(3):
                jacobian[b, column] = 2.0 * (control[column + 1, b] - control[0, b])
        total[:] = 0.0
        for k in range(64):
            b, c, d = k // 16, k // 4 % 4, k % 4
            total[place[k]] += _volume(jacobian[b, 0], jacobian[c, 1], jacobian[d, 2])
        a = points[cells[m, 0]]
        straight = _volume(points[cells[m, 1]] - a, points[cells[m, 2]] - a, points[cells[m, 3]] - a)
        least = np.inf
        for k in range(20):
            least = min(least, total[k] / count[k])
        out[m] = least / straight
