"""The candidates of the boxes of a volume, found once and looked at several times: to label, and to bound grains.

What may win in a box does not depend on which seeds are asked for. Boxes of 16³ voxels, larger ones where one seed
wins alone, keep the lists of their candidates. They reach from voxel face to voxel face, so that the lists hold for
labels at the voxel centres and for all points in between.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from nmcfast.kernels._cache import helper, kernel, twins
from nmcfast.kernels.gbpd.candidates import place_seeds
from nmcfast.kernels.gbpd.ceilings import cap_pyramid, ceiling_of
from nmcfast.kernels.gbpd.cells import cell_edge
from nmcfast.kernels.gbpd.descent import descent, list_all, memory_for, root_box, tile_at
from nmcfast.kernels.gbpd.label_box import Labelling, label_box
from nmcfast.kernels.gbpd.layout import LEAF, RECORD, TILE, WANTED, Scene, ask_for, seed_count, set_names
from nmcfast.kernels.gbpd.leaves import given_of, sheet_of
from nmcfast.kernels.gbpd.marks import Marks, is_asked, marks_of, share_of
from nmcfast.kernels.vectors.memory import at, bits_at, enlarged, raw

_EDGE = 16  # voxels of a box whose list is kept


class _Listing(NamedTuple):
    """The boxes and the lists that were kept so far, as in `layout.Part`, and how many and how long they are."""

    asked: Marks  # blocks
    boxes: np.ndarray
    lists: np.ndarray
    total: int
    used: int


@kernel
def place_at(c, place, low, shape, squared):
    """Place the candidates c, place (3, n) voxels, for the tile of a volume that starts at voxel low."""
    place_seeds(c, place, tile_at(low, shape).middle, squared)


@helper
def _visit(job, work, box, scene):
    """Keep the list of a box that is small, or one seed's alone."""
    if box.size > _EDGE and box.length > 1:
        return False, job
    asked, boxes, lists, total, used = job
    if used + box.length > lists.size:
        lists = enlarged(lists, used + box.length)
    boxes[total, 0], boxes[total, 1], boxes[total, 2] = box.first
    boxes[total, 3], boxes[total, 4], boxes[total, 5] = box.size, used, box.length
    for k in range(box.length):
        lists[used + k] = at(work.lists, box.start + k)
    return True, _Listing(asked, boxes, lists, total + 1, used + box.length)


@helper
def _enter(job, work, child, wins, scene):
    """Go where something is asked for: what may win there does not depend on which seeds are."""
    return is_asked(job.asked, child.first, child.size)


_descend = descent("list_descent", _visit, _enter)


@kernel
def list_boxes(c, low, shape, blocks, squared):
    """The part of a volume of shape (nz, ny, nx) voxels whose tile starts at voxel low (3,), z y x.

    c: the candidates, placed there by `place_at`. Boxes without a block (z, y, x) bool that is asked for are left out.
    Returns the fields of a `Part`: the Python of a named tuple would be run from compiled code, which ends by signal 11
    where that raises, as on an interruption.
    """
    n, tile, memory, asked = seed_count(c), tile_at(low, shape), memory_for(c), marks_of(blocks)
    scene = Scene(tile, cell_edge(c, tile), squared, 0)
    caps = cap_pyramid(c, scene, asked, share_of(shape, 0, 1), memory.scratch, 0)
    list_all(memory.lists, n)
    nothing = _Listing(asked, np.empty(((TILE // _EDGE) ** 3, 6), np.int64), np.empty(32768, np.int32), 0, 0)
    found, _ = _descend(nothing, memory, root_box(scene, tile.low, TILE, n), caps, scene)
    return low, caps, scene.edge, found.boxes[: found.total], found.lists[: found.used]


@helper
def has_wanted(c, part, b):
    """Whether one of the candidates of box b of a part is asked for."""
    k, end = part.boxes[b, 4], part.boxes[b, 4] + part.boxes[b, 5]
    while k < end and not bits_at(c, part.lists[k] + WANTED):
        k += 1
    return k < end


@helper
def first_and_size(part, b):
    """First voxel (z, y, x) and size of box b of a part."""
    return (part.boxes[b, 0], part.boxes[b, 1], part.boxes[b, 2]), part.boxes[b, 3]


@helper
def fetch(memory, part, b, scene):
    """Box b of a part, its list copied to the beginning of the lists of a memory, with the dummy behind it."""
    first, size = first_and_size(part, b)
    begin, count = part.boxes[b, 4], part.boxes[b, 5]
    for k in range(count):
        memory.lists[k] = part.lists[begin + k]
    memory.lists[count] = memory.c.size - RECORD
    return root_box(scene, first, size, count)


@helper
def _label_share(out, names, tables, blocks, c, part, reached, counts, worker, workers):
    """One worker's share of the boxes of a part of a volume; adds to counts (4,). Arguments as of `label_boxes`.

    Ten arguments: those of `label_boxes`, and who works, with what counts.
    """
    memory, patch, asked, lut = memory_for(c), np.empty(LEAF**3, out.dtype), marks_of(blocks), names.lut
    scene, share = Scene(tile_at(part.low, out.shape), part.edge, tables.squared, 1), share_of(out.shape, 0, 1)
    job = Labelling(
        ceiling_of(part.caps, scene),
        sheet_of(out),
        raw(lut),
        np.int64(lut[lut.size - 1]),
        given_of(tables),
        asked,
        marks_of(reached),
        share,
        raw(patch),
        raw(counts),
    )
    for b in range(worker, part.boxes.shape[0], workers):
        first, size = first_and_size(part, b)
        if is_asked(asked, first, size) and has_wanted(c, part, b):
            root = fetch(memory, part, b, scene)
            _, memory = label_box(job, memory, root, part.caps, scene)
    return patch  # it must live as long as its address is in use


def _label_boxes(out, names, tables, blocks, workers, c, part, reached):
    """Labels of a part of a volume as `volumes.label_volume_serial` has them; counts (workers, 4).

    c: the candidates, placed there. reached (z, y, x) bool, of the shape of blocks, is set where a relevant seed may
    win; elsewhere voxels stay as they are.
    """
    counts = np.zeros((workers, 4), np.int64)
    ask_for(c, names.relevant)
    set_names(c, names.lut)
    for worker in prange(workers):
        _label_share(out, names, tables, blocks, c, part, reached, counts[worker], worker, workers)
    return counts


label_boxes_serial, label_boxes_parallel = twins(_label_boxes, "label_boxes")
