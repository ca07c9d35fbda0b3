"""Seeds moved away from those around them, and functions of the distance from the centre. Ours, not the paper's.

n seeds, m queries, k knots. Sums run in an order that does not depend on which other seeds are given, so that a seed
ends at the same place, to the bit, in whatever window it is drawn.
"""

import math

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.vectors.doubles import bits_not_above8, load8, spread8, store8
from nmcfast.kernels.vectors.lanes import first_bit
from nmcfast.kernels.vectors.memory import at, put

FAR = 1e150  # a coordinate that no seed is near


@kernel
def interpolate(position, end, values, out):
    """Fill out (m, c) with functions of |s| of positions (m, 3), linear between knots and constant beyond the last.

    values (k, c): at k ≥ 2 distances, evenly from 0 to `end`, in the unit of the positions.
    """
    last = values.shape[0] - 1
    for i in range(position.shape[0]):
        x, y, z = position[i]
        place = min(math.sqrt(x * x + y * y + z * z) / end, 1.0) * last
        left = min(int(place), last - 1)
        share = place - left
        for c in range(values.shape[1]):
            out[i, c] = values[left, c] + share * (values[left + 1, c] - values[left, c])


@helper
def _sorted_into_bins(position, side):
    """Bins of a side, corners multiples of it, empty ones around: how many (3,), their first seeds, seeds in order."""
    low, count = np.empty(3, np.int64), np.empty(3, np.int64)
    for axis in range(3):
        low[axis] = math.floor(position[:, axis].min() / side) - 1
        count[axis] = math.floor(position[:, axis].max() / side) + 2 - low[axis]
    home, start = np.empty(position.shape[0], np.int64), np.zeros(count[0] * count[1] * count[2] + 1, np.int64)
    for i in range(position.shape[0]):
        x, y, z = (
            math.floor(position[i, 0] / side) - low[0],
            math.floor(position[i, 1] / side) - low[1],
            math.floor(position[i, 2] / side) - low[2],
        )
        home[i] = (x * count[1] + y) * count[2] + z
        start[home[i] + 1] += 1
    for b in range(start.size - 1):
        start[b + 1] += start[b]
    place, order = start[:-1].copy(), np.empty(position.shape[0], np.int64)
    for i in range(position.shape[0]):
        order[place[home[i]]] = i
        place[home[i]] += 1
    return count, start, order


@helper
def _collect(near, start, count, x, y, z, around):
    """Copy the seeds of the 27 bins around a bin: coordinates to around (3 rows). Returns how many.

    near: three rows of coordinates. Bins along z follow each other, so three of them are one run.
    """
    whole, row, found = near.size // 3, around.size // 3, 0
    for ax in range(x - 1, x + 2):
        for ay in range(y - 1, y + 2):
            run = (ax * count[1] + ay) * count[2] + z
            first, length = start[run - 1], start[run + 2] - start[run - 1]
            for j in range(0, length, 8):
                for axis in range(3):
                    store8(around, axis * row + found + j, load8(near, axis * whole + first + j))
            found += length
    for j in range(found, found + 64):
        put(around, j, FAR)
    return found


@helper
def _push(px, py, pz, around, found, far):
    """Sum of (1 − d / far) (s − s_j) / d over the found seeds around one that are nearer than far, in their order."""
    row = around.size // 3
    mx, my, mz = 0.0, 0.0, 0.0
    limit = spread8(far * far)
    for q in range(0, found, 64):
        bits = 0
        for b in range(q, q + 64, 8):
            dx, dy, dz = load8(around, b) - px, load8(around, row + b) - py, load8(around, 2 * row + b) - pz
            bits |= bits_not_above8(dx * dx + dy * dy + dz * dz, limit) << (b - q)
        while bits:
            j = q + first_bit(bits)
            bits &= bits - 1
            x, y, z = px - at(around, j), py - at(around, row + j), pz - at(around, 2 * row + j)
            apart = math.sqrt(x * x + y * y + z * z)
            if apart > 0.0:  # else it is the seed itself
                push = (1.0 - apart / far) / apart
                mx, my, mz = mx + push * x, my + push * y, mz + push * z
    return mx, my, mz


@kernel
def displace(position, moving, spacing, strength, reach, farthest, side, out):
    """Fill out (n, 3) with seeds moved away from all others within `reach` of their own spacing, farther from nearer.

    Seed i moves by strength · spacing_i · Σ_j (1 − d_ij / (reach · spacing_i)) · (s_i − s_j) / d_ij, by at most
    `farthest` spacings, if it is one of the moving (n,) bool. spacing (n,) in the unit of the positions, reach ·
    spacing_i ≤ side for every seed.
    """
    count, start, order = _sorted_into_bins(position, side)
    row, most = order.size + 8, 0
    near = np.zeros(3 * row)  # the seeds as the bins have them
    for p in range(order.size):
        for axis in range(3):
            near[axis * row + p] = position[order[p], axis]
    for b in range(start.size - 1):
        most = max(most, start[b + 1] - start[b])
    around = np.zeros(3 * (27 * most + 72))
    for x in range(1, count[0] - 1):
        for y in range(1, count[1] - 1):
            for z in range(1, count[2] - 1):
                b = (x * count[1] + y) * count[2] + z
                found = -1
                for p in range(start[b], start[b + 1]):
                    i = order[p]
                    px, py, pz = near[p], near[row + p], near[2 * row + p]
                    if not moving[i]:
                        out[i, 0], out[i, 1], out[i, 2] = px, py, pz
                        continue
                    if found < 0:
                        found = _collect(near, start, count, x, y, z, around)
                    mx, my, mz = _push(px, py, pz, around, found, reach * spacing[i])
                    scale = strength * spacing[i]
                    length = scale * math.sqrt(mx * mx + my * my + mz * mz)
                    if length > farthest * spacing[i]:
                        scale *= farthest * spacing[i] / length
                    out[i, 0], out[i, 1], out[i, 2] = px + scale * mx, py + scale * my, pz + scale * mz


@kernel
def near_cells(table, mask, corner, side, distance, out):
    """Fill out (n,) bool: whether a cube of half a side `distance` about each seed meets a cell of a mask (nx, ny, nz).

    table (n, 3 or more), corner (3,): the cell of mask[0, 0, 0]; cells are cubes of a side.
    """
    nx, ny, nz = mask.shape
    for i in range(table.shape[0]):
        x, y, z = table[i, 0], table[i, 1], table[i, 2]
        a, b, c = (
            math.floor(x / side) - corner[0],
            math.floor(y / side) - corner[1],
            math.floor(z / side) - corner[2],
        )
        if 0 <= a < nx and 0 <= b < ny and 0 <= c < nz and mask[a, b, c]:  # as most seeds do
            out[i] = True
            continue
        x0, x1 = math.floor((x - distance) / side) - corner[0], math.floor((x + distance) / side) - corner[0]
        y0, y1 = math.floor((y - distance) / side) - corner[1], math.floor((y + distance) / side) - corner[1]
        z0, z1 = math.floor((z - distance) / side) - corner[2], math.floor((z + distance) / side) - corner[2]
        met = False
        for a in range(max(x0, 0), min(x1 + 1, nx)):
            for b in range(max(y0, 0), min(y1 + 1, ny)):
                for c in range(max(z0, 0), min(z1 + 1, nz)):
                    met |= mask[a, b, c]
        out[i] = met


@kernel
def by_cell(table, mask, corner, side, start, out):
    """Fill start (cells + 1,) and the first rows of out (n, 8) with the seeds in cells of a mask, cell by cell.

    As `near_cells`; cells along z follow each other, seeds of a cell stay in their order.
    """
    home, cell = np.full(table.shape[0], -1), np.empty(3, np.int64)
    start[:] = 0
    for i in range(table.shape[0]):
        inside = True
        for axis in range(3):
            cell[axis] = math.floor(table[i, axis] / side) - corner[axis]
            inside &= 0 <= cell[axis] < mask.shape[axis]
        if inside and mask[cell[0], cell[1], cell[2]]:
            home[i] = (cell[0] * mask.shape[1] + cell[1]) * mask.shape[2] + cell[2]
            start[home[i] + 1] += 1
    for b in range(start.size - 1):
        start[b + 1] += start[b]
    place = start[:-1].copy()
    for i in range(table.shape[0]):
        if home[i] >= 0:
            out[place[home[i]]] = table[i]
            place[home[i]] += 1
