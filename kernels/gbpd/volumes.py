"""Exact labels of a generalised balanced power diagram, Eq. (8), by pruning boxes of voxels.

The seeds of a tile of 256³ voxels are pruned by `candidates` to boxes of 128, 64, 32, 16, 8 and 4 voxels, where those
that are left (about four) are evaluated at every voxel in float32, see `leaves`. What is dropped loses beyond the
rounding; voxels whose two best candidates are closer than that are decided in float64. The labels are thus those of a
float64 brute force, with ties to the lower index, whatever the machine.

n seeds, lut (n + 1,) the label of each seed and, last, of boxes that are asked for and no relevant seed can reach.
"""

import math

import numpy as np
from numba import njit, prange

from nmcfast.kernels._cache import helper, kernel, twins
from nmcfast.kernels.gbpd.candidates import (
    NAME,
    PAIR,
    RECORD,
    TILE,
    ask_for,
    deal,
    floats,
    place_seeds,
    records_of,
    room_for,
    set_caps_to,
    set_children,
    set_names,
    split,
)
from nmcfast.kernels.gbpd.ceilings import cap_pyramid, cell_edge, grid_of, is_asked, is_every, set_caps
from nmcfast.kernels.gbpd.descent import (
    PART,
    box_at,
    child_of,
    enlarged,
    is_mine,
    list_all,
    memory_for,
    push,
    shared_among,
    tile_at,
)
from nmcfast.kernels.gbpd.leaves import (
    LEAF,
    agree,
    compete,
    copy_patch,
    distance,
    expect,
    fill_asked,
    given_of,
    is_whole,
    reach_block,
    settle,
    sheet_of,
    target_of,
)
from nmcfast.kernels.vectors.lanes import at, bits_at, put, raw

_TWIG = 8  # the last box that is split, into leaves
COUNTS = ("boxes", "candidates", "evaluations", "close")  # what `label_volume_*` count


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
def _count(counts, k, more):
    put(counts, k, at(counts, k) + more)


@helper
def _label_twig(
    sheet, lut, beyond, work, patch, start, count, end, first, last, middle, given, squared, cap, reached, counts
):
    """Labels of a box of 8³ voxels or less from its list of candidates; adds to counts (4,)."""
    c, lists, t, scratch, _, ends, _ = work
    set_caps_to(scratch, cap)
    expect(sheet, first, last)
    children = set_children(scratch, first, last, LEAF, middle, 1)
    wanted = split(work, start, count, squared, children, end)
    if wanted:
        reach_block(reached, first)
    for k in range(8):
        if not children >> k & 1:
            continue
        low, high = child_of(first, last, k, LEAF)
        begin = end + k * room_for(count)
        kept = at(ends, k) - begin
        _count(counts, 0, 1)
        _count(counts, 1, count)
        whole = is_whole(low, high)
        target = target_of(sheet, low, whole, patch)
        if not wanted >> k & 1:
            if not is_every(reached):
                continue
            agree(beyond, target)
        elif kept == 1:
            agree(bits_at(c, at(lists, begin) + NAME), target)
        else:
            _count(counts, 2, kept * LEAF**3)
            near = compete(c, lists, begin, kept, low, middle, squared, scratch, t, target)
            if near:
                _count(counts, 3, settle(c, lists, begin, kept, low, middle, given, lut, squared, t, near, target))
        if not whole:
            copy_patch(sheet, low, high, patch)


@helper
def label_box(
    sheet, lut, n, box, size, count, end, tile, caps, edge, given, asked, reached, squared, memory, patch, counts, share
):
    """Labels of a box, depth first, from its list of candidates at the beginning of the lists; others follow from `end`
    on. The memory, whose arrays may have grown.

    sheet, given, patch (64,): see `leaves`; asked: see `ceilings`; lut, patch, counts are addresses. tile: its first
    and its last voxel and its middle. reached: blocks like those that are asked for, to be set where a relevant seed
    may win, while others stay as they are; with none, others get the last label of lut. share: the boxes of 64³ that
    are this worker's, see `descent`; it splits the few boxes above them as every other does.
    """
    c, lists, t, scratch, picks, ends, flags, stack = memory  # passing them on at every box costs 12 %
    (low, high, middle), beyond = tile, np.int64(at(lut, n))
    depth = push(stack, 0, box, size, 0, count, end)
    while depth > 0:
        depth -= 1
        first, last, size, start, count, end = box_at(stack[depth], high)
        stride, half = room_for(count), size // 2
        if end + 8 * stride > lists.size:
            lists = enlarged(lists, end + 8 * stride)
        if half <= edge and stride * PAIR > t.size:
            t = floats(2 * stride * PAIR)
        work = (raw(c), raw(lists), raw(t), raw(scratch), raw(picks), raw(ends), raw(flags))
        if size == _TWIG:
            cap = caps[_cell_of(first, low, high, edge)]
            _label_twig(
                sheet,
                lut,
                beyond,
                work,
                patch,
                start,
                count,
                end,
                first,
                last,
                middle,
                given,
                squared,
                cap,
                reached,
                counts,
            )
            continue
        children = set_children(work[3], first, last, half, middle, 1)
        set_caps(work[3], caps, edge, tile, first, half, children)
        if half > edge:
            wanted = deal(work, start, count, squared, children, end)
        else:
            wanted = split(work, start, count, squared, children, end)
        _count(counts, 0, 8)
        _count(counts, 1, 8 * count)
        for k in range(8):
            if not children >> k & 1:
                continue
            a, b = child_of(first, last, k, half)
            if not is_mine(share, a, half) or not is_asked(asked, a[0], a[1], a[2], half):
                continue
            begin = end + k * stride
            kept, wins = ends[k] - begin, wanted >> k & 1
            if (kept > 1 and wins) or (kept and half > PART):  # there caps hold for what is this worker's alone
                lists[begin + kept] = n * RECORD
                depth = push(stack, depth, a, half, begin, kept, end + 8 * stride)
            elif half <= PART and (wins or is_every(reached)):
                fill_asked(sheet, a, b, np.int64(bits_at(c, lists[begin] + NAME)) if wins else beyond, asked, reached)
    return c, lists, t, scratch, picks, ends, flags, stack


@helper
def _cell_of(voxel, low, high, edge):
    ny, nx = -(-(high[1] - low[1]) // edge), -(-(high[2] - low[2]) // edge)
    return ((voxel[0] - low[0]) // edge * ny + (voxel[1] - low[1]) // edge) * nx + (voxel[2] - low[2]) // edge


@helper
def _label_share(out, lut, relevant, place, factor, shift, given, blocks, squared, counts, worker, workers):
    """One worker's share of the labels, tile by tile; adds to counts (4,)."""
    n, memory, patch = shift.size, memory_for(records_of(factor, shift)), np.empty(LEAF**3, out.dtype)
    share, asked, nothing = shared_among(out.shape, worker, workers), grid_of(blocks), np.empty((0, 0, 0), np.bool_)
    ask_for(memory[0], relevant)
    set_names(memory[0], lut)
    for z in range(0, out.shape[0], TILE):
        for y in range(0, out.shape[1], TILE):
            for x in range(0, out.shape[2], TILE):
                tile = tile_at((z, y, x), out.shape)
                place_seeds(memory[0], place, tile[2], squared)
                edge = cell_edge(memory[0], n, tile)
                caps = cap_pyramid(memory[0], n, tile, edge, asked, share, squared, memory[3], 0)
                memory = label_box(
                    sheet_of(out),
                    raw(lut),
                    n,
                    tile[0],
                    TILE,
                    n,
                    list_all(memory[1], n),
                    tile,
                    caps,
                    edge,
                    given,
                    asked,
                    grid_of(nothing),
                    squared,
                    memory,
                    raw(patch),
                    raw(counts),
                    share,
                )


def _label_volume(
    out, lut, relevant, place, factor, shift, position, matrices, offset, frame, blocks, squared, workers
):
    """Fill out (z, y, x) with labels, dealt among the workers; counts (workers, 4), see COUNTS.

    out C-contiguous of any integer type; lut (n + 1,), labels below 2³¹, maps a seed to the label written; boxes that
    no seed with relevant (n,) true can reach get lut[n].
    place (3, n), factor (6, n), shift (n,): seeds in voxels of the volume, `factors`, offsets less their maximum.
    position (n, 3), matrices (n, 3, 3), offset (n,): the same seeds as given; frame (4,): origin x, y, z, voxel size.
    blocks (z, y, x) bool, of 8³ voxels: what is asked for; boxes without any stay as they are. An empty array asks for
    all.
    """
    given, counts = given_of(position, matrices, offset, frame), np.zeros((workers, 4), np.int64)
    for worker in prange(workers):
        _label_share(out, lut, relevant, place, factor, shift, given, blocks, squared, counts[worker], worker, workers)
    return counts


label_volume_serial, label_volume_parallel = twins(_label_volume, "label_volume")


def part_count(shape):
    """How many boxes a volume of shape (nz, ny, nx) is dealt in: more workers than that have nothing to do."""
    return -(-shape[0] // PART) * -(-shape[1] // PART) * -(-shape[2] // PART)


@njit(cache=True, nogil=True, parallel=True)
def label_points_parallel(out, points, position, matrices, offset, squared):
    """Fill out (p,) with the index of the smallest d at points (p, 3), Eq. (8), in float64."""
    seeds = raw(position), raw(matrices), raw(offset)
    for k in prange(out.size):
        lowest, winner = np.inf, 0
        for i in range(offset.size):
            d = distance(*seeds, i, points[k, 0], points[k, 1], points[k, 2], squared)
            if d < lowest:
                lowest, winner = d, i
        out[k] = winner
