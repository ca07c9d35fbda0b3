"""A star-shaped body on a grid: which voxel centres x lie inside, |x| ≤ X(x / |x|), Eq. (7), to the last bit of X.

X is looked up in a table on the faces of a cube, (6, n + 1, n + 1): face 2 k lies at +1 of axis k, face 2 k + 1 at −1,
and a, b in [−1, 1] run over the other two axes in order. In between X is bilinear in a and b, off by `error` at
most; only what lies closer to the surface than that is evaluated as a sum of harmonics.
"""

import math

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.gbpd.descent import enlarged
from nmcfast.kernels.harmonics import radii_at


@kernel
def directions(count, out):
    """Fill out (6 (count + 1)², 3) with the directions, not of length 1, of a table of count² cells a face."""
    for face in range(6):
        axis, side = face // 2, 1.0 - 2.0 * (face % 2)
        for i in range(count + 1):
            for j in range(count + 1):
                a, b = -1.0 + 2.0 * i / count, -1.0 + 2.0 * j / count
                row = (face * (count + 1) + i) * (count + 1) + j
                out[row, axis] = side
                out[row, 1 if axis == 0 else 0] = a
                out[row, 1 if axis == 2 else 2] = b


@helper
def _face(x, y, z):
    """Face of a direction and its place a, b on it."""
    u, v, w = abs(x), abs(y), abs(z)
    if u >= v and u >= w:
        return (0 if x > 0.0 else 1), y / u, z / u
    if v >= w:
        return (2 if y > 0.0 else 3), x / v, z / v
    return (4 if z > 0.0 else 5), x / w, y / w


@helper
def _looked_up(table, x, y, z):
    """X of a direction other than 0 by the table."""
    face, a, b = _face(x, y, z)
    count = table.shape[1] - 1
    s, t = (a + 1.0) * (0.5 * count), (b + 1.0) * (0.5 * count)
    i, j = min(int(s), count - 1), min(int(t), count - 1)
    s, t = s - i, t - j
    low = table[face, i, j] + t * (table[face, i, j + 1] - table[face, i, j])
    high = table[face, i + 1, j] + t * (table[face, i + 1, j + 1] - table[face, i + 1, j])
    return low + s * (high - low)


@kernel
def surface_blocks(table, error, corners, origin, size, shape, edge, rim):
    """Set rim (z, y, x) bool, blocks of edge³ voxels of a grid of shape (nz, ny, nx), where the surface may pass.

    Between the voxel centres of any other block it does not. corners (6, n + 1, n + 1, 3): the directions of the table,
    of length 1. The patch of a cell lies between the smallest and the largest of its four radii, less and plus `error`;
    the components of its directions run between those of its corners, as they are monotonic in a and in b.
    """
    count = table.shape[1] - 1
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for face in range(6):
        for i in range(count):
            for j in range(count):
                radius, other = table[face, i : i + 2, j : j + 2], corners[face, i : i + 2, j : j + 2]
                least = min(min(radius[0, 0], radius[0, 1]), min(radius[1, 0], radius[1, 1])) - error
                most = max(max(radius[0, 0], radius[0, 1]), max(radius[1, 0], radius[1, 1])) + error
                beside = False
                for axis in range(3):
                    u, v = 1.0, -1.0
                    for k in range(4):
                        u, v = min(u, other[k >> 1, k & 1, axis]), max(v, other[k >> 1, k & 1, axis])
                    nearest = min(least * u, most * u)
                    farthest = max(least * v, most * v)
                    first = (nearest - origin[axis]) / size - 0.5 - 1e-6
                    last = (farthest - origin[axis]) / size - 0.5 + 1e-6
                    low[axis] = max(math.ceil((first - edge + 1) / edge), 0)
                    high[axis] = min(math.floor(last / edge), rim.shape[2 - axis] - 1)
                    beside |= last < 0.0 or first > shape[2 - axis] - 1.0 or low[axis] > high[axis]
                if not beside:
                    rim[low[2] : high[2] + 1, low[1] : high[1] + 1, low[0] : high[0] + 1] = True


@kernel
def inner_blocks(table, origin, size, edge, rim, near):
    """Set near (z, y, x) bool for the blocks of a rim, and for others if they lie inside, as their first voxel does."""
    for z in range(rim.shape[0]):
        for y in range(rim.shape[1]):
            for x in range(rim.shape[2]):
                px = origin[0] + (x * edge + 0.5) * size
                py = origin[1] + (y * edge + 0.5) * size
                pz = origin[2] + (z * edge + 0.5) * size
                far = math.sqrt(px * px + py * py + pz * pz)
                near[z, y, x] = rim[z, y, x] or far == 0.0 or far <= _looked_up(table, px, py, pz)


@kernel
def clip(labels, rim, edge, table, error, coefficients, origin, size):
    """Set labels (nz, ny, nx) to 0 where the centre of a voxel lies outside, in the blocks (z, y, x) of a rim.

    Returns how many voxels were too close to the surface for the table.
    """
    nz, ny, nx = labels.shape
    doubtful, count = np.empty((1024, 3), np.int32), 0
    for z in range(nz):
        pz = origin[2] + (z + 0.5) * size
        for y in range(ny):
            py, row = origin[1] + (y + 0.5) * size, rim[z // edge, y // edge]
            square = py * py
            if count + nx > doubtful.shape[0]:
                doubtful = _longer(doubtful, 2 * (count + nx))
            for block in range(row.size):
                if not row[block]:
                    continue
                for x in range(block * edge, min((block + 1) * edge, nx)):
                    if labels[z, y, x] == 0:
                        continue
                    px = origin[0] + (x + 0.5) * size
                    far = math.sqrt(px * px + square + pz * pz)
                    if far == 0.0:
                        continue
                    radius = _looked_up(table, px, py, pz)
                    if far > radius + error:
                        labels[z, y, x] = 0
                    elif far > radius - error:
                        doubtful[count, 0], doubtful[count, 1], doubtful[count, 2] = z, y, x
                        count += 1
    _settle(labels, doubtful[:count], coefficients, origin, size)
    return count


@helper
def _longer(rows, size):
    """Rows (n, 3) with room for `size` of them."""
    return enlarged(rows.reshape(-1), 3 * size).reshape(-1, 3)[:size]


@helper
def _settle(labels, doubtful, coefficients, origin, size):
    """Set the labels of those of doubtful voxels (n, 3), z y x, to 0 that lie outside, by the sum of harmonics."""
    points = np.empty((doubtful.shape[0], 3))
    for k in range(doubtful.shape[0]):
        for axis in range(3):
            points[k, axis] = origin[axis] + (doubtful[k, 2 - axis] + 0.5) * size
    radius = radii_at(coefficients, points)
    for k in range(doubtful.shape[0]):
        far = math.sqrt(points[k, 0] * points[k, 0] + points[k, 1] * points[k, 1] + points[k, 2] * points[k, 2])
        if far > radius[k]:
            labels[doubtful[k, 0], doubtful[k, 1], doubtful[k, 2]] = 0
