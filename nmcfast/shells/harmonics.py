"""Direction grids on the sphere and expansions in spherical harmonics, Eqs. (2), (3)."""

from functools import cache
from typing import NamedTuple

import numpy as np

from nmcfast.errors import InputError
from nmcfast.kernels.shells.harmonics import mirrored_radii, real_harmonics
from nmcfast.parameters import ORDER


def degree_of(count: int) -> np.ndarray:
    """Order l of each of `count` coefficients in the index l² + l + m of Eq. (2) -> (count,) int."""
    return np.floor(np.sqrt(np.arange(count) + 0.5)).astype(int)


def order_of(count: int) -> int:
    """Highest order L of `count` = (L + 1)² coefficients; InputError when it is not a square."""
    order = int(np.sqrt(count + 0.5)) - 1
    if order < 0 or (order + 1) ** 2 != count:
        raise InputError(f"coefficients: found {count} of them, expected a square number (L + 1)²")
    return order


def _icosahedron() -> tuple[np.ndarray, np.ndarray]:
    golden = (1.0 + np.sqrt(5.0)) / 2.0
    pairs = np.array([[a, b * golden] for a in (-1.0, 1.0) for b in (-1.0, 1.0)])
    zero = np.zeros((4, 1))
    flat = np.hstack([zero, pairs])
    vertices = np.vstack([flat, np.roll(flat, 1, axis=1), np.roll(flat, 2, axis=1)])
    distance = np.linalg.norm(vertices[:, None] - vertices[None], axis=2)
    near = np.isclose(distance, 2.0)  # the edge length of this icosahedron
    faces = [(a, b, c) for a, b, c in np.argwhere(near[:, :, None] & near[:, None] & near[None]) if a < b < c]
    return _unit(vertices), _outward(vertices, np.array(faces))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))


def _outward(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    inward = np.linalg.det(vertices[faces]) < 0
    faces[inward] = faces[inward][:, ::-1]
    return faces


def _subdivide(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, inverse = np.unique(edges, axis=0, return_inverse=True)
    middle = _unit(vertices[edges[:, 0]] + vertices[edges[:, 1]])
    a, b, c = faces.T
    ab, bc, ca = inverse.reshape(-1, 3).T + len(vertices)
    quarters = [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]
    return np.vstack([vertices, middle]), np.hstack(quarters).T.astype(np.int64)


def _antipodal(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.lexsort(vertices.T)  # u and −u have exactly opposite coordinates, so they land mirrored
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return vertices[order], rank[faces]


@cache
def icosphere(level: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearly equidistant directions on the unit sphere and their triangles; level 3 has the paper's 642.

    -> vertices (10 · 4^level + 2, 3) float64, faces (20 · 4^level, 3) int64 counter-clockwise from outside,
    both read-only. Vertices come in antipodal order: vertices[::-1] == −vertices exactly.
    """
    if not 0 <= level <= 8:
        raise InputError(f"level of the direction grid: found {level}, expected 0 to 8")
    vertices, faces = _icosahedron()
    for _ in range(level):
        vertices, faces = _subdivide(vertices, faces)
    vertices, faces = _antipodal(vertices, faces)
    vertices.setflags(write=False)
    faces.setflags(write=False)
    return vertices, faces


class MirroredBasis(NamedTuple):
    """What `kernels.harmonics.mirrored_radii` wants to know of a grid of directions, in its order."""

    place: np.ndarray
    starts: np.ndarray
    basis: np.ndarray
    image: np.ndarray


@cache
def parity_classes(order: int) -> tuple[np.ndarray, np.ndarray]:
    """place, starts of `kernels.harmonics.mirrored_radii`: coefficients whose Y_lm have equal parity together."""
    degree = degree_of((order + 1) ** 2)
    m = np.arange(len(degree)) - degree * (degree + 1)
    odd = np.where(m < 0, m + 1, m) % 2 + 2 * (m < 0) + 4 * ((degree - m) % 2)
    place = np.argsort(odd, kind="stable")
    return place, np.searchsorted(odd[place], np.arange(9))


@cache
def mirrored_basis(level: int, order: int) -> MirroredBasis:
    """The harmonics of an octant of an icosphere, its last point repeated, and the points that are its images."""
    vertices, _ = icosphere(level)
    octant = vertices[(vertices >= 0.0).all(axis=1)]
    octant = np.vstack([octant, np.repeat(octant[-1:], -len(octant) % 16, axis=0)])
    number = {tuple(u): k for k, u in enumerate(vertices + 0.0)}  # + 0.0 makes −0 to 0
    signs = 1.0 - 2.0 * (np.arange(8)[:, None] >> np.arange(3) & 1)
    image = np.array([[number[tuple(u)] for u in sign * octant + 0.0] for sign in signs])
    place, starts = parity_classes(order)
    return MirroredBasis(place, starts, np.ascontiguousarray(real_harmonics(octant, order).T[place]), image)


def grid_radii(coefficients: np.ndarray, level: int) -> np.ndarray:
    """Radii X(u) of shells on an icosphere, Eq. (7): (n, (L + 1)²) -> (n, 10 · 4^level + 2), unit of the coefficients.

    The same bits for one shell as for many.
    """
    out = np.empty((len(coefficients), len(icosphere(level)[0])))
    mirrored_radii(
        np.ascontiguousarray(coefficients, np.float64), *mirrored_basis(level, order_of(coefficients.shape[1])), out
    )
    return out


def fit_coefficients(radius: np.ndarray, directions: np.ndarray, order: int = ORDER) -> np.ndarray:
    """Least-squares coefficients a_lm of radius functions given in some directions, Eq. (3).

    radius (p,) or (n, p), directions (p, 3) -> ((order + 1)²,) or (n, (order + 1)²) float64, unit of the
    radius. Raises InputError when there are fewer directions than coefficients or the radius is not finite.
    """
    count = (order + 1) ** 2
    if len(directions) < count:
        raise InputError(f"directions: found {len(directions)}, order {order} needs at least {count}")
    if not np.isfinite(radius).all():
        raise InputError("radius: found values that are not finite, expected lengths")
    solution = np.linalg.lstsq(real_harmonics(directions, order), np.atleast_2d(radius).T, rcond=None)[0]
    return solution.T.reshape(*np.shape(radius)[:-1], count)
