"""A star-shaped body on a grid: which voxel centres x lie inside, |x| ≤ X(x / |x|), Eq. (7), to the last bit of X.

X is looked up in a table on the faces of a cube, (6, n + 1, n + 1): face 2 k lies at +1 of axis k, face 2 k + 1 at −1,
and a, b in [−1, 1] run over the other two axes in order. In between X is bilinear in a and b, off by `error` at
most; only what lies closer to the surface than that is evaluated as a sum of harmonics.
"""

import math

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.shells.harmonics import radii_at
from nmcfast.kernels.vectors.memory import at, enlarged, put, raw


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
        inverse = 1.0 / u
        return (0 if x > 0.0 else 1), y * inverse, z * inverse
    if v >= w:
        inverse = 1.0 / v
        return (2 if y > 0.0 else 3), x * inverse, z * inverse
    inverse = 1.0 / w
    return (4 if z > 0.0 else 5), x * inverse, y * inverse


@helper
def _looked_up(table, count, x, y, z):
    """X of a direction other than 0 by the table, given as its address; count: cells of an edge."""
    face, a, b = _face(x, y, z)
    s, t = (a + 1.0) * (0.5 * count), (b + 1.0) * (0.5 * count)
    i, j = min(int(s), count - 1), min(int(t), count - 1)
    s, t, k = s - i, t - j, (face * (count + 1) + i) * (count + 1) + j
    low = at(table, k) + t * (at(table, k + 1) - at(table, k))
    high = at(table, k + count + 1) + t * (at(table, k + count + 2) - at(table, k + count + 1))
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
    cells, count = raw(table), table.shape[1] - 1
    for z in range(rim.shape[0]):
        for y in range(rim.shape[1]):
            for x in range(rim.shape[2]):
                px = origin[0] + (x * edge + 0.5) * size
                py = origin[1] + (y * edge + 0.5) * size
                pz = origin[2] + (z * edge + 0.5) * size
                far = math.sqrt(px * px + py * py + pz * pz)
                near[z, y, x] = rim[z, y, x] or far == 0.0 or far <= _looked_up(cells, count, px, py, pz)


@kernel
def clip(labels, near, rim, edge, table, error, coefficients, origin, size):
    """Set labels (nz, ny, nx) to 0 where the centre of a voxel lies outside, by blocks of edge³ voxels (z, y, x).

    Blocks that are not near lie outside, those of the rim may have voxels on both sides. Returns how many voxels were
    too close to the surface for the table.
    """
    nz, ny, nx = labels.shape
    flat, cells, cells_an_edge = raw(labels), raw(table), table.shape[1] - 1
    doubtful, count = np.empty((1024, 3), np.int32), 0
    for z in range(nz):
        pz = origin[2] + (z + 0.5) * size
        for y in range(ny):
            py, line = origin[1] + (y + 0.5) * size, (z * ny + y) * nx
            if count + nx > doubtful.shape[0]:
                doubtful = _longer(doubtful, 2 * (count + nx))
            for block in range(rim.shape[2]):
                begin, end = block * edge, min((block + 1) * edge, nx)
                if not near[z // edge, y // edge, block]:
                    for x in range(begin, end):
                        put(flat, line + x, 0)
                if not rim[z // edge, y // edge, block]:
                    continue
                for x in range(begin, end):
                    if at(flat, line + x) == 0:
                        continue
                    px = origin[0] + (x + 0.5) * size
                    square = px * px + py * py + pz * pz
                    if square == 0.0:
                        continue
                    radius = _looked_up(cells, cells_an_edge, px, py, pz)
                    low, high = max(radius - error, 0.0), radius + error
                    if high < 0.0 or square > high * high:
                        put(flat, line + x, 0)
                    elif square > low * low:
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
