"""Exact labels of a generalised balanced power diagram, Eq. (8), by pruning boxes of voxels.

The seeds of a tile of 256³ voxels are pruned by `candidates` to boxes of 128, 64, 32, 16, 8 and 4 voxels, where those
that are left (about four) are evaluated at every voxel in float32. What is dropped loses beyond the rounding;
voxels whose two best candidates are closer than that are decided in float64, from the matrices as they were given. The
labels are thus those of a float64 brute force, with ties to the lower index, whatever the machine.

n seeds, lut (n + 1,) the label of each seed and, last, of boxes that no relevant seed can reach.
"""

import math

import numpy as np
from numba import njit, prange

from nmcfast.kernels._cache import helper, kernel, twins

from nmcfast.kernels.candidates import (  # isort: skip
    A00, A01, A02, A11, A12, A22, ERROR, NAME, PAIR, R, RECORD, SEED, STEP_X, STEP_Y, TILE, X, Y, Z, deal, load_seeds,
    place_seeds, scratch_for, set_cap, set_children, split,
)  # fmt: skip
from nmcfast.kernels.ceilings import cap_pyramid, cell_edge, is_asked, set_caps

from nmcfast.kernels.lanes import (  # isort: skip
    at, bits_at, bits_unless_above, first_bit, least, load, most, multiply_add, put, put_four, raw, spread, spread_bits,
    sqrt, store, store_bits, where_less,
)  # fmt: skip

PART = 64  # voxels of an edge of the boxes dealt to the workers
_TWIG, _LEAF = 8, 4  # the last box that is split, and what it is split into
COUNTS = ("boxes", "candidates", "evaluations", "close")  # what `label_volume_*` count
_CLOSE = 64  # where the four masks of close voxels follow the 64 labels of a leaf


@kernel
def factors(matrices, scale, out):
    """Fill out (6, n) float32 with the upper triangular A, AᵀA = scale² M, rows A00 A01 A02 A11 A12 A22.

    1e-13 of the trace is added to the diagonal: it keeps the factor stable for singular M and moves a distance by
    less than 4e-7 |A| |x − s|, which the rounding bound covers.
    """
    for i in range(matrices.shape[0]):
        m = matrices[i]
        floor = 1e-13 * (m[0, 0] + m[1, 1] + m[2, 2]) + 1e-300
        a00 = math.sqrt(max(m[0, 0], 0.0) + floor)
        a01 = m[0, 1] / a00
        a02 = m[0, 2] / a00
        a11 = math.sqrt(max(m[1, 1] - a01 * a01, 0.0) + floor)
        a12 = (m[1, 2] - a01 * a02) / a11
        a22 = math.sqrt(max(m[2, 2] - a02 * a02 - a12 * a12, 0.0) + floor)
        out[0, i], out[1, i], out[2, i] = a00 * scale, a01 * scale, a02 * scale
        out[3, i], out[4, i], out[5, i] = a11 * scale, a12 * scale, a22 * scale


@kernel
def first_indefinite(matrices):
    """Index of the first of matrices (n, 3, 3) with an eigenvalue below −5e-14 of its trace, or −1."""
    for i in range(matrices.shape[0]):
        m = matrices[i]
        trace = m[0, 0] + m[1, 1] + m[2, 2]
        floor = 5e-14 * trace + 1e-300
        p0 = m[0, 0] + floor
        if not (trace >= 0.0 and p0 > 0.0):
            return i
        p1 = m[1, 1] + floor - m[0, 1] * m[0, 1] / p0
        if not p1 > 0.0:
            return i
        s12 = m[1, 2] - m[0, 1] * m[0, 2] / p0
        if not m[2, 2] + floor - m[0, 2] * m[0, 2] / p0 - s12 * s12 / p1 > 0.0:
            return i
    return -1


@helper
def _distance(position, matrices, offset, i, x, y, z, squared):
    """d_i(x), Eq. (8), in float64."""
    dx, dy, dz = x - position[i, 0], y - position[i, 1], z - position[i, 2]
    m = matrices[i]
    q = m[0, 0] * dx * dx + m[1, 1] * dy * dy + m[2, 2] * dz * dz
    q += 2.0 * (m[0, 1] * dx * dy + m[0, 2] * dx * dz + m[1, 2] * dy * dz)
    q = max(q, 0.0)  # rounding of a singular M
    return (q if squared else math.sqrt(q)) - offset[i]


@helper
def _compete(c, lists, start, count, corner, squared, scratch, t, verdict):
    """Write the label of the winner at the voxels of a leaf to verdict, and masks of close voxels; is there one?

    corner: the first voxel, x y z. A plane of 4 × 4 voxels fills the lanes; u = A (x − s) grows by the last column of A
    from one plane to the next. All distances come first, so that no step has to wait for its own root.
    """
    lx, ly, z = corner[0] + load(scratch, STEP_X), corner[1] + load(scratch, STEP_Y), corner[2]
    margin, p = np.float32(0.0), 0
    for k in range(start, start + count):
        o = np.int64(at(lists, k))
        dx, dy, dz = lx - at(c, o + X), ly - at(c, o + Y), z - at(c, o + Z)
        a02, a12, a22, r = spread(at(c, o + A02)), spread(at(c, o + A12)), at(c, o + A22), at(c, o + R)
        u0 = multiply_add(spread(at(c, o + A00)), dx, multiply_add(spread(at(c, o + A01)), dy, a02 * dz))
        u1, u2 = multiply_add(spread(at(c, o + A11)), dy, a12 * dz), a22 * dz
        d0 = multiply_add(u0, u0, multiply_add(u1, u1, spread(u2 * u2)))
        u0, u1, u2 = u0 + a02, u1 + a12, u2 + a22
        d1 = multiply_add(u0, u0, multiply_add(u1, u1, spread(u2 * u2)))
        u0, u1, u2 = u0 + a02, u1 + a12, u2 + a22
        d2 = multiply_add(u0, u0, multiply_add(u1, u1, spread(u2 * u2)))
        u0, u1, u2 = u0 + a02, u1 + a12, u2 + a22
        d3 = multiply_add(u0, u0, multiply_add(u1, u1, spread(u2 * u2)))
        if not squared:
            d0, d1, d2, d3 = sqrt(d0), sqrt(d1), sqrt(d2), sqrt(d3)
        store(t, p, d0 - r)
        store(t, p + 16, d1 - r)
        store(t, p + 32, d2 - r)
        store(t, p + 48, d3 - r)
        margin, p = max(margin, at(c, o + ERROR)), p + 64
    margin2, near = spread(margin + margin), 0
    for plane in range(0, _LEAF, 2):  # of two planes all fits into registers
        p = 16 * plane
        best0, best1 = load(t, p), load(t, p + 16)
        next0 = next1 = spread(np.float32(np.inf))
        name0 = name1 = spread_bits(bits_at(c, at(lists, start) + NAME))
        for k in range(start + 1, start + count):
            p += 64
            d0, d1 = load(t, p), load(t, p + 16)
            name = spread_bits(bits_at(c, at(lists, k) + NAME))
            next0, next1 = least(next0, most(d0, best0)), least(next1, most(d1, best1))
            name0, name1 = where_less(d0, best0, name, name0), where_less(d1, best1, name, name1)
            best0, best1 = least(d0, best0), least(d1, best1)
        near |= _note(verdict, plane, name0, next0 - best0, margin2)
        near |= _note(verdict, plane + 1, name1, next1 - best1, margin2)
    return near


@helper
def _note(verdict, plane, name, lead, margin):
    store_bits(verdict, 16 * plane, name)
    close = bits_unless_above(lead, margin)
    put(verdict, _CLOSE + plane, close)
    return close


@helper
def _settle(c, lists, start, count, first, given, lut, squared, verdict):
    """Decide the close voxels of a leaf in float64; return how many."""
    position, matrices, offset, frame = given
    total = 0
    for plane in range(_LEAF):
        bits = np.int64(at(verdict, _CLOSE + plane))
        while bits:
            k = first_bit(bits)
            bits &= bits - 1
            x = frame[0] + (first[2] + k % 4 + 0.5) * frame[3]
            y = frame[1] + (first[1] + k // 4 + 0.5) * frame[3]
            z = frame[2] + (first[0] + plane + 0.5) * frame[3]
            lowest, winner = np.inf, -1
            for slot in range(start, start + count):
                i = bits_at(c, at(lists, slot) + SEED)
                d = _distance(position, matrices, offset, i, x, y, z, squared)
                if d < lowest or (d == lowest and i < winner):
                    lowest, winner = d, i
            put(verdict, 16 * plane + k, lut[winner])
            total += 1
    return total


@helper
def _fill(out, first, last, value):
    for z in range(first[0], last[0]):
        for y in range(first[1], last[1]):
            for x in range(first[2], last[2]):
                out[z, y, x] = value


@helper
def _write(out, first, last, verdict):
    """Write the labels of a leaf, or of the part of it that lies in the volume."""
    flat, row, plane = raw(out), out.shape[2], out.shape[1] * out.shape[2]
    begin = first[0] * plane + first[1] * row + first[2]
    if last[2] - first[2] == _LEAF:
        for z in range(last[0] - first[0]):
            for y in range(last[1] - first[1]):
                put_four(flat, begin + z * plane + y * row, verdict, 16 * z + 4 * y)
        return
    for z in range(last[0] - first[0]):
        for y in range(last[1] - first[1]):
            for x in range(last[2] - first[2]):
                put(flat, begin + z * plane + y * row + x, at(verdict, 16 * z + 4 * y + x))


@helper
def child_of(first, last, k, half):
    """First and last voxel, z y x, of child k of a box."""
    z, y, x = first[0] + (k >> 2) * half, first[1] + (k >> 1 & 1) * half, first[2] + (k & 1) * half
    return (z, y, x), (min(z + half, last[0]), min(y + half, last[1]), min(x + half, last[2]))


@helper
def _label_twig(out, lut, work, verdict, start, count, end, first, last, middle, given, squared, cap, counts):
    """Labels of a box of 8³ voxels or less from its list of candidates; adds to counts (4,)."""
    c, lists, t, scratch, _, ends = work
    for k in range(8):
        set_cap(scratch, k, cap)
    children = set_children(scratch, first, last, _LEAF, middle, 1)
    wanted = split(work, start, count, squared, children, end, count + 2)
    for k in range(8):
        if not children >> k & 1:
            continue
        low, high = child_of(first, last, k, _LEAF)
        begin = end + k * (count + 2)
        kept = at(ends, k) - begin
        counts[0] += 1
        counts[1] += count
        if not wanted >> k & 1:
            _fill(out, low, high, lut[lut.size - 1])
        elif kept == 1:
            _fill(out, low, high, bits_at(c, at(lists, begin) + NAME))
        else:
            counts[2] += kept * _LEAF**3
            corner = (np.float32(low[2] + 0.5 - middle[2]), np.float32(low[1] + 0.5 - middle[1]),
                      np.float32(low[0] + 0.5 - middle[0]))  # fmt: skip
            if _compete(c, lists, begin, kept, corner, squared, scratch, t, verdict):
                counts[3] += _settle(c, lists, begin, kept, low, given, lut, squared, verdict)
            _write(out, low, high, verdict)


@helper
def enlarged(a, size):
    """The array with room for `size` and half as many again."""
    larger = np.empty(size + size // 2, a.dtype)
    for i in range(a.size):
        larger[i] = a[i]
    return larger


@helper
def push(stack, depth, first, size, start, count, end):
    """Put a box on the stack: first voxel and size, where its list lies, where lists can follow; the new depth."""
    stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3] = first[0], first[1], first[2], size
    stack[depth, 4], stack[depth, 5], stack[depth, 6] = start, count, end
    return depth + 1


@helper
def list_all(lists, n):
    """Make the list of all n seeds at 0; where others can follow it."""
    for i in range(n + 2):
        lists[i] = min(i, n) * RECORD
    return n + 2


@helper
def _label_tile(out, lut, n, low, place, given, blocks, squared, memory, counts, turn, worker, workers):
    """Labels of the tile that starts at voxel low (z, y, x), depth first; the arrays that may have grown, and the turn.

    Boxes of 64³ are dealt in turn: every worker splits the few boxes above them, and labels those that are its own.
    """
    c, lists, t, scratch, picks, ends, verdict = memory
    high = (min(low[0] + TILE, out.shape[0]), min(low[1] + TILE, out.shape[1]), min(low[2] + TILE, out.shape[2]))
    middle = ((low[0] + high[0]) * 0.5, (low[1] + high[1]) * 0.5, (low[2] + high[2]) * 0.5)
    place_seeds(c, place, middle, squared)
    edge = cell_edge(c, n, low, high, middle)
    caps = cap_pyramid(c, n, low, high, middle, edge, blocks, squared, scratch)
    stack = np.empty((64, 7), np.int64)
    depth = push(stack, 0, low, TILE, 0, n, list_all(lists, n))
    while depth > 0:
        depth -= 1
        first, size = (stack[depth, 0], stack[depth, 1], stack[depth, 2]), stack[depth, 3]
        start, count, end = stack[depth, 4], stack[depth, 5], stack[depth, 6]
        last = (min(first[0] + size, high[0]), min(first[1] + size, high[1]), min(first[2] + size, high[2]))
        stride, half = count + 2, size // 2
        if end + 8 * stride > lists.size:
            lists = enlarged(lists, end + 8 * stride)
        if stride * PAIR > t.size and half <= edge:
            t = enlarged(t, stride * PAIR)
        work = (raw(c), raw(lists), raw(t), raw(scratch), raw(picks), raw(ends))
        if size == _TWIG:
            cap = caps[_cell_of(first, low, high, edge)]
            _label_twig(
                out, lut, work, raw(verdict), start, count, end, first, last, middle, given, squared, cap, counts
            )
            continue
        children = set_children(work[3], first, last, half, middle, 1)
        set_caps(work[3], caps, edge, low, high, first, half, children)
        if half > edge:
            wanted = deal(work, start, count, squared, children, end, stride)
        else:
            wanted = split(work, start, count, squared, children, end, stride)
        counts[0] += 8
        counts[1] += 8 * count
        for k in range(8):
            if not children >> k & 1:
                continue
            turn += half == PART
            if half == PART and turn % workers != worker:
                continue
            a, b = child_of(first, last, k, half)
            begin = end + k * stride
            kept = ends[k] - begin
            asked = wanted >> k & 1 and is_asked(blocks, a[0], a[1], a[2], half)
            if asked and kept > 1:
                lists[begin + kept] = n * RECORD
                depth = push(stack, depth, a, half, begin, kept, end + 8 * stride)
            elif half <= PART or worker == 0:
                _fill(out, a, b, bits_at(c, lists[begin] + NAME) if asked else lut[lut.size - 1])
    return (c, lists, t, scratch, picks, ends, verdict), turn


@helper
def _cell_of(voxel, low, high, edge):
    ny, nx = -(-(high[1] - low[1]) // edge), -(-(high[2] - low[2]) // edge)
    return ((voxel[0] - low[0]) // edge * ny + (voxel[1] - low[1]) // edge) * nx + (voxel[2] - low[2]) // edge


@helper
def _label_share(out, lut, relevant, place, factor, shift, given, blocks, squared, counts, worker, workers):
    """One worker's share of the labels, tile by tile; adds to counts (4,)."""
    n, memory, turn = shift.size, memory_for(shift.size), 0
    load_seeds(memory[0], factor, shift, lut, relevant)
    for z in range(0, out.shape[0], TILE):
        for y in range(0, out.shape[1], TILE):
            for x in range(0, out.shape[2], TILE):
                memory, turn = _label_tile(
                    out, lut, n, (z, y, x), place, given, blocks, squared, memory, counts, turn, worker, workers
                )


def _label_volume(
    out, lut, relevant, place, factor, shift, position, matrices, offset, frame, blocks, squared, workers
):
    """Fill out (z, y, x) with labels, dealt among the workers; counts (workers, 4), see COUNTS.

    out C-contiguous of any integer type; lut (n + 1,), labels below 2³¹, maps a seed to the label written; boxes that
    no seed with relevant (n,) true can reach get lut[n].
    place (3, n), factor (6, n), shift (n,): seeds in voxels of the volume, `factors`, offsets less their maximum.
    position (n, 3), matrices (n, 3, 3), offset (n,): the same seeds as given; frame (4,): origin x, y, z, voxel size.
    blocks (z, y, x) bool, of 8³ voxels: what is asked for; boxes without any get lut[n]. An empty array asks for all.
    """
    given, counts = (position, matrices, offset, frame), np.zeros((workers, 4), np.int64)
    for worker in prange(workers):
        _label_share(out, lut, relevant, place, factor, shift, given, blocks, squared, counts[worker], worker, workers)
    return counts


@kernel
def memory_for(n):
    """Candidates, lists, tangents, scratch, picks, ends, verdict of a worker: 112 bytes a seed and 200 kB at first."""
    return (
        np.empty((n + 1) * RECORD, np.float32), np.empty(12 * n + 16384, np.int32), np.empty(PAIR * 256, np.float32),
        scratch_for(), np.zeros(16, np.int32), np.zeros(8, np.int64), np.zeros(_CLOSE + 4, np.int32),
    )  # fmt: skip


label_volume_serial, label_volume_parallel = twins(_label_volume, "label_volume")


def part_count(shape):
    """How many boxes a volume of shape (nz, ny, nx) is dealt in: more workers than that have nothing to do."""
    return -(-shape[0] // PART) * -(-shape[1] // PART) * -(-shape[2] // PART)


@njit(cache=True, nogil=True, parallel=True)
def label_points_parallel(out, points, position, matrices, offset, squared):
    """Fill out (p,) with the index of the smallest d at points (p, 3), Eq. (8), in float64."""
    for k in prange(out.size):
        lowest, winner = np.inf, 0
        for i in range(offset.size):
            d = _distance(position, matrices, offset, i, points[k, 0], points[k, 1], points[k, 2], squared)
            if d < lowest:
                lowest, winner = d, i
        out[k] = winner
