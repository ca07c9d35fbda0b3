"""Real spherical harmonics, radius functions and star polyhedra, Eqs. (2), (7).

Conventions. Direction u = (x, y, z), polar angle θ from z, azimuth φ from x. Index of (l, m): l² + l + m,
with sin(|m|φ) at m < 0 and cos(mφ) at m > 0, orthonormal on the sphere, *no* Condon–Shortley sign (−1)^m.
Deviation: print gives the Legendre functions the domain [0, 1]; their argument is cos θ in [−1, 1].

P_lm(cos θ) e^{imφ} = [P_lm(z) / sin^m θ] · (x + iy)^m, a polynomial in x, y, z: nothing is singular at the
poles.
"""

import math

import numpy as np
from numba import njit

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.vectors.doubles import load8, spread8, sqrt8, store8, where_less8
from nmcfast.kernels.vectors.memory import at, put


@njit(cache=True, nogil=True, inline="always")
def _unit(x, y, z):
    """The unit vector of a direction; the null vector has none and is read as the pole (0, 0, 1)."""
    length = math.sqrt(x * x + y * y + z * z)
    if length == 0.0:
        return 0.0, 0.0, 1.0
    return x / length, y / length, z / length


@helper
def _sectoral(order):
    """N_mm (order + 1,), so that N_mm (x + iy)^m is Y_mm and Y_m,−m: the start of each column of equal m."""
    start = np.empty(order + 1)
    start[0] = math.sqrt(1.0 / (4.0 * math.pi))
    for m in range(1, order + 1):
        start[m] = start[m - 1] * math.sqrt((2 * m + 1) / (2 * m)) * (math.sqrt(2.0) if m == 1 else 1.0)
    return start


@helper
def _climb(order):
    """a, b (order + 1, order + 1) of N_lm = a_lm (z N_l−1,m − b_lm N_l−2,m) for l > m."""
    a, b = np.zeros((order + 1, order + 1)), np.zeros((order + 1, order + 1))
    for m in range(order + 1):
        for l in range(m + 1, order + 1):  # noqa: E741
            a[l, m] = math.sqrt((4.0 * l * l - 1.0) / (l * l - m * m))
            b[l, m] = math.sqrt(((l - 1.0) ** 2 - m * m) / (4.0 * (l - 1.0) ** 2 - 1.0))
    return a, b


@kernel
def _fill_harmonics(directions, order, out):
    # out (k, p): the points run along memory, so that later sums over k stream through it
    start, (a, b) = _sectoral(order), _climb(order)
    for i in range(directions.shape[0]):
        x, y, z = _unit(directions[i, 0], directions[i, 1], directions[i, 2])
        cosine, sine = 1.0, 0.0  # (x + iy)^m
        for m in range(order + 1):
            below, here = 0.0, start[m]
            for l in range(m, order + 1):  # noqa: E741
                if l > m:
                    below, here = here, a[l, m] * (z * here - b[l, m] * below)
                out[l * l + l + m, i] = here * cosine
                if m > 0:
                    out[l * l + l - m, i] = here * sine
            cosine, sine = cosine * x - sine * y, cosine * y + sine * x


def real_harmonics(directions, order):
    """Values Y_lm(u) of the real spherical harmonics, Eq. (2).

    directions (p, 3), any length > 0 -> (p, (order + 1)²) float64, a view on a (k, p) array.
    """
    out = np.empty(((order + 1) ** 2, len(directions)))
    _fill_harmonics(np.ascontiguousarray(directions, dtype=np.float64), order, out)
    return out.T


@kernel
def mirrored_radii(coefficients, place, starts, basis, image, out):
    """Fill out (n, p) with the radii X(u) of shells on a grid that is its own image in the coordinate planes, Eq. (7).

    coefficients (n, k). place (k,): their indices, those of functions of equal parity along x, y and z together;
    starts (9,): the first of each class, whose bit a is set where the functions are odd along axis a. basis (k, q): the
    values of these functions in the q directions of one octant, q a multiple of 16; image (8, q): the numbers of the
    directions into which they go with the signs of bits a turned. Each of the eight sums is thus added once for eight
    directions. Sums run in the order of `place` for every n, so the number of shells changes no bit.
    """
    width, values, images, flat = basis.shape[1], basis.reshape(-1), image.reshape(-1), out.reshape(-1)
    sorted_out, part = np.empty(place.size), np.empty(128)
    for i in range(coefficients.shape[0]):
        for j in range(place.size):
            sorted_out[j] = coefficients[i, place[j]]
        for p in range(0, width, 16):
            for c in range(8):
                a, b = spread8(0.0), spread8(0.0)
                for j in range(starts[c], starts[c + 1]):
                    weight = at(sorted_out, j)
                    a = a + weight * load8(values, j * width + p)
                    b = b + weight * load8(values, j * width + p + 8)
                store8(part, 16 * c, a)
                store8(part, 16 * c + 8, b)
            _fold(part)
            for c in range(8):
                for lane in range(16):
                    put(flat, i * out.shape[1] + at(images, c * width + p + lane), at(part, 16 * c + lane))


@helper
def _fold(part):
    """Turn the eight sums by parity (8 · 16) into the values in the eight octants: a + b and a − b, axis by axis."""
    for bit in (16, 32, 64):
        for c in range(0, 128, 8):
            if not c & bit:
                even, odd = load8(part, c), load8(part, c + bit)
                store8(part, c, even + odd)
                store8(part, c + bit, even - odd)


@helper
def _monic(coefficients, order, weight, b):
    """Weights, of cosine and sine, for N_lm freed of factors a, N_lm = z N_l−1,m − b N_l−2,m, and b, by m and l."""
    start, (factor, below) = _sectoral(order), _climb(order)
    j = 0
    for m in range(order + 1):
        scale = start[m]
        for l in range(m, order + 1):  # noqa: E741
            if l > m:
                scale *= factor[l, m]
            b[j] = below[l, m] ** 2
            weight[2 * j] = scale * coefficients[l * l + l + m]
            weight[2 * j + 1] = scale * coefficients[l * l + l - m] if m > 0 else 0.0
            j += 1


@helper
def _radius8(x, y, z, order, weight, b):
    """Radius X(u) in 8 directions; weight and b as `_monic` has them."""
    zero, least = spread8(0.0), spread8(5e-324)
    length = sqrt8(x * x + y * y + z * z)
    pole = where_less8(length, least, spread8(1.0), zero)  # a null vector has no direction: read as (0, 0, 1)
    x, y, z = x / (length + pole), y / (length + pole), (z + pole) / (length + pole)
    cosine, sine, total, j = zero + 1.0, zero, zero, 0
    for m in range(order + 1):
        below, here, even, odd = zero, zero + 1.0, zero, zero
        for l in range(m, order + 1):  # noqa: E741
            if l > m:
                below, here = here, z * here - at(b, j) * below
            even = even + at(weight, 2 * j) * here
            odd = odd + at(weight, 2 * j + 1) * here
            j += 1
        total = total + (even * cosine + odd * sine)
        cosine, sine = cosine * x - sine * y, cosine * y + sine * x
    return total


@kernel
def radii_at(coefficients, directions):
    """Radius X(u) of one shell in any directions, without keeping a basis, Eq. (7).

    coefficients ((order + 1)²,) float64, directions (p, 3) float64, any length; null vectors count as the
    pole -> (p,) float64.
    """
    order = round(math.sqrt(coefficients.size)) - 1
    count = (order + 1) * (order + 2) // 2
    weight, b = np.empty(2 * count), np.empty(count)
    _monic(coefficients, order, weight, b)
    n = directions.shape[0]
    out, work = np.empty(n), np.empty(32)
    for first in range(0, n, 8):
        for lane in range(8):
            i = min(first + lane, n - 1)
            work[lane], work[8 + lane], work[16 + lane] = directions[i, 0], directions[i, 1], directions[i, 2]
        store8(work, 24, _radius8(load8(work, 0), load8(work, 8), load8(work, 16), order, weight, b))
        for lane in range(min(8, n - first)):
            out[first + lane] = work[24 + lane]
    return out


@kernel
def box_of(radius, vertices, box):
    """Fill box (2, 3) with the lowest and highest corner of the polyhedron radius (p,) · vertices (p, 3)."""
    for axis in range(3):
        low, high = np.inf, -np.inf
        for p in range(radius.size):
            value = radius[p] * vertices[p, axis]
            low, high = min(low, value), max(high, value)
        box[0, axis], box[1, axis] = low, high


@kernel
def star_volume_area(radius, vertices, faces):
    """Volume and surface area of star polyhedra with corners radius · vertex.

    radius (n, p), vertices (p, 3) unit, faces (f, 3) counter-clockwise from outside -> (n,), (n,) float64.
    A face seen from inside, where the surface folds, counts with negative volume.
    """
    volume, area = np.zeros(radius.shape[0]), np.zeros(radius.shape[0])
    for i in range(radius.shape[0]):
        for f in range(faces.shape[0]):
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            ra, rb, rc = radius[i, a], radius[i, b], radius[i, c]
            ax, ay, az = ra * vertices[a, 0], ra * vertices[a, 1], ra * vertices[a, 2]
            ux, uy, uz = rb * vertices[b, 0] - ax, rb * vertices[b, 1] - ay, rb * vertices[b, 2] - az
            vx, vy, vz = rc * vertices[c, 0] - ax, rc * vertices[c, 1] - ay, rc * vertices[c, 2] - az
            nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
            volume[i] += (ax * nx + ay * ny + az * nz) / 6.0
            area[i] += 0.5 * math.sqrt(nx * nx + ny * ny + nz * nz)
    return volume, area
