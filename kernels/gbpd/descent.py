"""The descent from a box to its children, depth first, with the lists of the candidates that are left in each.

What a descent is for (labels, lists, seeds that bound grains) it is given as two functions:

visit(job, work, box, scene) -> whether the box is an end, and the job from now on: does what is to be done at a box;
enter(job, work, child, wins, scene) -> whether to go into a child. wins: whether a seed that is asked for may do so.
"""

from typing import NamedTuple

import numpy as np

from nmcfast.kernels._cache import helper, kernel, made_of
from nmcfast.kernels.gbpd.candidates import prune_by_caps, prune_by_corners, room_for, set_children
from nmcfast.kernels.gbpd.ceilings import ceiling_of, set_caps
from nmcfast.kernels.gbpd.layout import PAIR, RECORD, TILE, Box, Tile, Work, floats, scratch_for, seed_count
from nmcfast.kernels.vectors.memory import at, enlarged, raw


class Memory(NamedTuple):
    """What a worker has: see `layout.Work`. A row of the stack is a box: first voxel, size, and its list."""

    c: np.ndarray
    lists: np.ndarray
    tangents: np.ndarray
    scratch: np.ndarray
    picks: np.ndarray
    ends: np.ndarray
    flags: np.ndarray
    stack: np.ndarray  # (64, 7) int64


@kernel
def memory_for(c):
    """Memory for candidates c: besides them 49 bytes a seed and some 100 kB."""
    n = seed_count(c)
    return _memory(c, 12 * n + 16384, 256, n)


@helper
def memory_for_list(c, count):
    """Memory for the children of one list of a number of candidates."""
    return _memory(c, 9 * room_for(count), room_for(count), count)


@helper
def _memory(c, places, tangents, flags):
    """Memory for so many places of lists, candidates at a time whose tangents are kept, and candidates of a list."""
    return Memory(
        c,
        np.empty(places, np.int32),
        floats(PAIR * tangents),
        scratch_for(),
        np.zeros(16, np.int32),
        np.zeros(8, np.int64),
        np.zeros(flags // 8 + 2, np.uint64),
        np.empty((64, 7), np.int64),
    )


@helper
def work_of(memory):
    """The addresses of a memory, which must outlive them."""
    return Work(
        raw(memory.c),
        raw(memory.lists),
        raw(memory.tangents),
        raw(memory.scratch),
        raw(memory.picks),
        raw(memory.ends),
        raw(memory.flags),
    )


@helper
def tile_at(low, shape):
    """The tile of a volume of shape (nz, ny, nx) that starts at voxel low, z y x."""
    low = (low[0], low[1], low[2])
    high = _end_of(low, TILE, shape)
    return Tile(low, high, ((low[0] + high[0]) * 0.5, (low[1] + high[1]) * 0.5, (low[2] + high[2]) * 0.5))


@helper
def root_box(scene, first, size, count):
    """A box whose list of candidates stands first in the lists."""
    last = _end_of(first, size, scene.tile.high)
    return Box(first, last, size, 0, count, room_for(count))


@helper
def _end_of(first, size, high):
    return (min(first[0] + size, high[0]), min(first[1] + size, high[1]), min(first[2] + size, high[2]))


@helper
def child_of(box, k, half, ends):
    """Child k of a box, whose list is where `prune_by_caps` and `prune_by_corners` write it."""
    first = (box.first[0] + (k >> 2) * half, box.first[1] + (k >> 1 & 1) * half, box.first[2] + (k & 1) * half)
    stride = room_for(box.length)
    start = box.end + k * stride
    return Box(first, _end_of(first, half, box.last), half, start, at(ends, k) - start, box.end + 8 * stride)


@helper
def _push(stack, depth, box):
    stack[depth, 0], stack[depth, 1], stack[depth, 2] = box.first
    stack[depth, 3] = box.size
    stack[depth, 4], stack[depth, 5], stack[depth, 6] = box.start, box.length, box.end
    return depth + 1


@helper
def _box_at(entry, high):
    first = (entry[0], entry[1], entry[2])
    return Box(first, _end_of(first, entry[3], high), entry[3], entry[4], entry[5], entry[6])


def descent(name, visit, enter):
    """The descent of a name that visits and enters boxes by these helpers, compiled into it."""

    def descend(job, memory, root, caps, scene):
        """Go from a box, whose list stands first, down to its ends; the job and the memory, which may have grown.

        caps: of the tile, see `ceilings`.
        """
        c, lists, tangents, scratch, picks, ends, flags, stack = memory  # passed on at every box they would be counted
        ceiling, depth = ceiling_of(caps, scene), _push(stack, 0, root)
        while depth > 0:
            depth -= 1
            box = _box_at(stack[depth], scene.tile.high)
            stride, half = room_for(box.length), box.size // 2
            if box.end + 8 * stride > lists.size:
                lists = enlarged(lists, box.end + 8 * stride)
            if half <= scene.edge and stride * PAIR > tangents.size:
                tangents = floats(2 * stride * PAIR)
            work = Work(raw(c), raw(lists), raw(tangents), raw(scratch), raw(picks), raw(ends), raw(flags))
            is_end, job = visit(job, work, box, scene)
            if is_end:
                continue
            children = set_children(work.scratch, box, half, scene)
            set_caps(work.scratch, ceiling, box.first, half, children)
            if half > scene.edge:
                wanted = prune_by_caps(work, box, scene.squared, children)
            else:
                wanted = prune_by_corners(work, box, scene.squared, children)
            for k in range(8):
                if children >> k & 1:
                    child = child_of(box, k, half, work.ends)
                    if enter(job, work, child, wanted >> k & 1, scene):
                        lists[child.start + child.length] = c.size - RECORD  # the dummy
                        depth = _push(stack, depth, child)
        return job, Memory(c, lists, tangents, scratch, picks, ends, flags, stack)

    return made_of(descend, name)


@helper
def list_all(lists, n):
    """Make the list of all n seeds at 0."""
    for i in range(room_for(n)):
        lists[i] = min(i, n) * RECORD
