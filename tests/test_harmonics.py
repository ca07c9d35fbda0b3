"""Spherical harmonics, direction grids and star polyhedra against theory, Eqs. (2), (3), (7)."""

import naive_harmonics as naive
import numpy as np
import pytest
from scipy.special import ellipeinc, ellipkinc, sph_harm_y

from nmcfast.errors import InputError
from nmcfast.kernels.shells.harmonics import radii_at, real_harmonics, star_volume_area
from nmcfast.shells.harmonics import degree_of, fit_coefficients, grid_radii, icosphere, order_of

ORDERS = [(order, m) for order in range(10) for m in range(-order, order + 1)]


def directions(count=60, seed=1):
    rng = np.random.default_rng(seed)
    poles = [[0, 0, 1.0], [0, 0, -1.0], [1.0, 0, 0], [0, -2.0, 0], [1e-12, 0, 1], [0, -1e-200, -1]]
    return np.vstack([poles, rng.normal(size=(count, 3)) * rng.uniform(0.01, 100, (count, 1))])


def shells(count, seed=2):
    rng = np.random.default_rng(seed)
    coefficients = rng.normal(size=(count, 100)) * 0.05
    coefficients[:, 0] = rng.uniform(4.0, 9.0, count)
    return coefficients


def test_harmonics_equal_printed_formula():
    grid = directions()
    expected = np.array([[naive.harmonic(order, m, u) for order, m in ORDERS] for u in grid])
    np.testing.assert_allclose(real_harmonics(grid, 9), expected, atol=2e-13)


def test_harmonics_equal_scipy_after_real_conversion():
    grid = icosphere(2)[0]
    theta, phi = np.arccos(grid[:, 2]), np.arctan2(grid[:, 1], grid[:, 0])
    basis = real_harmonics(grid, 9)
    for order, m in ORDERS:
        value = sph_harm_y(order, abs(m), theta, phi) * (-1.0) ** m  # scipy carries the Condon–Shortley sign
        expected = value.real if m == 0 else np.sqrt(2) * (value.real if m > 0 else value.imag)
        np.testing.assert_allclose(basis[:, order * order + order + m], expected, atol=1e-13)


def test_harmonics_are_orthonormal():
    # Gauss–Legendre in cos θ times equidistant φ integrates products up to degree 18 exactly
    z, weight = np.polynomial.legendre.leggauss(12)
    phi = 2 * np.pi * np.arange(24) / 24
    ring = np.sqrt(1 - z * z)
    grid = np.stack(
        [np.outer(ring, np.cos(phi)), np.outer(ring, np.sin(phi)), np.repeat(z[:, None], 24, axis=1)], axis=-1
    )
    basis = real_harmonics(grid.reshape(-1, 3), 9)
    gram = basis.T @ (basis * np.repeat(weight, 24)[:, None] * (2 * np.pi / 24))
    np.testing.assert_allclose(gram, np.eye(100), atol=1e-13)


def test_high_orders_stay_normalised():
    basis = real_harmonics(directions(10), 40)
    order = degree_of(41 * 41)
    total = np.array([(basis[:, order == k] ** 2).sum(axis=1) for k in range(41)])
    expected = np.repeat((2 * np.arange(41)[:, None] + 1) / (4 * np.pi), basis.shape[0], axis=1)
    np.testing.assert_allclose(total, expected, rtol=1e-11)  # Unsöld's theorem


def test_radii_equal_naive_sum_and_matrix_product():
    coefficients, grid = shells(3), icosphere(1)[0]
    expected = [[naive.radius(row, u) for u in grid] for row in coefficients]
    np.testing.assert_allclose(grid_radii(coefficients, 1), expected, atol=1e-12)
    many = shells(41)
    np.testing.assert_allclose(grid_radii(many, 3), many @ real_harmonics(icosphere(3)[0], 9).T, atol=1e-12)


@pytest.mark.parametrize("level", range(5))
@pytest.mark.parametrize("order", [0, 1, 4, 9, 12])
def test_radii_by_mirror_images_equal_the_matrix_product(level, order):
    coefficients = np.random.default_rng(order).normal(size=(2, (order + 1) ** 2))
    wanted = coefficients @ real_harmonics(icosphere(level)[0], order).T
    np.testing.assert_allclose(grid_radii(coefficients, level), wanted, atol=1e-12)


@pytest.mark.parametrize("order", [0, 1, 4, 9, 12])
def test_radii_of_any_order_equal_radii_at(order):
    coefficients = np.random.default_rng(order).normal(size=(order + 1) ** 2)
    basis = real_harmonics(directions(), order)
    np.testing.assert_allclose(basis @ coefficients, radii_at(coefficients, directions()), atol=1e-12)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9])
def test_radii_at_some_directions_are_those_among_many(count):
    coefficients, grid = shells(1)[0], directions()
    assert np.array_equal(radii_at(coefficients, grid[:count]), radii_at(coefficients, grid)[:count])


def test_bits_do_not_depend_on_the_number_of_shells():
    many = shells(11)
    together = grid_radii(many, 3)
    alone = np.concatenate([grid_radii(row[None], 3) for row in many])
    assert (together == alone).all()


def test_null_vector_is_read_as_the_pole():
    coefficients = shells(1)[0]
    two = radii_at(coefficients, np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 5.0]]))
    assert two[0] == two[1]


@pytest.mark.parametrize("level", range(5))
def test_icosphere_is_a_closed_antipodal_outward_surface(level):
    vertices, faces = icosphere(level)
    assert vertices.shape == (10 * 4**level + 2, 3)
    assert faces.shape == (20 * 4**level, 3)
    assert (vertices[::-1] == -vertices).all()
    np.testing.assert_allclose((vertices**2).sum(axis=1), 1.0, rtol=1e-15)
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    assert (np.linalg.det(vertices[faces]) > 0).all()


def test_icosphere_is_nearly_equidistant_and_cannot_be_written_to():
    vertices, faces = icosphere(3)
    edge = np.linalg.norm(vertices[faces[:, 0]] - vertices[faces[:, 1]], axis=1)
    assert edge.max() / edge.min() < 1.2
    with pytest.raises(ValueError, match="read-only"):
        vertices[0] = 0.0


def test_star_polyhedra_equal_naive_sums():
    vertices, faces = icosphere(2)
    radius = grid_radii(shells(3), 2)
    volume, area = star_volume_area(radius, vertices, faces)
    expected = np.array([naive.star_volume_area(row, vertices, faces) for row in radius])
    np.testing.assert_allclose(np.stack([volume, area], axis=1), expected, rtol=1e-12)


def ellipsoid_area(a, b, c):
    phi = np.arccos(c / a)
    m = a * a * (b * b - c * c) / (b * b * (a * a - c * c))
    inner = ellipeinc(phi, m) * np.sin(phi) ** 2 + ellipkinc(phi, m) * np.cos(phi) ** 2
    return 2 * np.pi * c * c + 2 * np.pi * a * b / np.sin(phi) * inner


def test_volume_and_area_of_an_ellipsoid_converge_with_the_square_of_the_edge():
    a, b, c = 2.0, 1.5, 1.0
    errors = []
    for level in (3, 4, 5):
        vertices, faces = icosphere(level)
        radius = 1 / np.sqrt(((vertices / [a, b, c]) ** 2).sum(axis=1))
        volume, area = star_volume_area(radius[None], vertices, faces)
        errors.append([1 - volume[0] / (4 / 3 * np.pi * a * b * c), 1 - area[0] / ellipsoid_area(a, b, c)])
    errors = np.array(errors)
    assert (errors > 0).all()  # corners on the surface of a convex body: always inside
    assert (errors[1] < [0.004, 0.002]).all()
    np.testing.assert_allclose(errors[:-1] / errors[1:], 4.0, atol=0.25)


def test_least_squares_returns_the_coefficients():
    coefficients = shells(4)
    radius = grid_radii(coefficients, 3)
    np.testing.assert_allclose(fit_coefficients(radius, icosphere(3)[0]), coefficients, atol=1e-12)
    np.testing.assert_allclose(fit_coefficients(radius[0], icosphere(3)[0]), coefficients[0], atol=1e-12)


def test_least_squares_is_the_projection_of_what_it_cannot_represent():
    grid = icosphere(3)[0]
    radius = 1 / np.sqrt(((grid / [1.4, 1.0, 0.8]) ** 2).sum(axis=1))
    rest = radius - real_harmonics(grid, 9) @ fit_coefficients(radius, grid)
    assert 1e-5 < np.abs(rest).max() < 2e-3
    np.testing.assert_allclose(real_harmonics(grid, 9).T @ rest, 0.0, atol=1e-10)


def test_order_and_degree_of_a_count():
    assert order_of(100) == 9
    assert degree_of(100)[[0, 1, 3, 4, 99]].tolist() == [0, 1, 1, 2, 9]
    assert (np.bincount(degree_of(10_000)) == 2 * np.arange(100) + 1).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: icosphere(-1), "level"),
        (lambda: icosphere(9), "found 9"),
        (lambda: order_of(99), "99"),
        (lambda: order_of(0), "square"),
        (lambda: fit_coefficients(np.ones(42), icosphere(1)[0]), "needs at least 100"),
        (lambda: fit_coefficients(np.full(642, np.nan), icosphere(3)[0]), "not finite"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(InputError, match=words):
        call()
