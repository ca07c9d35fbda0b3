"""Nodes moved: onto the surfaces that their cells' names say, and along them to where cells are best shaped.

The shape of a cell is S³ / V², S the sum of its squared edges and V six times its volume: a multiple of the cube of
the inverse mean ratio, least (432) for the regular one, convex in the place of a node and infinite where it turns over.
A cell about node v is a column of n, D, P, Q, eight rows: with the node moved by u, V = D − n·u, S = 3 u² − 2 P·u + Q.
"""

import math

import numpy as np
from numba import prange

from nmcfast.kernels._cache import helper, twins
from nmcfast.kernels.meshes.stars import others, side_of
from nmcfast.kernels.meshes.surfaces import ROWS, labels_of, rows_at, solve, step_onto
from nmcfast.kernels.vectors.doubles import load8, spread8, store8, where_less8

MOST = 192  # cells about a node that moves
_WIDTH = MOST + 8  # numbers of a row
_FARTHER = 1.5  # of a step of Newton: neighbours will go the same way
_NO_SHAPE = 1e60  # a volume beside which a shape vanishes
REGULAR = 432.0
_NX, _NY, _NZ, _D, _PX, _PY, _PZ, _Q = range(8)


@helper
def gather(points, cells, names, star, v, rows):
    """Fill rows (9 · (MOST + 8),) with the cells of a star that are not outside; how many, −1 when too many.

    Behind the last follow some of no shape, up to a whole number of eights; the ninth row is scratch of sums.
    """
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
        rows[_NX * _WIDTH + n], rows[_NY * _WIDTH + n], rows[_NZ * _WIDTH + n] = nx, ny, nz
        rows[_D * _WIDTH + n] = nx * ax + ny * ay + nz * az
        rows[_PX * _WIDTH + n], rows[_PY * _WIDTH + n], rows[_PZ * _WIDTH + n] = (
            ax + bx + cx,
            ay + by + cy,
            az + bz + cz,
        )
        near = ax * ax + ay * ay + az * az + bx * bx + by * by + bz * bz + cx * cx + cy * cy + cz * cz
        rows[_Q * _WIDTH + n] = (
            near + px * px + py * py + pz * pz + qx * qx + qy * qy + qz * qz + rx * rx + ry * ry + rz * rz
        )
        n += 1
    for k in range(n, (n + 7) // 8 * 8):
        for row in range(8):
            rows[row * _WIDTH + k] = _NO_SHAPE if row == _D else 0.0
    return n


@helper
def _row(rows, row, k):
    """Eight numbers of a row."""
    return load8(rows, row * _WIDTH + k)


@helper
def energy(rows, n, x, y, z):
    """Sum of the shapes of n cells with their node moved by (x, y, z), and the worst; infinite where one turns over."""
    square, none = 3.0 * (x * x + y * y + z * z), spread8(0.0)
    total, worst = none, none
    for k in range(0, n, 8):
        volume = _row(rows, _D, k) - _row(rows, _NX, k) * x - _row(rows, _NY, k) * y - _row(rows, _NZ, k) * z
        along = _row(rows, _PX, k) * x + _row(rows, _PY, k) * y + _row(rows, _PZ, k) * z
        s = _row(rows, _Q, k) - along * 2.0 + square
        shape = where_less8(none, volume, s * s * s / (volume * volume), spread8(np.inf))
        total = total + shape
        worst = where_less8(worst, shape, shape, worst)
    return _sum(total, rows), _greatest(worst, rows)


@helper
def _sum(eight, rows):
    """The sum of eight numbers; the last row is scratch."""
    store8(rows, 8 * _WIDTH, eight)
    s = rows[8 * _WIDTH : 8 * _WIDTH + 8]
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))


@helper
def _greatest(eight, rows):
    store8(rows, 8 * _WIDTH, eight)
    s = rows[8 * _WIDTH : 8 * _WIDTH + 8]
    return max(max(max(s[0], s[1]), max(s[2], s[3])), max(max(s[4], s[5]), max(s[6], s[7])))


@helper
def _slopes(rows, n, x, y, z):
    """Gradient and second derivatives (xx xy xz yy yz zz) of `energy`."""
    none = spread8(0.0)
    gx, gy, gz, xx, xy, xz, yy, yz, zz = none, none, none, none, none, none, none, none, none
    square = 3.0 * (x * x + y * y + z * z)
    for k in range(0, n, 8):
        nx, ny, nz = _row(rows, _NX, k), _row(rows, _NY, k), _row(rows, _NZ, k)
        px, py, pz = _row(rows, _PX, k), _row(rows, _PY, k), _row(rows, _PZ, k)
        volume = _row(rows, _D, k) - nx * x - ny * y - nz * z
        s = _row(rows, _Q, k) - (px * x + py * y + pz * z) * 2.0 + square
        r = s / volume
        a = r * r * 6.0
        b = a * r * (1.0 / 3.0)  # half of dE/dS · 4 …: E' = 3 r² S' − 2 r³ V'
        sx, sy, sz = 3.0 * x - px, 3.0 * y - py, 3.0 * z - pz  # S' / 2
        gx, gy, gz = gx + a * sx + b * nx, gy + a * sy + b * ny, gz + a * sz + b * nz
        # E'' = (6 / V) (r^½ (S' − r V'))² + 3 r² S'': one square, since E = V (S / V)³
        tx, ty, tz = sx * 2.0 + r * nx, sy * 2.0 + r * ny, sz * 2.0 + r * nz
        w, c = r * 6.0 / volume, a * 3.0
        wx, wy = w * tx, w * ty
        xx, xy, xz = xx + wx * tx + c, xy + wx * ty, xz + wx * tz
        yy, yz, zz = yy + wy * ty + c, yz + wy * tz, zz + w * tz * tz + c
    a, b, c = _sum(gx, rows), _sum(gy, rows), _sum(gz, rows)
    return a, b, c, _sum(xx, rows), _sum(xy, rows), _sum(xz, rows), _sum(yy, rows), _sum(yz, rows), _sum(zz, rows)


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
        part = _FARTHER
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
    points,
    cells,
    names,
    start,
    stop,
    items,
    order,
    bounds,
    awake,
    news,
    seeds,
    shape,
    squared,
    size,
    guard,
    still,
    workers,
):
    """Move the nodes with awake (n,) uint8 set, colour by colour: order[bounds[c] : bounds[c + 1]]; how many moved.

    Nodes of one colour share no cell, so that the number of workers changes no bit. awake is then set for the nodes
    that share a cell with one that moved by more than still times the size µm; these get all bits of news (n + 1,)
    uint8 set, those that moved less the first.
    """
    nodes, total = points.shape[0], 0
    for colour in range(bounds.size - 1):
        first, last = bounds[colour], bounds[colour + 1]
        for worker in prange(workers):
            scratch = np.empty(9 * _WIDTH), np.empty(ROWS, np.int32), np.empty((ROWS, 4))
            low = first + (last - first) * worker // workers
            for k in range(low, first + (last - first) * (worker + 1) // workers):
                v = order[k]
                if awake[v]:
                    star = items[start[v] : stop[v]]
                    far = _move(points, cells, names, star, v, seeds, shape, squared, size, guard, scratch)
                    awake[v] = 2 if far > (still * size) ** 2 else 0
                    news[v] |= 255 if awake[v] else (1 if far > 0.0 else 0)
    for v in range(nodes):
        total += awake[v] == 2
        for k in range(start[v], stop[v] if awake[v] == 2 else start[v]):
            for s in range(4):
                w = cells[items[k], s]
                if w < nodes and not awake[w]:
                    awake[w] = 1
    return total


sweep_serial, sweep_parallel = twins(_sweep, "sweep")
