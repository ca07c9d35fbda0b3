"""Exact labels of a generalised balanced power diagram, Eq. (8), by pruning boxes of voxels.

d_i(x) = |x − s_i|_M_i − r_i is convex. Over a box it is at least its tangent plane at the centre, and at most the
interpolation of its corner values. Seed i can therefore win nowhere in the box when, for some j, its tangent
exceeds d_j at all eight corners. The candidates of a tile of 64³ voxels are pruned in this way down to leaves of
4³ voxels, where those that are left (about five) are evaluated at every voxel.

All this runs in float32 on coordinates in voxels relative to the tile, where M = AᵀA and d = |A (x − s)| is a sum of
squares without cancellation. A margin covers the rounding (`_rounding`): what is dropped loses beyond it, and voxels
whose two best candidates are closer than it are decided in float64 from the matrices as they were given. The labels
are thus those of a float64 brute force, with ties to the lower index.

n seeds, c candidates, cap capacity of a candidate list.
"""

import math

import numpy as np
from numba import njit, prange

TILE = 64
LEAF, LEAF_X = 4, 8  # voxels of a leaf along z and y, along x
COUNTS = ("boxes", "candidates", "evaluations", "close")  # what `label_volume_*` count
_PICKS, _LEAF_PICKS = 6, 3  # seeds j tried in a box, nearest first: in a leaf more cost more than they save
_EPSILON = np.float32(2.0**-19)  # 32 float32 roundings; the sums below make fewer than 12

# Candidates lie in blocks of 16: 16 rows of 16 lanes in one flat array. Unsigned indices at constant distances are
# what lets LLVM see that rows do not overlap, and use vectors.
_LANES = 16
_U16, _U256 = np.uint64(16), np.uint64(256)
_X, _Y, _Z, _A00, _A01, _A02, _A11, _A12, _A22, _R = [np.uint64(16 * row) for row in range(10)]  # what a candidate is
_V, _GX, _GY, _GZ, _GAP = [np.uint64(16 * row) for row in range(10, 15)]  # what `_prune` finds of it
_FAR = np.float32(-1e30)  # offset of the lanes that fill a block up: they win nowhere


@njit(cache=True, nogil=True, inline="always")
def _slot(i):
    """Where candidate i starts in the flat array."""
    return np.uint64(i >> 4) * _U256 + np.uint64(i & 15)


@njit(cache=True, nogil=True)
def factors(matrices, scale, out):
    """Fill out (6, n) float32 with the upper triangular A, AᵀA = scale² M, rows A00 A01 A02 A11 A12 A22.

    1e-13 of the trace is added to the diagonal: it keeps the factor stable for singular M and moves a distance by
    less than 4e-7 |A| |x − s|, which the margin covers.
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
        p1 = m[1, 1] + floor - m[0, 1] * m[0, 1] / p0
        s12 = m[1, 2] - m[0, 1] * m[0, 2] / p0
        p2 = m[2, 2] + floor - m[0, 2] * m[0, 2] / p0 - s12 * s12 / p1
        if not (trace >= 0.0 and p0 > 0.0 and p1 > 0.0 and p2 > 0.0):
            return i
    return -1


@njit(cache=True, nogil=True)
def _rounding(c, i, squared):
    """Bound of the rounding error of a value or tangent of candidate i within its tile."""
    o = _slot(i)
    norm = c[o + _A00] ** 2 + c[o + _A01] ** 2 + c[o + _A02] ** 2
    norm += c[o + _A11] ** 2 + c[o + _A12] ** 2 + c[o + _A22] ** 2
    reach = np.float32(math.sqrt(norm)) * (abs(c[o + _X]) + abs(c[o + _Y]) + abs(c[o + _Z]) + np.float32(TILE))
    if squared:
        reach = np.float32(2.0) * reach * reach
    return _EPSILON * (reach + abs(c[o + _R]))


@njit(cache=True, nogil=True)
def _tangents(c, start, stop, x, y, z, wx, wy, wz, squared):
    """Value V at (x, y, z) and rise G of the tangent over the half widths w, for candidates start to stop."""
    zero, one, two = np.float32(0.0), np.float32(1.0), np.float32(2.0)
    for block in range(start >> 4, (stop + 15) >> 4):
        base = np.uint64(block) * _U256
        for lane in range(_U16):
            o = base + lane
            dx, dy, dz = x - c[o + _X], y - c[o + _Y], z - c[o + _Z]
            u0 = c[o + _A00] * dx + c[o + _A01] * dy + c[o + _A02] * dz
            u1 = c[o + _A11] * dy + c[o + _A12] * dz
            u2 = c[o + _A22] * dz
            q = u0 * u0 + u1 * u1 + u2 * u2
            value = q if squared else np.float32(math.sqrt(q))
            # at the seed itself 0 is a subgradient
            slope = two if squared else (one / value if value > zero else zero)
            c[o + _V] = value - c[o + _R]
            c[o + _GAP] = -np.float32(np.inf)
            c[o + _GX] = slope * (c[o + _A00] * u0) * wx
            c[o + _GY] = slope * (c[o + _A01] * u0 + c[o + _A11] * u1) * wy
            c[o + _GZ] = slope * (c[o + _A02] * u0 + c[o + _A12] * u1 + c[o + _A22] * u2) * wz


# the eight corners of a box: signs of their offsets, then room for the value of a seed at each
_SX, _SY, _SZ, _E = [np.uint64(8 * row) for row in range(4)]
_U8 = np.uint64(8)


@njit(cache=True, nogil=True)
def _corner_work():
    work = np.zeros(4 * 8, np.float32)
    for k in range(8):
        work[k] = (k & 1) * 2 - 1
        work[8 + k] = (k >> 1 & 1) * 2 - 1
        work[16 + k] = (k >> 2 & 1) * 2 - 1
    return work


@njit(cache=True, nogil=True)
def _corner_values(c, i, x, y, z, wx, wy, wz, squared, corner):
    """E = value of candidate i at the corners of a box."""
    o = _slot(i)
    dx, dy, dz = x - c[o + _X], y - c[o + _Y], z - c[o + _Z]
    a00, a01, a02 = c[o + _A00], c[o + _A01], c[o + _A02]
    a11, a12, a22, r = c[o + _A11], c[o + _A12], c[o + _A22], c[o + _R]
    for k in range(_U8):
        ex, ey, ez = dx + wx * corner[k + _SX], dy + wy * corner[k + _SY], dz + wz * corner[k + _SZ]
        u0 = a00 * ex + a01 * ey + a02 * ez
        u1 = a11 * ey + a12 * ez
        u2 = a22 * ez
        q = u0 * u0 + u1 * u1 + u2 * u2
        corner[k + _E] = (q if squared else np.float32(math.sqrt(q))) - r


@njit(cache=True, nogil=True)
def _widen_gaps(c, start, stop, corner):
    """Raise GAP to the smallest difference at a corner between the tangent of a candidate and E."""
    e0, e1, e2, e3 = corner[_E], corner[_E + np.uint64(1)], corner[_E + np.uint64(2)], corner[_E + np.uint64(3)]
    e4, e5 = corner[_E + np.uint64(4)], corner[_E + np.uint64(5)]
    e6, e7 = corner[_E + np.uint64(6)], corner[_E + np.uint64(7)]
    for block in range(start >> 4, (stop + 15) >> 4):
        base = np.uint64(block) * _U256
        for lane in range(_U16):
            o = base + lane
            gx = c[o + _GX]
            low, high = c[o + _V] - c[o + _GZ], c[o + _V] + c[o + _GZ]
            ll, lh = low - c[o + _GY], low + c[o + _GY]
            hl, hh = high - c[o + _GY], high + c[o + _GY]
            m = ll - gx - e0
            t = ll + gx - e1
            m = t if t < m else m
            t = lh - gx - e2
            m = t if t < m else m
            t = lh + gx - e3
            m = t if t < m else m
            t = hl - gx - e4
            m = t if t < m else m
            t = hl + gx - e5
            m = t if t < m else m
            t = hh - gx - e6
            m = t if t < m else m
            t = hh + gx - e7
            m = t if t < m else m
            c[o + _GAP] = m if m > c[o + _GAP] else c[o + _GAP]


@njit(cache=True, nogil=True)
def _nearest(c, start, stop, picks):
    """Fill picks with the candidates of smallest V in ascending order, the first of equals first; return how many."""
    count = 0
    bar = np.float32(np.inf)
    for i in range(start, stop):
        v = c[_slot(i) + _V]
        if v < bar or count < picks.size:
            k = min(count, picks.size - 1)
            while k > 0 and c[_slot(picks[k - 1]) + _V] > v:
                picks[k] = picks[k - 1]
                k -= 1
            picks[k] = i
            count = min(count + 1, picks.size)
            if count == picks.size:
                bar = c[_slot(picks[count - 1]) + _V]
    return count


@njit(cache=True, nogil=True)
def _compact(c, index, start, stop, target, margin):
    """Copy the candidates whose gap is within the margin to target, in order; return the end of the new list."""
    end = target
    for i in range(start, stop):
        o = _slot(i)
        if c[o + _GAP] <= margin:
            p = _slot(end)
            c[p + _X], c[p + _Y], c[p + _Z], c[p + _R] = c[o + _X], c[o + _Y], c[o + _Z], c[o + _R]
            c[p + _A00], c[p + _A01], c[p + _A02] = c[o + _A00], c[o + _A01], c[o + _A02]
            c[p + _A11], c[p + _A12], c[p + _A22] = c[o + _A11], c[o + _A12], c[o + _A22]
            index[end] = index[i]
            end += 1
    for i in range(end, (end + 15) & ~15):
        c[_slot(i) + _R] = _FAR
    return end


@njit(cache=True, nogil=True)
def _prune(c, index, start, stop, x, y, z, wx, wy, wz, squared, margin, corner, picks):
    """Put the candidates of a box, a subset of start to stop, on the next block behind stop; return first and end."""
    first = (stop + 15) & ~15
    _tangents(c, start, stop, x, y, z, wx, wy, wz, squared)
    for k in range(_nearest(c, start, stop, picks)):
        _corner_values(c, picks[k], x, y, z, wx, wy, wz, squared, corner)
        _widen_gaps(c, start, stop, corner)
    return first, _compact(c, index, start, stop, first, margin)


@njit(cache=True, nogil=True)
def _decide(position, matrices, offset, index, start, stop, x, y, z, squared):
    """Index of the smallest d at one point among the candidates, in float64, Eq. (8)."""
    best = np.inf
    arg = index[start]
    for k in range(start, stop):
        i = index[k]
        dx, dy, dz = x - position[i, 0], y - position[i, 1], z - position[i, 2]
        m = matrices[i]
        q = m[0, 0] * dx * dx + m[1, 1] * dy * dy + m[2, 2] * dz * dz
        q += 2.0 * (m[0, 1] * dx * dy + m[0, 2] * dx * dz + m[1, 2] * dy * dz)
        q = max(q, 0.0)
        d = (q if squared else math.sqrt(q)) - offset[i]
        if d < best:
            best = d
            arg = i
    return arg


# work array of a leaf: by 32 voxels of a plane their offsets x, y and what a candidate adds to its first two sums
# there; then by 128 voxels what `_compete` finds
_LX, _LY, _P0, _P1, _BEST, _SECOND = [np.uint64(k) for k in (0, 32, 64, 96, 128, 256)]
_U4, _U32, _U128 = np.uint64(4), np.uint64(32), np.uint64(128)


@njit(cache=True, nogil=True)
def _leaf_work():
    work = np.zeros(384, np.float32)
    for k in range(32):
        work[k] = k % 8 - 3.5
        work[32 + k] = k // 8 - 1.5
    return work


@njit(cache=True, nogil=True)
def _compete(c, index, start, stop, x, y, z, squared, work, winner):
    """Winner (128,) and the two smallest values at the voxels of a leaf centred at (x, y, z)."""
    for v in range(_U128):
        work[v + _BEST] = np.float32(np.inf)
        work[v + _SECOND] = np.float32(np.inf)
    for k in range(start, stop):
        o = _slot(k)
        dx, dy, dz = x - c[o + _X], y - c[o + _Y], z - c[o + _Z]
        a00, a01, a02 = c[o + _A00], c[o + _A01], c[o + _A02]
        a11, a12, a22, r = c[o + _A11], c[o + _A12], c[o + _A22], c[o + _R]
        seed = index[k]
        for v in range(_U32):
            work[v + _P0] = a00 * work[v + _LX] + a01 * work[v + _LY]
            work[v + _P1] = a11 * work[v + _LY]
        for plane in range(_U4):
            ez = dz + (np.float32(plane) - np.float32(1.5))
            b0 = a00 * dx + a01 * dy + a02 * ez
            b1 = a11 * dy + a12 * ez
            rest = (a22 * ez) * (a22 * ez)
            at = plane * _U32
            for v in range(_U32):
                u0 = b0 + work[v + _P0]
                u1 = b1 + work[v + _P1]
                q = u0 * u0 + u1 * u1 + rest
                d = (q if squared else np.float32(math.sqrt(q))) - r
                best, second = work[at + v + _BEST], work[at + v + _SECOND]
                worse = d if d > best else best
                work[at + v + _SECOND] = worse if worse < second else second
                winner[at + v] = seed if d < best else winner[at + v]
                work[at + v + _BEST] = d if d < best else best


@njit(cache=True, nogil=True)
def _any_relevant(index, start, stop, relevant):
    for k in range(start, stop):
        if relevant[index[k]]:
            return True
    return False


@njit(cache=True, nogil=True)
def _fill(out, z0, z1, y0, y1, x0, x1, value):
    for z in range(z0, z1):
        for y in range(y0, y1):
            for x in range(x0, x1):
                out[z, y, x] = value


@njit(cache=True, nogil=True)
def _tile_candidates(place, factor, shift, cx, cy, cz, wx, wy, wz, squared, c, index, corner, picks):
    """End of the list of candidates of a tile centred at (cx, cy, cz), written from 0 on.

    place (3, n) voxels, factor (6, n), shift (n,). All n are written at first, relative to the tile and in float32;
    those that can win somewhere in it are moved to the front.
    """
    n = shift.size
    zero = np.float32(0.0)
    for i in range(n, (n + 15) & ~15):
        c[_slot(i) + _R] = _FAR
    for i in range(n):
        o = _slot(i)
        c[o + _X] = place[0, i] - cx
        c[o + _Y] = place[1, i] - cy
        c[o + _Z] = place[2, i] - cz
        for row in range(6):
            c[o + _A00 + np.uint64(16 * row)] = factor[row, i]
        c[o + _R] = shift[i]
        index[i] = i
    _tangents(c, 0, n, zero, zero, zero, wx, wy, wz, squared)
    _nearest(c, 0, n, picks[:1])
    j = picks[0]
    _corner_values(c, j, zero, zero, zero, wx, wy, wz, squared, corner)
    _widen_gaps(c, 0, n, corner)
    own = _rounding(c, j, squared)
    for i in range(n):  # the margin of the tile is that of its survivors: here each candidate has its own
        o = _slot(i)
        c[o + _GAP] -= own + _rounding(c, i, squared)
    return _compact(c, index, 0, n, 0, zero)


@njit(cache=True, nogil=True)
def _grown(c, index, need):
    """The same lists with room for `need` candidates or more."""
    cap = (max(need, index.size + index.size // 2) + 15) & ~15
    c2, index2 = np.zeros(cap * 16, np.float32), np.zeros(cap, np.int32)
    c2[: c.size] = c
    index2[: index.size] = index
    return c2, index2


@njit(cache=True, nogil=True)
def _settle(index, start, stop, z0, y0, x0, work, winner, margin, squared, position, matrices, offset, frame):
    """Decide in float64 the voxels of a leaf whose two best values are within the margin; return how many."""
    close = np.int32(0)
    for v in range(_U128):
        close = np.int32(close + np.int32(work[v + _SECOND] - work[v + _BEST] <= margin))
    if close:
        for k in range(128):
            if work[k + 256] - work[k + 128] <= margin:
                px = frame[0] + (x0 + k % 8 + 0.5) * frame[3]
                py = frame[1] + (y0 + k // 8 % 4 + 0.5) * frame[3]
                pz = frame[2] + (z0 + k // 32 + 0.5) * frame[3]
                winner[k] = _decide(position, matrices, offset, index, start, stop, px, py, pz, squared)
    return close


@njit(cache=True, nogil=True)
def _write_leaf(out, lut, z0, y0, x0, winner):
    """Write the labels of a leaf, or of the part of it that lies in the volume."""
    z, y, x = np.uint64(z0), np.uint64(y0), np.uint64(x0)
    for dz in range(np.uint64(min(LEAF, out.shape[0] - z0))):
        for dy in range(np.uint64(min(LEAF, out.shape[1] - y0))):
            v = (dz * np.uint64(4) + dy) * _U8
            for dx in range(np.uint64(min(LEAF_X, out.shape[2] - x0))):
                out[z + dz, y + dy, x + dx] = lut[winner[v + dx]]


@njit(cache=True, nogil=True)
def _label_tile(
    out, lut, relevant, tz, ty, tx, place, factor, shift, position, matrices, offset, frame, squared, c, index, corner,
    picks, work, winner, counts,
):  # fmt: skip
    """Labels of the tile that starts at voxel (tz, ty, tx), depth first; adds to counts (4,), see COUNTS."""
    half = np.float32(0.5)
    ez, ey, ex = min(tz + TILE, out.shape[0]), min(ty + TILE, out.shape[1]), min(tx + TILE, out.shape[2])
    mx, my, mz = (tx + ex) * 0.5, (ty + ey) * 0.5, (tz + ez) * 0.5
    wx, wy, wz = (ex - tx - 1) * half, (ey - ty - 1) * half, (ez - tz - 1) * half
    end = _tile_candidates(place, factor, shift, mx, my, mz, wx, wy, wz, squared, c, index, corner, picks)
    margin = np.float32(0.0)
    for i in range(end):
        margin = max(margin, np.float32(2.0) * _rounding(c, i, squared))
    stack = np.empty((64, 6), np.int64)  # z, y, x, size, first and end of the parent's candidates
    stack[0] = (tz, ty, tx, TILE, 0, end)
    depth = 1
    while depth > 0:
        depth -= 1
        z0, y0, x0, size, start, stop = stack[depth]
        z1, y1, x1 = min(z0 + size, ez), min(y0 + size, ey), min(x0 + max(size, LEAF_X), ex)
        if 2 * stop - start + 32 > index.size:
            c, index = _grown(c, index, 2 * stop - start + 32)
        x, y, z = (x0 + x1) * 0.5 - mx, (y0 + y1) * 0.5 - my, (z0 + z1) * 0.5 - mz
        wx, wy, wz = (x1 - x0 - 1) * half, (y1 - y0 - 1) * half, (z1 - z0 - 1) * half
        first, end = _prune(
            c, index, start, stop, np.float32(x), np.float32(y), np.float32(z), wx, wy, wz, squared, margin,
            corner, picks[:_LEAF_PICKS] if size == LEAF else picks,
        )  # fmt: skip
        counts[0] += 1
        counts[1] += stop - start
        if not _any_relevant(index, first, end, relevant):
            _fill(out, z0, z1, y0, y1, x0, x1, lut[lut.size - 1])
        elif end - first == 1:
            _fill(out, z0, z1, y0, y1, x0, x1, lut[index[first]])
        elif size == LEAF:
            # the voxels of a full leaf: its centre, not that of a box clipped by the volume
            x, y, z = x0 + 4.0 - mx, y0 + 2.0 - my, z0 + 2.0 - mz
            _compete(c, index, first, end, np.float32(x), np.float32(y), np.float32(z), squared, work, winner)
            counts[2] += (end - first) * 128
            counts[3] += _settle(
                index, first, end, z0, y0, x0, work, winner, margin, squared, position, matrices, offset, frame
            )
            _write_leaf(out, lut, z0, y0, x0, winner)
        else:
            step = size // 2
            for cz in range(z0, z1, step):
                for cy in range(y0, y1, step):
                    for cx in range(x0, x1, max(step, LEAF_X)):
                        stack[depth] = (cz, cy, cx, step, first, end)
                        depth += 1
    return c, index


def _label_volume(out, lut, relevant, place, factor, shift, position, matrices, offset, frame, squared, workers):
    """Fill out (z, y, x) with the labels of all tiles, dealt in turn to the workers; counts (workers, 4), see COUNTS.

    lut (n + 1,) maps a seed to the label written; boxes that no seed with relevant (n,) true can reach get lut[n].
    place (3, n), factor (6, n), shift (n,): seeds in voxels of the volume, `factors`, offsets less their maximum.
    position (n, 3), matrices (n, 3, 3), offset (n,): the same seeds as given; frame (4,): origin x, y, z and voxel size.
    """
    tiles_y, tiles_x = -(-out.shape[1] // TILE), -(-out.shape[2] // TILE)
    tiles = -(-out.shape[0] // TILE) * tiles_y * tiles_x
    counts = np.zeros((workers, 4), np.int64)
    for worker in prange(workers):
        cap = (shift.size + shift.size // 2 + 79) & ~15
        c, index = np.zeros(cap * 16, np.float32), np.zeros(cap, np.int32)
        corner, picks = _corner_work(), np.empty(_PICKS, np.int64)
        work, winner = _leaf_work(), np.zeros(128, np.int32)
        for tile in range(worker, tiles, workers):
            tz, rest = tile // (tiles_y * tiles_x) * TILE, tile % (tiles_y * tiles_x)
            c, index = _label_tile(
                out, lut, relevant, tz, rest // tiles_x * TILE, rest % tiles_x * TILE, place, factor, shift,
                position, matrices, offset, frame, squared, c, index, corner, picks, work, winner,
                counts[worker],
            )  # fmt: skip
    return counts


label_volume_serial = njit(cache=True, nogil=True)(_label_volume)
label_volume_parallel = njit(cache=True, nogil=True, parallel=True)(_label_volume)


def tile_count(shape):
    """How many tiles a volume of shape (nz, ny, nx) has: more workers than that have nothing to do."""
    return -(-shape[0] // TILE) * -(-shape[1] // TILE) * -(-shape[2] // TILE)


@njit(cache=True, nogil=True, parallel=True)
def label_points_parallel(out, points, position, matrices, offset, squared):
    """Fill out (p,) with the index of the smallest d at points (p, 3), Eq. (8), in float64."""
    every = np.arange(offset.size).astype(np.int32)
    for k in prange(out.size):
        out[k] = _decide(
            position, matrices, offset, every, 0, offset.size, points[k, 0], points[k, 1], points[k, 2], squared
        )
