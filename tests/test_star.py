"""kernels/shells/star.py with a coarse table: a ball on a grid."""

import numpy as np

from nmcfast.kernels.shells import star


def test_a_ball_is_cut_out_of_a_grid_as_its_definition_says() -> None:
    count, radius, size, edge = 4, 2.3, 0.5, 4
    points, coefficients = np.empty((6 * (count + 1) ** 2, 3)), np.zeros(100)
    star.directions(count, points)
    corners = (points / np.linalg.norm(points, axis=1)[:, None]).reshape(6, count + 1, count + 1, 3)
    table, coefficients[0] = np.full((6, count + 1, count + 1), radius), radius * np.sqrt(4.0 * np.pi)
    origin, labels = np.array([-3.1, -3.0, -2.9]), np.ones((12, 13, 12), np.uint16)
    rim, near = np.zeros((3, 4, 3), bool), np.empty((3, 4, 3), bool)
    star.surface_blocks(table, 0.2, corners, origin, size, labels.shape, edge, rim)
    star.inner_blocks(table, origin, size, edge, rim, near)
    star.clip(labels, near, rim, edge, table, 0.2, coefficients, origin, size)
    z, y, x = ((np.arange(n) + 0.5) * size + o for n, o in zip(labels.shape, origin[::-1], strict=True))
    far = np.sqrt(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2)
    np.testing.assert_array_equal(labels == 1, far <= radius)
