"""Counter-based random numbers, Philox4x32-10 (Salmon et al., 2011): any draw is a function of where it is used.

A draw is addressed by (seed, particle, stream, cell, number). Particles, shards and cells of space are thus
independent of the order and the number of threads in which they are drawn. A new use takes a new stream, so it
never shifts another.

    key      = seed, 64 bits
    counter  = [block | stream << 16, cell, particle low, particle high],  one block = 4 words = 2 doubles
"""

import math

import numpy as np
from numba import njit

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.vectors.doubles import store_pairs8
from nmcfast.kernels.vectors.words import count8, product8, unit8, upper8, words8, xor8

CELL_LIMIT = 512  # cells of space run from -512 to 511 along each axis
STREAM_SHELL = 1  # coefficients of the outer shell; cell = attempt
STREAM_COUNT = 2  # seeds in a cell of space; cell = packed cell address
STREAM_SEED = 3  # position, noise and angle of these seeds
STREAM_THIN = 5  # which of these seeds stay, where their density is not the same everywhere; 4 draws orientations


@njit(cache=True, nogil=True, inline="always")
def _multiply(a, b):
    product = np.uint64(a) * np.uint64(b)
    return np.uint32(product >> np.uint64(32)), np.uint32(product)


@kernel
def philox4x32(c0, c1, c2, c3, k0, k1):
    """The four output words of Philox4x32-10 for a counter of four words and a key of two."""
    c0, c1, c2, c3 = np.uint32(c0), np.uint32(c1), np.uint32(c2), np.uint32(c3)
    k0, k1 = np.uint32(k0), np.uint32(k1)
    for _ in range(10):
        high0, low0 = _multiply(np.uint32(0xD2511F53), c0)
        high1, low1 = _multiply(np.uint32(0xCD9E8D57), c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0 = np.uint32(k0 + np.uint32(0x9E3779B9))
        k1 = np.uint32(k1 + np.uint32(0xBB67AE85))
    return c0, c1, c2, c3


@njit(cache=True, nogil=True, inline="always")
def _unit(high, low):
    """A double in the open interval (0, 1) from 52 of 64 random bits."""
    bits = (np.uint64(high) << np.uint64(20)) | (np.uint64(low) >> np.uint64(12))
    return (np.float64(bits) + 0.5) * 2.220446049250313e-16


@helper
def philox8(c0, c1, c2, c3, k0, k1):
    """`philox4x32` of 8 counters side by side: four words of 8 lanes each, and two integers k0 and k1."""
    first, second = words8(0xD2511F53), words8(0xCD9E8D57)
    for r in range(10):
        a, b = product8(first, c0), product8(second, c2)
        key0, key1 = words8(k0 + r * 0x9E3779B9), words8(k1 + r * 0xBB67AE85)
        c0, c1, c2, c3 = xor8(xor8(upper8(b), c1), key0), b, xor8(xor8(upper8(a), c3), key1), a
    return c0, c1, c2, c3


@kernel
def uniforms(seed, particle, stream, cell, out):
    """Fill out (n,) float64, n ≤ 131072, with uniform numbers in (0, 1) of one address."""
    seed, particle = np.uint64(seed), np.uint64(particle)
    k0, k1 = np.int64(np.uint32(seed)), np.int64(np.uint32(seed >> np.uint64(32)))
    c2, c3 = np.int64(np.uint32(particle)), np.int64(np.uint32(particle >> np.uint64(32)))
    whole = out.size - out.size % 16
    for i in range(0, whole, 16):
        w0, w1, w2, w3 = philox8(count8((i >> 1) | stream << 16), words8(cell), words8(c2), words8(c3), k0, k1)
        store_pairs8(out, i, unit8(w0, w1), unit8(w2, w3))
    for i in range(whole, out.size, 2):
        w0, w1, w2, w3 = philox4x32((i >> 1) | stream << 16, cell, c2, c3, k0, k1)
        out[i] = _unit(w0, w1)
        if i + 1 < out.size:
            out[i + 1] = _unit(w2, w3)


@kernel
def uniforms_at(seed, particle, stream, place, out):
    """Fill out (n, k) with uniform numbers in (0, 1) of places (n, 3) uint32, the bits of three float32.

    A hash of the seed and the place is the seed of the row: it depends on nothing else, nor on the order.
    """
    low, high = np.uint32(seed), np.uint32(seed >> np.uint64(32))
    for i in range(place.shape[0]):
        a, b, cell, _ = philox4x32(place[i, 0], place[i, 1], place[i, 2], stream << 16, low, high)
        uniforms(np.uint64(a) | np.uint64(b) << np.uint64(32), particle, stream, np.int64(cell), out[i])


@kernel
def poisson(u, mean):
    """Poisson number of the given mean ≤ 700 by inversion of one uniform number u."""
    probability = math.exp(-mean)
    total = probability
    count = 0
    while u > total and count < 2000:
        count += 1
        probability *= mean / count
        total += probability
    return count


@helper
def _cell_address(x, y, z):
    """The 30 bits that address a cell of space; each of its three numbers lies in [-512, 512)."""
    return ((x + CELL_LIMIT) << 20) | ((y + CELL_LIMIT) << 10) | (z + CELL_LIMIT)


@kernel
def count_seeds(seed, particle, mask, corner, mean, start):
    """Fill start (nx ny nz + 1,) int64 with the first seed of each cell of a box, where only those of a mask hold any.

    mask (nx, ny, nz) bool, corner (3,) int64: the cell of mask[0, 0, 0]; mean seeds a cell. Cells along z follow each
    other.
    """
    u = np.empty(1)
    cell, total = 0, 0
    for x in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            for z in range(mask.shape[2]):
                start[cell] = total
                if mask[x, y, z]:
                    address = _cell_address(corner[0] + x, corner[1] + y, corner[2] + z)
                    uniforms(seed, particle, STREAM_COUNT, address, u)
                    total += poisson(u[0], mean)
                cell += 1
    start[cell] = total


@kernel
def draw_seeds(seed, particle, shape, corner, start, side, table):
    """Fill table (n, 8) float32 with the seeds of the cells of a box: x, y, z, two noises in (0, 1), angle in (0, π).

    shape (3,), corner (3,) and start (nx ny nz + 1,) as in `count_seeds`. The last two columns are 0. Cell k covers
    [k, k + 1) · side along each axis, so a seed does not depend on which cells are asked for.
    """
    most = 0
    for cell in range(start.size - 1):
        most = max(most, start[cell + 1] - start[cell])
    u = np.empty(6 * most + 16)
    cell = 0
    for x in range(corner[0], corner[0] + shape[0]):
        for y in range(corner[1], corner[1] + shape[1]):
            for z in range(corner[2], corner[2] + shape[2]):
                first, count = start[cell], start[cell + 1] - start[cell]
                cell += 1
                if count == 0:
                    continue
                whole = (6 * count + 15) // 16 * 16  # a longer draw starts with the shorter one, and is faster
                uniforms(seed, particle, STREAM_SEED, _cell_address(x, y, z), u[:whole])
                for k in range(count):
                    row = table[first + k]
                    row[0], row[1], row[2] = (x + u[6 * k]) * side, (y + u[6 * k + 1]) * side, (z + u[6 * k + 2]) * side
                    row[3], row[4], row[5] = u[6 * k + 3], u[6 * k + 4], math.pi * u[6 * k + 5]
                    row[6], row[7] = 0.0, 0.0


@kernel
def draw_shares(seed, particle, shape, corner, start, share):
    """Fill share (n,) with one more uniform number of each seed that `draw_seeds` draws, for the same box."""
    cell = 0
    for x in range(corner[0], corner[0] + shape[0]):
        for y in range(corner[1], corner[1] + shape[1]):
            for z in range(corner[2], corner[2] + shape[2]):
                if start[cell + 1] > start[cell]:
                    own = share[start[cell] : start[cell + 1]]
                    uniforms(seed, particle, STREAM_THIN, _cell_address(x, y, z), own)
                cell += 1
