"""Coefficients of random shells, Eqs. (5), (6), and the shells among them that are particles, Eq. (7).

n shells, k coefficients.
"""

import math

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.philox import STREAM_SHELL, philox8
from nmcfast.kernels.shells.harmonics import mirrored_radii, star_volume_area
from nmcfast.kernels.vectors.doubles import load8, spread8, sqrt8, store8, where_less8
from nmcfast.kernels.vectors.elementary import cosine_sine8, exp8, log8
from nmcfast.kernels.vectors.words import count8, unit8, words8

NORMAL, LOGNORMAL, STUDENT_T = 0.0, 1.0, 2.0  # families
SIZE, RADIUS, VOLUME = 0, 1, 2  # reasons of rejection


@helper
def _eight(c0, cell, c2, c3, k0, k1, table, p):
    """Coefficients p to p + 7: one block of random numbers for each, two uniforms u and v."""
    w0, w1, w2, w3 = philox8(c0, cell, c2, c3, k0, k1)
    log_u, cosine = log8(unit8(w0, w1)), cosine_sine8(unit8(w2, w3) * (2.0 * math.pi))[0]
    row = table.size // 5
    family, freedom, location = load8(table, p), load8(table, row + p), load8(table, 2 * row + p)
    scale, rate = load8(table, 3 * row + p), load8(table, 4 * row + p)
    normal = sqrt8(-2.0 * log_u) * cosine
    power = exp8(rate * where_less8(family, spread8(STUDENT_T), normal, log_u))
    above = where_less8(spread8(1.0), power, power - 1.0, spread8(0.0))
    heavy = where_less8(family, spread8(STUDENT_T), power, sqrt8(freedom * above) * cosine)
    return location + scale * where_less8(family, spread8(LOGNORMAL), normal, heavy)


@kernel
def draw_coefficients(seed, particle, attempt, table, relative, unit, work, out):
    """Fill out (k,) with coefficients Z_lm · unit, as float32 holds them, Eqs. (5), (6).

    table (5 K,) float64, K ≥ k a multiple of 8: rows of family, degrees of freedom, location, scale and rate of each
    coefficient. A normal one is location + scale · N; LOGNORMAL location + scale · e^(rate N); STUDENT_T location +
    scale · t by Bailey's polar form (1994), exact for every ν > 0, rate = −2 / ν. N is Box and Muller's. relative: the
    others are multiplied by the first. work (K,) is scratch.
    """
    k0, k1 = np.int64(np.uint32(seed)), np.int64(np.uint32(seed >> np.uint64(32)))
    c2, c3 = words8(np.int64(np.uint32(particle))), words8(np.int64(np.uint32(particle >> np.uint64(32))))
    cell = words8(attempt)
    for p in range(0, work.size, 8):
        store8(work, p, _eight(count8(p | STREAM_SHELL << 16), cell, c2, c3, k0, k1, table, p))
    for j in range(out.size):
        value = work[j] * work[0] if relative and j > 0 else work[j]
        out[j] = np.float32(value * unit)


@kernel
def draw_many(seed, particles, attempts, table, relative, unit, out):
    """Fill out (n, k) with coefficients of attempts (n,) int64 of particles (n,) uint64; see `draw_coefficients`."""
    work = np.empty(table.size // 5)
    for i in range(particles.size):
        draw_coefficients(seed, particles[i], attempts[i], table, relative, unit, work, out[i])


@helper
def _fault(coefficients, place, starts, basis, image, radius, vertices, faces, unit_volume, least):
    """Why a shell (1, k) is no particle, or −1; unit_volume: of the polyhedron of the directions themselves.

    Ten arguments: the grid of directions is seven arrays and numbers, made once for all shells.
    """
    if not coefficients[0, 0] > 0.0:
        return SIZE
    mirrored_radii(coefficients, place, starts, basis, image, radius)
    low, wrong = np.inf, False
    for p in range(radius.size):
        r = radius[0, p]
        wrong |= not (0.0 < r < np.inf)
        low = min(low, r)
    if wrong:
        return RADIUS
    if low**3 * unit_volume > least * 1.001:  # the polyhedron holds the one of its smallest radius
        return -1
    return -1 if star_volume_area(radius, vertices, faces)[0][0] >= least else VOLUME


@kernel
def faults(coefficients, place, starts, basis, image, vertices, faces, unit_volume, least, out):
    """Fill out (n,) int64 with why shells (n, k) are no particles, −1 for those that are.

    `SIZE` Z_00 ≤ 0; RADIUS not positive and finite in some direction of the grid that place … faces describe (see
    `mirrored_radii`, `star_volume_area`); VOLUME of its polyhedron below `least`. unit_volume: of the polyhedron of the
    directions themselves. Ten arguments: the grid is seven, made once for all shells.
    """
    radius = np.empty((1, vertices.shape[0]))
    for i in range(coefficients.shape[0]):
        shell = coefficients[i : i + 1]
        out[i] = _fault(shell, place, starts, basis, image, radius, vertices, faces, unit_volume, least)
