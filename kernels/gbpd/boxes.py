"""The candidates of the boxes of a volume, found once and looked at several times: to label, and to bound grains.

What may win in a box does not depend on which seeds are asked for. Boxes of 16³ voxels, larger ones where one seed
wins alone, keep the lists of their candidates. They reach from voxel face to voxel face, so that the lists hold for
labels at the voxel centres and for all points in between.

A part of a volume, one tile, is (caps, edge, boxes, lists): the caps of `ceilings` with the edge of their cells; boxes
(b, 6) int64 with the first voxel z, y, x, the size, where the list begins in `lists` int32 and how long it is.
"""

import numpy as np
from numba import prange

from nmcfast.kernels._cache import helper, kernel, twins
from nmcfast.kernels.gbpd.candidates import (
    PAIR,
    RECORD,
    TILE,
    WANTED,
    ask_for,
    deal,
    floats,
    place_seeds,
    room_for,
    set_children,
    set_names,
    split,
)
from nmcfast.kernels.gbpd.ceilings import cap_pyramid, cell_edge, grid_of, is_asked, set_caps
from nmcfast.kernels.gbpd.descent import (
    box_at,
    child_of,
    enlarged,
    list_all,
    memory_for,
    push,
    shared_among,
    tile_at,
)
from nmcfast.kernels.gbpd.leaves import LEAF, given_of, sheet_of
from nmcfast.kernels.gbpd.volumes import label_box
from nmcfast.kernels.vectors.lanes import bits_at, raw

_EDGE = 16  # voxels of a box whose list is kept


@kernel
def place_at(c, place, low, shape, squared):
    """Place the candidates c, place (3, n) voxels, for the tile of a volume that starts at voxel low."""
    place_seeds(c, place, tile_at((low[0], low[1], low[2]), shape)[2], squared)


@kernel
def list_boxes(c, low, shape, blocks, squared):
    """The part of a volume of shape (nz, ny, nx) voxels whose tile starts at voxel low (3,), z y x.

    c: the candidates, placed there by `place_at`. Boxes without a block (z, y, x) bool that is asked for are left out.
    """
    n, tile, memory = c.size // RECORD - 1, tile_at((low[0], low[1], low[2]), shape), memory_for(c)
    _, lists, t, scratch, picks, ends, flags, stack = memory
    asked = grid_of(blocks)
    edge = cell_edge(c, n, tile)
    caps = cap_pyramid(c, n, tile, edge, asked, shared_among(shape, 0, 1), squared, scratch, 0)
    boxes, stored, total, used = np.empty(((TILE // _EDGE) ** 3, 6), np.int64), np.empty(32768, np.int32), 0, 0
    depth = push(stack, 0, tile[0], TILE, 0, n, list_all(lists, n))
    while depth > 0:
        depth -= 1
        first, last, size, start, count, end = box_at(stack[depth], tile[1])
        if size == _EDGE or count == 1:
            if used + count > stored.size:
                stored = enlarged(stored, used + count)
            boxes[total, 0], boxes[total, 1], boxes[total, 2], boxes[total, 3] = first[0], first[1], first[2], size
            boxes[total, 4], boxes[total, 5] = used, count
            for k in range(count):
                stored[used + k] = lists[start + k]
            total, used = total + 1, used + count
            continue
        stride, half = room_for(count), size // 2
        if end + 8 * stride > lists.size:
            lists = enlarged(lists, end + 8 * stride)
        if half <= edge and stride * PAIR > t.size:
            t = floats(2 * stride * PAIR)
        work = (raw(c), raw(lists), raw(t), raw(scratch), raw(picks), raw(ends), raw(flags))
        children = set_children(work[3], first, last, half, tile[2], 0)
        set_caps(work[3], caps, edge, tile, first, half, children)
        if half > edge:
            deal(work, start, count, squared, children, end)
        else:
            split(work, start, count, squared, children, end)
        for k in range(8):
            a, _ = child_of(first, last, k, half)
            if children >> k & 1 and is_asked(asked, a[0], a[1], a[2], half):
                begin = end + k * stride
                kept = ends[k] - begin
                lists[begin + kept] = n * RECORD
                depth = push(stack, depth, a, half, begin, kept, end + 8 * stride)
    return caps, edge, boxes[:total], stored[:used]


@helper
def is_wanted(c, stored, begin, count):
    """Whether one of the candidates of a list is asked for."""
    k = begin
    while k < begin + count and not bits_at(c, stored[k] + WANTED):
        k += 1
    return k < begin + count


@helper
def fetch(lists, stored, begin, count, n):
    """Copy a list to the beginning of the lists, with the dummy behind it; where others can follow."""
    for k in range(count):
        lists[k] = stored[begin + k]
    lists[count] = n * RECORD
    return room_for(count)


@helper
def _label_share(out, lut, c, given, blocks, reached, squared, low, caps, edge, boxes, stored, counts, worker, workers):
    """One worker's share of the boxes of a part of a volume; adds to counts (4,)."""
    n, memory, patch = c.size // RECORD - 1, memory_for(c), np.empty(LEAF**3, out.dtype)
    tile, share = tile_at((low[0], low[1], low[2]), out.shape), shared_among(out.shape, 0, 1)
    asked, sheet = grid_of(blocks), sheet_of(out)
    for b in range(worker, boxes.shape[0], workers):
        first, size, begin, count = (boxes[b, 0], boxes[b, 1], boxes[b, 2]), boxes[b, 3], boxes[b, 4], boxes[b, 5]
        if is_asked(asked, first[0], first[1], first[2], size) and is_wanted(c, stored, begin, count):
            end = fetch(memory[1], stored, begin, count, n)
            memory = label_box(
                sheet,
                raw(lut),
                n,
                first,
                size,
                count,
                end,
                tile,
                caps,
                edge,
                given,
                asked,
                grid_of(reached),
                squared,
                memory,
                raw(patch),
                raw(counts),
                share,
            )


def _label_boxes(
    out,
    lut,
    relevant,
    c,
    position,
    matrices,
    offset,
    frame,
    blocks,
    reached,
    squared,
    workers,
    low,
    caps,
    edge,
    boxes,
    stored,
):
    """Labels of a part of a volume, (caps, edge, boxes, stored), that starts at voxel low; counts (workers, 4).

    c: the candidates, placed there. reached (z, y, x) bool, of the shape of blocks, is set where a relevant seed may
    win; elsewhere voxels stay as they are. The others are as `gbpd.label_volume_serial` has them.
    """
    given, counts = given_of(position, matrices, offset, frame), np.zeros((workers, 4), np.int64)
    ask_for(c, relevant)
    set_names(c, lut)
    for worker in prange(workers):
        _label_share(
            out,
            lut,
            c,
            given,
            blocks,
            reached,
            squared,
            low,
            caps,
            edge,
            boxes,
            stored,
            counts[worker],
            worker,
            workers,
        )
    return counts


label_boxes_serial, label_boxes_parallel = twins(_label_boxes, "label_boxes")
