"""How well cells are shaped: dihedral angles, radius ratio, volume."""

import math

from nmcfast.kernels._cache import helper, kernel


@helper
def least_sine2(a, b, c, d):
    """The square of the least sine of a dihedral angle of a cell of corners (3,), negative where it is turned over.

    sin = 3 V l / (2 A A'), for the edge l between faces A and A'.
    """
    px, py, pz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    qx, qy, qz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    rx, ry, rz = d[0] - a[0], d[1] - a[1], d[2] - a[2]
    ax, ay, az = qy * rz - qz * ry, qz * rx - qx * rz, qx * ry - qy * rx  # opposite b, twice the face
    bx, by, bz = ry * pz - rz * py, rz * px - rx * pz, rx * py - ry * px
    cx, cy, cz = py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx
    dx, dy, dz = ax + bx + cx, ay + by + cy, az + bz + cz  # opposite a
    volume = px * ax + py * ay + pz * az
    if volume <= 0.0:
        return -1.0
    fb, fc, fd = ax * ax + ay * ay + az * az, bx * bx + by * by + bz * bz, cx * cx + cy * cy + cz * cz
    fa = dx * dx + dy * dy + dz * dz
    ab, ac, ad = px * px + py * py + pz * pz, qx * qx + qy * qy + qz * qz, rx * rx + ry * ry + rz * rz
    bc = (qx - px) ** 2 + (qy - py) ** 2 + (qz - pz) ** 2
    bd = (rx - px) ** 2 + (ry - py) ** 2 + (rz - pz) ** 2
    cd = (rx - qx) ** 2 + (ry - qy) ** 2 + (rz - qz) ** 2
    least = min(ab * fa * fb, ac * fa * fc, ad * fa * fd, bc * fb * fc, bd * fb * fd, cd * fc * fd)
    return volume * volume * least / (fa * fb * fc * fd)


@kernel
def worst_cells(points, cells, names, sines, news, renew, ask, limit, out):
    """List in out the cells of a least sine of their dihedral angles below a limit that have a node with an ask bit.

    How many. sines (m,) are computed anew where a node has a renew bit in news (n + 1,) uint8: −1 where a cell is
    turned over, 2 outside.
    """
    count = 0
    for m in range(cells.shape[0]):
        a, b, c, d = cells[m, 0], cells[m, 1], cells[m, 2], cells[m, 3]
        if names[m] <= 0:
            sines[m] = 2.0
            continue
        told = news[a] | news[b] | news[c] | news[d]
        if told & renew:
            s = least_sine2(points[a], points[b], points[c], points[d])
            sines[m] = math.sqrt(s) if s >= 0.0 else -1.0
        if told & ask and sines[m] < limit:
            out[count] = m
            count += 1
    return count


@kernel
def shapes(points, cells, angles, ratio, volume):
    """Fill angles (m, 2) rad, least and largest dihedral, ratio (m,) of three times the inner to the outer radius.

    And volume (m,) of cells (m, 4).
    """
    for m in range(cells.shape[0]):
        a, b, c, d = points[cells[m, 0]], points[cells[m, 1]], points[cells[m, 2]], points[cells[m, 3]]
        p = (b[0] - a[0], b[1] - a[1], b[2] - a[2])
        q = (c[0] - a[0], c[1] - a[1], c[2] - a[2])
        r = (d[0] - a[0], d[1] - a[1], d[2] - a[2])
        qr, rp, pq = _cross(q, r), _cross(r, p), _cross(p, q)
        far = (-qr[0] - rp[0] - pq[0], -qr[1] - rp[1] - pq[1], -qr[2] - rp[2] - pq[2])
        f0, f1, f2, f3 = _size(far), _size(qr), _size(rp), _size(pq)
        e01, e02, e03 = _dot(far, qr) / (f0 * f1), _dot(far, rp) / (f0 * f2), _dot(far, pq) / (f0 * f3)
        e12, e13, e23 = _dot(qr, rp) / (f1 * f2), _dot(qr, pq) / (f1 * f3), _dot(rp, pq) / (f2 * f3)
        angles[m, 0] = math.acos(min(-min(e01, e02, e03, e12, e13, e23), 1.0))
        angles[m, 1] = math.acos(max(-max(e01, e02, e03, e12, e13, e23), -1.0))
        volume[m] = _dot(p, qr) / 6.0
        p2, q2, r2 = _dot(p, p), _dot(q, q), _dot(r, r)
        x = p2 * qr[0] + q2 * rp[0] + r2 * pq[0]
        y = p2 * qr[1] + q2 * rp[1] + r2 * pq[1]
        z = p2 * qr[2] + q2 * rp[2] + r2 * pq[2]
        outer = _size((x, y, z)) / abs(12.0 * volume[m])
        ratio[m] = 18.0 * volume[m] / (f0 + f1 + f2 + f3) / outer


@helper
def _cross(a, b):
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@helper
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@helper
def _size(a):
    return math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2])
