"""The surfaces that nodes lie on: d_i = d_j between grains, Eq. (8), |x| = X(u) of a shell, Eq. (7).

seeds (n, 10): place, M by xx xy xz yy yz zz, offset. shape (2, L + 1, L + 1): X(u) = Σ_m A_m(z) Re (x + iy)^m +
B_m(z) Im (x + iy)^m, coefficient of z^k in A_m at [0, m, k]. shape (1, h, 10): outside is another grain, whose d is the
least of h seeds'.
"""

import math

import numpy as np

from nmcfast.kernels._cache import helper, kernel

ROWS = 16  # constraints of a node at most: further ones are left out of the fit


@helper
def distance(seeds, i, x, y, z, squared):
    """d_i at a point and its gradient, Eq. (8)."""
    x, y, z = x - seeds[i, 0], y - seeds[i, 1], z - seeds[i, 2]
    gx = seeds[i, 3] * x + seeds[i, 4] * y + seeds[i, 5] * z
    gy = seeds[i, 4] * x + seeds[i, 6] * y + seeds[i, 7] * z
    gz = seeds[i, 5] * x + seeds[i, 7] * y + seeds[i, 8] * z
    q = gx * x + gy * y + gz * z
    if squared:
        return q - seeds[i, 9], 2.0 * gx, 2.0 * gy, 2.0 * gz
    d = math.sqrt(max(q, 1e-300))
    return d - seeds[i, 9], gx / d, gy / d, gz / d


@helper
def _radius(shape, x, y, z):
    """X(u) and its gradient as a polynomial in the components of the unit vector u."""
    order = shape.shape[1] - 1
    cosine, sine, lower_c, lower_s = 1.0, 0.0, 0.0, 0.0  # (x + iy)^m and ^(m − 1)
    value, gx, gy, gz = 0.0, 0.0, 0.0, 0.0
    for m in range(order + 1):
        a, b, da, db = 0.0, 0.0, 0.0, 0.0
        for k in range(order - m, -1, -1):
            da, db = da * z + a, db * z + b
            a, b = a * z + shape[0, m, k], b * z + shape[1, m, k]
        value += a * cosine + b * sine
        gz += da * cosine + db * sine
        gx += m * (a * lower_c + b * lower_s)
        gy += m * (b * lower_c - a * lower_s)
        lower_c, lower_s = cosine, sine
        cosine, sine = cosine * x - sine * y, cosine * y + sine * x
    return value, gx, gy, gz


@kernel
def depth(shape, x, y, z):
    """How far inside a shell a point lies along its radius, X(x / |x|) − |x|; at the centre X of the pole."""
    r = math.sqrt(x * x + y * y + z * z)
    if r == 0.0:
        return _radius(shape, 0.0, 0.0, 1.0)[0]
    return _radius(shape, x / r, y / r, z / r)[0] - r


@helper
def depth_gradient(shape, x, y, z):
    """`depth` and its gradient; none at the centre."""
    r = math.sqrt(x * x + y * y + z * z)
    if r == 0.0:
        return _radius(shape, 0.0, 0.0, 1.0)[0], 0.0, 0.0, 0.0
    x, y, z = x / r, y / r, z / r
    value, gx, gy, gz = _radius(shape, x, y, z)
    along = gx * x + gy * y + gz * z
    return value - r, (gx - along * x) / r - x, (gy - along * y) / r - y, (gz - along * z) / r - z


@helper
def outside_distance(shape, x, y, z, squared):
    """The least d of the seeds that are outside, and its gradient."""
    best, a, b, c = np.inf, 0.0, 0.0, 0.0
    for i in range(shape.shape[1]):
        d, gx, gy, gz = distance(shape[0], i, x, y, z, squared)
        if d < best:
            best, a, b, c = d, gx, gy, gz
    return best, a, b, c


@helper
def name_distance(seeds, shape, name, x, y, z, squared):
    """d of a name and its gradient; 0, outside, where outside is a grain."""
    if name == 0:
        return outside_distance(shape, x, y, z, squared)
    return distance(seeds, name - 1, x, y, z, squared)


@helper
def rows_at(x, y, z, labels, count, seeds, shape, squared, rows):
    """Fill rows (16, 4) with unit normals and signed distances of the surfaces of labels (count,) at a point.

    labels ascending: 0 is outside. Returns how many.
    """
    n, first, d0, a0, b0, c0 = 0, True, 0.0, 0.0, 0.0, 0.0
    for k in range(count):
        if labels[k] == 0 and shape.shape[0] == 2:
            value, gx, gy, gz = depth_gradient(shape, x, y, z)
        else:
            d, a, b, c = name_distance(seeds, shape, labels[k], x, y, z, squared)
            if first:
                first, d0, a0, b0, c0 = False, d, a, b, c
                continue
            value, gx, gy, gz = d - d0, a - a0, b - b0, c - c0
        size = math.sqrt(gx * gx + gy * gy + gz * gz)
        if size > 1e-9 and n < ROWS:
            rows[n, 0], rows[n, 1], rows[n, 2], rows[n, 3] = gx / size, gy / size, gz / size, value / size
            n += 1
    return n


@helper
def step_onto(rows, n):
    """The shortest step onto n surfaces, that of least squares where there are more than three."""
    if n == 0:
        return 0.0, 0.0, 0.0
    if n == 1:
        return -rows[0, 3] * rows[0, 0], -rows[0, 3] * rows[0, 1], -rows[0, 3] * rows[0, 2]
    xx, xy, xz, yy, yz, zz, bx, by, bz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(n):
        x, y, z, f = rows[k, 0], rows[k, 1], rows[k, 2], rows[k, 3]
        xx, xy, xz, yy, yz, zz = xx + x * x, xy + x * y, xz + x * z, yy + y * y, yz + y * z, zz + z * z
        bx, by, bz = bx - f * x, by - f * y, bz - f * z
    small = 1e-3 if n > 2 else 1e-7
    return solve(xx + small, xy, xz, yy + small, yz, zz + small, bx, by, bz)


@helper
def solve(xx, xy, xz, yy, yz, zz, bx, by, bz):
    """The solution of a symmetric positive definite 3 × 3 system, by LDLᵀ."""
    l1, l2 = xy / xx, xz / xx
    d1 = yy - l1 * xy
    m = yz - l1 * xz
    l3 = m / d1
    d2 = zz - l2 * xz - l3 * m
    y1 = by - l1 * bx
    y2 = bz - l2 * bx - l3 * y1
    z = y2 / d2
    y = y1 / d1 - l3 * z
    return bx / xx - l1 * y - l2 * z, y, z


@helper
def labels_of(cells_of, count, names, labels):
    """Fill labels with the distinct names of cells (count,), ascending; how many, as far as there is room."""
    n = 0
    for k in range(count):
        name = names[cells_of[k]]
        place = 0
        while place < n and labels[place] < name:
            place += 1
        if place < n and labels[place] == name:
            continue
        if n == labels.size:
            continue
        for later in range(n, place, -1):
            labels[later] = labels[later - 1]
        labels[place] = name
        n += 1
    return n


@kernel
def off_surfaces(points, names, start, stop, items, seeds, shape, squared, out, kind):
    """How far nodes lie from the surfaces that their cells' names say, out (n,) µm, and the number of names, kind (n,).

    The first step of Gauss and Newton onto all of them, repeated; 0 for nodes within one grain.
    """
    labels, rows = np.empty(ROWS, np.int32), np.empty((ROWS, 4))
    for v in range(points.shape[0]):
        count = labels_of(items[start[v] : stop[v]], stop[v] - start[v], names, labels)
        x, y, z = points[v, 0], points[v, 1], points[v, 2]
        for _ in range(4 if count > 1 else 0):
            n = rows_at(x, y, z, labels, count, seeds, shape, squared, rows)
            dx, dy, dz = step_onto(rows, n)
            x, y, z = x + dx, y + dy, z + dz
        out[v] = math.sqrt((x - points[v, 0]) ** 2 + (y - points[v, 1]) ** 2 + (z - points[v, 2]) ** 2)
        kind[v] = count
