"""Edges of badly shaped cells shrunk to one of their nodes, where the worst cell gets better.

Node u goes into node v where the names about the edge are all the names about u: so that a node of an interface goes
along it, one of a line along the line, and one where four meet stays.
"""

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.meshes.flips import sine_of
from nmcfast.kernels.meshes.links import MOST, faults, links_for
from nmcfast.kernels.meshes.stars import add_to_star, drop_from_star, side_of
from nmcfast.kernels.meshes.surfaces import ROWS, labels_of

_BETTER = 1.02  # of the worst sine: less gain is none
_SHORT, _LONG = 0.75, 1.5  # of the wanted size: edges that are shrunk, and the longest that come of it


@helper
def _worst_of(names, star, sines):
    """The worst sine of the cells of a star that are not outside."""
    worst = 2.0
    for m in star:
        if names[m] > 0:
            worst = min(worst, sines[m])
    return worst


@helper
def _all_above(points, cells, names, star, u, v, bar):
    """Whether the cells about u have a sine above bar once it is at v."""
    for m in star:
        if names[m] > 0 and side_of(cells, m, v) < 0:
            a, b, c, d = cells[m]
            a, b, c, d = (v if a == u else a), (v if b == u else b), (v if c == u else c), (v if d == u else d)
            if sine_of(points, a, b, c, d) <= bar:
                return False
    return True


@helper
def _same_names(cells, names, star, v, labels, ring):
    """Whether the names of the cells of a star that hold v too are all of its names."""
    count, both = labels_of(star, star.size, names, labels), 0
    for m in star:
        if side_of(cells, m, v) >= 0:
            if both == ring.size:
                return False
            ring[both] = m
            both += 1
    there = np.zeros(count, np.uint8)
    for k in range(both):
        for c in range(count):
            if labels[c] == names[ring[k]]:
                there[c] = 1
    return there.sum() == count


@helper
def _shrink(cells, names, start, stop, items, u, v, about):
    """Put node v in the place of u; the nodes of their cells in `about`, how many. Cells of both lose their names."""
    count = 0
    for p in range(start[u], stop[u]):
        m = items[p]
        for k in range(4):
            w, place = cells[m, k], 0
            while place < count and about[place] != w:
                place += 1
            if place == count and w != u and w < stop.size:
                about[count] = w
                count += 1
        if side_of(cells, m, v) >= 0:
            names[m] = -1
            for k in range(4):
                if cells[m, k] != u:
                    drop_from_star(start, stop, items, cells[m, k], m)
        else:
            cells[m, side_of(cells, m, u)] = v
            add_to_star(start, stop, items, v, m)
    return count


@helper
def _restore(cells, names, start, stop, items, u, v, old):
    """Undo `_shrink`; old: the names of u's cells."""
    for p in range(start[u], stop[u]):
        m = items[p]
        if names[m] == -1:
            names[m] = old[p - start[u]]
            for k in range(4):
                if cells[m, k] != u:
                    add_to_star(start, stop, items, cells[m, k], m)
        else:
            drop_from_star(start, stop, items, v, m)
            cells[m, side_of(cells, m, v)] = u


@helper
def _try(points, cells, names, start, stop, items, u, v, bar, sines, cells_of, changed, scratch):
    """Shrink edge u v to v if all cells about u then have a sine above bar and all stays manifold; whether it did."""
    about, ring, labels, links = scratch
    star = items[start[u] : stop[u]]
    size = star.size
    if size > MOST or stop[v] + size > start[v + 1] or not _same_names(cells, names, star, v, labels, ring):
        return False
    if not _all_above(points, cells, names, star, u, v, bar):
        return False
    for m in star:
        if side_of(cells, m, v) >= 0 and names[m] > 0 and cells_of[names[m]] <= size:
            return False
    old = names[star].copy()
    count = _shrink(cells, names, start, stop, items, u, v, about)
    for k in range(count):
        w = about[k]
        near = items[start[w] : stop[w]]
        if near.size < 4 or faults(cells, names, near, near.size, w, links) > 0 or not _is_solid(names, near):
            _restore(cells, names, start, stop, items, u, v, old)
            return False
    for p in range(start[u], stop[u]):
        m = items[p]
        if names[m] < 0:
            cells_of[old[p - start[u]]] -= 1
        else:
            sines[m] = sine_of(points, cells[m, 0], cells[m, 1], cells[m, 2], cells[m, 3])
    for k in range(count):
        changed[about[k]] = 1
    stop[u] = start[u]
    return True


@helper
def _is_solid(names, star):
    solid = False
    for m in star:
        solid |= names[m] > 0
    return solid


_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


@helper
def _scratch():
    return np.empty(4 * MOST, np.int64), np.empty(MOST, np.int64), np.empty(ROWS, np.int32), links_for()


@kernel
def collapse(points, cells, names, start, stop, items, todo, sines, limit, cells_of, changed):
    """Shrink edges of the cells todo whose sine is below a limit, shortest first; how many. Else as `flips.flip`."""
    scratch, length, count, nodes = _scratch(), np.empty(6), 0, stop.size
    for m in todo:
        if names[m] <= 0 or sines[m] >= limit:
            continue
        for e in range(6):
            a, b = cells[m, _EDGES[e][0]], cells[m, _EDGES[e][1]]
            length[e] = np.inf if a >= nodes or b >= nodes else ((points[a] - points[b]) ** 2).sum()
        done = False
        for e in np.argsort(length):
            for side in range(2):
                u, v = cells[m, _EDGES[e][side]], cells[m, _EDGES[e][1 - side]]
                if not done:
                    bar = _worst_of(names, items[start[u] : stop[u]], sines) * _BETTER + 1e-3
                    done = _try(points, cells, names, start, stop, items, u, v, bar, sines, cells_of, changed, scratch)
        count += done
    return count


@helper
def _neighbours_of(points, cells, star, u, wanted, near, far):
    """Fill near with the nodes nearer to u than both want, nearest first, far with squared distances; how many."""
    n = 0
    for m in star:
        for k in range(4):
            v = cells[m, k]
            if v == u or v >= wanted.size:
                continue
            d = (points[v, 0] - points[u, 0]) ** 2 + (points[v, 1] - points[u, 1]) ** 2
            d += (points[v, 2] - points[u, 2]) ** 2
            place = n
            for q in range(n):
                if near[q] == v:
                    place = -1
            if place < 0 or n == near.size or d >= (_SHORT * min(wanted[u], wanted[v])) ** 2:
                continue
            while place > 0 and far[place - 1] > d:
                near[place], far[place] = near[place - 1], far[place - 1]
                place -= 1
            near[place], far[place] = v, d
            n += 1
    return n


@helper
def _too_long(points, cells, star, v, wanted):
    """Whether an edge from v to a node of a star would be longer than both ends bear."""
    for m in star:
        for k in range(4):
            w = cells[m, k]
            if w < wanted.size:
                d = (points[v, 0] - points[w, 0]) ** 2 + (points[v, 1] - points[w, 1]) ** 2
                d += (points[v, 2] - points[w, 2]) ** 2
                if d > (_LONG * max(wanted[v], wanted[w])) ** 2:
                    return True
    return False


@kernel
def coarsen(points, cells, names, start, stop, items, wanted, size, limit, sines, cells_of, changed):
    """Shrink edges that are shorter than both ends want, wanted (n,) µm, to one of them; how many. Else as `collapse`.

    Only nodes that want more than the size µm go. No cell gets a sine below the limit, or below the worst about the
    node where that is less, no edge gets longer than wanted. Node by node; those about a changed cell wait for the next
    time.
    """
    scratch, near, far, count = _scratch(), np.empty(MOST, np.int64), np.empty(MOST), 0
    for u in range(stop.size):
        star = items[start[u] : stop[u]]
        if star.size == 0 or changed[u] or wanted[u] <= size:
            continue
        bar = min(limit, _worst_of(names, star, sines))
        for q in range(_neighbours_of(points, cells, star, u, wanted, near, far)):
            v = near[q]
            if _too_long(points, cells, star, v, wanted):
                continue
            if _try(points, cells, names, start, stop, items, u, v, bar, sines, cells_of, changed, scratch):
                count += 1
                break
    return count
