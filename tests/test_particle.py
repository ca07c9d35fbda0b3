"""nmcfast/particle.py: voxels and sections of a particle from its analytic grains, at any resolution."""

import numpy as np
import pytest
from naive_particle import distance

from nmcfast import generate_particle, load_model
from nmcfast.errors import InputError
from nmcfast.generate import _grow
from nmcfast.particle import Particle, Volume
from nmcfast.surface import Surface

MODEL = load_model("nmc811")
PARTICLE, FOUND = _grow(MODEL, 5, 1, Surface.of("grains"))
ON_GRID = FOUND.volume


def points_of(volume):
    z, y, x = np.indices(volume.labels.shape)
    return (np.stack([x, y, z], axis=-1) + 0.5) * volume.voxel_size + volume.origin


def test_voxels_on_the_model_grid_are_those_of_the_overlay():
    volume = PARTICLE.voxelize(MODEL.grains.pixel_um)
    assert np.array_equal(volume.labels, ON_GRID.labels)
    assert np.allclose(volume.origin, ON_GRID.origin, atol=1e-12)
    counts = np.bincount(volume.labels.ravel(), minlength=len(PARTICLE.grains) + 1)[1:]
    assert np.allclose(counts * volume.voxel_size**3, PARTICLE.grains.volume, rtol=1e-6)


@pytest.mark.parametrize("size", [0.021, 0.05, 0.11, 0.4])
def test_voxels_of_any_size_are_the_argmin_over_all_seeds_around(size):
    volume = PARTICLE.voxelize(size)
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, volume.labels.shape, (3000, 3))
    points = (chosen[:, ::-1] + 0.5) * size + volume.origin
    grains, halo = PARTICLE.grains, PARTICLE.halo
    d = np.hstack([distance(s.position, s.metric, s.offset, points) for s in (grains, halo)])
    order = np.argsort(d, axis=1)[:, :2]
    clear = np.diff(np.take_along_axis(d, order, axis=1), axis=1)[:, 0] > 1e-5
    wanted = np.where(order[:, 0] < len(grains), order[:, 0] + 1, 0)
    assert clear.mean() > 0.99
    assert np.array_equal(volume.labels[tuple(chosen.T)][clear], wanted[clear])


def test_the_box_is_tight_and_lies_on_the_grid():
    volume = PARTICLE.voxelize(0.07)
    assert volume.labels.dtype == np.uint16
    assert np.allclose(volume.origin / 0.07, np.rint(volume.origin / 0.07))
    for axis in range(3):
        assert volume.labels.take(0, axis).any() and volume.labels.take(-1, axis).any()


def test_volume_converges_with_the_voxel_size():
    coarse, fine = (np.count_nonzero(PARTICLE.voxelize(h).labels) * h**3 for h in (0.1, 0.025))
    assert coarse == pytest.approx(fine, rel=0.01)


def test_a_section_is_the_plane_of_the_volume():
    volume = PARTICLE.voxelize(0.05)
    k = volume.labels.shape[0] // 2
    section = PARTICLE.section(height=float(volume.origin[2]) + (k + 0.5) * 0.05, pixel_size=0.05)
    dx, dy = np.rint((volume.origin[:2] - section.origin) / 0.05).astype(int)
    ny, nx = volume.labels.shape[1:]
    part = section.labels[dy : dy + ny, dx : dx + nx]
    # heights are rounded differently: a voxel within 10⁻¹² of a boundary may change sides
    assert np.mean(part != volume.labels[k]) < 1e-4
    assert np.count_nonzero(section.labels) == np.count_nonzero(part)


def test_a_section_beside_the_particle_is_empty():
    assert not PARTICLE.section(height=1e3).labels.any()


def test_two_threads_give_the_same_voxels():
    assert np.array_equal(PARTICLE.voxelize(0.04).labels, PARTICLE.voxelize(0.04, threads=2).labels)


@pytest.mark.parametrize("size", [0.0, -0.05, float("nan"), float("inf")])
def test_a_voxel_size_must_be_positive(size):
    with pytest.raises(InputError, match="voxel_size: found"):
        PARTICLE.voxelize(size)


def test_a_volume_that_does_not_fit_is_refused_with_its_size():
    with pytest.raises(InputError, match=r"voxel_size: 1e-05 µm needs .* GiB .* are free; use .* or more"):
        PARTICLE.voxelize(1e-5)


def test_a_record_gives_the_same_particle_back():
    record = PARTICLE.to_record(ON_GRID, ON_GRID.voxel_size)
    again = Particle.from_record(record, norm="unsquared", surface=Surface.of("grains"))
    for name in ("position", "diagonal", "offset", "angle", "centroid", "volume", "metric", "components"):
        assert np.array_equal(getattr(again.grains, name), getattr(PARTICLE.grains, name))
    assert np.array_equal(again.voxelize(0.05).labels, ON_GRID.labels)
    assert np.array_equal(again.shell.coefficients, PARTICLE.shell.coefficients)


def test_stored_values_lose_nothing_in_float32():
    grains = PARTICLE.grains
    for name in ("position", "diagonal", "offset", "angle", "centroid", "volume"):
        values = getattr(grains, name)
        assert np.array_equal(values.astype(np.float32).astype(float), values)
    coefficients = PARTICLE.shell.coefficients
    assert np.array_equal(coefficients.astype(np.float32).astype(float), coefficients)


def test_the_same_seed_and_index_give_the_same_particle_and_others_another():
    again = generate_particle(MODEL, seed=5, index=1, surface="grains", threads=2)
    assert np.array_equal(again.grains.position, PARTICLE.grains.position)
    assert np.array_equal(again.grains.volume, PARTICLE.grains.volume)
    other = generate_particle(MODEL, seed=6, index=1)
    assert other.shell.coefficients[0] != PARTICLE.shell.coefficients[0]


@pytest.mark.parametrize(("seed", "index"), [(-1, 0), (2**64, 0), (0, -1)])
def test_seed_and_index_out_of_range(seed, index):
    with pytest.raises(InputError, match="expected a whole number from 0"):
        generate_particle(MODEL, seed=seed, index=index)


def test_parts_of_disconnected_grains_can_be_split_or_dropped():
    labels = np.zeros((3, 4, 7), np.uint16)
    labels[1, 1:3, 1:3], labels[1, 1, 5], labels[2, 3, 6], labels[0, 0, 0:2] = 1, 1, 1, 2
    volume = Volume(labels, np.zeros(3), 0.05)
    apart, owner = volume.split()
    assert owner.tolist() == [1, 2, 1, 1]
    assert np.bincount(apart.labels.ravel()).tolist()[1:] == [4, 2, 1, 1]
    assert np.array_equal(np.concatenate([[0], owner])[apart.labels], labels)
    whole, lost = volume.largest_parts()
    assert lost == 2 and np.bincount(whole.labels.ravel()).tolist()[1:] == [4, 2]


def test_parts_of_a_particle_are_those_its_table_counts():
    _, owner = ON_GRID.split()
    assert np.array_equal(np.bincount(owner)[1:], PARTICLE.grains.components)
    whole, lost = ON_GRID.largest_parts()
    assert lost == np.count_nonzero(ON_GRID.labels) - np.count_nonzero(whole.labels) > 0
    assert whole.split()[1].tolist() == list(range(1, len(PARTICLE.grains) + 1))
