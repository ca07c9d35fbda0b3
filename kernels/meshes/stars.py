"""The cells about each node v: items[start[v] : stop[v]], with room behind for more."""

import numpy as np

from nmcfast.kernels._cache import helper, kernel


@kernel
def stars(cells, names, start, stop, items):
    """Fill items with the cells about each node, in their order, and stop (n,); those of a name below 0 are left out.

    start (n + 1,): where the room of each node begins; node n has no place and none. False when some room is too small.
    """
    nodes = stop.size
    stop[:] = start[:nodes]
    for m in range(cells.shape[0]):
        if names[m] >= 0:
            for k in range(4):
                v = cells[m, k]
                if v < nodes:
                    if stop[v] == start[v + 1]:
                        return False
                    items[stop[v]] = m
                    stop[v] += 1
    return True


@helper
def add_to_star(start, stop, items, v, m):
    """Add cell m to the star of node v; there must be room."""
    if v < stop.size:
        items[stop[v]] = m
        stop[v] += 1


@helper
def drop_from_star(start, stop, items, v, m):
    """Take cell m out of the star of node v; the others keep their order."""
    if v >= stop.size:
        return
    p = start[v]
    while items[p] != m:
        p += 1
    for q in range(p, stop[v] - 1):
        items[q] = items[q + 1]
    stop[v] -= 1


@helper
def side_of(cells, m, node):
    """Which corner of cell m a node is, −1 when none."""
    for k in range(4):
        if cells[m, k] == node:
            return k
    return -1


@helper
def others(cells, m, k):
    """The three other corners a, b, c of cell m beside corner k, so that (corner, a, b, c) has positive volume."""
    if k == 0:
        return cells[m, 1], cells[m, 2], cells[m, 3]
    if k == 1:
        return cells[m, 0], cells[m, 3], cells[m, 2]
    if k == 2:
        return cells[m, 0], cells[m, 1], cells[m, 3]
    return cells[m, 0], cells[m, 2], cells[m, 1]


@helper
def neighbour(cells, names, start, stop, items, m, k):
    """The cell beyond the face of cell m that lies opposite corner k, −1 when there is none."""
    a, b, c = others(cells, m, k)
    if a >= stop.size:
        a, b, c = b, c, a
    for p in range(start[a], stop[a]):
        t = items[p]
        if t != m and side_of(cells, t, b) >= 0 and side_of(cells, t, c) >= 0 and names[t] >= 0:
            return t
    return -1


@kernel
def neighbours(cells, names, start, stop, items, beside):
    """Fill beside (m, 4) with the cell beyond the face opposite each corner of each cell, −1 where there is none."""
    beside[:] = -1
    for m in range(cells.shape[0]):
        for k in range(4):
            if names[m] < 0 or beside[m, k] >= 0:
                continue
            t = neighbour(cells, names, start, stop, items, m, k)
            beside[m, k] = t
            for s in range(4):
                if t >= 0 and side_of(cells, m, cells[t, s]) < 0:
                    beside[t, s] = m


@kernel
def facets(cells, names, beside, ghosts, out, pairs):
    """Facets (f, 3) between cells of two names and those names (f, 2); f. beside: see `neighbours`.

    Each once, counter-clockwise as seen from the second, which is 0 or the higher. ghosts: those to 0 alone.
    """
    f = 0
    for m in range(cells.shape[0]):
        if names[m] <= 0:
            continue
        for k in range(4):
            t = beside[m, k]
            other = names[t] if t >= 0 else 0
            if other == names[m] or (ghosts and other > 0) or 0 < other < names[m]:
                continue
            if f < out.shape[0]:
                a, b, c = others(cells, m, k)
                out[f, 0], out[f, 1], out[f, 2] = a, b, c
                pairs[f, 0], pairs[f, 1] = names[m], other
            f += 1
    return f


@kernel
def parts(names, beside, part):
    """Fill part (m,) with the number of each cell's face-connected part of one name, −1 where it is gone; how many."""
    stack, count = np.empty(names.size, np.int32), 0
    part[:] = -1
    for seed in range(names.size):
        if names[seed] < 0 or part[seed] >= 0:
            continue
        stack[0], depth, part[seed] = seed, 1, count
        while depth > 0:
            depth -= 1
            m = stack[depth]
            for k in range(4):
                t = beside[m, k]
                if t >= 0 and part[t] < 0 and names[t] == names[m]:
                    part[t] = count
                    stack[depth] = t
                    depth += 1
        count += 1
    return count


@kernel
def colours(cells, start, stop, items, order, bounds):
    """Fill order (n,) with the nodes by colour, bounds (65,) with where colours begin; nodes of one share no cell.

    Each node takes the lowest colour that no earlier neighbour has; at most 64. How many there are.
    """
    nodes = order.size
    colour, most = np.full(nodes, -1, np.int8), 0
    bounds[:] = 0
    for v in range(nodes):
        used = np.uint64(0)
        for p in range(start[v], stop[v]):
            for k in range(4):
                w = cells[items[p], k]
                if w < nodes and colour[w] >= 0:
                    used |= np.uint64(1) << np.uint64(colour[w])
        c = 0
        while c < 63 and used >> np.uint64(c) & np.uint64(1):
            c += 1
        colour[v] = c
        most = max(most, c + 1)
        bounds[c + 1] += 1
    for c in range(64):
        bounds[c + 1] += bounds[c]
    place = bounds.copy()
    for v in range(nodes):
        order[place[colour[v]]] = v
        place[colour[v]] += 1
    return most
