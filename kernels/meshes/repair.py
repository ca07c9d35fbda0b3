"""Names of cells changed so that all become manifold: cells about a faulty node, one at a time, while faults fall."""

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.meshes.links import faults, links_for
from nmcfast.kernels.meshes.surfaces import depth_gradient, name_distance

_TURNS = 4  # how often one cell may change its name
_CRUMB, _NECK = 12, 3  # cells: parts of a grain that are kept where they may be, and what may join them to the rest


@helper
def _reluctance(points, cells, m, old, new, seeds, shape, squared):
    """How deep in its name, µm, the middle of a cell lies as against another one."""
    x, y, z = 0.0, 0.0, 0.0
    for k in range(4):
        v = cells[m, k]
        x, y, z = x + 0.25 * points[v, 0], y + 0.25 * points[v, 1], z + 0.25 * points[v, 2]
    if (old == 0 or new == 0) and shape.shape[0] == 2:
        deep, a, b, c = depth_gradient(shape, x, y, z)
        return abs(deep) / np.sqrt(a * a + b * b + c * c + 1e-12)
    d, a, b, c = name_distance(seeds, shape, new, x, y, z, squared)
    e, f, g, h = name_distance(seeds, shape, old, x, y, z, squared)
    return (d - e) / np.sqrt((a - f) ** 2 + (b - g) ** 2 + (c - h) ** 2 + 1e-12)


@helper
def _faults_of(cells, names, start, stop, items, nodes, count, links):
    total = 0
    for k in range(count):
        star = items[start[nodes[k]] : stop[nodes[k]]]
        total += faults(cells, names, star, star.size, nodes[k], links)
    return total


@helper
def _rename_one(
    points, cells, names, start, stop, items, beside, v, here, shore, fixed, turns, seeds, shape, squared, links
):
    """Give the cell about node v the name that lessens faults most, the least deep of equals; the cell, −1 if none.

    A change that lessens those of v alone, and not the sum, is made once a cell.
    """
    best, least, chosen, name = 1, np.inf, -1, 0
    star = items[start[v] : stop[v]]
    for m in star:
        if fixed[m] or turns[m] >= _TURNS:
            continue
        before, old, tried = -1, names[m], (-1, -1, -1, -1)
        for k in range(4):
            t = beside[m, k]
            other = names[t] if t >= 0 else old
            if other == old or other in tried:
                continue
            tried = (other, tried[0], tried[1], tried[2])
            cost = _reluctance(points, cells, m, old, other, seeds, shape, squared)
            if (old == 0 or other == 0) and cost > shore:
                continue
            names[m] = other
            better = faults(cells, names, star, star.size, v, links) < here
            if better:
                after = _faults_of(cells, names, start, stop, items, cells[m], 4, links)
            names[m] = old
            if not better:
                continue
            if before < 0:
                before = _faults_of(cells, names, start, stop, items, cells[m], 4, links)
            change = after - before
            if change > 0 or (change == 0 and turns[m] > 0):
                continue
            if change < best or (change == best and cost < least):
                best, least, chosen, name = change, cost, m, other
    if chosen >= 0 and best <= 0:
        names[chosen] = name
        turns[chosen] += 1
    return chosen, best


@helper
def _nodes_about(cells, star, nodes):
    """Fill nodes with the nodes of the cells of a star; how many."""
    count = 0
    for m in star:
        for k in range(4):
            place = 0
            while place < count and nodes[place] != cells[m, k]:
                place += 1
            if place == count and count < nodes.size:
                nodes[count] = cells[m, k]
                count += 1
    return count


@helper
def _rename_all(cells, names, start, stop, items, v, fixed, nodes, links):
    """Give all cells of one name about node v the name of others there, where that lessens faults; whether it did."""
    star = items[start[v] : stop[v]]
    for m in star:
        if fixed[m]:
            return False
    count = _nodes_about(cells, star, nodes)
    before = _faults_of(cells, names, start, stop, items, nodes, count, links)
    old = names[star].copy()
    best, a, b = 0, -1, -1
    for s in range(star.size):
        for u in range(star.size):
            if old[s] == old[u] or old[s] in old[:s] or old[u] in old[:u]:
                continue
            for k in range(star.size):
                names[star[k]] = old[u] if old[k] == old[s] else old[k]
            change = _faults_of(cells, names, start, stop, items, nodes, count, links) - before
            if change < best:
                best, a, b = change, old[s], old[u]
    for k in range(star.size):
        names[star[k]] = b if old[k] == a else old[k]
    return best < 0


@kernel
def repair(points, cells, names, start, stop, items, beside, bad, shore, fixed, seeds, shape, squared):
    """Change names until the nodes with bad (n,) set are manifold, and keep bad up to date. Changes, faults left.

    bad may have sound nodes too: each is looked at. beside: see `stars.neighbours`.

    fixed (m,): cells that keep their names; shore µm: no middle that lies deeper changes between outside and inside.
    A cell changes at most four times; its first change may leave as many faults as there were.
    """
    links, turns, about = links_for(), np.zeros(names.size, np.uint8), np.empty(64, np.int64)
    queue, waits = [np.int64(v) for v in range(bad.size) if bad[v]], bad.copy()
    done, changes = 0, 0
    while done < len(queue):
        v = queue[done]
        done += 1
        waits[v] = 0
        star = items[start[v] : stop[v]]
        here = faults(cells, names, star, star.size, v, links)
        bad[v] = 1 if here > 0 else 0
        if here == 0:
            continue
        m, change = _rename_one(
            points, cells, names, start, stop, items, beside, v, here, shore, fixed, turns, seeds, shape, squared, links
        )
        if change >= 0 and _rename_all(cells, names, start, stop, items, v, fixed, about, links):
            count, change = _nodes_about(cells, star, about), -1
        elif m >= 0:
            count = 4
            about[:4] = cells[m]
        else:
            continue
        changes += 1
        for k in range(count):
            w = about[k]
            star = items[start[w] : stop[w]]
            bad[w] = 1 if faults(cells, names, star, star.size, w, links) > 0 else 0
            if bad[w] and not waits[w]:
                waits[w] = 1
                queue.append(w)
    return changes, bad.sum()


@kernel
def flatten(cells, names, start, stop, items, bad, fixed, outside):
    """Give all cells about each faulty node the commonest grain there, those outside too if so asked; cells changed.

    The hammer for what `repair` leaves: single names that block each other.
    """
    changes = 0
    for v in range(bad.size):
        if not bad[v]:
            continue
        star = items[start[v] : stop[v]]
        name, most = 0, 0
        for m in star:
            count = 0
            for t in star:
                count += names[t] == names[m]
            if names[m] > 0 and (count > most or (count == most and names[m] < name)):
                name, most = names[m], count
        for m in star:
            if name > 0 and not fixed[m] and names[m] != name and (outside or names[m] > 0):
                names[m] = name
                changes += 1
    return changes


@helper
def _bridge(names, beside, part, largest, members, fixed, came, depth):
    """Join a part to the largest of its name by as few cells of other grains as do, _NECK at most; whether so few do.

    came, depth (m,): scratch, −2 and 0, which is left as it was.
    """
    name, queue, done, found, last = names[members[0]], [np.int64(m) for m in members], 0, False, np.int64(-1)
    for m in members:
        came[m] = -1
    while done < len(queue) and not found:
        m = queue[done]
        done += 1
        for k in range(4):
            t = beside[m, k]
            if t < 0 or came[t] != -2:
                continue
            if names[t] == name and largest[part[t]]:
                found, last = True, m
                break
            if names[t] > 0 and not fixed[t] and depth[m] < _NECK:
                came[t], depth[t] = m, depth[m] + 1
                queue.append(np.int64(t))
    while found and came[last] >= 0:
        names[last] = name
        last = came[last]
    for m in queue:
        came[m], depth[m] = -2, 0
    return found


@kernel
def give_away(names, beside, part, size, largest, fixed, bridging):
    """Give the smaller parts of a name to the neighbour they share most faces with, inside before outside; how many.

    part (m,): see `stars.parts`; size (parts,): cells; largest (parts,) bool: the part that keeps its name. bridging:
    parts of a grain of more than _CRUMB cells are joined to the largest by a neck, where it needs no more than _NECK.
    """
    came, depth = np.full(names.size, -2, np.int64), np.zeros(names.size, np.uint8)
    first, given = np.zeros(size.size + 1, np.int64), 0
    for p in range(size.size):
        first[p + 1] = first[p] + (0 if largest[p] else size[p])
    order, place = np.empty(first[size.size], np.int64), first.copy()
    for m in range(part.size):
        if part[m] >= 0 and not largest[part[m]]:
            order[place[part[m]]] = m
            place[part[m]] += 1
    for p in range(size.size):
        if largest[p]:
            continue
        members = order[first[p] : first[p + 1]]
        kept = bridging and size[p] > _CRUMB and names[members[0]] > 0
        if kept and _bridge(names, beside, part, largest, members, fixed, came, depth):
            given += 1
            continue
        found, counts, known = np.empty(64, np.int64), np.zeros(64, np.int64), 0
        for m in members:
            for k in range(4):
                t = beside[m, k]
                if t < 0 or names[t] == names[m]:
                    continue
                place = 0
                while place < known and found[place] != names[t]:
                    place += 1
                if place == known:
                    if known == 64:
                        continue
                    found[known] = names[t]
                    known += 1
                counts[place] += 1
        best = -1
        for k in range(known):
            better = best < 0 or (found[k] > 0, counts[k], -found[k]) > (found[best] > 0, counts[best], -found[best])
            best = k if better else best
        if best < 0 or fixed[members[0]]:
            continue
        for m in members:
            names[m] = found[best]
        given += 1
    return given
