"""Grids whose coordinates were rounded for print are regular; grids that are not stay refused."""

from pathlib import Path

import numpy as np
import pytest

from nmcfast.ebsd.grid import Grid, half_digits, infer_grid
from nmcfast.ebsd.notes import Rows
from nmcfast.errors import InputError

ROWS = Rows(Path("m.ang"))


def lay(step: float, columns: int, rows: int, hexagonal: bool, offset: tuple[float, float], shifted: int = 1):
    """Exact coordinates, row and column of a grid; shifted rows of a hexagonal one have a point less."""
    row, column = (index.ravel() for index in np.indices((rows, columns)))
    if hexagonal:
        kept = (row % 2 != shifted) | (column < columns - 1)
        row, column = row[kept], column[kept]
    x = offset[0] + step * (column + 0.5 * hexagonal * (row % 2 == shifted))
    return x, offset[1] + step * (np.sqrt(3) / 2 if hexagonal else 1.0) * row, row, column


def random_case(k: int):
    """A grid and the decimals it is printed with, at most half a step coarse in a digit."""
    rng = np.random.default_rng([7, k])
    step = float(np.round(10 ** rng.uniform(-2.5, 1.5), rng.integers(2, 12))) or 0.01
    finest = int(np.ceil(-np.log10(0.45 * step)))
    decimals = int(max(finest, 0) + rng.integers(0, 4))
    columns, rows = int(rng.integers(2, 900)), int(rng.integers(2, 12))
    offset = tuple(rng.uniform(-1, 1, 2) * 10 ** rng.uniform(-1, 3))
    return step, decimals, columns, rows, bool(k % 2), offset, int(rng.integers(2))


def printed(values: np.ndarray, decimals: int) -> np.ndarray:
    return np.array([float(f"{value:.{decimals}f}") for value in values])


@pytest.mark.parametrize("said", [True, False], ids=["header", "no header"])
@pytest.mark.parametrize("block", range(10))
def test_two_hundred_rounded_grids_are_found(block: int, said: bool) -> None:
    for k in range(20 * block, 20 * block + 20):
        step, decimals, columns, rows, hexagonal, offset, shifted = random_case(k)
        x, y, row, column = lay(step, max(columns, 3), rows, hexagonal, offset, shifted)
        x, y = printed(x, decimals), printed(y, decimals)
        dy = step * (np.sqrt(3) / 2 if hexagonal else 1.0)
        grid = infer_grid(x, y, ROWS, (step, dy) if said else (None, None))
        assert (grid.kind, grid.shifted) == (("hexagonal", shifted) if hexagonal else ("square", -1)), k
        np.testing.assert_array_equal(grid.row, row, err_msg=str(k))
        np.testing.assert_array_equal(grid.column, column, err_msg=str(k))
        digit = 10.0**-decimals
        assert grid.step == (step, dy) if said else abs(grid.step[0] - step) <= 2 * digit / max(columns, 3), k
        assert abs(grid.step[1] - dy) <= 2 * digit / rows, k


@pytest.mark.parametrize(
    ("step", "columns", "decimals"),
    [(0.0234567891, 400, 4), (1 / 30, 800, 4), (1 / 30, 800, 2), (0.0625, 500, 3), (0.0625, 500, 2), (0.3, 1000, 1)],
)
@pytest.mark.parametrize("wrong", [None, 0.02345, 1.0])
def test_steps_from_public_reports_are_fitted(step: float, columns: int, decimals: int, wrong: float | None) -> None:
    x, y, _, column = lay(step, columns, 3, False, (0.0, 0.0))
    grid = infer_grid(printed(x, decimals), printed(y, decimals), ROWS, (wrong, wrong))
    np.testing.assert_array_equal(grid.column, column)
    assert abs(grid.step[0] - step) < 10.0**-decimals / columns


@pytest.mark.parametrize(("step", "columns"), [(0.0234567891, 4000), (0.1, 2000), (1 / 30, 900)])
def test_five_significant_digits_are_coarser_far_out(step: float, columns: int) -> None:
    x, y, _, column = lay(step, columns, 3, False, (0.0, 0.0))
    x, y = (np.array([float(f"{value:.5g}") for value in v]) for v in (x, y))
    grid = infer_grid(x, y, ROWS, (step, step))
    np.testing.assert_array_equal(grid.column, column)
    assert grid.step == (step, step)


def test_half_a_printed_digit_is_that_of_decimals_or_of_significant_digits() -> None:
    np.testing.assert_allclose(half_digits(np.array([0.0, 0.0235, 9.3593])), 5e-5)
    np.testing.assert_allclose(half_digits(np.array([0.023457, 9.3593, 123.46])), [5e-7, 5e-5, 5e-3])
    assert (half_digits(np.array([0.1, 1 / 3])) == 0).all()


@pytest.mark.parametrize("k", range(40))
def test_holes_of_a_rounded_grid_do_not_move_what_is_behind_them(k: int) -> None:
    rng = np.random.default_rng([8, k])
    x, y, row, column = lay(0.0234567891, 300, 12, bool(k % 2), (0.0, 0.0))
    kept = ~((column > 50) & (column < 50 + rng.integers(2, 200)) & (row > 2) & (row < 9)) & (rng.random(len(x)) < 0.9)
    grid = infer_grid(printed(x, 4)[kept], printed(y, 4)[kept], ROWS)
    np.testing.assert_array_equal(grid.column - grid.column.min(), (column - column[kept].min())[kept])


def irregular(kind: str, rng: np.random.Generator):
    """Coordinates of no grid, printed with five decimals."""
    x, y, row, column = lay(0.1, 60, 20, kind.endswith("hexagonal"), (0.0, 0.0))
    if kind.startswith("jitter"):
        x = x + rng.uniform(-0.008, 0.008, len(x))
    elif kind.startswith("wider"):
        x = np.where(column >= 30, x + 0.012 * (column - 29), x)
    elif kind.startswith("gap"):
        x = np.where(column >= 30, x + 0.035, x)
    elif kind.startswith("sheared"):
        x = x + 0.017 * row
    elif kind.startswith("turned"):
        x, y = x * np.cos(0.3) - y * np.sin(0.3), x * np.sin(0.3) + y * np.cos(0.3)
    elif kind.startswith("one point"):
        x[rng.integers(len(x))] += 0.02
    elif kind.startswith("rows"):
        y = np.where(row >= 10, y + 0.03, y)
    elif kind.startswith("scattered"):
        x, y = rng.uniform(0, 6, len(x)), rng.uniform(0, 2, len(x))
    return printed(x, 5), printed(y, 5)


KINDS = ("jitter", "wider", "gap", "sheared", "turned", "one point", "rows", "scattered")


@pytest.mark.parametrize("kind", [*KINDS, *(f"{kind} hexagonal" for kind in KINDS)])
def test_irregular_grids_stay_refused(kind: str) -> None:
    for seed in range(5):
        x, y = irregular(kind, np.random.default_rng(seed))
        with pytest.raises(InputError, match=r"m\.ang, line \d+: "):
            infer_grid(x, y, ROWS)


def test_the_header_is_taken_only_where_every_coordinate_agrees() -> None:
    x, y, *_ = lay(0.05, 500, 4, False, (0.0, 0.0))
    near = infer_grid(printed(x, 5), printed(y, 5), ROWS, (0.051, 0.05))
    assert isinstance(near, Grid) and near.step == (pytest.approx(0.05, rel=1e-9), 0.05)
