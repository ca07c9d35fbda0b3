"""Reference architectures, Eq. (8) with known markers, and the statistics that compare architectures."""

import numpy as np
import pytest

from nmcfast.calibration.grains import reference, scores
from nmcfast.calibration.grains.reference import ISOTROPIC, PANCAKES, RADIAL_4


def cube(architecture, seed=0, edge=72, centre=(70.0, 0.0, 0.0)):
    rng = np.random.default_rng(seed)
    labels = reference.draw_cube(lambda x: architecture.markers(x, rng), architecture.mu, edge, centre, rng)
    return scores.cube_statistics(labels, centre, 14)


def test_grains_per_volume_are_the_seeds():
    """(72 − 28)³ px³ hold 153 seeds on average, standard error 12; grains without a voxel are few."""
    found = cube(ISOTROPIC)
    assert found["intensity"][0] == pytest.approx(ISOTROPIC.mu, rel=0.3)
    assert found["volume"].mean() == pytest.approx(1 / ISOTROPIC.mu, rel=0.2)
    assert 10 < found["neighbours"].mean() < 19  # Poisson–Voronoi has 15.5


def test_architectures_differ_as_their_names_say():
    isotropic, radial, pancakes = (cube(a) for a in (ISOTROPIC, RADIAL_4, PANCAKES))
    assert radial["elongation"].mean() > 1.4 * isotropic["elongation"].mean()
    assert radial["angle"].mean() < 0.35 < isotropic["angle"].mean()  # 1 rad is isotropic in 3D
    assert pancakes["angle"].mean() > 1.15


def test_sections_are_discs_and_repeat():
    labels = [
        reference.draw_section(lambda x, r=rng: RADIAL_4.markers(x, r), RADIAL_4.mu, 40, rng)
        for rng in (np.random.default_rng(3), np.random.default_rng(3))
    ]
    assert (labels[0] == labels[1]).all()
    assert labels[0].shape == (80, 80)
    assert (labels[0] > 0).sum() == pytest.approx(np.pi * 40**2, rel=0.01)


def test_room_is_as_expected_on_average():
    """The coupling must not move the mean of r: mean distance of the 12 nearest seeds, ± 1 %."""
    rng = np.random.default_rng(1)
    seen = []

    def markers(inputs):
        seen.append(np.linalg.norm(inputs.reshape(-1, 12, 5)[:, :, :3], axis=2).mean(1) * ISOTROPIC.mu ** (1 / 3))
        return ISOTROPIC.markers(inputs, rng)

    reference.sample(markers, ISOTROPIC.mu, np.full(3, -60.0), np.full(3, 60.0), rng)
    assert np.mean(seen[0]) == pytest.approx(reference.MEAN_DISTANCE, rel=0.01)


def test_statistics_of_known_pieces():
    """A cutout of vertical stripes 8 px wide at the far end: across the radius; horizontal ones lie along it."""
    stripes = np.repeat(np.arange(4), 8)[None, :].repeat(32, axis=0)
    found = scores.cutout_statistics(np.stack([stripes, stripes.T]), np.array([1e6, 1e6]))
    assert found["grains"].tolist() == [4, 4]
    assert (found["area"] == 256).all()
    assert found["elongation"] == pytest.approx(4.0)
    assert found["alpha"] == pytest.approx(np.array([np.pi / 2] * 4 + [0.0] * 4), abs=1e-4)
    assert sorted(set(found["chord"])) == [8, 32]


def test_cube_statistics_of_a_known_grain():
    """One 4 × 4 × 12 rod along x in a cube on the x axis: along the radius, 3 : 1, two neighbours' worth of others."""
    labels = np.zeros((40, 40, 40), np.int32)
    labels[18:22, 18:22, 14:26] = 1
    labels[:, :, 26:] = 2
    found = scores.cube_statistics(labels, (100.0, 0.0, 0.0), 13)
    assert found["volume"][-1] == 192 or 192 in found["volume"]
    rod = int(np.flatnonzero(found["volume"] == 192)[0])
    assert found["elongation"][rod] == pytest.approx(3.0)
    assert found["angle"][rod] == pytest.approx(0.0, abs=1e-6)
    assert found["neighbours"][rod] == 2


def test_distances_are_zero_for_the_same_and_grow_with_shift():
    a = {"x": np.arange(100.0)}
    assert scores.distances(a, a, ["x"]) == {"x": 0.0}
    assert scores.distances(a, {"x": a["x"] + 3}, ["x"]) == {"x": pytest.approx(3.0)}
