"""Seeds that bound some grains, Eq. (8): with them alone the grains are what they are among all seeds.

Boxes here reach from voxel face to voxel face, so what is found holds at every point of a volume, not only at voxel
centres: there the grains can be labelled again at any resolution from themselves and these seeds. Two passes:

- where a relevant seed may win in a box of 4³ voxels, all seeds that may win in it are marked, leaf by leaf: whoever
  wins there is known;
- elsewhere the winner is left out, and a grain may come back, since grains need not be star-shaped. Where the relevant
  and the marked seeds do not exclude that, those that do are marked too.
"""

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.gbpd.boxes import fetch, is_wanted
from nmcfast.kernels.gbpd.candidates import (
    INF,
    KNOWN,
    PAIR,
    RECORD,
    TILE,
    ask_for,
    deal,
    floats,
    room_for,
    set_caps_to,
    set_children,
    split,
)
from nmcfast.kernels.gbpd.ceilings import any_in, cap_pyramid, grid_of, is_asked, part_of, set_caps
from nmcfast.kernels.gbpd.descent import (
    box_at,
    child_of,
    enlarged,
    memory_for,
    push,
    shared_among,
    tile_at,
)
from nmcfast.kernels.vectors.lanes import at, bits_at, put, put_bits, raw

TWIG, _LEAF = 4, 2  # voxels: marking all of a twig instead of its leaves keeps a quarter more


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


@helper
def _sizes(ends, end, stride):
    """How long the lists of the children are, list k at end + k stride; they outlive what is dealt next."""
    return (
        ends[0] - end,
        ends[1] - end - stride,
        ends[2] - end - 2 * stride,
        ends[3] - end - 3 * stride,
        ends[4] - end - 4 * stride,
        ends[5] - end - 5 * stride,
        ends[6] - end - 6 * stride,
        ends[7] - end - 7 * stride,
    )


@helper
def _see(unseen, first, size):
    """The winner is known in all twigs of a box."""
    a, b = part_of(unseen, first, size, TWIG)
    for z in range(a[0], b[0]):
        for y in range(a[1], b[1]):
            for x in range(a[2], b[2]):
                put(unseen[0], (z * unseen[2] + y) * unseen[3] + x, False)


@helper
def _mark_twig(work, start, count, end, first, last, middle, squared):
    """Mark the seeds that may win in the leaves of a box of 4³ voxels."""
    c, lists, _, scratch, _, ends, _ = work
    set_caps_to(scratch, INF)
    children = set_children(scratch, first, last, _LEAF, middle, 0)
    split(work, start, count, squared, children, end)
    for k in range(8):
        begin = end + k * room_for(count)
        _mark(c, lists, begin, at(ends, k) - begin)


@helper
def _mark_box(unseen, asked, caps, edge, memory, n, box, size, count, tile, squared):
    """The first pass over a box of `size` voxels an edge whose list stands first; the memory, which may have grown."""
    c, lists, t, scratch, picks, ends, flags, stack = memory  # passed on at every box they would be counted
    end = room_for(count)
    if _all_known(raw(c), raw(lists), 0, count):
        _see(unseen, box, size)  # whoever wins there is known
        return memory
    depth = push(stack, 0, box, size, 0, count, end)
    while depth > 0:
        depth -= 1
        first, last, size, start, count, end = box_at(stack[depth], tile[1])
        stride, half = room_for(count), size // 2
        if end + 16 * stride > lists.size:  # room for what a twig is dealt to, too
            lists = enlarged(lists, end + 16 * stride)
        if stride * PAIR > t.size:
            t = floats(2 * stride * PAIR)
        work = (raw(c), raw(lists), raw(t), raw(scratch), raw(picks), raw(ends), raw(flags))
        children = set_children(work[3], first, last, half, tile[2], 0)
        set_caps(work[3], caps, edge, tile, first, half, children)
        wanted = split(work, start, count, squared, children, end)
        sizes = _sizes(ends, end, stride)
        for k in range(8):
            if not wanted >> k & 1:
                continue
            a, b = child_of(first, last, k, half)
            if not is_asked(asked, a[0], a[1], a[2], half):
                continue
            begin = end + k * stride
            lists[begin + sizes[k]] = n * RECORD
            known = _all_known(work[0], work[1], begin, sizes[k])
            if known or half == TWIG:
                _see(unseen, a, half)
            if known:
                continue
            if half == TWIG:
                _mark_twig(work, begin, sizes[k], end + 8 * stride, a, b, tile[2], squared)
            else:
                depth = push(stack, depth, a, half, begin, sizes[k], end + 8 * stride)
    return c, lists, t, scratch, picks, ends, flags, stack


@helper
def _few(memory, n):
    """List the relevant and the marked seeds, `few`, at the beginning of the lists; their number."""
    c, lists, count = memory[0], memory[1], 0
    for i in range(n):
        if bits_at(c, i * RECORD + KNOWN):
            lists[count] = i * RECORD
            count += 1
    lists[count] = n * RECORD
    return count


@helper
def _doubtful_twigs(unseen, asked, edge, memory, n, tile, squared):
    """Twigs of a tile that the first pass has not seen and where a relevant seed may win among the few.

    doubtful, where: for each twig of the volume whether it is one, and then the place in held of the number of few that
    may win there, and of these. The memory, which may have grown.
    """
    doubtful, where = np.zeros(unseen.shape, np.bool_), np.empty(unseen.shape, np.int64)
    held, used, open_, count = np.empty(1024, np.int32), 0, grid_of(unseen), _few(memory, n)
    c, lists, t, scratch, picks, ends, flags, stack = memory
    if count == 0:
        return doubtful, where, held, memory
    share = shared_among(tile[1], 0, 1)
    caps = cap_pyramid(c, n, tile, edge, asked, share, squared, scratch, 1)
    depth = push(stack, 0, tile[0], TILE, 0, count, room_for(count))
    while depth > 0:
        depth -= 1
        first, last, size, start, count, end = box_at(stack[depth], tile[1])
        stride, half = room_for(count), size // 2
        if end + 8 * stride > lists.size:
            lists = enlarged(lists, end + 8 * stride)
        if half <= edge and stride * PAIR > t.size:
            t = floats(2 * stride * PAIR)
        work = (raw(c), raw(lists), raw(t), raw(scratch), raw(picks), raw(ends), raw(flags))
        children = set_children(work[3], first, last, half, tile[2], 0)
        set_caps(work[3], caps, edge, tile, first, half, children)
        if half > edge:
            wanted = deal(work, start, count, squared, children, end)
        else:
            wanted = split(work, start, count, squared, children, end)
        sizes = _sizes(ends, end, stride)
        for k in range(8):
            a, _ = child_of(first, last, k, half)
            if not wanted >> k & 1 or not any_in(open_, a, half, TWIG) or not is_asked(asked, a[0], a[1], a[2], half):
                continue
            begin = end + k * stride
            if half > TWIG:
                lists[begin + sizes[k]] = n * RECORD
                depth = push(stack, depth, a, half, begin, sizes[k], end + 8 * stride)
                continue
            if used + sizes[k] + 1 > held.size:
                held = enlarged(held, used + sizes[k] + 1)
            doubtful[a[0] // TWIG, a[1] // TWIG, a[2] // TWIG] = True
            where[a[0] // TWIG, a[1] // TWIG, a[2] // TWIG] = used
            held[used] = sizes[k]
            for m in range(sizes[k]):
                held[used + 1 + m] = lists[begin + m]
            used += 1 + sizes[k]
    return doubtful, where, held, (c, lists, t, scratch, picks, ends, flags, stack)


@helper
def _guard_box(doubtful, where, held, caps, edge, memory, n, box, size, count, tile, squared):
    """The second pass over a box whose list of all seeds stands first; the memory, which may have grown.

    Who may win in its doubtful twigs is marked where two of them do not exclude a relevant seed.
    """
    c, lists, t, scratch, picks, ends, flags, stack = memory
    twigs, depth = grid_of(doubtful), push(stack, 0, box, size, 0, count, room_for(count))
    while depth > 0:
        depth -= 1
        first, last, size, start, count, end = box_at(stack[depth], tile[1])
        stride, half, open_ = room_for(count), size // 2, 0
        if end + 16 * stride > lists.size:  # room for the few of a twig, too
            lists = enlarged(lists, end + 16 * stride)
        if stride * PAIR > t.size:
            t = floats(2 * stride * PAIR)
        work = (raw(c), raw(lists), raw(t), raw(scratch), raw(picks), raw(ends), raw(flags))
        children = set_children(work[3], first, last, half, tile[2], 0)
        for k in range(8):
            a, _ = child_of(first, last, k, half)
            if children >> k & 1 and any_in(twigs, a, half, TWIG):
                open_ |= 1 << k
        if half > TWIG:
            set_caps(work[3], caps, edge, tile, first, half, open_)
        else:
            set_caps_to(work[3], INF)
        split(work, start, count, squared, open_, end)
        sizes = _sizes(ends, end, stride)
        lowest = (picks[0], picks[1], picks[2], picks[3], picks[4], picks[5], picks[6], picks[7])
        others = (picks[8], picks[9], picks[10], picks[11], picks[12], picks[13], picks[14], picks[15])
        for k in range(8):
            if not open_ >> k & 1:
                continue
            a, b = child_of(first, last, k, half)
            begin = end + k * stride
            lists[begin + sizes[k]] = n * RECORD
            if half > TWIG:
                depth = push(stack, depth, a, half, begin, sizes[k], end + 8 * stride)
                continue
            place = where[a[0] // TWIG, a[1] // TWIG, a[2] // TWIG]
            few, behind = np.int64(held[place]), end + 8 * stride
            room = room_for(few + 2)
            if behind + 10 * room > lists.size:
                lists = enlarged(lists, behind + 10 * room)
            if room * PAIR > t.size:
                t = floats(2 * room * PAIR)
            work = (raw(c), raw(lists), raw(t), raw(scratch), raw(picks), raw(ends), raw(flags))
            for m in range(few):
                lists[behind + m] = held[place + 1 + m]
            put_bits(work[0], lowest[k] + KNOWN, 1)
            if others[k] < n * RECORD:
                put_bits(work[0], others[k] + KNOWN, 1)
            end_of_few = behind + room_for(few)
            if not _is_guarded(work, n, behind, few, lowest[k], others[k], end_of_few, a, b, tile[2], squared):
                _mark(work[0], work[1], begin, sizes[k])
    return c, lists, t, scratch, picks, ends, flags, stack


@helper
def _is_guarded(work, n, begin, count, i, j, end, first, last, middle, squared):
    """Whether two seeds exclude the relevant ones of a list from a box of 4³ voxels."""
    _, lists, _, scratch, _, _, _ = work
    for k in range(count):
        put(lists, end + 2 + k, at(lists, begin + k))
    put(lists, end, i)
    put(lists, end + 1, j)
    put(lists, end + 2 + count, n * RECORD)
    set_children(scratch, first, last, TWIG, middle, 0)
    return not split(work, end, count + 2, squared, 1, end + room_for(count + 2))


@helper
def _set_known(c, known):
    for i in range(known.size):
        put_bits(c, i * RECORD + KNOWN, np.int64(known[i]))


@helper
def _note_known(c, known):
    for i in range(known.size):
        known[i] = bits_at(c, i * RECORD + KNOWN) != 0


@kernel
def mark_halo(known, unseen, relevant, c, shape, blocks, squared, low, caps, edge, boxes, stored):
    """The first pass over a part (caps, edge, boxes, stored) of a volume, see `boxes`, that starts at voxel low.

    known (n,) bool, the relevant seeds at first, is set for those that are marked; unseen (z, y, x) bool, a twig of 4³
    voxels each and true at first, is cleared where the winner is known. relevant (n,) uint8; c: the candidates, placed
    there; blocks (z, y, x) bool as `gbpd.label_volume_serial` takes them: where none is asked for, nothing is promised.
    shape (nz, ny, nx).
    """
    tile, n, memory, asked = tile_at((low[0], low[1], low[2]), shape), known.size, memory_for(c), grid_of(blocks)
    ask_for(c, relevant)
    _set_known(c, known)
    for b in range(boxes.shape[0]):
        first, size, begin, count = (boxes[b, 0], boxes[b, 1], boxes[b, 2]), boxes[b, 3], boxes[b, 4], boxes[b, 5]
        if is_asked(asked, first[0], first[1], first[2], size) and is_wanted(c, stored, begin, count):
            fetch(memory[1], stored, begin, count, n)
            memory = _mark_box(grid_of(unseen), asked, caps, edge, memory, n, first, size, count, tile, squared)
    _note_known(c, known)


@kernel
def guard_halo(known, unseen, relevant, c, shape, blocks, squared, low, caps, edge, boxes, stored):
    """The second pass, arguments as `mark_halo`: what the first has not seen, with the known seeds, the few, alone.

    Where these do not exclude a relevant seed, the list of all seeds tells who wins.
    """
    tile, n, memory, asked = tile_at((low[0], low[1], low[2]), shape), known.size, memory_for(c), grid_of(blocks)
    ask_for(c, relevant)
    _set_known(c, known)
    doubtful, where, held, memory = _doubtful_twigs(unseen, asked, edge, memory, n, tile, squared)
    for b in range(boxes.shape[0]):
        first, size, begin, count = (boxes[b, 0], boxes[b, 1], boxes[b, 2]), boxes[b, 3], boxes[b, 4], boxes[b, 5]
        if any_in(grid_of(doubtful), first, size, TWIG):
            fetch(memory[1], stored, begin, count, n)
            memory = _guard_box(doubtful, where, held, caps, edge, memory, n, first, size, count, tile, squared)
    _note_known(c, known)
