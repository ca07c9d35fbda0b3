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

CELL_LIMIT = 512  # cells of space run from -512 to 511 along each axis
STREAM_SHELL = 1  # coefficients of the outer shell; cell = attempt
STREAM_COUNT = 2  # seeds in a cell of space; cell = packed cell address
STREAM_SEED = 3  # position, noise and angle of these seeds

NORMAL, LOGNORMAL, STUDENT_T = 0, 1, 2  # families of `draw_coefficients`


@njit(cache=True, nogil=True, inline="always")
def _multiply(a, b):
    product = np.uint64(a) * np.uint64(b)
    return np.uint32(product >> np.uint64(32)), np.uint32(product)


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def uniforms(seed, particle, stream, cell, out):
    """Fill out (n,) float64, n ≤ 131072, with uniform numbers in (0, 1) of one address."""
    seed, particle = np.uint64(seed), np.uint64(particle)
    k0, k1 = np.uint32(seed), np.uint32(seed >> np.uint64(32))
    c2, c3 = np.uint32(particle), np.uint32(particle >> np.uint64(32))
    for i in range(0, out.size, 2):
        c0 = np.uint32(i >> 1) | np.uint32(stream << 16)
        w0, w1, w2, w3 = philox4x32(c0, np.uint32(cell), c2, c3, k0, k1)
        out[i] = _unit(w0, w1)
        if i + 1 < out.size:
            out[i + 1] = _unit(w2, w3)


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def draw_coefficients(seed, particle, attempt, family, parameters, out):
    """Fill out ((L+1)²,) with independent coefficients Z_lm of the families of their order l, Eqs. (5), (6).

    family (L+1,): NORMAL parameters (mean, standard deviation, ·), LOGNORMAL (shape, location, scale),
    STUDENT_T (degrees of freedom, location, scale); parameters (L+1, 3). Each coefficient takes two uniforms:
    Box–Muller for the normals, Bailey's polar form (1994) for Student's t, exact for every ν > 0.
    """
    pair = np.empty(2 * out.size)
    uniforms(seed, particle, STREAM_SHELL, attempt, pair)
    k = 0
    for order in range(family.size):
        a, b, c = parameters[order]
        for _ in range(2 * order + 1):
            u = pair[2 * k]
            angle = math.cos(2.0 * math.pi * pair[2 * k + 1])
            if family[order] == STUDENT_T:
                out[k] = b + c * math.sqrt(a * (u ** (-2.0 / a) - 1.0)) * angle
            else:
                normal = math.sqrt(-2.0 * math.log(u)) * angle
                out[k] = b + c * math.exp(a * normal) if family[order] == LOGNORMAL else a + b * normal
            k += 1


@njit(cache=True, nogil=True)
def _cell_address(cell):
    """The 30 bits that address a cell of space; each of its three numbers lies in [-512, 512)."""
    return ((cell[0] + CELL_LIMIT) << 20) | ((cell[1] + CELL_LIMIT) << 10) | (cell[2] + CELL_LIMIT)


@njit(cache=True, nogil=True)
def count_seeds(seed, particle, cells, mean, out):
    """Fill out (c,) int64 with the Poisson numbers of seeds in cells (c, 3) int64."""
    u = np.empty(1)
    for c in range(cells.shape[0]):
        uniforms(seed, particle, STREAM_COUNT, _cell_address(cells[c]), u)
        out[c] = poisson(u[0], mean)


@njit(cache=True, nogil=True)
def draw_seeds(seed, particle, cells, counts, side, position, noise, angle):
    """Fill position (n, 3), noise (n, 2) in (0, 1) and angle (n,) in (0, π) of the seeds in the cells, in order.

    Cell k covers [k, k + 1) · side along each axis, so a seed does not depend on which cells are asked for.
    """
    u = np.empty(6 * counts.max() if counts.size else 0)
    i = 0
    for c in range(cells.shape[0]):
        drawn = u[: 6 * counts[c]]
        uniforms(seed, particle, STREAM_SEED, _cell_address(cells[c]), drawn)
        for k in range(counts[c]):
            for axis in range(3):
                position[i, axis] = (cells[c, axis] + drawn[6 * k + axis]) * side
            noise[i, 0] = drawn[6 * k + 3]
            noise[i, 1] = drawn[6 * k + 4]
            angle[i] = math.pi * drawn[6 * k + 5]
            i += 1
