"""Cutouts of soft tessellations and their gradients, Eqs. (11), (14)–(16).

A cutout is a square grid of pixels in the plane, 12 channels, one for each of its most prominent grains. The value
of grain i at x is the softmax of −|x − s_i|_M_i + r_i. Those that matter nowhere in a leaf are
left out first, see `soft_pruning`.

The gradient is written by hand: with p = softmax(logit), dL/dlogit_i = p_i (g_i − Σ_j g_j p_j), and the logit falls by
u_k² / 2d per unit of D_k, u = Q (x − s). It needs no stored intermediate result: the backward pass prunes again.

b cutouts, n grains (those of cutout k are first[k] to first[k + 1]), c channels.
"""

import math

import numpy as np
from numba import njit, prange

from nmcfast.kernels._cache import helper, twins
from nmcfast.kernels.soft_pruning import LEAF, leaf_corner, pruned

# The 16 pixels of a leaf are the inner loops, so that LLVM makes vectors of them.
_PIXELS = LEAF * LEAF


@helper
def _leaf_values(base, offset, kept, x0, y0, value, best, winner):
    """Fill value (m, 16) with |x − s|_M − r of the kept grains, best (16,) with the least, winner with its grain."""
    best[:] = np.inf
    for k in range(kept.size):
        i = kept[k]
        ax, ay, az, bx, by, bz = base[3, i], base[4, i], base[5, i], base[6, i], base[7, i], base[8, i]
        u0 = base[0, i] + x0 * ax + y0 * bx
        u1 = base[1, i] + x0 * ay + y0 * by
        u2 = base[2, i] + x0 * az + y0 * bz
        r = offset[i]
        for p in range(_PIXELS):
            x, y = float(p % LEAF), float(p // LEAF)
            v0, v1, v2 = u0 + x * ax + y * bx, u1 + x * ay + y * by, u2 + x * az + y * bz
            d = math.sqrt(v0 * v0 + v1 * v1 + v2 * v2) - r
            value[k, p] = d
            winner[p] = i if d < best[p] else winner[p]
            best[p] = d if d < best[p] else best[p]


@njit(cache=True, nogil=True, inline="always")
def _decay(x):
    """e^−x for x ≥ 0 to 1e-9, and next to 0 beyond 64: the Taylor series of e^−x/64 squared six times."""
    t = min(x, 64.0) * (-1.0 / 64.0)
    e = 1.0 + t * (1.0 + t * (1 / 2 + t * (1 / 6 + t * (1 / 24 + t * (1 / 120 + t * (1 / 720 + t * (1 / 5040)))))))
    e *= e
    e *= e
    e *= e
    e *= e
    e *= e
    return e * e


@helper
def _normalise(value, best, total):
    """Turn values (m, 16) into shares, the softmax of their negatives, Eq. (11); uses total (16,)."""
    total[:] = 0.0
    for k in range(value.shape[0]):
        for p in range(_PIXELS):
            e = _decay(value[k, p] - best[p])
            value[k, p] = e
            total[p] += e
    for p in range(_PIXELS):
        total[p] = 1.0 / total[p]
    for k in range(value.shape[0]):
        for p in range(_PIXELS):
            value[k, p] *= total[p]


@helper
def _shares(base, offset, kept, start, share, label, mass):
    """Fill share (kept, 16), label (size, size) with the most likely grain, mass (n,) with sums over pixels."""
    best, total, winner = np.empty(_PIXELS), np.empty(_PIXELS), np.zeros(_PIXELS, np.int32)
    mass[:] = 0.0
    for leaf in range(start.size - 1):
        here, part = kept[start[leaf] : start[leaf + 1]], share[start[leaf] : start[leaf + 1]]
        x0, y0 = leaf_corner(leaf, label.shape[1])
        _leaf_values(base, offset, here, x0, y0, part, best, winner)
        _normalise(part, best, total)
        for p in range(_PIXELS):
            label[y0 + p // LEAF, x0 + p % LEAF] = winner[p]
        for k in range(here.size):
            mass[here[k]] += part[k].sum()


@helper
def _rank(mass, channel, rank):
    """Fill channel (c,) with the heaviest grains in descending order, −1 behind the last, and rank (n,), −1 if not."""
    rank[:] = -1
    for c in range(channel.size):
        best, arg = 0.0, -1
        for i in range(mass.size):
            if rank[i] < 0 and mass[i] > best:
                best, arg = mass[i], i
        channel[c] = arg
        if arg >= 0:
            rank[arg] = c


def _cutouts(position, frame, diagonal, offset, first, corner, along, across, image, label, channel):
    """Fill image (b, c, size, size) float32, label (b, size, size) and channel (b, c) int32, Eqs. (15), (16).

    position (n, 3), frame (n, 3, 3), diagonal (n, 3), offset (n,): markers of Algorithm 1; corner, along,
    across (b, 3): first pixel and steps of each grid. Labels and channels count the grains of their own
    cutout from 0.

    Eleven arguments: what is known of seeds and grids, and three arrays to fill, each of a type of its own.
    """
    size = image.shape[-1]
    for cut in prange(first.size - 1):
        rows = slice(first[cut], first[cut + 1])
        r = offset[rows]
        markers = position[rows], frame[rows], diagonal[rows], r
        base, kept, start = pruned(*markers, corner[cut], along[cut], across[cut], size)
        share, mass = np.empty((kept.size, _PIXELS)), np.empty(r.size)
        _shares(base, r, kept, start, share, label[cut], mass)
        rank = np.empty(r.size, np.int32)
        _rank(mass, channel[cut], rank)
        image[cut] = 0.0
        for leaf in range(start.size - 1):
            x0, y0 = leaf_corner(leaf, size)
            for k in range(start[leaf], start[leaf + 1]):
                c = rank[kept[k]]
                if c >= 0:
                    for pixel in range(_PIXELS):
                        image[cut, c, y0 + pixel // LEAF, x0 + pixel % LEAF] = share[k, pixel]


@helper
def _leaf_gradients(base, diagonal, offset, kept, rank, x0, y0, share, slope, work, d_diagonal, d_offset):
    """Add what one leaf, slope (c, size, size) = dL/dimage, gives to dL/dD and dL/dr of the kept grains.

    share (m, 16) as `_normalise` leaves it; work (5, 16).

    Twelve arguments: it is called for every leaf, and its arrays are the caller's, so that none is made here.
    """
    mean, d_logit = work[0], work[1]
    mean[:] = 0.0
    for k in range(kept.size):
        c = rank[kept[k]]
        if c >= 0:
            for p in range(_PIXELS):
                mean[p] += share[k, p] * slope[c, y0 + p // LEAF, x0 + p % LEAF]
    for k in range(kept.size):
        i, c = kept[k], rank[kept[k]]
        for p in range(_PIXELS):
            own = slope[c, y0 + p // LEAF, x0 + p % LEAF] if c >= 0 else np.float32(0.0)
            d_logit[p] = share[k, p] * (own - mean[p])
        d_offset[i] += d_logit.sum()
        ax, ay, az, bx, by, bz = base[3, i], base[4, i], base[5, i], base[6, i], base[7, i], base[8, i]
        u0 = base[0, i] + x0 * ax + y0 * bx
        u1 = base[1, i] + x0 * ay + y0 * by
        u2 = base[2, i] + x0 * az + y0 * bz
        for p in range(_PIXELS):
            x, y = float(p % LEAF), float(p // LEAF)
            v0, v1, v2 = u0 + x * ax + y * bx, u1 + x * ay + y * by, u2 + x * az + y * bz
            distance = math.sqrt(v0 * v0 + v1 * v1 + v2 * v2)
            factor = d_logit[p] / max(2.0 * distance, 1e-300)
            work[2, p], work[3, p], work[4, p] = factor * v0 * v0, factor * v1 * v1, factor * v2 * v2
        for axis in range(3):  # v holds √D already
            if diagonal[i, axis] > 0.0:
                d_diagonal[i, axis] -= work[2 + axis].sum() / diagonal[i, axis]


def _cutout_gradients(
    position, frame, diagonal, offset, first, corner, along, across, channel, slope, d_diagonal, d_offset
):
    """Fill d_diagonal (n, 3) and d_offset (n,) with the gradient of L, slope (b, c, size, size) = dL/dimage.

    channel (b, c) as `cutouts` found it: which grains have a channel is held fixed. The rest as there. Where D = 0
    the gradient with respect to it is given as 0.

    Twelve arguments: those of `cutouts` that are known, the slope, and two arrays to fill.
    """
    size = slope.shape[-1]
    for cut in prange(first.size - 1):
        rows = slice(first[cut], first[cut + 1])
        r = offset[rows]
        markers = position[rows], frame[rows], diagonal[rows], r
        base, kept, start = pruned(*markers, corner[cut], along[cut], across[cut], size)
        rank = np.full(r.size, -1, np.int32)
        for c in range(channel.shape[1]):
            if channel[cut, c] >= 0:
                rank[channel[cut, c]] = c
        d_diagonal[rows] = 0.0
        d_offset[rows] = 0.0
        best, total, winner = np.empty(_PIXELS), np.empty(_PIXELS), np.zeros(_PIXELS, np.int32)
        share, work = np.empty((r.size, _PIXELS)), np.empty((5, _PIXELS))
        for leaf in range(start.size - 1):
            here = kept[start[leaf] : start[leaf + 1]]
            x0, y0 = leaf_corner(leaf, size)
            part = share[: here.size]
            _leaf_values(base, r, here, x0, y0, part, best, winner)
            _normalise(part, best, total)
            _leaf_gradients(
                base,
                diagonal[rows],
                r,
                here,
                rank,
                x0,
                y0,
                part,
                slope[cut],
                work,
                d_diagonal[rows],
                d_offset[rows],
            )


cutouts_serial, cutouts_parallel = twins(_cutouts, "cutouts")
cutout_gradients_serial, cutout_gradients_parallel = twins(_cutout_gradients, "cutout_gradients")
