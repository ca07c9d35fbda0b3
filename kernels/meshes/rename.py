"""Cells whose middle lies in another grain change their name, where all stays manifold."""

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.meshes.links import faults, links_for
from nmcfast.kernels.meshes.stars import neighbour
from nmcfast.kernels.meshes.surfaces import distance


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


@kernel
def rename(points, cells, names, start, stop, items, end, seeds, squared, least, cells_of, changed):
    """Give cells the name of a neighbour whose grain holds their middle by more than least µm; how many changed.

    Where all four nodes stay manifold and no name loses its last two cells. changed (n,) uint8: only cells with a node
    of these are looked at; set to those of changed cells afterwards.
    """
    links, count, touched = links_for(), 0, np.zeros(stop.size, np.uint8)
    for m in range(end):
        old = names[m]
        if old <= 0 or cells_of[old] <= 2:
            continue
        asked = False
        for k in range(4):
            asked |= changed[cells[m, k]] > 0
        if not asked:
            continue
        best, name, seen = least, old, old
        for k in range(4):
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
                touched[cells[m, k]] = 1
        else:
            names[m] = old
    changed[:] = touched
    return count
