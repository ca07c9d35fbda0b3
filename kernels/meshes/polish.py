"""Nodes of the worst cells searched for better places, along their boundaries first, then a little off them."""

import math

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.meshes.flips import sine_of
from nmcfast.kernels.meshes.surfaces import ROWS, labels_of, rows_at, step_onto

_AWAY = 0.2  # of the size: how far a node may leave its boundaries for the sake of a cell
_STEPS = (0.2, 0.1, 0.05, 0.025, 0.0125)  # of the size
_GAIN = 1.01  # of the worst sine: less is none
_TRIES = 12  # better places of one node, at most


@helper
def _worst_about(points, cells, names, star):
    worst = 2.0
    for m in star:
        if names[m] > 0:
            worst = min(worst, sine_of(points, cells[m, 0], cells[m, 1], cells[m, 2], cells[m, 3]))
    return worst


@helper
def _search(points, cells, names, star, v, seeds, shape, squared, size, free, labels, rows):
    """Move node v to better places until there is none near; whether it moved. free: off its boundaries too."""
    count, moved, tries, k = labels_of(star, star.size, names, labels), False, 0, 0
    worst = _worst_about(points, cells, names, star)
    while k < len(_STEPS) * 27 and tries < _TRIES:
        step, way = _STEPS[k // 27] * size, k % 27
        k += 1
        x0, y0, z0 = points[v, 0], points[v, 1], points[v, 2]
        x, y, z = x0 + step * (way % 3 - 1), y0 + step * (way // 3 % 3 - 1), z0 + step * (way // 9 - 1)
        if count > 1:
            n = rows_at(x, y, z, labels, count, seeds, shape, squared, rows)
            dx, dy, dz = step_onto(rows, n)
            far = math.sqrt(dx * dx + dy * dy + dz * dz)
            if free and far > _AWAY * size:
                continue
            if not free:
                if far > 0.5 * size:
                    continue
                x, y, z = x + dx, y + dy, z + dz
        points[v, 0], points[v, 1], points[v, 2] = x, y, z
        now = _worst_about(points, cells, names, star)
        if now > worst * _GAIN:
            worst, moved, tries, k = now, True, tries + 1, 0
        else:
            points[v, 0], points[v, 1], points[v, 2] = x0, y0, z0
    return moved


@kernel
def polish(points, cells, names, start, stop, items, todo, sines, limit, seeds, shape, squared, size, changed):
    """Search better places for the nodes of cells todo whose sine is below a limit; how many moved.

    sines are kept up to date; changed (n,) uint8 is set for the nodes that moved. size µm.
    """
    labels, rows, count = np.empty(ROWS, np.int32), np.empty((ROWS, 4)), 0
    for m in todo:
        for turn in range(8):
            v = cells[m, turn % 4]
            if names[m] <= 0 or sines[m] >= limit or v >= stop.size:
                continue
            star = items[start[v] : stop[v]]
            if _search(points, cells, names, star, v, seeds, shape, squared, size, turn >= 4, labels, rows):
                count += 1
                changed[v] = 1
                for t in star:
                    sines[t] = sine_of(points, cells[t, 0], cells[t, 1], cells[t, 2], cells[t, 3])
    return count
