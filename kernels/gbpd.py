"""Exact labels of a generalised balanced power diagram, Eq. (8), by pruning boxes of voxels.

The seeds of a tile of 256³ voxels are pruned by `candidates` to boxes of 128, 64, 32, 16, 8 and 4 voxels, where those
that are left (about four) are evaluated at every voxel in float32. What is dropped loses beyond the rounding;
voxels whose two best candidates are closer than that are decided in float64, from the matrices as they were given. The
labels are thus those of a float64 brute force, with ties to the lower index, whatever the machine.

n seeds, c list of candidates, lut (n + 1,) the label of each seed and, last, of boxes that no relevant seed can reach.
"""

import math

import numpy as np
from numba import njit, prange

from nmcfast.kernels.candidates import (  # isort: skip
    A00, A01, A02, A11, A12, A22, CORNERS, ERROR, NAME, R, SEED, STEP_X, STEP_Y, TILE, X, Y, Z, copy_list, corners,
    end_of, is_asked, load_seeds, place_seeds, scratch_for, survivors, tangent_size, tangents,
)  # fmt: skip
from nmcfast.kernels.lanes import (  # isort: skip
    bits_at, bits_unless_above, first_bit, least, load, most, multiply_add, put_row, spread, spread_bits, sqrt,
    store_bits, where_less,
)  # fmt: skip

PART = 64  # voxels of an edge of the boxes dealt to the workers
_TWIG, _LEAF = 8, 4  # the last box that is split, and what it is split into
COUNTS = ("boxes", "candidates", "evaluations", "close")  # what `label_volume_*` count
_CLOSE = 64  # where the four masks of close voxels follow the 64 labels of a leaf


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _distance(position, matrices, offset, i, x, y, z, squared):
    """d_i(x), Eq. (8), in float64."""
    dx, dy, dz = x - position[i, 0], y - position[i, 1], z - position[i, 2]
    m = matrices[i]
    q = m[0, 0] * dx * dx + m[1, 1] * dy * dy + m[2, 2] * dz * dz
    q += 2.0 * (m[0, 1] * dx * dy + m[0, 2] * dx * dz + m[1, 2] * dy * dz)
    q = max(q, 0.0)  # rounding of a singular M
    return (q if squared else math.sqrt(q)) - offset[i]


@njit(cache=True, nogil=True)
def _compete(c, slots, count, x, y, z, squared, scratch, verdict):
    """Write the label of the winner at the voxels of a leaf to verdict, and masks of close voxels; is there one?

    (x, y, z) is the first voxel. A plane of 4 × 4 voxels fills the lanes; u = A (x − s) grows by the last column
    of A from one plane to the next.
    """
    lx, ly = x + load(scratch, STEP_X), y + load(scratch, STEP_Y)
    best0 = best1 = best2 = best3 = spread(np.float32(np.inf))
    next0, next1, next2, next3 = best0, best1, best2, best3
    name0, name1, name2, name3 = best0, best1, best2, best3
    margin = np.float32(0.0)
    for k in range(count):
        o = slots[k]
        dx, dy, dz = lx - c[o + X], ly - c[o + Y], z - c[o + Z]
        a02, a12, a22, r = spread(c[o + A02]), spread(c[o + A12]), c[o + A22], c[o + R]
        u0 = multiply_add(spread(c[o + A00]), dx, multiply_add(spread(c[o + A01]), dy, a02 * dz))
        u1, u2 = multiply_add(spread(c[o + A11]), dy, a12 * dz), a22 * dz
        d0 = multiply_add(u0, u0, multiply_add(u1, u1, spread(u2 * u2)))
        u0, u1, u2 = u0 + a02, u1 + a12, u2 + a22
        d1 = multiply_add(u0, u0, multiply_add(u1, u1, spread(u2 * u2)))
        u0, u1, u2 = u0 + a02, u1 + a12, u2 + a22
        d2 = multiply_add(u0, u0, multiply_add(u1, u1, spread(u2 * u2)))
        u0, u1, u2 = u0 + a02, u1 + a12, u2 + a22
        d3 = multiply_add(u0, u0, multiply_add(u1, u1, spread(u2 * u2)))
        if not squared:
            d0, d1, d2, d3 = sqrt(d0), sqrt(d1), sqrt(d2), sqrt(d3)
        d0, d1, d2, d3 = d0 - r, d1 - r, d2 - r, d3 - r
        name = spread_bits(bits_at(c, o + NAME))
        next0, next1 = least(next0, most(d0, best0)), least(next1, most(d1, best1))
        next2, next3 = least(next2, most(d2, best2)), least(next3, most(d3, best3))
        name0, name1 = where_less(d0, best0, name, name0), where_less(d1, best1, name, name1)
        name2, name3 = where_less(d2, best2, name, name2), where_less(d3, best3, name, name3)
        best0, best1, best2, best3 = least(d0, best0), least(d1, best1), least(d2, best2), least(d3, best3)
        margin = max(margin, c[o + ERROR])
    margin2 = spread(margin + margin)
    near = _note(verdict, 0, name0, next0 - best0, margin2) | _note(verdict, 1, name1, next1 - best1, margin2)
    return near | _note(verdict, 2, name2, next2 - best2, margin2) | _note(verdict, 3, name3, next3 - best3, margin2)


@njit(cache=True, nogil=True)
def _note(verdict, plane, name, lead, margin):
    store_bits(verdict, 16 * plane, name)
    close = bits_unless_above(lead, margin)
    verdict[_CLOSE + plane] = close
    return close


@njit(cache=True, nogil=True)
def _settle(c, slots, count, z0, y0, x0, given, lut, squared, verdict):
    """Decide the close voxels of a leaf in float64; return how many."""
    position, matrices, offset, frame = given
    total = 0
    for plane in range(_LEAF):
        bits = np.int64(verdict[_CLOSE + plane])
        while bits:
            k = first_bit(bits)
            bits &= bits - 1
            x = frame[0] + (x0 + k % 4 + 0.5) * frame[3]
            y = frame[1] + (y0 + k // 4 + 0.5) * frame[3]
            z = frame[2] + (z0 + plane + 0.5) * frame[3]
            lowest, winner = np.inf, -1
            for slot in slots[:count]:
                i = bits_at(c, slot + SEED)
                d = _distance(position, matrices, offset, i, x, y, z, squared)
                if d < lowest or (d == lowest and i < winner):
                    lowest, winner = d, i
            verdict[16 * plane + k] = lut[winner]
            total += 1
    return total


@njit(cache=True, nogil=True)
def _fill(out, z0, z1, y0, y1, x0, x1, value):
    for z in range(z0, z1):
        for y in range(y0, y1):
            for x in range(x0, x1):
                out[z, y, x] = value


@njit(cache=True, nogil=True)
def _write(out, z0, z1, y0, y1, x0, x1, verdict):
    """Write the labels of a leaf, or of the part of it that lies in the volume."""
    if x1 - x0 == _LEAF:
        for z in range(z0, z1):
            for y in range(y0, y1):
                put_row(out, z, y, x0, verdict, 16 * (z - z0) + 4 * (y - y0))
    else:
        for z in range(z0, z1):
            for y in range(y0, y1):
                for x in range(x0, x1):
                    out[z, y, x] = verdict[16 * (z - z0) + 4 * (y - y0) + x - x0]


@njit(cache=True, nogil=True)
def _box(z0, z1, y0, y1, x0, x1, middle):
    """Centre and half widths, from the first voxel centre to the last, of a box in a tile: two of 3 float32."""
    x, y, z = (x0 + x1) * 0.5 - middle[0], (y0 + y1) * 0.5 - middle[1], (z0 + z1) * 0.5 - middle[2]
    half = np.float32(0.5)
    return (
        (np.float32(x), np.float32(y), np.float32(z)),
        (np.float32(x1 - x0 - 1) * half, np.float32(y1 - y0 - 1) * half, np.float32(z1 - z0 - 1) * half),
    )


@njit(cache=True, nogil=True)
def _label_twig(
    out, lut, start, count, z0, z1, y0, y1, x0, x1, middle, given, squared, c, slots, t, scratch, verdict, counts
):
    """Labels of a box of 8³ voxels or less from its list of candidates; adds to counts (4,).

    The tangents of all its leaves come first: their chains of dependent steps then overlap.
    """
    size = tangent_size(count)
    for leaf in range(8):
        az, ay, ax = z0 + (leaf >> 2) * _LEAF, y0 + (leaf >> 1 & 1) * _LEAF, x0 + (leaf & 1) * _LEAF
        if az < z1 and ay < y1 and ax < x1:
            centre, half = _box(az, min(az + _LEAF, z1), ay, min(ay + _LEAF, y1), ax, min(ax + _LEAF, x1), middle)
            i, j = tangents(c, start, count, centre, half, squared, t, leaf * size, scratch)
            corners(c, i, j, centre, half, squared, scratch, CORNERS + 16 * leaf)
    for leaf in range(8):
        az, ay, ax = z0 + (leaf >> 2) * _LEAF, y0 + (leaf >> 1 & 1) * _LEAF, x0 + (leaf & 1) * _LEAF
        if az >= z1 or ay >= y1 or ax >= x1:
            continue
        bz, by, bx = min(az + _LEAF, z1), min(ay + _LEAF, y1), min(ax + _LEAF, x1)
        kept, wanted = survivors(c, start, count, t, leaf * size, scratch, CORNERS + 16 * leaf, slots)
        counts[0] += 1
        counts[1] += count
        if not wanted:
            _fill(out, az, bz, ay, by, ax, bx, lut[lut.size - 1])
        elif kept == 1:
            _fill(out, az, bz, ay, by, ax, bx, bits_at(c, slots[0] + NAME))
        else:
            counts[2] += kept * 64
            x, y, z = ax + 0.5 - middle[0], ay + 0.5 - middle[1], az + 0.5 - middle[2]
            if _compete(c, slots, kept, np.float32(x), np.float32(y), np.float32(z), squared, scratch, verdict):
                counts[3] += _settle(c, slots, kept, az, ay, ax, given, lut, squared, verdict)
            _write(out, az, bz, ay, by, ax, bx, verdict)


@njit(cache=True, nogil=True)
def _grown(c, slots, t, need):
    """The same arrays with room for `need` candidates or more."""
    more = (max(need, slots.size + slots.size // 2) + 15) & ~15
    c2, slots2, t2 = np.empty(more * 16, np.float32), np.zeros(more, np.int32), np.empty(more * 4, np.float32)
    c2[: c.size] = c
    slots2[: slots.size] = slots
    return c2, slots2, t2


@njit(cache=True, nogil=True)
def _label_tile(
    out, lut, n, z0, y0, x0, place, given, blocks, squared, c, slots, t, scratch, verdict, counts, turn, worker, workers
):
    """Labels of the tile that starts at voxel (z0, y0, x0), depth first; the arrays that grew, and the turn.

    Boxes of 64³ are dealt in turn: every worker walks the few boxes above them, and labels those that are its own.
    """
    ez, ey, ex = min(z0 + TILE, out.shape[0]), min(y0 + TILE, out.shape[1]), min(x0 + TILE, out.shape[2])
    middle = ((x0 + ex) * 0.5, (y0 + ey) * 0.5, (z0 + ez) * 0.5)
    place_seeds(c, place, middle[0], middle[1], middle[2], squared)
    stack = np.empty((64, 6), np.int64)  # z, y, x, size, start and count of the parent's candidates
    depth = _push(stack, 0, z0, y0, x0, TILE, 0, n)
    while depth > 0:
        depth -= 1
        z0, y0, x0, size = stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3]
        start, count = stack[depth, 4], stack[depth, 5]
        turn += size == PART
        if size == PART and turn % workers != worker:
            continue
        z1, y1, x1 = min(z0 + size, ez), min(y0 + size, ey), min(x0 + size, ex)
        if not is_asked(blocks, z0, y0, x0, size):
            if size <= PART or worker == 0:
                _fill(out, z0, z1, y0, y1, x0, x1, lut[lut.size - 1])
            continue
        centre, half = _box(z0, z1, y0, y1, x0, x1, middle)
        i, j = tangents(c, start, count, centre, half, squared, t, 0, scratch)
        corners(c, i, j, centre, half, squared, scratch, CORNERS)
        kept, wanted = survivors(c, start, count, t, 0, scratch, CORNERS, slots)
        counts[0] += 1
        counts[1] += count
        if kept == 1 or not wanted:
            if size <= PART or worker == 0:
                label = bits_at(c, slots[0] + NAME) if wanted else lut[lut.size - 1]
                _fill(out, z0, z1, y0, y1, x0, x1, label)
            continue
        target = end_of(start, count)
        need = end_of(target, kept) // 16
        if need > slots.size or (size == _TWIG and 8 * tangent_size(kept) > t.size):
            c, slots, t = _grown(c, slots, t, max(need, 2 * tangent_size(kept)))
        copy_list(c, slots, kept, target, scratch)
        if size == _TWIG:
            _label_twig(
                out, lut, target, kept, z0, z1, y0, y1, x0, x1, middle, given, squared, c, slots, t, scratch, verdict,
                counts,
            )  # fmt: skip
        else:
            for z in range(z0, z1, size // 2):
                for y in range(y0, y1, size // 2):
                    for x in range(x0, x1, size // 2):
                        depth = _push(stack, depth, z, y, x, size // 2, target, kept)
    return c, slots, t, turn


@njit(cache=True, nogil=True)
def _push(stack, depth, z, y, x, size, start, count):
    stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3] = z, y, x, size
    stack[depth, 4], stack[depth, 5] = start, count
    return depth + 1


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
    n, given = shift.size, (position, matrices, offset, frame)
    rows, columns = -(-out.shape[1] // TILE), -(-out.shape[2] // TILE)
    tiles = -(-out.shape[0] // TILE) * rows * columns
    counts = np.zeros((workers, 4), np.int64)
    for worker in prange(workers):
        room = scratch_size(n)
        c, slots, t = np.empty(room * 16, np.float32), np.zeros(room, np.int32), np.empty(room * 4, np.float32)
        scratch, verdict = scratch_for(8), np.zeros(_CLOSE + 4, np.int32)
        load_seeds(c, factor, shift, lut, relevant)
        turn = 0
        for tile in range(tiles):
            z, y, x = tile // (rows * columns) * TILE, tile // columns % rows * TILE, tile % columns * TILE
            c, slots, t, turn = _label_tile(
                out, lut, n, z, y, x, place, given, blocks, squared, c, slots, t, scratch, verdict, counts[worker],
                turn, worker, workers,
            )  # fmt: skip
    return counts


@njit(cache=True, nogil=True)
def scratch_size(n):
    """Candidates a worker has room for at first, 84 bytes each: two lists of all n, and one of a tenth."""
    return (2 * n + n // 10 + 1040) & ~15


label_volume_serial = njit(cache=True, nogil=True)(_label_volume)
label_volume_parallel = njit(cache=True, nogil=True, parallel=True)(_label_volume)


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
