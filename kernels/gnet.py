"""Frames of the grains, Eq. (12), the inputs of G_net and its forward pass, Algorithm 1.

n seeds, m seeds that get markers, k neighbours, w inputs.
"""

import math

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.vectors.doubles import load8, spread8, sqrt8, store8, where_less8
from nmcfast.kernels.vectors.elementary import cosine_sine8, exp8
from nmcfast.kernels.vectors.lanes import most, multiply_add, spread, sqrt
from nmcfast.kernels.vectors.memory import at, gather, load, store


@kernel
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


@kernel
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


@kernel
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


UNITS = 6  # of a layer at once: 12 sums of 8 lanes stay in the 16 registers of AVX2, with two inputs and a weight


@helper
def _units(x, n_in, weights, place, biases, bias):
    """Sums of six neighbouring units for 16 seeds: bias + Σ_k w_k x_k in the order of k, each term rounded once."""
    a, b, c = spread(at(biases, bias)), spread(at(biases, bias + 1)), spread(at(biases, bias + 2))
    d, e, f = spread(at(biases, bias + 3)), spread(at(biases, bias + 4)), spread(at(biases, bias + 5))
    for k in range(n_in):
        value = load(x, 16 * k)
        a, b = (
            multiply_add(value, spread(at(weights, place)), a),
            multiply_add(value, spread(at(weights, place + 1)), b),
        )
        c, d = (
            multiply_add(value, spread(at(weights, place + 2)), c),
            multiply_add(value, spread(at(weights, place + 3)), d),
        )
        e, f = (
            multiply_add(value, spread(at(weights, place + 4)), e),
            multiply_add(value, spread(at(weights, place + 5)), f),
        )
        place += UNITS
    return a, b, c, d, e, f


@helper
def _layers(x, y, widths, weights, biases):
    """The last layer's sums of 16 seeds whose inputs are in x; feature k of theirs is x[16 k : 16 k + 16].

    Returns the one of x and y that holds them.
    """
    place, bias, zero = 0, 0, spread(np.float32(0.0))
    for layer in range(widths.size - 1):
        last = layer == widths.size - 2
        for j in range(0, widths[layer + 1], UNITS):
            a, b, c, d, e, f = _units(x, widths[layer], weights, place, biases, bias)
            if not last:
                a, b, c, d, e, f = (
                    most(a, zero),
                    most(b, zero),
                    most(c, zero),
                    most(d, zero),
                    most(e, zero),
                    most(f, zero),
                )
            store(y, 16 * j, a)
            store(y, 16 * j + 16, b)
            store(y, 16 * j + 32, c)
            store(y, 16 * j + 48, d)
            store(y, 16 * j + 64, e)
            store(y, 16 * j + 80, f)
            place += UNITS * widths[layer]
            bias += UNITS
        x, y = y, x
    return x


@helper
def _scaled_sigmoid(x, falling, low, high, first, count, out):
    """Fill out (m, 4) from row `first` on for `count` ≤ 16 seeds: low + (high − low) / (1 + e^−x)."""
    for p in range(64):
        falling[p] = -np.float64(x[p])
    for p in range(0, 64, 8):
        store8(falling, p, exp8(load8(falling, p)))
    for lane in range(count):
        for j in range(4):
            out[first + lane, j] = low[j] + (high[j] - low[j]) / (1.0 + falling[16 * j + lane])


@helper
def _room_for(widths):
    """Room for 16 lanes of the units of any layer."""
    most = 0
    for n in widths:
        most = max(most, n)
    return np.empty(16 * (most + UNITS), np.float32)


@kernel
def forward(inputs, shift, scale, widths, weights, biases, low, high, out):
    """Fill out (m, 4) float32 with D₁ D₂ D₃ r: ReLU layers, then a sigmoid scaled to [low, high] (4,).

    inputs (m, w), shift and scale (w,): the first layer sees (input − shift) · scale. widths (layers + 1,) from w to 4.
    weights: the layers one behind the other, each (blocks, in, 6), six units of it a block, zeros where there are
    fewer; biases (blocks, 6) likewise.

    Nine arguments: a network is five arrays, its range two.
    """
    count = inputs.shape[0]
    x, y = _room_for(widths), _room_for(widths)
    falling = np.empty(64)
    for first in range(0, count, 16):
        for lane in range(16):
            i = min(first + lane, count - 1)
            for k in range(widths[0]):
                x[16 * k + lane] = (inputs[i, k] - shift[k]) * scale[k]
        last = _layers(x, y, widths, weights, biases)
        _scaled_sigmoid(last, falling, low, high, first, min(16, count - first), out)


@helper
def _frame8(x, y, z, angle):
    """The nine entries of Q of Eq. (12) for 8 seeds, row by row, as `frames` has them."""
    zero, one, tiny = spread8(0.0), spread8(1.0), spread8(1e-300)
    norm = sqrt8(x * x + y * y + z * z)
    centre = where_less8(norm, tiny, one, zero)
    bx, by, bz = (x + centre) / (norm + centre) + 1.0, y / (norm + centre), z / (norm + centre)
    length = sqrt8(bx * bx + by * by + bz * bz)
    opposite = where_less8(length, tiny, one, zero)
    bx, by, bz = bx / (length + opposite), (by + opposite) / (length + opposite), bz / (length + opposite)
    cosine, sine = cosine_sine8(angle)
    ba, bb, bc = 2.0 * by * bx, 2.0 * by * by - 1.0, 2.0 * by * bz
    ca, cb, cc = 2.0 * bz * bx, 2.0 * bz * by, 2.0 * bz * bz - 1.0
    return (
        2.0 * bx * bx - 1.0,
        2.0 * bx * by,
        2.0 * bx * bz,
        cosine * ba - sine * ca,
        cosine * bb - sine * cb,
        cosine * bc - sine * cc,
        sine * ba + cosine * ca,
        sine * bb + cosine * cb,
        sine * bc + cosine * cc,
    )


@helper
def _put_frames(table, inner, first, size, work, q):
    """Fill q (9 · 16) float32 with Q / size of the 16 seeds from inner[first] on, entry k in q[16 k : 16 k + 16].

    work (208,) float64 is scratch.
    """
    for lane in range(16):
        i = inner[min(first + lane, inner.size - 1)]
        work[lane], work[16 + lane], work[32 + lane] = table[i, 0], table[i, 1], table[i, 2]
        work[48 + lane] = table[i, 5]
    for p in range(0, 16, 8):
        entries = _frame8(load8(work, p), load8(work, 16 + p), load8(work, 32 + p), load8(work, 48 + p))
        for k in range(9):
            store8(work, 64 + 16 * k + p, entries[k])
    for p in range(144):
        q[p] = work[64 + p] / size


@kernel
def mark(
    table, inner, neighbours, size, with_radius, with_noise, shift, scale, widths, weights, biases, low, high, out
):
    """Fill out (m, 4) float32 with D₁ D₂ D₃ r of the seeds `inner` (m,) of a table, as `net_inputs` and `forward` do.

    table (n, 8) float32 of `philox.draw_seeds`, neighbours (m, k) int32, size: of a pixel in the table's unit. The
    inputs are formed in float32 where the first layer wants them, 16 seeds side by side.

    Fourteen arguments: the seeds are four, a network seven, its range two, and an array to fill.
    """
    flat, k_near = table.reshape(-1), neighbours.shape[1]
    x, y = _room_for(widths), _room_for(widths)
    work, q = np.empty(208), np.empty(144, np.float32)
    near, own = np.empty(16 * k_near, np.int32), np.empty(16, np.int32)
    for first in range(0, inner.size, 16):
        _put_frames(table, inner, first, size, work, q)
        for lane in range(16):
            m = min(first + lane, inner.size - 1)
            own[lane] = 8 * inner[m]
            for k in range(k_near):
                near[16 * k + lane] = 8 * neighbours[m, k]
        sx, sy, sz = gather(flat, own, 0, 0), gather(flat, own, 0, 1), gather(flat, own, 0, 2)
        w = 0
        for k in range(k_near):
            dx = gather(flat, near, 16 * k, 0) - sx
            dy = gather(flat, near, 16 * k, 1) - sy
            dz = gather(flat, near, 16 * k, 2) - sz
            for a in range(0, 144, 48):
                turned = multiply_add(load(q, a), dx, multiply_add(load(q, a + 16), dy, load(q, a + 32) * dz))
                store(x, 16 * w, (turned - shift[w]) * scale[w])
                w += 1
            for a in range(3, 5):
                store(x, 16 * w, (gather(flat, near, 16 * k, a) - shift[w]) * scale[w])
                w += 1
        if with_radius:
            radius = sqrt(multiply_add(sx, sx, multiply_add(sy, sy, sz * sz))) * np.float32(1.0 / size)
            store(x, 16 * w, (radius - shift[w]) * scale[w])
            w += 1
        if with_noise:
            for a in range(3, 5):
                store(x, 16 * w, (gather(flat, own, 0, a) - shift[w]) * scale[w])
                w += 1
        last = _layers(x, y, widths, weights, biases)
        _scaled_sigmoid(last, work, low, high, first, min(16, inner.size - first), out)
