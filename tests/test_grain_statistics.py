"""nmcfast/grain_statistics.py against bodies of known shape."""

import numpy as np
import pytest

from nmcfast import descriptors, generate_particle, load_model
from nmcfast.errors import InputError
from nmcfast.grain_statistics import crofton_areas


def ellipsoid(half_axes, axis, centre, size=64):
    """Voxels of an ellipsoid whose first half axis points along `axis`."""
    z, y, x = np.indices((size,) * 3) + 0.5
    points = np.stack([x, y, z], axis=-1) - centre
    frame, _ = np.linalg.qr(np.column_stack([axis, [1.0, 0.3, 0.2], [0.1, 1.0, -0.4]]))
    return ((points @ frame / half_axes) ** 2).sum(axis=-1) <= 1.0


def test_an_ellipsoid_gives_its_axes_back():
    axis = np.array([1.0, 2.0, 2.0]) / 3.0
    centre = np.array([32.3, 30.1, 33.7])
    body = ellipsoid((22.0, 11.0, 11.0), axis, centre).astype(np.uint16)
    found = descriptors.measure_volume(body, 0.05, np.zeros(3))
    # 11,000 voxels: the volume of a digital body is off by less than 1 %, the axes by less than 2 %
    assert found.volume[0] == pytest.approx(4 / 3 * np.pi * 22 * 11 * 11 * 0.05**3, rel=0.01)
    assert found.elongation[0] == pytest.approx(2.0, rel=0.02)
    assert abs(found.axis[0] @ axis) == pytest.approx(1.0, abs=1e-4)
    assert found.centroid[0] == pytest.approx(centre * 0.05, abs=0.005)
    assert found.variance[0, 0] == pytest.approx((22 * 0.05) ** 2 / 5, rel=0.02)


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2, np.pi / 2])
def test_the_angle_to_the_radius(angle):
    body = ellipsoid((20.0, 6.0, 6.0), np.array([1.0, 0.0, 0.0]), np.array([32.0, 32.0, 32.0]))
    away = 5.0 * np.array([np.cos(angle), np.sin(angle), 0.0])  # where the grain lies, seen from the particle's centre
    found = descriptors.measure_volume(body.astype(int), 0.05, away - 32.0 * 0.05)
    assert found.angle[0] == pytest.approx(angle, abs=0.01)


def test_neighbours_and_surface_of_boxes():
    labels = np.zeros((4, 4, 6), int)
    labels[1:3, 1:3, 0:3], labels[1:3, 1:3, 3:5], labels[0, 0, 0] = 1, 5, 7
    found = descriptors.measure_volume(labels, 0.5, np.zeros(3))
    assert found.label.tolist() == [1, 5, 7]
    assert found.neighbours.tolist() == [1, 1, 0]
    assert found.voxel_surface.tolist() == [32 * 0.25, 24 * 0.25, 6 * 0.25]


def test_surfaces_of_balls_and_of_a_grain_cut_in_two_have_no_bias():
    """Crofton: balls of 6 to 12 voxels within 3 %, where voxel faces are 1.5 times too many; a cut counts twice."""
    rng = np.random.default_rng(3)
    for radius in (6.0, 8.5, 12.0):
        centre = 15.0 + rng.random(3)
        ball = ((np.stack(np.indices((31,) * 3)[::-1], axis=-1) + 0.5 - centre) ** 2).sum(axis=-1) <= radius**2
        found = descriptors.measure_volume(ball.astype(np.uint16), 0.1, np.zeros(3))
        area = 4.0 * np.pi * radius**2 * 0.01
        assert found.surface[0] == pytest.approx(area, rel=0.03)
        assert found.voxel_surface[0] == pytest.approx(1.5 * area, rel=0.04)
        halves = ball * (1 + (np.indices(ball.shape)[2] >= 15))
        cut = descriptors.measure_volume(halves.astype(np.uint16), 0.1, np.zeros(3))
        disc = np.pi * (radius**2 - (15.0 - centre[0]) ** 2) * 0.01
        assert cut.surface.sum() == pytest.approx(area + 2.0 * disc, rel=0.06)


@pytest.mark.parametrize(
    ("normal", "area", "share"),
    [((1, 0, 0), 1.0, 0.927), ((1, 1, 0), np.sqrt(2.0), 0.933), ((1, 1, 1), 0.75 * np.sqrt(3.0), 0.961)],
)
def test_planes_are_as_much_too_small_as_is_said(normal, area, share):
    """A cube cut through its middle: what two halves have more than the whole is the cut, twice (rim: 1/n)."""

    def found(n):
        z, y, x = np.indices((n, n, n)) - (0.5 * n - 0.6)
        upper = np.stack([x, y, z], axis=-1) @ np.array(normal) > 0.0
        whole, halves = crofton_areas(np.ones_like(upper, int), 1.0), crofton_areas(1 + upper, 1.0)
        return (halves.sum() - whole.sum()) / (2.0 * area * n**2)

    assert 2.0 * found(80) - found(40) == pytest.approx(share, abs=0.002)


def test_the_grains_of_a_particle_are_those_of_its_table():
    particle = generate_particle(load_model("nmc811"), seed=5, index=1)
    volume = particle.voxelize(0.05)
    found = descriptors.measure_volume(volume.labels, volume.voxel_size, volume.origin)
    assert np.array_equal(found.label, np.arange(1, len(particle.grains) + 1))
    assert np.allclose(found.centroid, particle.grains.centroid, atol=1e-5)
    assert np.allclose(found.volume, particle.grains.volume, rtol=1e-6)
    # the default model's grains stand along the radius: a random direction would have a mean angle of 1 rad
    assert np.nanmean(found.angle) < 0.7 and np.median(found.elongation) > 1.6


def test_labels_must_be_a_volume():
    with pytest.raises(InputError, match="three dimensions"):
        descriptors.measure_volume(np.zeros((3, 3), int), 0.05, np.zeros(3))
