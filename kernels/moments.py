"""What label volumes say of their grains: volumes, moments, boxes, connected parts, contacts.

All sums are of whole numbers (voxels and voxel indices), so they are exact and do not depend on the order or the
number of threads. Label volumes are (nz, ny, nx) of any integer type, labels 0 to n - 1.
"""

import numpy as np
from numba import prange

from nmcfast.kernels._cache import helper, kernel, twins

COUNT, X, Y, Z, XX, YY, ZZ, XY, XZ, YZ = range(10)  # columns of `moments`


@helper
def _add_run(total, box, z, y, x0, x1):
    """Add the voxels x0 to x1 - 1 of a row to the sums (10,) and the box (6,) of their grain."""
    n = x1 - x0
    sx = n * (x0 + x1 - 1) // 2
    sxx = ((x1 - 1) * x1 * (2 * x1 - 1) - (x0 - 1) * x0 * (2 * x0 - 1)) // 6
    total[COUNT] += n
    total[X] += sx
    total[Y] += n * y
    total[Z] += n * z
    total[XX] += sxx
    total[YY] += n * y * y
    total[ZZ] += n * z * z
    total[XY] += sx * y
    total[XZ] += sx * z
    total[YZ] += n * y * z
    box[0], box[1], box[2] = min(box[0], z), min(box[1], y), min(box[2], x0)
    box[3], box[4], box[5] = max(box[3], z + 1), max(box[4], y + 1), max(box[5], x1)


def _moments(labels, sums, boxes):
    """Fill sums (w, n, 10) int64 and boxes (w, n, 6) int64 for w workers; add up and combine over the first axis.

    The columns of sums are those of COUNT … YZ, in voxel indices. A box is first and end index along z, y, x; that of
    a grain without a voxel has its first behind its end.
    """
    workers = sums.shape[0]
    nz, ny, nx = labels.shape
    for worker in prange(workers):
        total, box = sums[worker], boxes[worker]
        total[:] = 0
        box[:, :3] = max(nz, ny, nx)
        box[:, 3:] = 0
        for z in range(worker, nz, workers):
            for y in range(ny):
                row = labels[z, y]
                start = 0
                for x in range(1, nx + 1):
                    if x == nx or row[x] != row[start]:
                        label = np.int64(row[start])
                        _add_run(total[label], box[label], z, y, start, x)
                        start = x


moments_serial, moments_parallel = twins(_moments, "moments")


@helper
def root_of(parent, i):
    """The root of i in a forest, whose paths are halved on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@helper
def _join_rows(parent, ends, tags, a0, a1, b0, b1):
    """Join the runs a0 to a1 - 1 of one row with those, b0 to b1 - 1, of a row beside it, where they touch."""
    a, b = a0, b0
    while a < a1 and b < b1:
        if tags[a] == tags[b]:
            i, j = root_of(parent, a), root_of(parent, b)
            if i != j:
                parent[max(i, j)] = min(i, j)
        end = min(ends[a], ends[b])
        a += ends[a] == end
        b += ends[b] == end


@helper
def _runs(labels):
    """Ends (r,) and labels (r,) of the runs along x, and the first run of each row (nz · ny + 1,)."""
    nz, ny, nx = labels.shape
    first = np.zeros(nz * ny + 1, np.int64)
    for row in range(nz * ny):
        line = labels[row // ny, row % ny]
        n = 1
        for x in range(1, nx):
            n += line[x] != line[x - 1]
        first[row + 1] = first[row] + n
    ends = np.empty(first[-1], np.int32)
    tags = np.empty(first[-1], labels.dtype)
    k = 0
    for row in range(nz * ny):
        line = labels[row // ny, row % ny]
        for x in range(nx):
            if x == nx - 1 or line[x + 1] != line[x]:
                ends[k] = x + 1
                tags[k] = line[x]
                k += 1
    return ends, tags, first


@helper
def _joined_runs(labels):
    """The runs of `_runs`, and a forest (r,) int32 over them in which face-connected runs of one label share a root."""
    nz, ny = labels.shape[:2]
    ends, tags, first = _runs(labels)
    parent = np.arange(ends.size).astype(np.int32)
    for row in range(nz * ny):
        if row % ny:
            _join_rows(parent, ends, tags, first[row - 1], first[row], first[row], first[row + 1])
        if row >= ny:
            _join_rows(parent, ends, tags, first[row - ny], first[row - ny + 1], first[row], first[row + 1])
    return ends, tags, first, parent


@kernel
def components(labels, out):
    """Fill out (nz, ny, nx) int32 with the number of the face-connected part a voxel is in.

    Returns the label (c,) and the voxels (c,) of each part, parts numbered in the order of their first voxel.
    """
    nz, ny = labels.shape[:2]
    ends, tags, first, parent = _joined_runs(labels)
    number = np.empty(ends.size, np.int32)
    count = 0
    for k in range(ends.size):  # the root of a part is its first run
        if parent[k] == k:
            number[k] = count
            count += 1
    label, size = np.empty(count, np.int64), np.zeros(count, np.int64)
    for row in range(nz * ny):
        start = 0
        for k in range(first[row], first[row + 1]):
            part = number[root_of(parent, k)]
            label[part] = tags[k]
            size[part] += ends[k] - start
            for x in range(start, ends[k]):
                out[row // ny, row % ny, x] = part
            start = ends[k]
    return label, size


@helper
def _find(keys, key):
    """Slot of a key in an open table whose size is a power of two; -1 marks a free slot."""
    mixed = ((key >> 32) * 0x9E3779B1) ^ ((key & 0xFFFFFFFF) * 0x85EBCA6B)
    slot = (mixed >> 15) & (keys.size - 1)
    while keys[slot] != -1 and keys[slot] != key:
        slot = (slot + 1) & (keys.size - 1)
    return slot


@helper
def _rehash(keys, values):
    keys2, values2 = np.full(2 * keys.size, -1, np.int64), np.zeros((2 * keys.size, 3), np.int64)
    for k in range(keys.size):
        if keys[k] != -1:
            slot = _find(keys2, keys[k])
            keys2[slot] = keys[k]
            values2[slot] = values[k]
    return keys2, values2


@kernel
def contacts(labels):
    """Pairs (c, 2) of touching labels, lower first, ascending, and their faces (c, 3) across x, y and z."""
    nz, ny, nx = labels.shape
    keys, values = np.full(1024, -1, np.int64), np.zeros((1024, 3), np.int64)
    used = 0
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                a = np.int64(labels[z, y, x])
                for axis in range(3):
                    if (x, y, z)[axis] + 1 == (nx, ny, nz)[axis]:
                        continue
                    b = np.int64(labels[z + (axis == 2), y + (axis == 1), x + (axis == 0)])
                    if a == b:
                        continue
                    key = (min(a, b) << 32) | max(a, b)
                    slot = _find(keys, key)
                    if keys[slot] == -1:
                        keys[slot] = key
                        used += 1
                    values[slot, axis] += 1
                    if 2 * used > keys.size:
                        keys, values = _rehash(keys, values)
    slots = np.nonzero(keys != -1)[0]
    slots = slots[np.argsort(keys[slots])]
    pairs = np.empty((slots.size, 2), np.int64)
    for k in range(slots.size):
        pairs[k, 0] = keys[slots[k]] >> 32
        pairs[k, 1] = keys[slots[k]] & 0xFFFFFFFF
    return pairs, values[slots]
