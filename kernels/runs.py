"""Label volumes as runs along x: volumes and centres of mass, connected parts, and labels written again.

A run is voxels x0 to x1 − 1 of a row that share a label other than 0. Runs follow each other row by row: those of row
z · ny + y are first[row] to first[row + 1] − 1. A volume of grains of ten voxels has far fewer of them than voxels.

All sums are of whole numbers, so they are exact and do not depend on the order.
"""

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.descent import enlarged
from nmcfast.kernels.lanes import first_bit, put, raw

COUNT, X, Y, Z = range(4)  # columns of the sums


@helper
def _mark_changes(line, changed):
    for x in range(1, line.size):
        changed[x] = line[x] != line[x - 1]


@helper
def _low_bits(eights, first):
    """The lowest bits of the 56 bytes of eights[first : first + 7], side by side."""
    bits = 0
    for j in range(7):
        byte = eights[first + j]
        byte |= byte >> 7
        byte |= byte >> 14
        bits |= ((byte | byte >> 28) & 255) << 8 * j
    return bits


@kernel
def find_runs(labels):
    """Runs of labels (nz, ny, nx): tags (r,) of the dtype of the labels, x0 (r,), x1 (r,) int32, first (rows + 1,)."""
    nz, ny, nx = labels.shape
    first = np.empty(nz * ny + 1, np.int64)
    room = nx + labels.size // 8
    tags, x0, x1 = np.empty(room, labels.dtype), np.empty(room, np.int32), np.empty(room, np.int32)
    changed = np.zeros(nx // 56 * 56 + 56, np.uint8)
    changed[nx] = nx > 0  # the last run ends there
    eights, k = changed.view(np.int64), 0
    for row in range(nz * ny):
        first[row] = k
        if k + nx > tags.size:
            tags, x0, x1 = enlarged(tags, k + nx), enlarged(x0, k + nx), enlarged(x1, k + nx)
        line, start = labels[row // ny, row % ny], 0
        _mark_changes(line, changed)
        for w in range(0, eights.size, 7):
            bits = _low_bits(eights, w)
            while bits:
                x = 8 * w + first_bit(bits)
                bits &= bits - 1
                tag = line[start]
                tags[k], x0[k], x1[k] = tag, start, x
                k += tag != 0
                start = x
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


@helper
def _put_sixteen(line, x, tag):
    for i in range(16):
        put(line, x + i, tag)


@kernel
def write(tags, x0, x1, first, ny, low, out):
    """Fill out (z, y, x), the part of the volume from voxel low (3,), z y x, with the tags; what has no run is 0."""
    nx = out.shape[2]
    line = np.empty(nx + 32, out.dtype)
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            row = (z + low[0]) * ny + y + low[1]
            line[:] = 0
            for k in range(first[row], first[row + 1]):
                start, end = max(x0[k] - low[2], 0), min(x1[k] - low[2], nx)
                if start < end:
                    for x in range(start, end, 16):  # most runs are shorter; the next one writes over what is too much
                        _put_sixteen(line, x, tags[k])
                    _put_sixteen(line, end, 0)
            for x in range(nx):
                out[z, y, x] = line[x]


@helper
def _root(parent, i):
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@helper
def _join(parent, after, x0, x1, c, start, end, b):
    """Join run b with the runs start to end − 1 of its label that touch it; the first of its label from start on.

    after[c] is the next run of the label of c, from which on they are looked for.
    """
    while c < start:
        c = after[c]
    found = c
    while c < end:
        if x0[c] < x1[b] and x0[b] < x1[c]:
            i, j = parent[c], parent[b]
            if j == b:
                parent[b] = i
            elif i != j:
                i, j = _root(parent, i), _root(parent, j)
                parent[c] = parent[b] = parent[max(i, j)] = min(i, j)
        c = after[c]
    return found


@kernel
def count_parts(tags, x0, x1, first, ny, counts):
    """Fill counts (n,) with the number of face-connected parts of labels 0 … n − 1."""
    parent, after = np.empty(tags.size, np.int32), np.empty(tags.size, np.int32)
    last, left, over = np.full(counts.size, -1, np.int32), np.empty_like(counts), np.empty_like(counts)
    places = raw(parent), raw(after), raw(x0), raw(x1)
    for row in range(first.size - 1):
        begin = first[row]
        left_from = first[row - 1] if row % ny else begin
        over_from, over_end = first[max(row - ny, 0)], first[max(row - ny + 1, 0)]
        for b in range(begin, first[row + 1]):
            tag = tags[b]
            parent[b], after[b] = b, tags.size
            if last[tag] < 0:
                left[tag] = over[tag] = b
            else:
                after[last[tag]] = b
            last[tag] = b
            left[tag] = _join(*places, left[tag], left_from, begin, b)
            over[tag] = _join(*places, over[tag], over_from, over_end, b)
    counts[:] = 0
    for k in range(tags.size):
        counts[tags[k]] += parent[k] == k
