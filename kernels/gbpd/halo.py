"""Seeds that bound some grains, Eq. (8): with them alone the grains are what they are among all seeds.

Boxes here reach from voxel face to voxel face, so what is found holds at every point of a volume, not only at voxel
centres: there the grains can be labelled again at any resolution from themselves and these seeds. Two passes:

- where a relevant seed may win in a leaf, all seeds that may win in it are marked, eighth by eighth: whoever wins there
  is known, the leaf is seen;
- elsewhere the winner is left out, and a grain may come back, since grains need not be star-shaped. Where the relevant
  and the marked seeds do not exclude that, the leaf is doubtful, and those that do are marked too.
"""

from typing import Any, NamedTuple

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.gbpd.boxes import fetch, first_and_size, has_wanted
from nmcfast.kernels.gbpd.candidates import prune_by_corners, room_for, set_children
from nmcfast.kernels.gbpd.ceilings import cap_pyramid, set_caps_to
from nmcfast.kernels.gbpd.descent import (
    child_of,
    descent,
    memory_for,
    memory_for_list,
    root_box,
    tile_at,
    work_of,
)
from nmcfast.kernels.gbpd.layout import BLOCK_EDGE, INF, KNOWN, LEAF, RECORD, TILE, Box, Scene, Work, ask_for
from nmcfast.kernels.gbpd.marks import Marks, any_in, clear, is_asked, mark_place, marks_of, share_of
from nmcfast.kernels.vectors.memory import at, bits_at, enlarged, put, put_bits, raw

_EIGHTH = LEAF // 2  # voxels: marking all of a leaf instead of its eighths keeps a quarter more


@helper
def _all_known(c, lists, begin, count):
    """Whether all candidates of a list are relevant or marked: then there is nothing to learn where they compete."""
    k = begin
    while k < begin + count and bits_at(c, at(lists, k) + KNOWN):
        k += 1
    return k == begin + count


@helper
def _mark(c, lists, begin, count):
    for k in range(begin, begin + count):
        put_bits(c, at(lists, k) + KNOWN, 1)


class _Marking(NamedTuple):
    """What the first pass goes by: leaves that were not seen yet, blocks that are asked for."""

    unseen: Marks
    asked: Marks


@helper
def _visit_to_mark(job, work, box, scene):
    """Mark who may win in the eighths of a leaf; where all candidates are known so is the winner: an end."""
    known = _all_known(work.c, work.lists, box.start, box.length)
    if not known and box.size > LEAF:
        return False, job
    clear(job.unseen, box.first, box.size, LEAF)
    if known:
        return True, job
    set_caps_to(work.scratch, INF)
    children = set_children(work.scratch, box, _EIGHTH, scene)
    prune_by_corners(work, box, scene.squared, children)
    for k in range(8):
        eighth = child_of(box, k, _EIGHTH, work.ends)
        _mark(work.c, work.lists, eighth.start, eighth.length)
    return True, job


@helper
def _enter_to_mark(job, work, child, wins, scene):
    """Go where a relevant seed may win."""
    return wins and is_asked(job.asked, child.first, child.size)


_descend_to_mark = descent("mark_descent", _visit_to_mark, _enter_to_mark)


@helper
def _list_known(memory):
    """List the relevant and the marked seeds, `few`, at the beginning of the lists; their number."""
    c, lists, count = memory.c, memory.lists, 0
    for o in range(0, c.size - RECORD, RECORD):
        if bits_at(c, o + KNOWN):
            lists[count] = o
            count += 1
    lists[count] = c.size - RECORD
    return count


class _Doubt(NamedTuple):
    """Leaves in doubt, and who of the few may win there.

    places: for each leaf of the volume where in `held` their number stands, and then they; most: the longest list.
    """

    unseen: Marks  # leaves
    asked: Marks  # blocks
    doubtful: Marks  # leaves
    places: Any  # address of int64
    held: np.ndarray
    used: int
    most: int


@helper
def _visit_to_doubt(job, work, box, scene):
    """Keep the list of a leaf."""
    if box.size > LEAF:
        return False, job
    unseen, asked, doubtful, places, held, used, most = job
    if used + box.length + 1 > held.size:
        held = enlarged(held, used + box.length + 1)
    place = mark_place(doubtful, box.first, LEAF)
    put(doubtful.flat, place, True)
    put(places, place, used)
    held[used] = box.length
    for k in range(box.length):
        held[used + 1 + k] = at(work.lists, box.start + k)
    return True, _Doubt(unseen, asked, doubtful, places, held, used + 1 + box.length, max(most, box.length))


@helper
def _enter_to_doubt(job, work, child, wins, scene):
    """Go where a relevant seed may win among the few, out of sight of the first pass."""
    first, size = child.first, child.size
    return wins and any_in(job.unseen, first, size, LEAF) and is_asked(job.asked, first, size)


_descend_to_doubt = descent("doubt_descent", _visit_to_doubt, _enter_to_doubt)


@helper
def _find_doubtful(doubtful, places, unseen, asked, memory, scene):
    """Find the leaves of a tile that the first pass has not seen and where a relevant seed may win among the few.

    doubtful (z, y, x) bool, places (z, y, x) int64 are filled, see `_Doubt`. The lists, and the longest.
    """
    doubt = _Doubt(unseen, asked, marks_of(doubtful), raw(places), np.empty(1024, np.int32), 0, 0)
    count = _list_known(memory)
    if count > 0:
        caps = cap_pyramid(memory.c, scene, asked, share_of(scene.tile.high, 0, 1), memory.scratch, 1)
        root = root_box(scene, scene.tile.low, TILE, count)
        doubt, _ = _descend_to_doubt(doubt, memory, root, caps, scene)
    return doubt.held, doubt.most


class _Guarding(NamedTuple):
    """What the second pass goes by: see `_Doubt`; other: memory for the few of a leaf, while all seeds' lists stay."""

    doubtful: Marks
    places: Any  # address
    held: Any  # address
    other: Work
    dummy: int


@helper
def _visit_to_guard(job, work, box, scene):
    """Guard the leaves in doubt of a block, from the lists of all seeds that may win in them."""
    if box.size > BLOCK_EDGE:
        return False, job
    children = set_children(work.scratch, box, LEAF, scene)
    set_caps_to(work.scratch, INF)
    prune_by_corners(work, box, scene.squared, children)
    for k in range(8):
        leaf = child_of(box, k, LEAF, work.ends)
        if children >> k & 1 and any_in(job.doubtful, leaf.first, LEAF, LEAF):
            i, j = np.int64(at(work.picks, k)), np.int64(at(work.picks, 8 + k))
            if not _is_guarded(job, work, leaf, i, j, scene):
                _mark(work.c, work.lists, leaf.start, leaf.length)
    return True, job


@helper
def _enter_to_guard(job, work, child, wins, scene):
    """Go where there are leaves in doubt."""
    return any_in(job.doubtful, child.first, child.size, LEAF)


_descend_to_guard = descent("guard_descent", _visit_to_guard, _enter_to_guard)


@helper
def _is_guarded(job, work, leaf, i, j, scene):
    """Mark two seeds that are low in a leaf; whether they exclude all relevant ones of the few from it."""
    other, place = job.other, at(job.places, mark_place(job.doubtful, leaf.first, LEAF))
    few = np.int64(at(job.held, place))
    put_bits(work.c, i + KNOWN, 1)
    if j < job.dummy:
        put_bits(work.c, j + KNOWN, 1)
    put(other.lists, 0, i)
    put(other.lists, 1, j)
    for k in range(few):
        put(other.lists, 2 + k, at(job.held, place + 1 + k))
    put(other.lists, 2 + few, job.dummy)
    alone = Box(leaf.first, leaf.last, LEAF, 0, few + 2, room_for(few + 2))
    set_caps_to(other.scratch, INF)
    set_children(other.scratch, alone, LEAF, scene)
    return not prune_by_corners(other, alone, scene.squared, 1)


@helper
def _ask_and_set_known(c, relevant, known):
    ask_for(c, relevant)
    for i in range(known.size):
        put_bits(c, i * RECORD + KNOWN, np.int64(known[i]))


@helper
def _note_known(c, known):
    for i in range(known.size):
        known[i] = bits_at(c, i * RECORD + KNOWN) != 0


@kernel
def mark_halo(known, unseen, relevant, c, shape, blocks, squared, part):
    """The first pass over a part of a volume of shape (nz, ny, nx), see `boxes.list_boxes`.

    known (n,) bool, the relevant seeds at first, is set for those that are marked; unseen (z, y, x) bool, a leaf of 4³
    voxels each and true at first, is cleared where the winner is known. relevant (n,) uint8; c: the candidates, placed
    there; blocks (z, y, x) bool as `volumes.label_volume_serial` takes them: where none is asked for, nothing is
    promised.
    """
    memory, job = memory_for(c), _Marking(marks_of(unseen), marks_of(blocks))
    scene = Scene(tile_at(part.low, shape), part.edge, squared, 0)
    _ask_and_set_known(c, relevant, known)
    for b in range(part.boxes.shape[0]):
        first, size = first_and_size(part, b)
        if is_asked(job.asked, first, size) and has_wanted(c, part, b):
            root = fetch(memory, part, b, scene)
            _, memory = _descend_to_mark(job, memory, root, part.caps, scene)
    _note_known(c, known)


@kernel
def guard_halo(known, unseen, relevant, c, shape, blocks, squared, part):
    """The second pass, arguments as `mark_halo`: what the first has not seen, with the known seeds, the few, alone.

    Where these do not exclude a relevant seed, the list of all seeds tells who wins.
    """
    memory = memory_for(c)
    scene = Scene(tile_at(part.low, shape), part.edge, squared, 0)
    _ask_and_set_known(c, relevant, known)
    doubtful, places = np.zeros(unseen.shape, np.bool_), np.empty(unseen.shape, np.int64)
    held, most = _find_doubtful(doubtful, places, marks_of(unseen), marks_of(blocks), memory, scene)
    other = memory_for_list(c, most + 2)
    job = _Guarding(marks_of(doubtful), raw(places), raw(held), work_of(other), c.size - RECORD)
    for b in range(part.boxes.shape[0]):
        first, size = first_and_size(part, b)
        if any_in(job.doubtful, first, size, LEAF):
            root = fetch(memory, part, b, scene)
            _, memory = _descend_to_guard(job, memory, root, part.caps, scene)
    _note_known(c, known)
    return doubtful, places, held, other  # they must live as long as their address is in use
