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

from nmcfast.kernels.candidates import (  # isort: skip
    INF, KNOWN, PAIR, RECORD, TILE, deal, load_seeds, place_seeds, set_cap, set_children, split,
)  # fmt: skip
from nmcfast.kernels.ceilings import cap_pyramid, cell_edge, is_asked, set_caps
from nmcfast.kernels.gbpd import child_of, enlarged, list_all, memory_for, push
from nmcfast.kernels.lanes import at, bits_at, put, put_bits, raw

_TWIG, _LEAF = 4, 2  # voxels: marking all of a twig instead of its leaves keeps a quarter more


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
def _box(entry, high):
    """A box of the stack: first and last voxel (z, y, x), size, where its list begins, its length, and what is free."""
    first, size = (entry[0], entry[1], entry[2]), entry[3]
    last = (min(first[0] + size, high[0]), min(first[1] + size, high[1]), min(first[2] + size, high[2]))
    return first, last, size, entry[4], entry[5], entry[6]


@helper
def _twigs(seen, first, size):
    """The part of seen (z, y, x), of one entry a twig, that belongs to a box."""
    z, y, x, n = first[0] // _TWIG, first[1] // _TWIG, first[2] // _TWIG, size // _TWIG
    return seen[z : z + n, y : y + n, x : x + n]


@helper
def _roomy(memory, end, stride):
    """The memory with room for the tangents of a list, and for two times eight lists behind `end`."""
    c, lists, t, scratch, picks, ends, verdict = memory
    if end + 16 * stride > lists.size:
        lists = enlarged(lists, end + 16 * stride)
    if stride * PAIR > t.size:
        t = enlarged(t, stride * PAIR)
    return c, lists, t, scratch, picks, ends, verdict


@helper
def _addresses(memory):
    c, lists, t, scratch, picks, ends, _ = memory
    return raw(c), raw(lists), raw(t), raw(scratch), raw(picks), raw(ends)


@helper
def _sift(work, start, count, squared, children, end, capped):
    """Deal a list to the children of a box, by caps alone where they are `capped` and the list is long."""
    if capped and count > 256:
        return deal(work, start, count, squared, children, end, count + 2)
    return split(work, start, count, squared, children, end, count + 2)


@helper
def _mark_twig(work, start, count, end, first, last, middle, squared):
    """Mark the seeds that may win in the leaves of a box of 4³ voxels."""
    c, lists, _, scratch, _, ends = work
    for k in range(8):
        set_cap(scratch, k, INF)
    children = set_children(scratch, first, last, _LEAF, middle, 0)
    split(work, start, count, squared, children, end, count + 2)
    for k in range(8):
        begin = end + k * (count + 2)
        _mark(c, lists, begin, at(ends, k) - begin)


@helper
def _mark_tile(seen, blocks, caps, edge, memory, n, low, high, middle, squared):
    """The first pass over a tile from voxel low (3,) to high (3,), z y x; the memory, which may have grown."""
    stack, sizes = np.empty((64, 7), np.int64), np.empty(8, np.int64)
    depth = push(stack, 0, low, TILE, 0, n, list_all(memory[1], n))
    while depth > 0:
        depth -= 1
        first, last, size, start, count, end = _box(stack[depth], high)
        stride, half = count + 2, size // 2
        memory = _roomy(memory, end, stride)
        work = _addresses(memory)
        lists, ends = memory[1], memory[5]
        children = set_children(work[3], first, last, half, middle, 0)
        set_caps(work[3], caps, edge, low, high, first, half, children)
        wanted = _sift(work, start, count, squared, children, end, True)
        for k in range(8):
            sizes[k] = ends[k] - end - k * stride
        for k in range(8):
            if not wanted >> k & 1:
                continue
            a, b = child_of(first, last, k, half)
            if not is_asked(blocks, a[0], a[1], a[2], half):
                continue
            begin = end + k * stride
            lists[begin + sizes[k]] = n * RECORD
            known = _all_known(work[0], work[1], begin, sizes[k])
            if known or half == _TWIG:
                _twigs(seen, a, half)[:] = True  # whoever wins there is known
            if known:
                continue
            if half == _TWIG:
                memory = _roomy(memory, end + 8 * stride, sizes[k] + 2)
                work, lists, ends = _addresses(memory), memory[1], memory[5]
                _mark_twig(work, begin, sizes[k], end + 8 * stride, a, b, middle, squared)
            else:
                depth = push(stack, depth, a, half, begin, sizes[k], end + 8 * stride)
    return memory


@helper
def _few(memory, n):
    """The memory with the relevant and the marked seeds, `few`, listed at its beginning, and their number."""
    memory = _roomy(memory, n + 2, 2)
    c, lists = memory[0], memory[1]
    count = 0
    for i in range(n):
        if bits_at(c, i * RECORD + KNOWN):
            lists[count] = i * RECORD
            count += 1
    lists[count] = n * RECORD
    return memory, count


@helper
def _doubtful_twigs(seen, blocks, memory, n, low, high, middle, squared):
    """Twigs of a tile that the first pass has not seen and where a relevant seed may win among the few.

    where: for each twig of the volume the place in held, −1 for none, of the number of few that may win there, and of
    these. The memory, which may have grown.
    """
    where, held, used = np.full(seen.shape, -1, np.int64), np.empty(1024, np.int32), 0
    memory, count = _few(memory, n)
    if count == 0:
        return where, held, memory
    stack, sizes = np.empty((64, 7), np.int64), np.empty(8, np.int64)
    depth = push(stack, 0, low, TILE, 0, count, count + 2)
    while depth > 0:
        depth -= 1
        first, last, size, start, count, end = _box(stack[depth], high)
        stride, half = count + 2, size // 2
        memory = _roomy(memory, end, stride)
        work, lists, ends = _addresses(memory), memory[1], memory[5]
        children = set_children(work[3], first, last, half, middle, 0)
        for k in range(8):
            set_cap(work[3], k, INF)
        wanted = _sift(work, start, count, squared, children, end, False)
        for k in range(8):
            sizes[k] = ends[k] - end - k * stride
        for k in range(8):
            a, _ = child_of(first, last, k, half)
            if not wanted >> k & 1 or _twigs(seen, a, half).all() or not is_asked(blocks, a[0], a[1], a[2], half):
                continue
            begin = end + k * stride
            if half > _TWIG:
                lists[begin + sizes[k]] = n * RECORD
                depth = push(stack, depth, a, half, begin, sizes[k], end + 8 * stride)
                continue
            if used + sizes[k] + 1 > held.size:
                held = enlarged(held, used + sizes[k] + 1)
            where[a[0] // _TWIG, a[1] // _TWIG, a[2] // _TWIG] = used
            held[used] = sizes[k]
            held[used + 1 : used + 1 + sizes[k]] = lists[begin : begin + sizes[k]]
            used += 1 + sizes[k]
    return where, held, memory


@helper
def _guard_tile(seen, blocks, caps, edge, memory, n, low, high, middle, squared):
    """The second pass over a tile: what the first has not seen, with the relevant and the marked seeds, `few`, alone.

    Where these do not exclude a relevant seed, the list of all seeds tells who wins.
    """
    where, held, memory = _doubtful_twigs(seen, blocks, memory, n, low, high, middle, squared)
    if where.max() < 0:
        return memory
    stack, sizes = np.empty((64, 7), np.int64), np.empty(8, np.int64)
    depth = push(stack, 0, low, TILE, 0, n, list_all(memory[1], n))
    while depth > 0:
        depth -= 1
        first, last, size, start, count, end = _box(stack[depth], high)
        stride, half, open_ = count + 2, size // 2, 0
        memory = _roomy(memory, end, stride)
        work, lists, ends, picks = _addresses(memory), memory[1], memory[5], memory[4]
        children = set_children(work[3], first, last, half, middle, 0)
        for k in range(8):
            a, _ = child_of(first, last, k, half)
            if children >> k & 1 and _twigs(where, a, half).max() >= 0:
                open_ |= 1 << k
        if half > _TWIG:
            set_caps(work[3], caps, edge, low, high, first, half, open_)
        else:
            for k in range(8):
                set_cap(work[3], k, INF)
        _sift(work, start, count, squared, open_, end, half > _TWIG)
        for k in range(8):
            sizes[k] = ends[k] - end - k * stride
        lowest = (picks[0], picks[1], picks[2], picks[3], picks[4], picks[5], picks[6], picks[7])
        others = (picks[8], picks[9], picks[10], picks[11], picks[12], picks[13], picks[14], picks[15])
        for k in range(8):
            if not open_ >> k & 1:
                continue
            a, b = child_of(first, last, k, half)
            begin = end + k * stride
            lists[begin + sizes[k]] = n * RECORD
            if half > _TWIG:
                depth = push(stack, depth, a, half, begin, sizes[k], end + 8 * stride)
                continue
            place = where[a[0] // _TWIG, a[1] // _TWIG, a[2] // _TWIG]
            few, behind = np.int64(held[place]), end + 8 * stride
            memory = _roomy(memory, behind + 2 * few + 8, few + 8)
            work, lists, ends = _addresses(memory), memory[1], memory[5]
            lists[behind : behind + few] = held[place + 1 : place + 1 + few]
            put_bits(work[0], lowest[k] + KNOWN, 1)
            if others[k] < n * RECORD:
                put_bits(work[0], others[k] + KNOWN, 1)
            if not _is_guarded(work, n, behind, few, lowest[k], others[k], behind + few + 2, a, b, middle, squared):
                _mark(work[0], work[1], begin, sizes[k])
    return memory


@helper
def _is_guarded(work, n, begin, count, i, j, end, first, last, middle, squared):
    """Whether two seeds exclude the relevant ones of a list from a box of 4³ voxels."""
    _, lists, _, scratch, _, _ = work
    for k in range(count):
        put(lists, end + 2 + k, at(lists, begin + k))
    put(lists, end, i)
    put(lists, end + 1, j)
    put(lists, end + 2 + count, n * RECORD)
    set_children(scratch, first, last, _TWIG, middle, 0)
    return not split(work, end, count + 2, squared, 1, end + count + 4, count + 4)


@kernel
def mark_halo(touched, relevant, place, factor, shift, shape, blocks, squared):
    """Set touched (n,) for the relevant seeds and those that bound them in a volume of shape (nz, ny, nx) voxels.

    relevant (n,) uint8; place (3, n), factor (6, n), shift (n,), blocks as `gbpd.label_volume_serial` takes them.
    """
    n, memory = shift.size, memory_for(shift.size)
    seen = np.zeros((-(-shape[0] // _TWIG), -(-shape[1] // _TWIG), -(-shape[2] // _TWIG)), np.bool_)
    load_seeds(memory[0], factor, shift, np.arange(n + 1), relevant)
    for i in range(n):
        put_bits(memory[0], i * RECORD + KNOWN, np.int64(relevant[i] != 0))
    for guard in (False, True):
        for z in range(0, shape[0], TILE):
            for y in range(0, shape[1], TILE):
                for x in range(0, shape[2], TILE):
                    high = (min(z + TILE, shape[0]), min(y + TILE, shape[1]), min(x + TILE, shape[2]))
                    middle = ((z + high[0]) * 0.5, (y + high[1]) * 0.5, (x + high[2]) * 0.5)
                    place_seeds(memory[0], place, middle, squared)
                    edge = cell_edge(memory[0], n, (z, y, x), high, middle)
                    caps = cap_pyramid(memory[0], n, (z, y, x), high, middle, edge, blocks, squared, memory[3])
                    args = (seen, blocks, caps, edge, memory, n, (z, y, x), high, middle, squared)
                    memory = _guard_tile(*args) if guard else _mark_tile(*args)
    for i in range(n):
        touched[i] |= bits_at(memory[0], i * RECORD + KNOWN) != 0
