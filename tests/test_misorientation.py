import numpy as np
import pytest

from nmcfast.misorientation import (
    LAUE_GROUPS,
    laue_group,
    misorientation,
    multiply,
    quaternions,
    symmetry_operators,
)

ORDERS = [
    1,
    2,
    2,
    4,
    4,
    8,
    3,
    6,
    6,
    12,
    12,
    24,
]  # proper rotations of the Laue groups, International Tables A


def random_quaternions(count: int, seed: int) -> np.ndarray:
    q = np.random.default_rng(seed).normal(size=(count, 4))
    return q / np.linalg.norm(q, axis=1, keepdims=True)


def matrix_of(q: np.ndarray) -> np.ndarray:
    w, x, y, z = q
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def rotation(angle: float, axis: str) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array({"z": [[c, -s, 0], [s, c, 0], [0, 0, 1]], "x": [[1, 0, 0], [0, c, -s], [0, s, c]]}[axis])


@pytest.mark.parametrize(("laue", "order"), list(zip(LAUE_GROUPS, ORDERS, strict=True)))
@pytest.mark.parametrize("x_axis", ["a", "a*"])
def test_operators_form_a_group_of_the_right_order(laue: str, order: int, x_axis: str) -> None:
    operators = symmetry_operators(laue, x_axis)
    assert len(operators) == order
    products = multiply(operators[:, None], operators[None])
    assert np.abs((products[:, :, None] * operators).sum(-1)).max(-1).min() > 1 - 1e-9


def test_quaternion_is_the_product_of_bunge_rotations() -> None:
    phi1, phi, phi2 = 0.7, 1.1, 2.9
    expected = rotation(phi1, "z") @ rotation(phi, "x") @ rotation(phi2, "z")
    np.testing.assert_allclose(matrix_of(quaternions(np.array([[phi1, phi, phi2]]))[0]), expected, atol=1e-14)


@pytest.mark.parametrize("laue", LAUE_GROUPS)
def test_symmetrically_equal_crystals_have_no_misorientation(laue: str) -> None:
    operators = symmetry_operators(laue)
    q = random_quaternions(50, 1)
    turned = multiply(q, operators[np.arange(50) % len(operators)])  # symmetry acts on the crystal's side
    assert misorientation(q, turned, operators).max() < 1e-7


def test_misorientation_equals_brute_force_over_matrices() -> None:
    operators = symmetry_operators("-3m")
    first, second = random_quaternions(20, 2), random_quaternions(20, 3)
    for k, angle in enumerate(misorientation(first, second, operators)):
        difference = matrix_of(first[k]).T @ matrix_of(second[k])
        traces = [np.trace(difference @ matrix_of(operator)) for operator in operators]
        assert angle == pytest.approx(np.arccos((max(traces) - 1) / 2), abs=1e-9)


def test_it_does_not_depend_on_the_sample_frame() -> None:
    operators = symmetry_operators("m-3m")
    first, second, turn = (random_quaternions(30, seed) for seed in (4, 5, 6))
    before = misorientation(first, second, operators)
    np.testing.assert_allclose(
        misorientation(multiply(turn, first), multiply(turn, second), operators), before, atol=1e-7
    )


def test_largest_misorientation_of_cubic_crystals_is_62_8_degrees() -> None:
    """Mackenzie 1958: none above 62.8°; 20,000 random pairs come within 0.5° of it."""
    angles = misorientation(random_quaternions(20_000, 7), random_quaternions(20_000, 8), symmetry_operators("m-3m"))
    assert 62.3 < np.rad2deg(angles.max()) < 62.8 + 1e-2
    assert np.rad2deg(angles.mean()) == pytest.approx(40.74, abs=0.3)  # 40.74° known, standard error 0.08°


def test_two_fold_axes_of_trigonal_crystals_depend_on_the_vendor() -> None:
    """A half-turn about x is a symmetry with x ∥ a; with x ∥ a* its axis is 30° off: a turn of 60°."""
    untouched, half_turn = np.array([[1.0, 0, 0, 0]]), np.array([[0.0, 1, 0, 0]])
    assert misorientation(untouched, half_turn, symmetry_operators("-3m", "a"))[0] == pytest.approx(0, abs=1e-7)
    assert np.rad2deg(misorientation(untouched, half_turn, symmetry_operators("-3m", "a*"))[0]) == pytest.approx(60)


@pytest.mark.parametrize(
    ("name", "laue"),
    [("R-3m", "-3m"), ("32", "-3m"), ("m3m", "m-3m"), ("432", "m-3m"), (" 6mm", "6/mmm"), ("5", None)],
)
def test_point_groups_have_their_laue_group(name: str, laue: str | None) -> None:
    assert laue_group(name) == laue
