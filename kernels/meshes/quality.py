"""How well cells are shaped: dihedral angles, radius ratio, volume."""

import math

import numpy as np

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
    least = min(ab / (fc * fd), ac / (fb * fd), ad / (fb * fc), bc / (fa * fd), bd / (fa * fc), cd / (fa * fb))
    return volume * volume * least


@kernel
def least_sines(points, cells, names, out):
    """Fill out (m,) with the least sine of each cell's dihedral angles, −1 where it is turned over, 2 outside."""
    for m in range(cells.shape[0]):
        if names[m] <= 0:
            out[m] = 2.0
        else:
            s = least_sine2(points[cells[m, 0]], points[cells[m, 1]], points[cells[m, 2]], points[cells[m, 3]])
            out[m] = math.sqrt(s) if s >= 0.0 else -1.0


_FACES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


@kernel
def shapes(points, cells, angles, ratio, volume):
    """Fill angles (m, 6) rad, ratio (m,) of three times the inner to the outer radius, volume (m,) of cells (m, 4)."""
    normal = np.empty((4, 3))
    for m in range(cells.shape[0]):
        a, b, c, d = points[cells[m, 0]], points[cells[m, 1]], points[cells[m, 2]], points[cells[m, 3]]
        p, q, r = b - a, c - a, d - a
        normal[1], normal[2], normal[3] = _cross(q, r), _cross(r, p), _cross(p, q)
        normal[0] = -(normal[1] + normal[2] + normal[3])
        volume[m] = (p * normal[1]).sum() / 6.0
        area = 0.0
        for k in range(4):
            area += 0.5 * math.sqrt((normal[k] ** 2).sum())
        for e in range(6):
            i, j = _FACES[e]
            cosine = -(normal[i] * normal[j]).sum() / math.sqrt((normal[i] ** 2).sum() * (normal[j] ** 2).sum())
            angles[m, e] = math.acos(min(max(cosine, -1.0), 1.0))
        centre = (p**2).sum() * normal[1] + (q**2).sum() * normal[2] + (r**2).sum() * normal[3]
        outer = math.sqrt((centre**2).sum()) / abs(12.0 * volume[m])
        ratio[m] = 3.0 * (3.0 * volume[m] / area) / outer


@helper
def _cross(a, b):
    return np.array((a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]))
