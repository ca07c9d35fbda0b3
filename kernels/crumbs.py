"""Grains made connected: what hangs by no face is taken away, and crumbs go to the neighbour with most common faces.

A crumb is any face-connected part of a label but its largest (the first of equals). Runs of labels as in `runs`; what
is done is done to the labels and to the tags of their runs alike.
"""

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.runs import forest

PARTS, VOXELS, LOOSE = range(3)  # of what is counted


@helper
def _solid_runs(x0, x1, first):
    """Runs of what is not 0, whatever its label: ends (s,), first (rows + 1,), and in which of them each run lies."""
    begins, ends, home = np.empty_like(x0), np.empty_like(x1), np.empty(x0.size, np.int64)
    starts, count = np.empty_like(first), 0
    for row in range(first.size - 1):
        starts[row] = count
        for k in range(first[row], first[row + 1]):
            if count > starts[row] and ends[count - 1] == x0[k]:
                ends[count - 1] = x1[k]
            else:
                begins[count], ends[count] = x0[k], x1[k]
                count += 1
            home[k] = count - 1
    starts[first.size - 1] = count
    return begins[:count], ends[:count], starts, home


@helper
def _largest(parent, tags, x0, x1, labels):
    """Voxels (r,) of the part whose root is run k, and the root of the largest part of each label; −1 for none."""
    size, main = np.zeros(parent.size, np.int64), np.full(labels, -1, np.int64)
    for k in range(parent.size):
        size[parent[k]] += x1[k] - x0[k]
    for k in range(parent.size):
        tag = tags[k]
        if parent[k] == k and (main[tag] < 0 or size[k] > size[main[tag]]):
            main[tag] = k
    return size, main


@helper
def _write(labels, tags, x0, x1, row, k, tag):
    tags[k] = tag
    labels[row // labels.shape[1], row % labels.shape[1], x0[k] : x1[k]] = tag


@kernel
def drop_loose(labels, tags, x0, x1, first):
    """Make all voxels 0 that hang together with the largest solid part by no face; return how many there were."""
    begins, ends, starts, home = _solid_runs(x0, x1, first)
    same = np.zeros(begins.size, np.uint16)
    parent = forest(same, begins, ends, starts, labels.shape[1], 1)
    _, main = _largest(parent, same, begins, ends, 1)
    lost = 0
    for row in range(first.size - 1):
        for k in range(first[row], first[row + 1]):
            if parent[home[k]] != main[0]:
                lost += x1[k] - x0[k]
                _write(labels, tags, x0, x1, row, k, 0)
    return lost


@helper
def _neighbour_of(labels, row, x0, x1, who, faces, found):
    """Add the labels around a run, other than 0, to who (m,) with their faces (m,); how many there are now."""
    nz, ny, nx = labels.shape
    z, y = row // ny, row % ny
    if x0 > 0:
        found = _add(who, faces, found, np.int64(labels[z, y, x0 - 1]))
    if x1 < nx:
        found = _add(who, faces, found, np.int64(labels[z, y, x1]))
    for x in range(x0, x1):
        if y > 0:
            found = _add(who, faces, found, np.int64(labels[z, y - 1, x]))
        if y + 1 < ny:
            found = _add(who, faces, found, np.int64(labels[z, y + 1, x]))
        if z > 0:
            found = _add(who, faces, found, np.int64(labels[z - 1, y, x]))
        if z + 1 < nz:
            found = _add(who, faces, found, np.int64(labels[z + 1, y, x]))
    return found


@helper
def _add(who, faces, found, label):
    if label == 0:
        return found
    k = 0
    while k < found and who[k] != label:
        k += 1
    if k == found:
        who[k], faces[k] = label, 0
        found += 1
    faces[k] += 1
    return found


@helper
def _best(who, faces, found):
    """The label with most faces, the lowest of equals; 0 when none was found."""
    best, most = 0, 0
    for k in range(found):
        if faces[k] > most or (faces[k] == most and who[k] < best):
            best, most = who[k], faces[k]
    return best


@helper
def _crumbs(tags, x0, x1, first, parent, main):
    """The runs (c,) of crumbs, part by part, and their rows (c,)."""
    count = 0
    for k in range(tags.size):
        count += tags[k] != 0 and parent[k] != main[tags[k]]
    chosen, rows, count = np.empty(count, np.int64), np.empty(count, np.int64), 0
    for row in range(first.size - 1):
        for k in range(first[row], first[row + 1]):
            if tags[k] != 0 and parent[k] != main[tags[k]]:
                chosen[count], rows[count] = k, row
                count += 1
    order = np.argsort(parent[chosen] * np.int64(tags.size) + chosen)
    return chosen[order], rows[order]


@kernel
def give_away(labels, tags, x0, x1, first, count):
    """Give the crumbs of labels 1 … count − 1 to their neighbours; parts and voxels given away.

    A crumb goes to the label it shares most faces with, the lower one of equals; crumbs that touch other crumbs
    alone go when these have found a place, round by round, so that the order does not matter. What touches nothing
    stays.
    """
    parent = forest(tags, x0, x1, first, labels.shape[1], count)
    size, main = _largest(parent, tags, x0, x1, count)
    chosen, rows = _crumbs(tags, x0, x1, first, parent, main)
    own = tags[chosen].copy()
    for c in range(chosen.size):
        _write(labels, tags, x0, x1, rows[c], chosen[c], 0)
    most = 0
    for c in range(chosen.size):
        most = max(most, size[parent[chosen[c]]])
    who, faces, target = np.empty(6 * most, np.int64), np.empty(6 * most, np.int64), np.zeros(chosen.size, np.int64)
    parts, voxels, left, before = 0, 0, chosen.size, -1
    while left > 0 and left != before:
        before, begin = left, 0
        while begin < chosen.size:
            end, found = begin, 0
            while end < chosen.size and parent[chosen[end]] == parent[chosen[begin]]:
                if tags[chosen[end]] == 0:
                    k = chosen[end]
                    found = _neighbour_of(labels, rows[end], x0[k], x1[k], who, faces, found)
                end += 1
            target[begin:end] = _best(who, faces, found)
            begin = end
        for c in range(chosen.size):
            if tags[chosen[c]] == 0 and target[c] > 0:
                _write(labels, tags, x0, x1, rows[c], chosen[c], target[c])
                parts += parent[chosen[c]] == chosen[c]
                voxels += x1[chosen[c]] - x0[chosen[c]]
                left -= 1
    for c in range(chosen.size):
        if tags[chosen[c]] == 0:
            _write(labels, tags, x0, x1, rows[c], chosen[c], own[c])
    return parts, voxels
