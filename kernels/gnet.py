"""Frames of the grains, Eq. (12), the inputs of G_net and its forward pass, Algorithm 1.

n seeds, m seeds that get markers, k neighbours, w inputs.
"""

import math

import numpy as np
from numba import njit

from nmcfast.kernels.lanes import load, most, spread, store


@njit(cache=True, nogil=True)
def frames(position, angle, out):
    """Fill out (m, 3, 3) with Q of Eq. (12): a half-turn that takes s/|s| to e₁, then a turn by the angle about e₁.

    The half-turn is about the bisector b of s/|s| and e₁, R = 2bbᵀ − 1. Where s points along −e₁ the bisector
    vanishes: the half-turn is then about e₂. Where s = 0 its direction is taken as e₁.
    """
    for i in range(position.shape[0]):
        x, y, z = position[i]
        norm = math.sqrt(x * x + y * y + z * z)
        bx, by, bz = 1.0, 0.0, 0.0
        if norm > 0.0:
            bx, by, bz = x / norm + 1.0, y / norm, z / norm
            length = math.sqrt(bx * bx + by * by + bz * bz)
            if length > 0.0:
                bx, by, bz = bx / length, by / length, bz / length
            else:
                bx, by, bz = 0.0, 1.0, 0.0
        cosine, sine = math.cos(angle[i]), math.sin(angle[i])
        half = (
            (2.0 * bx * bx - 1.0, 2.0 * bx * by, 2.0 * bx * bz),
            (2.0 * by * bx, 2.0 * by * by - 1.0, 2.0 * by * bz),
            (2.0 * bz * bx, 2.0 * bz * by, 2.0 * bz * bz - 1.0),
        )
        for j in range(3):
            out[i, 0, j] = half[0][j]
            out[i, 1, j] = cosine * half[1][j] - sine * half[2][j]
            out[i, 2, j] = sine * half[1][j] + cosine * half[2][j]


@njit(cache=True, nogil=True)
def metrics(frame, diagonal, out):
    """Fill out (m, 3, 3) with M = Qᵀ D Q of frames (m, 3, 3) and diagonals (m, 3)."""
    for i in range(diagonal.shape[0]):
        q = frame[i]
        for a in range(3):
            for b in range(a, 3):
                value = 0.0
                for c in range(3):
                    value += q[c, a] * diagonal[i, c] * q[c, b]
                out[i, a, b] = value
                out[i, b, a] = value


@njit(cache=True, nogil=True)
def net_inputs(position, noise, queries, neighbours, frame, with_radius, with_noise, out):
    """Fill out (m, w) float32 with the inputs of G_net, nearest neighbour first: Q (s_j − s_i), noise of j.

    queries (m,) number the seeds, neighbours (m, k), frame (m, 3, 3). Behind the 5k inputs of the paper come |s_i|
    and the seed's own noise, where the model asks for them.
    """
    for m in range(queries.size):
        i = queries[m]
        for k in range(neighbours.shape[1]):
            j = neighbours[m, k]
            dx = position[j, 0] - position[i, 0]
            dy = position[j, 1] - position[i, 1]
            dz = position[j, 2] - position[i, 2]
            for a in range(3):
                out[m, 5 * k + a] = frame[m, a, 0] * dx + frame[m, a, 1] * dy + frame[m, a, 2] * dz
            out[m, 5 * k + 3] = noise[j, 0]
            out[m, 5 * k + 4] = noise[j, 1]
        w = 5 * neighbours.shape[1]
        if with_radius:
            x, y, z = position[i]
            out[m, w] = math.sqrt(x * x + y * y + z * z)
            w += 1
        if with_noise:
            out[m, w] = noise[i, 0]
            out[m, w + 1] = noise[i, 1]


@njit(cache=True, nogil=True)
def _four_units(x, n_in, weights, at, stride, biases, bias):
    """Sums of four neighbouring units for 16 seeds: bias + Σ_k w_k x_k in the order of k, four lanes."""
    a, b, c, d = spread(biases[bias]), spread(biases[bias + 1]), spread(biases[bias + 2]), spread(biases[bias + 3])
    for k in range(n_in):
        value = load(x, 16 * k)
        a, b = a + value * weights[at], b + value * weights[at + 1]
        c, d = c + value * weights[at + 2], d + value * weights[at + 3]
        at += stride
    return a, b, c, d


@njit(cache=True, nogil=True)
def forward(inputs, shift, scale, widths, weights, biases, low, high, out):
    """Fill out (m, 4) float32 with D₁ D₂ D₃ r: ReLU layers, then a sigmoid scaled to [low, high] (4,).

    inputs (m, w), shift and scale (w,): the first layer sees (input − shift) · scale. widths (layers + 1,) from w to
    4, hidden ones multiples of 4; weights: all layers one behind the other, each (in, out); biases likewise. 16 seeds
    go side by side: feature k of theirs is x[16 k : 16 k + 16].
    """
    count, zero = inputs.shape[0], spread(np.float32(0.0))
    x, y = np.empty(16 * widths.max(), np.float32), np.empty(16 * widths.max(), np.float32)
    for first in range(0, count, 16):
        for lane in range(16):
            i = min(first + lane, count - 1)
            for k in range(widths[0]):
                x[16 * k + lane] = (inputs[i, k] - shift[k]) * scale[k]
        at, bias = 0, 0
        for layer in range(widths.size - 1):
            n_in, n_out = widths[layer], widths[layer + 1]
            for j in range(0, n_out, 4):
                a, b, c, d = _four_units(x, n_in, weights, at + j, n_out, biases, bias + j)
                if layer < widths.size - 2:
                    a, b, c, d = most(a, zero), most(b, zero), most(c, zero), most(d, zero)
                store(y, 16 * j, a)
                store(y, 16 * j + 16, b)
                store(y, 16 * j + 32, c)
                store(y, 16 * j + 48, d)
            at += n_in * n_out
            bias += n_out
            x, y = y, x
        for lane in range(min(16, count - first)):
            for j in range(4):
                falling = math.exp(min(-float(x[16 * j + lane]), 700.0))  # 1e304: beyond it exp overflows
                out[first + lane, j] = low[j] + (high[j] - low[j]) / (1.0 + falling)
