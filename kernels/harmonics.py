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


@njit(cache=True, nogil=True, inline="always")
def _unit(x, y, z):
    """The unit vector of a direction; the null vector has none and is read as the pole (0, 0, 1)."""
    length = math.sqrt(x * x + y * y + z * z)
    if length == 0.0:
        return 0.0, 0.0, 1.0
    return x / length, y / length, z / length


@njit(cache=True, nogil=True)
def _sectoral(order):
    """N_mm (order + 1,), so that N_mm (x + iy)^m is Y_mm and Y_m,−m: the start of each column of equal m."""
    start = np.empty(order + 1)
    start[0] = math.sqrt(1.0 / (4.0 * math.pi))
    for m in range(1, order + 1):
        start[m] = start[m - 1] * math.sqrt((2 * m + 1) / (2 * m)) * (math.sqrt(2.0) if m == 1 else 1.0)
    return start


@njit(cache=True, nogil=True)
def _climb(order):
    """a, b (order + 1, order + 1) of N_lm = a_lm (z N_l−1,m − b_lm N_l−2,m) for l > m."""
    a, b = np.zeros((order + 1, order + 1)), np.zeros((order + 1, order + 1))
    for m in range(order + 1):
        for l in range(m + 1, order + 1):  # noqa: E741
            a[l, m] = math.sqrt((4.0 * l * l - 1.0) / (l * l - m * m))
            b[l, m] = math.sqrt(((l - 1.0) ** 2 - m * m) / (4.0 * (l - 1.0) ** 2 - 1.0))
    return a, b


@njit(cache=True, nogil=True)
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

    directions (p, 3), any length > 0 -> (p, (order + 1)²) float64, a view on a (k, p) array as `radii` wants
    it.
    """
    out = np.empty(((order + 1) ** 2, len(directions)))
    _fill_harmonics(np.ascontiguousarray(directions, dtype=np.float64), order, out)
    return out.T


@njit(cache=True, nogil=True)
def _add_products(coefficients, basis, out):
    # Four terms a pass save three of four trips to memory; each sum still runs over k in order, one addition
    # at a time, so neither the passes nor the number of shells change a bit.
    n, k = coefficients.shape
    whole = k - k % 4
    for i in range(n):
        row = out[i]
        for j in range(0, whole, 4):
            c0, c1 = coefficients[i, j], coefficients[i, j + 1]
            c2, c3 = coefficients[i, j + 2], coefficients[i, j + 3]
            b0, b1, b2, b3 = basis[j], basis[j + 1], basis[j + 2], basis[j + 3]
            for q in range(row.size):
                row[q] = (((row[q] + c0 * b0[q]) + c1 * b1[q]) + c2 * b2[q]) + c3 * b3[q]
        for j in range(whole, k):
            for q in range(row.size):
                row[q] += coefficients[i, j] * basis[j, q]


def radii(coefficients, basis):
    """Radii X(u) of many shells on one grid of directions, Eq. (7).

    coefficients (n, k), basis (p, k) of `real_harmonics` -> (n, p) float64 in the unit of the coefficients.
    """
    out = np.zeros((coefficients.shape[0], basis.shape[0]))
    _add_products(
        np.ascontiguousarray(coefficients, dtype=np.float64),
        np.ascontiguousarray(basis.T, dtype=np.float64),
        out,
    )
    return out


@njit(cache=True, nogil=True)
def radii_at(coefficients, directions):
    """Radius X(u) of one shell in any directions, without keeping a basis, Eq. (7).

    coefficients ((order + 1)²,) float64, directions (p, 3) float64, any length; null vectors count as the
    pole -> (p,) float64.
    """
    order = round(math.sqrt(coefficients.size)) - 1
    start, (a, b) = _sectoral(order), _climb(order)
    out = np.zeros(directions.shape[0])
    for i in range(directions.shape[0]):
        x, y, z = _unit(directions[i, 0], directions[i, 1], directions[i, 2])
        cosine, sine = 1.0, 0.0
        for m in range(order + 1):
            below, here = 0.0, start[m]
            even, odd = 0.0, 0.0  # sums over l of the cosine and the sine terms
            for l in range(m, order + 1):  # noqa: E741
                if l > m:
                    below, here = here, a[l, m] * (z * here - b[l, m] * below)
                even += here * coefficients[l * l + l + m]
                if m > 0:
                    odd += here * coefficients[l * l + l - m]
            out[i] += even * cosine + odd * sine
            cosine, sine = cosine * x - sine * y, cosine * y + sine * x
    return out


@njit(cache=True, nogil=True)
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
