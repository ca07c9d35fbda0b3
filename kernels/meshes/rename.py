"""Cells whose middle lies in another grain change their name, where all stays manifold."""

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.meshes.links import faults, links_for
from nmcfast.kernels.meshes.stars import neighbour
from nmcfast.kernels.meshes.surfaces import ROWS, distance, labels_of, rows_at, step_onto

_CLOSE = 0.01  # of the size: a node that steps less onto its surfaces has arrived


@helper
def _gap(points, cells, m, old, new, seeds, squared):
    """How far inside the grain of another name the middle of a cell lies, µm."""
    x, y, z = 0.0, 0.0, 0.0
    for k in range(4):
        v = cells[m, k]
        x, y, z = x + 0.25 * points[v, 0], y + 0.25 * points[v, 1], z + 0.25 * points[v, 2]
    d, a, b, c = distance(seeds, old - 1, x, y, z, squared)
    e, f, g, h = distance(seeds, new - 1, x, y, z, squared)
    return (d - e) / np.sqrt((a - f) ** 2 + (b - g) ** 2 + (c - h) ** 2 + 1e-12)


@helper
def _is_manifold_about(cells, names, start, stop, items, m, links):
    for k in range(4):
        v = cells[m, k]
        star = items[start[v] : stop[v]]
        if faults(cells, names, star, star.size, v, links) > 0:
            return False
    return True


@helper
def _nodes_of_names(cells, names, end, nodes):
    """1 at nodes (n + 1,) uint8 whose cells have several names."""
    first, out = np.full(nodes + 1, -1, np.int32), np.zeros(nodes + 1, np.uint8)
    for m in range(end):
        if names[m] >= 0:
            for k in range(4):
                v = cells[m, k]
                if first[v] < 0:
                    first[v] = names[m]
                elif first[v] != names[m]:
                    out[v] = 1
    return out


@kernel
def rename(points, cells, names, start, stop, items, end, seeds, squared, least, cells_of, changed):
    """Give cells the name of a neighbour whose grain holds their middle by more than least µm; how many changed.

    Where all four nodes stay manifold and no name loses its last two cells. changed (n,) uint8: only cells with a node
    of these are looked at; set to those of changed cells afterwards.
    """
    links, count, touched = links_for(), 0, np.zeros(stop.size, np.uint8)
    meeting = _nodes_of_names(cells, names, end, stop.size)
    for m in range(end):
        old = names[m]
        if old <= 0 or cells_of[old] <= 2:
            continue
        asked, at = False, 0
        for k in range(4):
            asked |= changed[cells[m, k]] > 0
            at += meeting[cells[m, k]]
        if not asked or at < 3:
            continue
        best, name, seen = least, old, old
        for k in range(4):
            if at - meeting[cells[m, k]] < 3:
                continue
            t = neighbour(cells, names, start, stop, items, m, k)
            other = names[t]
            if other > 0 and other != old and other != seen:
                seen = other
                gap = _gap(points, cells, m, old, other, seeds, squared)
                if gap > best:
                    best, name = gap, other
        if name == old:
            continue
        names[m] = name
        if _is_manifold_about(cells, names, start, stop, items, m, links):
            cells_of[old] -= 1
            cells_of[name] += 1
            count += 1
            for k in range(4):
                touched[cells[m, k]], meeting[cells[m, k]] = 1, 1
        else:
            names[m] = old
    changed[:] = touched
    return count


@helper
def _off(points, names, start, stop, items, v, seeds, shape, squared, most, labels, rows):
    """How far a node lies from the surfaces of its names, µm, at most `most`."""
    count = labels_of(items[start[v] : stop[v]], stop[v] - start[v], names, labels)
    x, y, z = points[v, 0], points[v, 1], points[v, 2]
    for _ in range(3 if count > 1 else 0):
        n = rows_at(x, y, z, labels, count, seeds, shape, squared, rows)
        dx, dy, dz = step_onto(rows, n)
        x, y, z = x + dx, y + dy, z + dz
        if dx * dx + dy * dy + dz * dz < (_CLOSE * most) ** 2:
            break
    far = np.sqrt((x - points[v, 0]) ** 2 + (y - points[v, 1]) ** 2 + (z - points[v, 2]) ** 2)
    return min(far, most)


@kernel
def rename_about(points, cells, names, start, stop, items, seeds, shape, squared, size, cells_of, changed):
    """Rename cells about nodes that lie a tenth of the size or more off their surfaces, so that the four nodes do less.

    What a middle lies outside its new grain counts against it. Changed as in `rename`; how many.
    """
    links, labels, rows = links_for(), np.empty(ROWS, np.int32), np.empty((ROWS, 4))
    given, count = (seeds, shape, squared, size, labels, rows), 0
    for v in range(stop.size):
        if not changed[v] or _off(points, names, start, stop, items, v, *given) < 0.1 * size:
            continue
        best, cell, name = 0.1 * size, -1, 0
        for p in range(start[v], stop[v]):
            m = items[p]
            old, seen, before = names[m], names[m], -1.0
            if old <= 0 or cells_of[old] <= 2:
                continue
            for k in range(4):
                t = neighbour(cells, names, start, stop, items, m, k)
                other = names[t]
                if other <= 0 or other in (old, seen):
                    continue
                seen = other
                if before < 0.0:
                    before = 0.0
                    for s in range(4):
                        before += _off(points, names, start, stop, items, cells[m, s], *given)
                names[m] = other
                after = max(0.0, -_gap(points, cells, m, old, other, seeds, squared))
                for s in range(4):
                    after += _off(points, names, start, stop, items, cells[m, s], *given)
                if before - after > best and _is_manifold_about(cells, names, start, stop, items, m, links):
                    best, cell, name = before - after, m, other
                names[m] = old
        if cell >= 0:
            cells_of[names[cell]] -= 1
            cells_of[name] += 1
            names[cell] = name
            count += 1
            for s in range(4):
                changed[cells[cell, s]] = 2
    for v in range(stop.size):
        changed[v] = 1 if changed[v] == 2 else 0
    return count
