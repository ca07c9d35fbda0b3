"""Cells joined otherwise: edges removed, faces swapped for edges, where the worst cell gets better.

The cells about an edge a b form a ring of nodes, p → q in the cell (a, b, p, q). Removed, the ring is filled with
triangles, each the base of a cell to a and one to b; of all ways Klincsek's (1980) finds that of the best worst cell.
Where two names meet at the edge, the chord between the two nodes of the ring where they meet is held, and the interface
turns from (a, b, p), (a, b, q) to (a, p, q), (b, p, q).
"""

import math

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.meshes.links import MOST as STAR
from nmcfast.kernels.meshes.links import faults, links_for
from nmcfast.kernels.meshes.quality import least_sine2
from nmcfast.kernels.meshes.stars import add_to_star, drop_from_star, neighbour, others, side_of

RING = 9  # nodes about an edge that is removed, at most
_BETTER = 1.02  # of the worst sine: less gain is none
_BEND = 0.3  # cosine of the angle between the two facets of a turned interface, at least


@helper
def room_to_flip():
    """Scratch: ring (nodes, cells), rests, polygon, costs, choices, stack, new cells, star, links."""
    return (
        np.empty((2, RING + 1), np.int64),
        np.empty((RING, 3), np.int64),
        np.empty(RING + 1, np.int64),
        np.empty((RING + 1, RING + 1)),
        np.empty((RING + 1, RING + 1), np.int64),
        np.empty((RING + 1, 2), np.int64),
        np.empty((2 * RING, 5), np.int32),
        np.empty(STAR + 2 * RING, np.int32),
        links_for(),
    )


@helper
def sine_of(points, a, b, c, d):
    """The least sine of a cell, 2 where one of its nodes is the outside, −1 where it is turned over."""
    n = points.shape[0]
    if a >= n or b >= n or c >= n or d >= n:
        return 2.0
    s = least_sine2(points[a], points[b], points[c], points[d])
    return math.sqrt(s) if s >= 0.0 else -1.0


@helper
def find_ring(cells, star, a, b, old, own, room):
    """Fill the ring about edge a b in order; its length, −1 when it is too long or a cell there is worse than own."""
    ring, rest, n = room[0], room[1], 0
    for m in star:
        k = side_of(cells, m, b)
        if k < 0:
            continue
        if n == RING or old[m] < own:
            return -1
        x, y, z = others(cells, m, side_of(cells, m, a))
        if x == b:
            p, q = y, z
        elif y == b:
            p, q = z, x
        else:
            p, q = x, y
        rest[n, 0], rest[n, 1], rest[n, 2] = p, q, m
        n += 1
    if n < 3:
        return -1
    at = rest[0, 0]
    for k in range(n):
        for j in range(k, n):
            if rest[j, 0] == at:
                break
        else:
            return -1
        for s in range(3):
            rest[j, s], rest[k, s] = rest[k, s], rest[j, s]
        ring[0, k], ring[1, k], at = rest[k, 0], rest[k, 2], rest[k, 1]
    return n if at == ring[0, 0] else -1


@helper
def fill_polygon(points, a, b, polygon, n, bar, cost, choice):
    """The best worst sine of the cells over a polygon (n,) seen from edge a b, above bar, or −1; choice says which."""
    for i in range(n - 1):
        cost[i, i + 1] = 3.0
    for width in range(2, n):
        for i in range(n - width):
            j = i + width
            best, where = -1.0, -1
            for k in range(i + 1, j):
                bound = min(cost[i, k], cost[k, j])
                if bound <= best or bound <= bar:
                    continue
                p, q, r = polygon[i], polygon[k], polygon[j]
                bound = min(bound, sine_of(points, p, q, r, b))
                if bound > best and bound > bar:
                    bound = min(bound, sine_of(points, p, r, q, a))
                    if bound > best and bound > bar:
                        best, where = bound, k
            cost[i, j], choice[i, j] = best, where
    return cost[0, n - 1]


@helper
def add_polygon(a, b, polygon, n, name, choice, stack, new, count):
    """Append the cells that `fill_polygon` chose to new; how many there are then."""
    if n < 3:
        return count
    stack[0, 0], stack[0, 1], depth = 0, n - 1, 1
    while depth > 0:
        depth -= 1
        i, j = stack[depth, 0], stack[depth, 1]
        if j - i < 2:
            continue
        k = choice[i, j]
        p, q, r = polygon[i], polygon[k], polygon[j]
        new[count, 0], new[count, 1], new[count, 2], new[count, 3], new[count, 4] = p, q, r, b, name
        new[count + 1, 0], new[count + 1, 1], new[count + 1, 2], new[count + 1, 3] = p, r, q, a
        new[count + 1, 4] = name
        count += 2
        stack[depth, 0], stack[depth, 1] = i, k
        stack[depth + 1, 0], stack[depth + 1, 1] = k, j
        depth += 2
    return count


@helper
def remove_edge(points, cells, names, star, a, b, old, own, gain, room):
    """The cells that would replace those about an edge, in room's new: worst sine before and after, how many, kind.

    kind 0: one name about the edge, 1: two. old (m,): sines of cells. After is −1 where nothing better is found, by
    more than a gain, or where a cell about the edge is worse than own: it is looked at for itself.
    """
    ring, _, polygon, cost, choice, stack, new, _, _ = room
    n = find_ring(cells, star, a, b, old, own, room)
    if n < 0:
        return 0.0, -1.0, 0, 0, 0
    worst, turns, first, second = 2.0, 0, 0, 0
    for k in range(n):
        worst = min(worst, old[ring[1, k]])
        if names[ring[1, k]] != names[ring[1, k - 1 if k else n - 1]]:
            turns += 1
            first, second = second, k
    bar = max(worst * _BETTER + 1e-3, worst + gain)
    if turns == 0:
        for k in range(n):
            polygon[k] = ring[0, k]
        after = fill_polygon(points, a, b, polygon, n, bar, cost, choice)
        count = add_polygon(a, b, polygon, n, names[ring[1, 0]], choice, stack, new, 0) if after > bar else 0
        return worst, after, count, 0, n
    if turns != 2 or not _may_turn(points, a, b, ring[0, first], ring[0, second]):
        return worst, -1.0, 0, 1, n
    after, count = 2.0, 0
    for half in range(2):
        low, high = (first, second) if half == 0 else (second, first + n)
        size = high - low + 1
        for k in range(size):
            polygon[k] = ring[0, (low + k) % n]
        if size > 2:
            after = min(after, fill_polygon(points, a, b, polygon, size, bar, cost, choice))
            if after <= bar:
                return worst, -1.0, 0, 1, n
        count = add_polygon(a, b, polygon, size, names[ring[1, low % n]], choice, stack, new, count)
    return worst, after, count, 1, n


@helper
def _may_turn(points, a, b, p, q):
    """Whether an interface may turn from edge a b to p q: nodes with places, not bent too much."""
    n = points.shape[0]
    if p >= n or q >= n:
        return False
    before, after = _bend(points, a, b, p, q), _bend(points, p, q, b, a)
    return after > _BEND or after > before


@helper
def _bend(points, a, b, p, q):
    """The cosine of the angle between triangles (a, b, p) and (b, a, q): 1 when they lie flat."""
    ex, ey, ez = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
    px, py, pz = points[p, 0] - points[a, 0], points[p, 1] - points[a, 1], points[p, 2] - points[a, 2]
    qx, qy, qz = points[q, 0] - points[a, 0], points[q, 1] - points[a, 1], points[q, 2] - points[a, 2]
    ux, uy, uz = ey * pz - ez * py, ez * px - ex * pz, ex * py - ey * px
    vx, vy, vz = qy * ez - qz * ey, qz * ex - qx * ez, qx * ey - qy * ex
    size = math.sqrt((ux * ux + uy * uy + uz * uz) * (vx * vx + vy * vy + vz * vz))
    return (ux * vx + uy * vy + uz * vz) / size if size > 0.0 else -1.0


@helper
def swap_face(points, cells, names, start, stop, items, m, k, old, gain, room):
    """The three cells that would replace m and the one beyond its face opposite corner k: as `remove_edge`."""
    new = room[6]
    t = neighbour(cells, names, start, stop, items, m, k)
    if t < 0 or names[t] != names[m]:
        return 0.0, -1.0, -1
    worst, v = old[m], cells[m, k]
    if old[t] < worst:
        return worst, -1.0, -1
    x, y, z = others(cells, m, k)
    w = cells[t, 0] + cells[t, 1] + cells[t, 2] + cells[t, 3] - x - y - z
    bar, after = max(worst * _BETTER + 1e-3, worst + gain), 2.0
    for s in range(3):
        p, q = (x, y, z)[s], (y, z, x)[s]
        after = min(after, sine_of(points, v, p, q, w))
        if after <= bar:
            return worst, -1.0, -1
        new[s, 0], new[s, 1], new[s, 2], new[s, 3], new[s, 4] = v, p, q, w, names[m]
    return worst, after, t


@helper
def stays_manifold(cells, names, start, stop, items, v, gone, count, new, added, extra, room):
    """Whether node v is manifold when cells gone (count,) are replaced by new (added,), stored from cell extra on."""
    star, links, n = room[7], room[8], 0
    for p in range(start[v], stop[v]):
        keep = True
        for k in range(count):
            keep &= items[p] != gone[k]
        if keep:
            if n == STAR:
                return False
            star[n] = items[p]
            n += 1
    for k in range(added):
        for s in range(4):
            if new[k, s] == v:
                star[n] = extra + k
                n += 1
                break
    solid = False
    for k in range(n):
        solid |= names[star[k]] > 0
    return solid and faults(cells, names, star[:n], n, v, links) == 0


@helper
def _replace(points, cells, names, start, stop, items, sines, gone, count, new, added, end, free, cells_of, changed):
    """Put new cells into the places of those gone, free ones and behind the end; end and free ones then."""
    ends, frees = end
    for k in range(count):
        m = gone[k]
        cells_of[names[m]] -= 1
        names[m] = -1
        for s in range(4):
            drop_from_star(start, stop, items, cells[m, s], m)
            if cells[m, s] < stop.size:
                changed[cells[m, s]] = 1
    for k in range(added):
        if k < count:
            m = gone[k]
        elif frees > 0:
            frees -= 1
            m = free[frees]
        else:
            m = ends
            ends += 1
        for s in range(4):
            cells[m, s] = new[k, s]
            add_to_star(start, stop, items, new[k, s], m)
        names[m] = new[k, 4]
        cells_of[names[m]] += 1
        sines[m] = sine_of(points, new[k, 0], new[k, 1], new[k, 2], new[k, 3])
        gone[k] = m
    for k in range(added, count):
        free[frees] = gone[k]
        frees += 1
    return ends, frees


_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


@helper
def _best_of(points, cells, names, start, stop, items, m, sines, room):
    """Which edge (0 … 5) or face (6 … 9) of a cell is best given up, −1 when none, by the gain in the worst sine."""
    best, chosen = 0.0, -1
    for e in range(10):
        if e < 6:
            a, b = cells[m, _EDGES[e][0]], cells[m, _EDGES[e][1]]
            if stop[b] - start[b] < stop[a] - start[a]:
                a, b = b, a
            star = items[start[a] : stop[a]]
            worst, after, _, _, _ = remove_edge(points, cells, names, star, a, b, sines, sines[m], best, room)
        else:
            worst, after, _ = swap_face(points, cells, names, start, stop, items, m, e - 6, sines, best, room)
        if after - worst > best:
            best, chosen = after - worst, e
    return chosen


@helper
def _has_room(start, stop, new, added):
    """Whether the stars of all nodes of new cells have room for them, and for as many again."""
    for k in range(added):
        for s in range(4):
            v = new[k, s]
            if v < stop.size and stop[v] + 2 * RING > start[v + 1]:
                return False
    return True


@kernel
def flip(points, cells, names, end, start, stop, items, todo, sines, limit, cells_of, changed):
    """Flip about the cells todo whose sine is below a limit, and about those that come of it: end, and how many flips.

    cells (≥ m, 4), names, sines: m = end of them in use, the rest room; what is full ends the pass. cells_of: how many
    cells each name has; none loses its last two. changed (n,): set for the nodes of changed cells.
    """
    room, flips, count = room_to_flip(), 0, 0
    new, gone, free, frees = room[6], np.empty(2 * RING, np.int64), np.empty(names.size, np.int32), 0
    queue = [np.int64(m) for m in todo]
    done = 0
    while done < len(queue):
        m = queue[done]
        done += 1
        if names[m] <= 0 or sines[m] >= limit or end + 4 * RING > names.size:
            continue
        e = _best_of(points, cells, names, start, stop, items, m, sines, room)
        if e < 0:
            continue
        if e >= 6:
            _, _, t = swap_face(points, cells, names, start, stop, items, m, e - 6, sines, 0.0, room)
            gone[0], gone[1], count, added, kind = m, t, 2, 3, 0
        else:
            a, b = cells[m, _EDGES[e][0]], cells[m, _EDGES[e][1]]
            if stop[b] - start[b] < stop[a] - start[a]:
                a, b = b, a
            star = items[start[a] : stop[a]]
            _, _, added, kind, count = remove_edge(points, cells, names, star, a, b, sines, sines[m], 0.0, room)
            for k in range(count):
                gone[k] = room[0][1, k]
        if not _has_room(start, stop, new, added):
            continue
        if kind == 1 and not _interface_turns(
            cells, names, start, stop, items, a, b, gone, count, added, end, cells_of, room
        ):
            continue
        end, frees = _replace(
            points,
            cells,
            names,
            start,
            stop,
            items,
            sines,
            gone,
            count,
            new,
            added,
            (end, frees),
            free,
            cells_of,
            changed,
        )
        flips += 1
        for k in range(added):
            if sines[gone[k]] < limit:
                queue.append(gone[k])
    return end, flips


@helper
def _interface_turns(cells, names, start, stop, items, a, b, gone, count, added, end, cells_of, room):
    """Whether all nodes stay manifold where an interface turns and no name loses its last cells."""
    new, good = room[6], True
    for k in range(added):
        for s in range(4):
            cells[end + k, s] = new[k, s]
        names[end + k] = new[k, 4]
    for k in range(count):
        good &= names[gone[k]] == 0 or cells_of[names[gone[k]]] > 2
    for k in range(count):
        v = room[0][0, k]
        if good and v < stop.size:
            good = stays_manifold(cells, names, start, stop, items, v, gone, count, new, added, end, room)
    for v in (a, b):
        good = good and stays_manifold(cells, names, start, stop, items, v, gone, count, new, added, end, room)
    for k in range(added):
        names[end + k] = -1
    return good
