"""The grains that matter in each leaf of a cutout, Eqs. (11), (15).

Blocks of pixels are pruned first, then their leaves: d_i is convex, so it is at least its tangent at the centre of the
block and at most its largest corner value. A grain whose tangent exceeds the smallest such corner value by more than
`_CUT` has less than e^−_CUT of any pixel and is left out. n grains.
"""

import math

import numpy as np

from nmcfast.kernels._cache import helper

BLOCK, LEAF = 8, 4  # pixels, edges of blocks that are pruned as one, then of those whose pixels are evaluated
_CUT = 16.0  # e^−16 = 1.1e-7: what the left-out grains of a pixel add stays below 1e-6
_PICKS = 3  # grains whose corner values bound the minimum in a block


@helper
def _to_frames(position, frame, diagonal, corner, along, across, base):
    """Fill base (9, n): √D Q (x − s) at the first pixel and its steps along a row and across rows."""
    for i in range(position.shape[0]):
        x, y, z = corner[0] - position[i, 0], corner[1] - position[i, 1], corner[2] - position[i, 2]
        for k in range(3):
            root = math.sqrt(diagonal[i, k])
            qx, qy, qz = root * frame[i, k, 0], root * frame[i, k, 1], root * frame[i, k, 2]
            base[k, i] = qx * x + qy * y + qz * z
            base[3 + k, i] = qx * along[0] + qy * along[1] + qz * along[2]
            base[6 + k, i] = qx * across[0] + qy * across[1] + qz * across[2]


@helper
def _value(base, offset, i, x, y):
    """|x − s|_M − r of grain i at pixel (x, y), whose numbers need not be whole."""
    u0 = base[0, i] + x * base[3, i] + y * base[6, i]
    u1 = base[1, i] + x * base[4, i] + y * base[7, i]
    u2 = base[2, i] + x * base[5, i] + y * base[8, i]
    return math.sqrt(u0 * u0 + u1 * u1 + u2 * u2) - offset[i]


@helper
def _tangents(base, offset, x, y, half, value, low):
    """Fill value (n,) at the centre of a block and low (n,), the least value of the tangent there in the block."""
    for i in range(offset.size):
        u0 = base[0, i] + x * base[3, i] + y * base[6, i]
        u1 = base[1, i] + x * base[4, i] + y * base[7, i]
        u2 = base[2, i] + x * base[5, i] + y * base[8, i]
        gx = u0 * base[3, i] + u1 * base[4, i] + u2 * base[5, i]
        gy = u0 * base[6, i] + u1 * base[7, i] + u2 * base[8, i]
        distance = math.sqrt(u0 * u0 + u1 * u1 + u2 * u2)
        value[i] = distance - offset[i]
        # at the seed itself gx = gy = 0: 0 is a subgradient
        low[i] = value[i] - half * (abs(gx) + abs(gy)) / max(distance, 1e-300)


@helper
def _upper_bound(base, offset, x, y, half, value):
    """The least over some near grains of their largest value at the corners of a block; overwrites value."""
    bound = np.inf
    for _ in range(min(_PICKS, value.size)):
        i = np.argmin(value)
        value[i] = np.inf
        highest = -np.inf
        for corner in range(4):
            cx, cy = x - half + corner % 2 * 2 * half, y - half + corner // 2 * 2 * half
            highest = max(highest, _value(base, offset, i, cx, cy))
        bound = min(bound, highest)
    return bound


@helper
def _survivors(base, offset, x0, y0, edge, kept):
    """Fill kept with the grains that matter in the block of `edge` pixels at (x0, y0); return how many."""
    half = 0.5 * (edge - 1)
    value, low = np.empty(offset.size), np.empty(offset.size)
    _tangents(base, offset, x0 + half, y0 + half, half, value, low)
    limit = _upper_bound(base, offset, x0 + half, y0 + half, half, value) + _CUT
    count = 0
    for i in range(offset.size):
        if low[i] <= limit:
            kept[count] = i
            count += 1
    return count


@helper
def _prune(base, offset, size):
    """Grains that matter in each leaf: their numbers, leaf after leaf, and where the list of each leaf starts.

    Leaves go block by block, see `leaf_corner`.
    """
    n = offset.size
    leaves = (size // LEAF) ** 2
    start = np.zeros(leaves + 1, np.int64)
    kept = np.empty(leaves * n, np.int32)
    near, inner = np.empty(n, np.int32), np.empty(n, np.int32)
    end = 0
    for leaf in range(leaves):
        x0, y0 = leaf_corner(leaf, size)
        if x0 % BLOCK == 0 and y0 % BLOCK == 0:
            block = near[: _survivors(base, offset, x0, y0, BLOCK, near)]
            base_near, offset_near = np.empty((9, block.size)), np.empty(block.size)
            for k in range(block.size):
                base_near[:, k] = base[:, block[k]]
                offset_near[k] = offset[block[k]]
        for k in range(_survivors(base_near, offset_near, x0, y0, LEAF, inner)):
            kept[end] = block[inner[k]]
            end += 1
        start[leaf + 1] = end
    return kept[:end], start


@helper
def leaf_corner(leaf, size):
    """First pixel (x, y) of a leaf; the leaves of a block follow each other."""
    ratio = BLOCK // LEAF
    block, inner = leaf // (ratio * ratio), leaf % (ratio * ratio)
    blocks = size // BLOCK
    return block % blocks * BLOCK + inner % ratio * LEAF, block // blocks * BLOCK + inner // ratio * LEAF


@helper
def pruned(position, frame, diagonal, offset, corner, along, across, size):
    """Grains of a cutout as the pixels see them: `base` (9, n), and who matters in each leaf as `_prune` finds it.

    Eight arguments: the four markers of the grains, and the grid of size² pixels by its corner and its steps.
    """
    base = np.empty((9, offset.size))
    _to_frames(position, frame, diagonal, corner, along, across, base)
    kept, start = _prune(base, offset, size)
    return base, kept, start
