"""Label volumes as runs along x: volumes and centres of mass, connected parts, and labels written again.

A run is voxels x0 to x1 − 1 of a row that share a label other than 0. Runs follow each other row by row: those of row
z · ny + y are first[row] to first[row + 1] − 1. A volume of grains of ten voxels has far fewer of them than voxels.

All sums are of whole numbers, so they are exact and do not depend on the order.
"""

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.gbpd.layout import BLOCK_EDGE
from nmcfast.kernels.moments import root_of
from nmcfast.kernels.vectors.lanes import first_bit
from nmcfast.kernels.vectors.memory import at, enlarged, put, raw

COUNT, X, Y, Z = range(4)  # columns of the sums


@helper
def _low_bits(eights, first):
    """The lowest bits of the 56 bytes of eights[first : first + 7], side by side."""
    bits = 0
    for j in range(7):
        byte = at(eights, first + j)
        byte |= byte >> 7
        byte |= byte >> 14
        bits |= ((byte | byte >> 28) & 255) << 8 * j
    return bits


@helper
def _spans(blocks, z, y, nx, begins, ends):
    """First and end columns of the blocks of a row that are asked for, side by side as one; how many these are."""
    if blocks.size == 0:
        begins[0], ends[0] = 0, nx
        return 1
    count, row = 0, blocks[z // BLOCK_EDGE, y // BLOCK_EDGE]
    for b in range(row.size):
        if row[b]:
            if b == 0 or not row[b - 1]:
                begins[count] = b * BLOCK_EDGE
                count += 1
            ends[count - 1] = min((b + 1) * BLOCK_EDGE, nx)
    return count


@kernel
def find_runs(labels, blocks):
    """Runs of labels (nz, ny, nx) in some blocks of 8³ voxels, (z, y, x) bool, or in all for an empty array.

    tags (r,) of the dtype of the labels, x0 (r,), x1 (r,) int32, first (rows + 1,). A run ends where the blocks end.
    """
    nz, ny, nx = labels.shape
    first = np.empty(nz * ny + 1, np.int64)
    room = nx + labels.size // 8  # a first guess
    if blocks.size:
        room = nx + np.count_nonzero(blocks) * BLOCK_EDGE**3 // 4
    tags, x0, x1 = np.empty(room, labels.dtype), np.empty(room, np.int32), np.empty(room, np.int32)
    changed = np.zeros(nx // 56 * 56 + 56, np.uint8)
    marks, eights, flat, k, spans = raw(changed), raw(changed.view(np.int64)), raw(labels), 0, 0
    begins, ends = np.empty(blocks.shape[2] + 1, np.int64), np.empty(blocks.shape[2] + 1, np.int64)
    for row in range(nz * ny):
        if row % ny % BLOCK_EDGE == 0:
            spans = _spans(blocks, row // ny, row % ny, nx, begins, ends)
        first[row] = k
        if k + nx > tags.size:
            tags, x0, x1 = enlarged(tags, k + nx), enlarged(x0, k + nx), enlarged(x1, k + nx)
        for s in range(spans):
            begin, start, count = begins[s], 0, ends[s] - begins[s]
            line, filled = row * nx + begin, False
            for x in range(count):
                filled |= at(flat, line + x) != 0
            if not filled:
                continue
            for x in range(1, count):
                put(marks, x, at(flat, line + x) != at(flat, line + x - 1))
            put(marks, count, 1)  # the last run ends there
            for w in range(0, count // 8 + 1, 7):
                bits = _low_bits(eights, w)
                while bits:
                    x = 8 * w + first_bit(bits)
                    bits &= bits - 1
                    tag = at(flat, line + start)
                    tags[k], x0[k], x1[k] = tag, begin + start, begin + x
                    k += tag != 0
                    start = x
            for x in range(1, count + 1):
                put(marks, x, 0)
    first[nz * ny] = k
    changed[0] = 0  # an address does not keep its array: this is its last use
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


@helper
def _append(new, j, begin, name, x0, x1):
    """Put a run behind the j runs of a row that begin at `begin`, or join it with the last; how many there are then."""
    tags, starts, ends = new
    if name == 0:
        return j
    if j > begin and at(tags, j - 1) == name and at(ends, j - 1) == x0:
        put(ends, j - 1, x1)
        return j
    put(tags, j, name)
    put(starts, j, x0)
    put(ends, j, x1)
    return j + 1


@kernel
def merged(tags, x0, x1, first, tags2, x02, x12, first2, names):
    """The runs of two sets without a common voxel, under other names: tag t becomes names[t].

    Those that become 0 are left out, and those of one name that touch are joined.

    Nine arguments: two sets of runs, four arrays each.
    """
    count = 0
    for k in range(tags.size):
        count += names[tags[k]] != 0
    for k in range(tags2.size):
        count += names[tags2[k]] != 0
    new, rows = (np.empty(count, names.dtype), np.empty(count, np.int32), np.empty(count, np.int32)), first.size - 1
    begins, j = np.empty(rows + 1, np.int64), 0
    places, named = (raw(new[0]), raw(new[1]), raw(new[2])), raw(names)
    one, two = (raw(tags), raw(x0), raw(x1)), (raw(tags2), raw(x02), raw(x12))
    for row in range(rows):
        begins[row] = begin = j
        b, b_end = first2[row], first2[row + 1]
        for a in range(first[row], first[row + 1]):
            while b < b_end and at(two[1], b) < at(one[1], a):
                j = _append(places, j, begin, at(named, np.int64(at(two[0], b))), at(two[1], b), at(two[2], b))
                b += 1
            j = _append(places, j, begin, at(named, np.int64(at(one[0], a))), at(one[1], a), at(one[2], a))
        while b < b_end:
            j = _append(places, j, begin, at(named, np.int64(at(two[0], b))), at(two[1], b), at(two[2], b))
            b += 1
    begins[rows] = j
    return new[0][:j], new[1][:j], new[2][:j], begins


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
                i, j = root_of(parent, i), root_of(parent, j)
                parent[c] = parent[b] = parent[max(i, j)] = min(i, j)
        c = after[c]
    return found


@kernel
def forest(tags, x0, x1, first, ny, count):
    """The first run (r,) int32 of the face-connected part of each run; labels 0 … count − 1."""
    parent, after = np.empty(tags.size, np.int32), np.empty(tags.size, np.int32)
    last, left, over = np.full(count, -1, np.int32), np.empty(count, np.int64), np.empty(count, np.int64)
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
    for k in range(tags.size):  # a root is the first run of its part, so those before k are done
        parent[k] = parent[parent[k]]
    return parent


@kernel
def count_parts(tags, x0, x1, first, ny, counts):
    """Fill counts (n,) with the number of face-connected parts of labels 0 … n − 1."""
    parent = forest(tags, x0, x1, first, ny, counts.size)
    counts[:] = 0
    for k in range(tags.size):
        counts[tags[k]] += parent[k] == k
