"""Label volumes as runs along x: volumes and centres of mass, connected parts, and labels written again.

A run is voxels x0 to x1 − 1 of a row that share a label other than 0. Runs follow each other row by row: those of row
z · ny + y are first[row] to first[row + 1] − 1. A volume of grains of ten voxels has far fewer of them than voxels.

All sums are of whole numbers, so they are exact and do not depend on the order.
"""

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.gbpd import enlarged
from nmcfast.kernels.lanes import first_bit

COUNT, X, Y, Z = range(4)  # columns of the sums


@helper
def _mark_changes(line, changed):
    for x in range(1, line.size):
        changed[x] = line[x] != line[x - 1]


@kernel
def find_runs(labels):
    """Runs of labels (nz, ny, nx): tags (r,) of the dtype of the labels, x0 (r,), x1 (r,) int32, first (rows + 1,)."""
    nz, ny, nx = labels.shape
    first = np.empty(nz * ny + 1, np.int64)
    room = nx + labels.size // 8
    tags, x0, x1 = np.empty(room, labels.dtype), np.empty(room, np.int32), np.empty(room, np.int32)
    changed = np.zeros(nx // 8 * 8 + 8, np.uint8)  # by eights as whole numbers: mostly 0
    eights, k = changed.view(np.int64), 0
    for row in range(nz * ny):
        first[row] = k
        if k + nx > tags.size:
            tags, x0, x1 = enlarged(tags, k + nx), enlarged(x0, k + nx), enlarged(x1, k + nx)
        line, start = labels[row // ny, row % ny], 0
        _mark_changes(line, changed)
        for w in range(eights.size):
            bits = eights[w]
            while bits:
                x = 8 * w + first_bit(bits) // 8
                bits &= bits - 1
                if line[start] != 0:
                    tags[k], x0[k], x1[k] = line[start], start, x
                    k += 1
                start = x
        if nx > 0 and line[start] != 0:
            tags[k], x0[k], x1[k] = line[start], start, nx
            k += 1
    first[nz * ny] = k
    return tags[:k], x0[:k], x1[:k], first


@kernel
def measure(tags, x0, x1, first, ny, sums, boxes):
    """Fill sums (n, 4) int64 with voxels and sums of their indices of labels 0 … n − 1, and boxes (n, 6) int64.

    A box is first and end index along z, y, x; that of a label without a voxel has its first behind its end.
    """
    sums[:] = 0
    boxes[:, :3] = 2**31
    boxes[:, 3:] = 0
    for row in range(first.size - 1):
        z, y = row // ny, row % ny
        for k in range(first[row], first[row + 1]):
            label, a, b = tags[k], np.int64(x0[k]), np.int64(x1[k])
            total, box = sums[label], boxes[label]
            total[COUNT] += b - a
            total[X] += (b - a) * (a + b - 1) // 2
            total[Y] += (b - a) * y
            total[Z] += (b - a) * z
            box[0], box[1], box[2] = min(box[0], z), min(box[1], y), min(box[2], a)
            box[3], box[4], box[5] = max(box[3], z + 1), max(box[4], y + 1), max(box[5], b)


@kernel
def renamed(tags, x0, x1, first, names):
    """The runs under other names: tag t becomes names[t]; those that become 0 are left out."""
    count = 0
    for k in range(tags.size):
        count += names[tags[k]] != 0
    new = np.empty(count, names.dtype), np.empty(count, np.int32), np.empty(count, np.int32), np.empty_like(first)
    j = 0
    for row in range(first.size - 1):
        new[3][row] = j
        for k in range(first[row], first[row + 1]):
            name = names[tags[k]]
            if name != 0:
                new[0][j], new[1][j], new[2][j] = name, x0[k], x1[k]
                j += 1
    new[3][first.size - 1] = j
    return new


@kernel
def write(tags, x0, x1, first, ny, low, out):
    """Fill out (z, y, x), the part of the volume from voxel low (3,), z y x, with the tags; what has no run is 0."""
    out[:] = 0
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            row = (z + low[0]) * ny + y + low[1]
            for k in range(first[row], first[row + 1]):
                for x in range(max(x0[k] - low[2], 0), min(x1[k] - low[2], out.shape[2])):
                    out[z, y, x] = tags[k]


@helper
def _root(parent, i):
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@helper
def _join(parent, tags, x0, x1, a, a_end, b, b_end):
    """Join the runs a to a_end − 1 of one row with those of a row beside it where they share a label and touch."""
    while a < a_end and b < b_end:
        if tags[a] == tags[b] and x0[a] < x1[b] and x0[b] < x1[a]:
            i, j = _root(parent, a), _root(parent, b)
            if i != j:
                parent[max(i, j)] = min(i, j)
        if x1[a] <= x1[b]:
            a += 1
        else:
            b += 1


@kernel
def count_parts(tags, x0, x1, first, ny, counts):
    """Fill counts (n,) with the number of face-connected parts of labels 0 … n − 1."""
    parent = np.arange(tags.size).astype(np.int32)
    for row in range(first.size - 1):
        a, b = first[row], first[row + 1]
        if row % ny:
            _join(parent, tags, x0, x1, first[row - 1], a, a, b)
        if row >= ny:
            _join(parent, tags, x0, x1, first[row - ny], first[row - ny + 1], a, b)
    counts[:] = 0
    for k in range(tags.size):
        counts[tags[k]] += parent[k] == k
