"""Seeds moved away from those around them, and functions of the distance from the centre. Ours, not the paper's.

n seeds, m queries, k knots. Sums run in an order that does not depend on which other seeds are given, so that a seed
ends at the same place, to the bit, in whatever window it is drawn.
"""

import math

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.vectors.doubles import bits_not_above8, load8, spread8
from nmcfast.kernels.vectors.lanes import first_bit
from nmcfast.kernels.vectors.memory import at


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
    """Bins of a side, corners multiples of it: the first (3,), how many (3,), their first seeds, the seeds in order."""
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
    return low, count, start, order


@helper
def _push(px, py, pz, near, first, last, bound, far):
    """Sum of (1 − d / far) (s − s_j) / d over the seeds first to last of `near`, those with d² ≤ bound, in their order.

    near: three rows of coordinates.

    Eight arguments: it is called for every run of bins of every seed, and its arrays are the caller's.
    """
    row = near.size // 3
    mx, my, mz = 0.0, 0.0, 0.0
    limit = spread8(bound)
    for q in range(first, last, 8):
        dx, dy, dz = load8(near, q) - px, load8(near, row + q) - py, load8(near, 2 * row + q) - pz
        bits = bits_not_above8(dx * dx + dy * dy + dz * dz, limit)
        if last - q < 8:
            bits &= (1 << (last - q)) - 1
        while bits:
            j = q + first_bit(bits)
            bits &= bits - 1
            x, y, z = px - at(near, j), py - at(near, row + j), pz - at(near, 2 * row + j)
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
    low, count, start, order = _sorted_into_bins(position, side)
    row = order.size + 8
    near = np.zeros(3 * row)  # the seeds as the bins have them
    for p in range(order.size):
        for axis in range(3):
            near[axis * row + p] = position[order[p], axis]
    for p in range(order.size):
        i = order[p]
        px, py, pz = near[p], near[row + p], near[2 * row + p]
        if not moving[i]:
            out[i, 0], out[i, 1], out[i, 2] = px, py, pz
            continue
        far = reach * spacing[i]
        bx, by, bz = math.floor(px / side) - low[0], math.floor(py / side) - low[1], math.floor(pz / side) - low[2]
        mx, my, mz = 0.0, 0.0, 0.0
        for ax in range(bx - 1, bx + 2):
            for ay in range(by - 1, by + 2):
                run = (ax * count[1] + ay) * count[2] + bz  # bins along z follow each other
                x, y, z = _push(px, py, pz, near, start[run - 1], start[run + 2], far * far, far)
                mx, my, mz = mx + x, my + y, mz + z
        scale = strength * spacing[i]
        length = scale * math.sqrt(mx * mx + my * my + mz * mz)
        if length > farthest * spacing[i]:
            scale *= farthest * spacing[i] / length
        out[i, 0], out[i, 1], out[i, 2] = px + scale * mx, py + scale * my, pz + scale * mz
