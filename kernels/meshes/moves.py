"""Nodes moved: onto the surfaces that their cells' names say, and along them to where cells are best shaped.

The shape of a cell is S³ / V², S the sum of its squared edges and V six times its volume: a multiple of the cube of
the inverse mean ratio, least (432) for the regular one, convex in the place of a node and infinite where it turns over.
A cell about node v is a row (8,) of n, D, P, Q, so that with the node moved by u V = D − n·u, S = 3 u² − 2 P·u + Q.
"""

import math

import numpy as np
from numba import prange

from nmcfast.kernels._cache import helper, twins
from nmcfast.kernels.meshes.stars import others, side_of
from nmcfast.kernels.meshes.surfaces import ROWS, labels_of, rows_at, solve, step_onto

MOST = 192  # cells about a node that moves
REGULAR = 432.0
_NX, _NY, _NZ, _D, _PX, _PY, _PZ, _Q = range(8)


@helper
def gather(points, cells, names, star, v, rows):
    """Fill rows with the cells of a star that are not outside; how many, −1 when too many."""
    x, y, z = points[v, 0], points[v, 1], points[v, 2]
    n = 0
    for m in star:
        if names[m] <= 0:
            continue
        if n == MOST:
            return -1
        a, b, c = others(cells, m, side_of(cells, m, v))
        ax, ay, az = points[a, 0] - x, points[a, 1] - y, points[a, 2] - z
        bx, by, bz = points[b, 0] - x, points[b, 1] - y, points[b, 2] - z
        cx, cy, cz = points[c, 0] - x, points[c, 1] - y, points[c, 2] - z
        px, py, pz, qx, qy, qz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
        rx, ry, rz = qx - px, qy - py, qz - pz
        nx, ny, nz = py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx
        rows[n, _NX], rows[n, _NY], rows[n, _NZ] = nx, ny, nz
        rows[n, _D] = nx * ax + ny * ay + nz * az
        rows[n, _PX], rows[n, _PY], rows[n, _PZ] = ax + bx + cx, ay + by + cy, az + bz + cz
        near = ax * ax + ay * ay + az * az + bx * bx + by * by + bz * bz + cx * cx + cy * cy + cz * cz
        rows[n, _Q] = near + px * px + py * py + pz * pz + qx * qx + qy * qy + qz * qz + rx * rx + ry * ry + rz * rz
        n += 1
    return n


@helper
def energy(rows, n, x, y, z):
    """Sum of the shapes of n cells with their node moved by (x, y, z), and the worst; infinite where one turns over."""
    total, worst, square = 0.0, 0.0, 3.0 * (x * x + y * y + z * z)
    for k in range(n):
        volume = rows[k, _D] - rows[k, _NX] * x - rows[k, _NY] * y - rows[k, _NZ] * z
        if volume <= 0.0:
            return np.inf, np.inf
        s = square - 2.0 * (rows[k, _PX] * x + rows[k, _PY] * y + rows[k, _PZ] * z) + rows[k, _Q]
        shape = s * s * s / (volume * volume)
        total += shape
        worst = max(worst, shape)
    return total, worst


@helper
def _slopes(rows, n, x, y, z):
    """Gradient and second derivatives (xx xy xz yy yz zz) of `energy`."""
    gx, gy, gz, xx, xy, xz, yy, yz, zz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    square = 3.0 * (x * x + y * y + z * z)
    for k in range(n):
        nx, ny, nz = rows[k, _NX], rows[k, _NY], rows[k, _NZ]
        px, py, pz = rows[k, _PX], rows[k, _PY], rows[k, _PZ]
        volume = rows[k, _D] - nx * x - ny * y - nz * z
        s = square - 2.0 * (px * x + py * y + pz * z) + rows[k, _Q]
        r = s / volume
        a, b = 6.0 * r * r, 2.0 * r * r * r  # half of dE/dS · 4 …: E' = 3 r² S' − 2 r³ V'
        sx, sy, sz = 3.0 * x - px, 3.0 * y - py, 3.0 * z - pz  # S' / 2
        gx, gy, gz = gx + a * sx + b * nx, gy + a * sy + b * ny, gz + a * sz + b * nz
        # E'' = (6 / V) (r^½ (S' − r V'))² + 3 r² S'': one square, since E = V (S / V)³
        tx, ty, tz = 2.0 * sx + r * nx, 2.0 * sy + r * ny, 2.0 * sz + r * nz
        w, c = 6.0 * r / volume, 18.0 * r * r
        xx, xy, xz = xx + w * tx * tx + c, xy + w * tx * ty, xz + w * tx * tz
        yy, yz, zz = yy + w * ty * ty + c, yz + w * ty * tz, zz + w * tz * tz + c
    return gx, gy, gz, xx, xy, xz, yy, yz, zz


@helper
def _along(slopes, normals, n):
    """The step of Newton that keeps to the planes of the first n of normals (2, 3), by a penalty across them."""
    gx, gy, gz, xx, xy, xz, yy, yz, zz = slopes
    stiff = 1e6 * (xx + yy + zz)
    for k in range(n):
        a, b, c = normals[k, 0], normals[k, 1], normals[k, 2]
        xx, xy, xz = xx + stiff * a * a, xy + stiff * a * b, xz + stiff * a * c
        yy, yz, zz = yy + stiff * b * b, yz + stiff * b * c, zz + stiff * c * c
    return solve(xx, xy, xz, yy, yz, zz, -gx, -gy, -gz)


@helper
def _pull(rows, n, here, guard, step):
    """How much of a step a node may go: all, a half … and no cell gets worse than the guard or the worst of now."""
    part = 1.0
    for _ in range(4):
        worst = energy(rows, n, part * step[0], part * step[1], part * step[2])[1]
        if worst <= max(guard, here):
            return part
        part *= 0.5
    return 0.0


@helper
def _move(points, cells, names, star, v, seeds, shape, squared, size, guard, scratch):
    """Move a node; the square of how far."""
    rows, labels, planes = scratch
    n = gather(points, cells, names, star, v, rows)
    if n <= 0:
        return 0.0
    x0, y0, z0 = points[v, 0], points[v, 1], points[v, 2]
    x, y, z, count = 0.0, 0.0, 0.0, labels_of(star, star.size, names, labels)
    total, worst = energy(rows, n, x, y, z)
    if count > 1:
        planes_n = rows_at(x0, y0, z0, labels, count, seeds, shape, squared, planes)
        step = step_onto(planes, planes_n)
        far = math.sqrt(step[0] ** 2 + step[1] ** 2 + step[2] ** 2)
        if far > 1e-4 * size:
            scale = min(1.0, 0.5 * size / far)
            step = (scale * step[0], scale * step[1], scale * step[2])
            part = _pull(rows, n, worst, guard, step)
            x, y, z = part * step[0], part * step[1], part * step[2]
            total, worst = energy(rows, n, x, y, z)
            planes_n = rows_at(x0 + x, y0 + y, z0 + z, labels, count, seeds, shape, squared, planes)
    if count < 4 and total < np.inf:
        tx, ty, tz = _along(_slopes(rows, n, x, y, z), planes, count - 1)
        part = 1.0
        for _ in range(3):
            a, b, c = x + part * tx, y + part * ty, z + part * tz
            if count > 1:
                planes_n = rows_at(x0 + a, y0 + b, z0 + c, labels, count, seeds, shape, squared, planes)
                back = step_onto(planes, planes_n)
                if back[0] ** 2 + back[1] ** 2 + back[2] ** 2 < (0.3 * size) ** 2:
                    a, b, c = a + back[0], b + back[1], c + back[2]
            lower, least = energy(rows, n, a, b, c)
            if lower < total and least <= max(guard, worst):
                x, y, z = a, b, c
                break
            part *= 0.4
    points[v, 0], points[v, 1], points[v, 2] = x0 + x, y0 + y, z0 + z
    return x * x + y * y + z * z


def _sweep(
    points, cells, names, start, stop, items, order, bounds, awake, seeds, shape, squared, size, guard, still, workers
):
    """Move the nodes with awake (n,) uint8 set, colour by colour: order[bounds[c] : bounds[c + 1]]; how many moved.

    Nodes of one colour share no cell, so that the number of workers changes no bit. awake is then set for the nodes
    that share a cell with one that moved by more than still times the size µm.
    """
    moved = np.zeros(names.size, np.uint8)
    nodes, total = points.shape[0], 0
    for colour in range(bounds.size - 1):
        first, last = bounds[colour], bounds[colour + 1]
        for worker in prange(workers):
            scratch = np.empty((MOST, 8)), np.empty(ROWS, np.int32), np.empty((ROWS, 4))
            low = first + (last - first) * worker // workers
            for k in range(low, first + (last - first) * (worker + 1) // workers):
                v = order[k]
                if awake[v]:
                    star = items[start[v] : stop[v]]
                    far = _move(points, cells, names, star, v, seeds, shape, squared, size, guard, scratch)
                    awake[v] = 2 if far > (still * size) ** 2 else 1
    for v in range(nodes):
        if awake[v] == 2:
            total += 1
            for k in range(start[v], stop[v]):
                moved[items[k]] = 1
        awake[v] = 0
    for m in range(names.size):
        if moved[m]:
            for k in range(4):
                if cells[m, k] < nodes:
                    awake[cells[m, k]] = 1
    return total


sweep_serial, sweep_parallel = twins(_sweep, "sweep")
