"""Coefficients of random shells of law `joint`: log X(u) expanded, energies of orders drawn together, Eq. (7).

Ours, not the paper's. n shells, k = (L + 1)² coefficients, o = L + 1 orders, q directions in an octant.
"""

import math

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.philox import STREAM_SHELL, philox8
from nmcfast.kernels.vectors.doubles import load8, spread8, sqrt8, store8, where_less8
from nmcfast.kernels.vectors.elementary import cosine_sine8, exp8, log8
from nmcfast.kernels.vectors.memory import at
from nmcfast.kernels.vectors.words import count8, unit8, words8


@helper
def _normals(seed, particle, attempt, out):
    """Fill out (16 j,) with normal numbers of one attempt: Box and Muller's, eight by cosine, eight by sine."""
    k0, k1 = np.int64(np.uint32(seed)), np.int64(np.uint32(seed >> np.uint64(32)))
    c2, c3 = words8(np.int64(np.uint32(particle))), words8(np.int64(np.uint32(particle >> np.uint64(32))))
    cell = words8(attempt)
    for p in range(0, out.size, 16):
        w0, w1, w2, w3 = philox8(count8((p >> 1) | STREAM_SHELL << 16), cell, c2, c3, k0, k1)
        radius = sqrt8(-2.0 * log8(unit8(w0, w1)))
        cosine, sine = cosine_sine8(unit8(w2, w3) * (2.0 * math.pi))
        store8(out, p, radius * cosine)
        store8(out, p + 8, radius * sine)


@helper
def _amplitudes(normals, first, orders, table, out):
    """Fill out (w,) with ρ and √E_1, √E_2 …: correlated normals through sinh–arcsinh margins.

    normals from `first` on; table (4 + o, w): rows of location, scale, skewness and 1 / tail of ρ and of the logarithms
    of the others, then the columns of the Cholesky factor of the correlations.
    """
    width = out.size
    flat = table.reshape(-1)
    for v in range(0, width, 8):
        z = spread8(0.0)
        for j in range(orders):
            z = z + at(normals, first + j) * load8(flat, (4 + j) * width + v)
        far = where_less8(z, spread8(0.0), z * -1.0, z)
        arc = log8(far + sqrt8(far * far + 1.0))
        arc = where_less8(z, spread8(0.0), arc * -1.0, arc)
        bent = (arc + load8(flat, 2 * width + v)) * load8(flat, 3 * width + v)
        sinh = 0.5 * (exp8(bent) - exp8(bent * -1.0))
        margin = load8(flat, v) + load8(flat, width + v) * sinh
        store8(out, v, margin)
        size = out[0]
        store8(out, v, exp8(margin))
        if v == 0:
            out[0] = size


@helper
def _stretch(normals, amplitudes, orders):
    """Turn the normals of each order l ≥ 1, a uniform direction, into b_l· of length √E_l; that of order 0 into 0."""
    normals[0] = 0.0
    for l in range(1, orders):  # noqa: E741
        square = 0.0
        for k in range(l * l, (l + 1) * (l + 1)):
            square += normals[k] * normals[k]
        factor = amplitudes[l] / math.sqrt(square)
        for k in range(l * l, (l + 1) * (l + 1)):
            normals[k] *= factor


@helper
def _radii(b, starts, basis, classes):
    """Fill classes (8 q,) with sums of exp Σ b Y over mirror images, signs by parity (see `mirrored_radii`)."""
    width, values = basis.shape[1], basis.reshape(-1)
    for c in range(8):
        for p in range(0, width, 48):
            s0, s1, s2 = spread8(0.0), spread8(0.0), spread8(0.0)
            s3, s4, s5 = spread8(0.0), spread8(0.0), spread8(0.0)
            for j in range(starts[c], starts[c + 1]):
                weight, k = at(b, j), j * width + p
                s0, s1 = s0 + weight * load8(values, k), s1 + weight * load8(values, k + 8)
                s2, s3 = s2 + weight * load8(values, k + 16), s3 + weight * load8(values, k + 24)
                s4, s5 = s4 + weight * load8(values, k + 32), s5 + weight * load8(values, k + 40)
            k = c * width + p
            store8(classes, k, s0)
            store8(classes, k + 8, s1)
            store8(classes, k + 16, s2)
            store8(classes, k + 24, s3)
            store8(classes, k + 32, s4)
            store8(classes, k + 40, s5)
    _fold_all(classes)
    for p in range(0, classes.size, 8):
        store8(classes, p, exp8(load8(classes, p)))
    _fold_all(classes)


@helper
def _fold_all(classes):
    """Turn the eight sums by parity (8 q,) into the values in the eight octants, and back but for a factor of 8."""
    width = classes.size // 8
    for bit in (1, 2, 4):
        for c in range(8):
            if not c & bit:
                for p in range(c * width, (c + 1) * width, 8):
                    even, odd = load8(classes, p), load8(classes, p + bit * width)
                    store8(classes, p, even + odd)
                    store8(classes, p + bit * width, even - odd)


@helper
def _project(classes, weighted, out):
    """Fill out (8 s,) with the sums over directions of radii times weighted harmonics (8, q, s), class by class."""
    count, width, values = weighted.shape[1], weighted.shape[2], weighted.reshape(-1)
    for c in range(8):
        for j in range(0, width, 8):
            even, odd = spread8(0.0), spread8(0.0)
            for p in range(c * count, (c + 1) * count, 2):
                even = even + at(classes, p) * load8(values, p * width + j)
                odd = odd + at(classes, p + 1) * load8(values, (p + 1) * width + j)
            store8(out, c * width + j, even + odd)


@kernel
def draw_joint(seed, particles, attempts, table, unit, place, starts, basis, weighted, out):
    """Fill out (n, k) with coefficients of attempts (n,) int64 of particles (n,) uint64, as float32 holds them.

    log X(u) = log ρ + Σ b_lm Y_lm(u), l ≥ 1, b_l· uniform on the sphere of radius √E_l, out those of X · unit. table
    (4 + o, w) float64, w a multiple of 8, as `_amplitudes`; place (k,), starts (9,), basis (k, q) as `mirrored_radii`;
    weighted (8, q, s): the same harmonics times the weights of their directions, classes filled up to s functions.
    """
    orders = table.shape[0] - 4
    normals, amplitudes = np.empty((out.shape[1] + orders + 15) // 16 * 16), np.empty(table.shape[1])
    sorted_b = np.empty(out.shape[1])
    classes, sums = np.empty(8 * basis.shape[1]), np.empty(8 * weighted.shape[2])
    for i in range(particles.size):
        _normals(seed, particles[i], attempts[i], normals)
        _amplitudes(normals, out.shape[1], orders, table, amplitudes)
        _stretch(normals, amplitudes, orders)
        for j in range(place.size):
            sorted_b[j] = normals[place[j]]
        _radii(sorted_b, starts, basis, classes)
        _project(classes, weighted, sums)
        size = amplitudes[0] * unit
        for c in range(8):
            for j in range(starts[c], starts[c + 1]):
                out[i, place[j]] = np.float32(sums[c * weighted.shape[2] + j - starts[c]] * size)
