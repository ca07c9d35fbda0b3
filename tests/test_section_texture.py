"""nmcfast/ebsd/texture.py: orientations of grains on maps, and the texture that made them."""

from dataclasses import replace

import numpy as np
import pytest

from nmcfast.ebsd import segment_grains
from nmcfast.ebsd.map import EbsdMap
from nmcfast.ebsd.texture import fit_section_texture, grain_orientations
from nmcfast.ebsd.write import simulate_map
from nmcfast.errors import InputError
from nmcfast.export.orientations import bunge_angles
from nmcfast.misorientation import misorientation, multiply, symmetry_operators
from nmcfast.sections.grain_map import GrainMap
from nmcfast.texture import Texture, draw_orientations

PIXEL, SIZE = 0.05, 220
FIBRE = Texture("radial fibre", 70.0, 40.0)


def section(seed: int, grains: int = 150, grid: str = "square") -> tuple[EbsdMap, GrainMap, np.ndarray]:
    """A map of Voronoi grains in a disc, their texture about its centre, and the orientations of its labels."""
    rng = np.random.default_rng(seed)
    seeds = rng.random((grains, 2)) * SIZE
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    labels = ((x[..., None] - seeds[:, 0]) ** 2 + (y[..., None] - seeds[:, 1]) ** 2).argmin(axis=-1) + 1
    labels[np.hypot(x - SIZE / 2, y - SIZE / 2) > 0.45 * SIZE] = 0
    place = np.column_stack([(seeds - SIZE / 2) * PIXEL, np.zeros(grains)]).astype(np.float32).astype(float)
    true = draw_orientations(FIBRE, seed, 0, place)
    m = simulate_map(labels, PIXEL, rng, grid=grid)  # type: ignore[arg-type]
    pixel = (m.y / PIXEL).astype(int), (m.x / PIXEL).astype(int)
    angles = bunge_angles(np.concatenate([true[:1], true]))[labels[pixel]]
    m = replace(m, euler=np.where(m.indexed[:, None], angles, m.euler))
    return m, segment_grains(m), true[labels[pixel] - 1]


@pytest.mark.parametrize("grid", ["square", "hexagonal"])
def test_each_grain_gets_the_orientation_of_its_points(grid: str) -> None:
    m, grains, by_point = section(3, grid=grid)
    found = grain_orientations(m, grains)
    assert found.label.tolist() == list(range(1, grains.grains + 1))
    column, row = (((v - o) / grains.pixel_size).astype(int) for v, o in zip((m.x, m.y), grains.origin, strict=True))
    for label, q in zip(found.label, found.orientation, strict=True):
        of_grain = by_point[(grains.labels[row, column] == label) & m.indexed]
        apart = misorientation(np.broadcast_to(q, of_grain.shape), of_grain, symmetry_operators("-3m"))
        assert np.median(apart) < 1e-3  # rad; lengths of 1 to float32 only
    assert np.abs(found.position).max() < 0.46 * SIZE * PIXEL and not found.position[:, 2].any()


def test_the_texture_of_sections_comes_back() -> None:
    """About 440 grains of four sections: expected errors are 1° of the angle and 7 % of κ; centroids are not seeds."""
    maps = [section(seed) for seed in range(4)]
    texture, count = fit_section_texture([(m, grains) for m, grains, _ in maps])
    assert 350 < count < 500
    assert texture.angle == pytest.approx(70, abs=3)
    assert texture.concentration == pytest.approx(40, rel=0.25)


def test_another_frame_of_the_euler_angles_is_turned_back() -> None:
    m, grains, _ = section(5)
    turn = np.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)])  # a quarter turn about z
    other = multiply(turn * [1, -1, -1, -1], grain_orientations(m, grains).orientation)
    turned = replace(m, euler=np.where(m.indexed[:, None], m.euler - [np.pi / 2, 0, 0], m.euler))
    assert np.abs((grain_orientations(turned, grains).orientation * other).sum(axis=1)).min() > 1 - 1e-9
    again, _ = fit_section_texture([(turned, grains)], turn)
    wrong, _ = fit_section_texture([(turned, grains)])
    right, _ = fit_section_texture([(m, grains)])
    assert (again.angle, again.concentration) == pytest.approx((right.angle, right.concentration), rel=1e-5)
    assert wrong.concentration < right.concentration / 3


def test_a_map_of_few_grains_is_refused() -> None:
    m, grains, _ = section(1, grains=12)
    with pytest.raises(InputError, match="expected 20 or more"):
        fit_section_texture([(m, grains)])
