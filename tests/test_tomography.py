"""From CT files to labelled, cleaned, star-shaped particles, section 2.1, Eqs. (1), (3)."""

import sys
from pathlib import Path

import h5py
import naive_harmonics as naive
import numpy as np
import pytest
import tifffile
import zarr

from nmcfast.calibration.shells import tomography
from nmcfast.calibration.shells.parting import part_particles
from nmcfast.calibration.shells.phantom import voxelize_shell
from nmcfast.calibration.shells.star_shapes import restored, smoothing_share, star_radius, star_shapes
from nmcfast.calibration.volumes.read import open_volume
from nmcfast.errors import InputError, MissingExtraError
from nmcfast.memory import available_memory
from nmcfast.shells.harmonics import icosphere
from nmcfast.shells.shell import Shell

CT = Path(__file__).parents[2] / "shared" / "data" / "ct" / "nmc-1-cal_generatedCBD_bridge.tif"


def ball(shape, centre, radius, axes=(1.0, 1.0, 1.0)):
    """Voxels of an ellipsoid; centre and axes z, y, x."""
    grid = np.indices(shape, dtype=float)
    return sum(((grid[i] - centre[i]) / (radius * axes[i])) ** 2 for i in range(3)) <= 1.0


# Reading


def read_volume(path):
    return open_volume(path).values


@pytest.fixture
def volume():
    return np.random.default_rng(0).integers(0, 200, (7, 9, 11)).astype(np.uint8)


def written(folder, volume):
    """The same volume in every form that can be read."""
    tifffile.imwrite(folder / "stack.tif", volume)
    (folder / "slices").mkdir()
    for k, page in enumerate(volume):
        tifffile.imwrite(folder / "slices" / f"slice_{k:03d}.tiff", page)
    with h5py.File(folder / "volume.h5", "w") as file:
        file["scan/grey"] = volume
        file["scan/mask"] = volume > 100
    with h5py.File(folder / "one.hdf5", "w") as file:
        file["data"] = volume
    zarr.create_array(folder / "array.zarr", data=volume)
    zarr.open_group(folder / "group.zarr", mode="w").create_array("grey", data=volume)
    forms = ["stack.tif", "slices", "volume.h5:/scan/grey", "one.hdf5", "array.zarr", "group.zarr"]
    return [f"{folder}/{form}" for form in [*forms, "group.zarr:/grey"]]


def test_every_form_reads_the_same_volume(tmp_path, volume):
    for path in written(tmp_path, volume):
        found = read_volume(path)
        assert found.dtype == np.uint8, path
        np.testing.assert_array_equal(found, volume, err_msg=path)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("flat.tif", np.arange(12, dtype=np.uint8).reshape(3, 4), "found 2 dimensions"),
        ("constant.tif", np.full((3, 4, 5), 7, np.uint8), "found the value 7 everywhere"),
        ("nan.tif", np.full((3, 4, 5), np.nan, np.float32), "not finite"),
        ("complex.tif", np.ones((3, 4, 5), np.complex64), "type complex64"),
    ],
)
def test_volumes_that_are_none_are_refused(tmp_path, name, values, words):
    tifffile.imwrite(tmp_path / name, values, photometric="minisblack")
    with pytest.raises(InputError, match=f"{name}: .*{words}"):
        read_volume(tmp_path / name)


def test_missing_empty_and_broken_files_are_refused(tmp_path, volume):
    with pytest.raises(InputError, match="no such file"):
        read_volume(tmp_path / "absent.tif")
    (tmp_path / "empty.tif").write_bytes(b"")
    (tmp_path / "text.h5").write_text("not HDF5")
    tifffile.imwrite(tmp_path / "whole.tif", volume)
    (tmp_path / "cut.tif").write_bytes((tmp_path / "whole.tif").read_bytes()[:300])
    (tmp_path / "nothing").mkdir()
    for name in ("empty.tif", "text.h5", "cut.tif", "nothing"):
        with pytest.raises(InputError, match=rf"{name}: .*(cannot be read|found)") as caught:
            read_volume(tmp_path / name)
        assert "\n" not in str(caught.value)
    with h5py.File(tmp_path / "none.h5", "w") as file:
        file["data"] = np.empty((0, 4, 5), np.uint8)
    with pytest.raises(InputError, match="empty shape"):
        read_volume(f"{tmp_path}/none.h5")


def test_an_ambiguous_container_lists_its_arrays(tmp_path, volume):
    path = written(tmp_path, volume)[2].split(":")[0]
    with pytest.raises(InputError, match="scan/grey, scan/mask; name one as"):
        read_volume(path)
    with pytest.raises(InputError, match="scan/grey"):
        read_volume(path + ":/scan/gray")


def test_a_volume_too_large_for_memory_is_refused_before_it_is_read(tmp_path):
    zarr.create_array(tmp_path / "huge.zarr", shape=(100_000,) * 3, chunks=(512,) * 3, dtype="u1")
    with pytest.raises(InputError, match=r"need about \d+\.0 GB of memory, .* GB are free; crop"):
        read_volume(tmp_path / "huge.zarr")


def test_missing_libraries_name_the_extra(tmp_path, volume, monkeypatch):
    paths = written(tmp_path, volume)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(MissingExtraError, match=r"nmcfast\[imaging\]"):
        read_volume(paths[0])


# Segmentation


def test_touching_balls_are_parted_and_a_long_ellipsoid_is_not():
    shape = (60, 60, 110)
    mask = ball(shape, (30, 30, 28), 16.0) | ball(shape, (30, 30, 56), 16.0)  # neck of 7.7 against 16
    mask |= ball(shape, (30, 30, 92), 8.0, (3.0, 1.2, 1.0))
    labels = part_particles(mask)
    assert labels.max() == 3
    assert (labels > 0).sum() == mask.sum()
    assert labels[30, 30, 28] != labels[30, 30, 56]
    assert labels[15, 30, 92] == labels[45, 30, 92]


@pytest.mark.parametrize(("distance", "parts"), [(6, 1), (20, 2)])
def test_the_neck_decides(distance, parts):
    # two balls of radius 16: the neck is √(16² − (d/2)²) = 0.98 or 0.78 of the body, the bound 0.9
    shape = (50, 50, 80)
    mask = ball(shape, (25, 25, 30), 16.0) | ball(shape, (25, 25, 30 + distance), 16.0)
    assert part_particles(mask).max() == parts


def test_the_rule_does_not_depend_on_size():
    for radius in (8, 16, 24):
        shape = (60, 60, 110)
        mask = ball(shape, (30, 30, 30), radius) | ball(shape, (30, 30, 30 + 1.5 * radius), radius)
        assert part_particles(mask).max() == 2, radius


def test_grey_values_are_smoothed_and_thresholded():
    shape = (50, 50, 50)
    body = ball(shape, (25, 25, 25), 14.0)
    grey = 100.0 + 40.0 * body + np.random.default_rng(1).normal(0, 20.0, shape)
    mask = tomography.foreground(grey)
    wrong = (mask != body).sum() / body.sum()
    assert wrong < 0.06
    assert (tomography.foreground(grey, sigma=0.0) != body).sum() / body.sum() > 0.5
    labels, counts = tomography.segment(grey)
    assert counts["particles"] == labels.max() == 1


@pytest.mark.parametrize("radius", [5.0, 9.0, 15.0])
def test_surface_area_of_a_ball_has_no_staircase(radius):
    size = int(2 * radius + 8)
    centre = np.array([size / 2 + 0.3, size / 2 - 0.2, size / 2])
    area = tomography.surface_area(ball((size,) * 3, centre, radius).astype(np.int32))[1]
    assert area == pytest.approx(4 * np.pi * radius**2, rel=0.02)


def test_surface_area_counts_every_label():
    labels = np.zeros((40, 40, 70), np.int32)
    labels[ball(labels.shape, (20, 20, 20), 12.0)] = 4
    labels[ball(labels.shape, (20, 20, 52), 12.0)] = 2
    area = tomography.surface_area(labels)
    assert area.shape == (5,)
    assert area[4] == area[2] > 0 == area[1] == area[3]


def cleaned(labels):
    return tomography.clean_labels(labels.astype(np.int32))


def test_disconnected_parts_become_particles():
    labels = np.zeros((40, 40, 80), int)
    labels[ball(labels.shape, (20, 20, 20), 10.0) | ball(labels.shape, (20, 20, 55), 10.0)] = 1
    found, counts = cleaned(labels)
    assert counts["split"] == 1
    assert found.max() == counts["particles"] == 2


def test_small_parts_join_the_neighbour_of_largest_contact_or_go():
    labels = np.zeros((50, 50, 60), int)
    labels[ball(labels.shape, (25, 25, 16), 10.0)] = 1
    labels[ball(labels.shape, (25, 25, 40), 11.0)] = 2
    labels[25, 25, 27:29] = 3  # two voxels between both, one face to each
    labels[25, 26, 28:30] = 3  # and two more that touch only the second
    labels[5, 5, 5:9] = 4  # four voxels alone
    assert labels[25, 26, 30] == labels[25, 25, 29] == 2
    assert labels[25, 26, 27] == 0
    found, counts = cleaned(labels)
    assert (counts["small"], counts["merged"], counts["dropped_alone"], counts["particles"]) == (2, 1, 1, 2)
    assert found[25, 25, 27] == found[25, 25, 40]
    assert found[5, 5, 6] == 0


def test_rough_parts_are_merged_and_what_stays_rough_goes():
    labels = np.zeros((50, 50, 60), int)
    labels[ball(labels.shape, (25, 25, 20), 12.0)] = 1
    labels[24, 8:43, 32:42] = 2  # a plate against the ball
    labels[5:7, 5:45, 40:55] = 3  # a plate alone: sphericity 0.43
    found, counts = cleaned(labels)
    assert counts["rough"] == 2
    assert counts["merged"] == counts["dropped_alone"] == 1
    assert found.max() == 1
    assert found[24, 20, 33] == 1


def test_two_small_parts_that_choose_each_other_are_counted_once():
    labels = np.zeros((20, 20, 20), int)
    labels[10, 10, 8:11], labels[10, 10, 11:14] = 1, 2
    found, counts = cleaned(labels)
    assert counts["merged"] == 2
    assert counts["dropped_after_merge"] == 1
    assert found.max() == 0


def test_particles_cut_by_the_border_are_dropped():
    labels = np.zeros((40, 40, 60), int)
    labels[ball(labels.shape, (20, 20, 8), 10.0)] = 1
    labels[ball(labels.shape, (20, 20, 40), 10.0)] = 2
    found, counts = cleaned(labels)
    assert counts["border"] == 1
    assert found.max() == 1
    assert found[20, 20, 40] == 1


def test_every_part_is_accounted_for():
    rng = np.random.default_rng(3)
    labels = np.zeros((80, 80, 80), int)
    for number in range(1, 60):
        labels[ball(labels.shape, rng.uniform(0, 80, 3), rng.uniform(1, 9), rng.uniform(0.3, 1, 3))] = number
    _, counts = cleaned(labels)
    parts = counts["basins"] + counts["split"]
    gone = counts["merged"] + counts["dropped_alone"] + counts["dropped_after_merge"] + counts["border"]
    assert parts - gone == counts["particles"]


def test_no_particle_left_and_absent_phase_are_refused():
    volume = np.zeros((30, 30, 30), np.uint8)
    volume[:, :, 10:20] = 2
    with pytest.raises(InputError, match="no whole particle is left"):
        tomography.segment(volume, phase=2)
    with pytest.raises(InputError, match="no voxel of phase 1, the volume holds 0, 2"):
        tomography.segment(volume, phase=1)
    with pytest.raises(InputError, match="sigma: found -1"):
        tomography.segment(volume, sigma=-1)


# Star shapes


def test_star_radius_equals_small_steps_along_the_ray():
    rng = np.random.default_rng(4)
    mask = ball((17, 19, 21), (8, 9, 10), 6.5, (1.0, 1.2, 0.8))
    mask &= rng.random(mask.shape) > 0.02  # holes: the first exit counts
    centre = np.array([10.2, 8.7, 8.1])
    mask[8, 9, 10] = True
    direction = rng.normal(size=(60, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    expected = [naive.star_radius(mask, centre, u) for u in direction]
    np.testing.assert_allclose(star_radius(mask, centre, direction), expected, atol=5.1e-3)


def test_star_radius_along_axes_edges_and_corners_of_a_cube():
    mask = np.zeros((11, 11, 11), bool)
    mask[3:8, 3:8, 3:8] = True
    direction = np.array([[1, 0, 0], [0, -1, 0], [0, 0, 1], [1, 1, 0], [-1, 1, 1.0]])
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    found = star_radius(mask, np.full(3, 5.0), direction)
    np.testing.assert_allclose(found, 2.5 * np.sqrt([1, 1, 1, 2, 3]), rtol=1e-12)


def test_a_centre_in_the_pore_has_radius_zero():
    assert (star_radius(np.zeros((5, 5, 5), bool), np.full(3, 2.0), icosphere(0)[0]) == 0).all()


def test_star_shape_of_balls_holds_their_volume():
    labels = np.zeros((60, 60, 130), np.int32)
    labels[ball(labels.shape, (30, 30, 30), 10.0)] = 1
    labels[ball(labels.shape, (30, 30, 90), 25.0)] = 3
    shapes = star_shapes(labels)
    assert shapes.label.tolist() == [1, 3]
    np.testing.assert_allclose(shapes.share, 1.0, atol=0.015)
    np.testing.assert_allclose(shapes.coefficients[:, 0] / np.sqrt(4 * np.pi), [10.0, 25.0], atol=0.12)
    assert np.abs(shapes.coefficients[:, 1:]).max() < 0.2  # the grid's staircase


def test_star_shape_loses_what_the_centre_cannot_see():
    labels = np.zeros((60, 60, 60), np.int32)
    body = ball(labels.shape, (30, 30, 30), 20.0)
    body[:, :, 38:41] &= np.indices((60, 60, 60))[1][:, :, 38:41] > 40  # a slit behind which volume hides
    labels[body] = 1
    share = star_shapes(labels).share[0]
    assert 0.8 < share < 0.97


@pytest.mark.parametrize("order", [2, 4, 6, 8])
def test_what_a_gaussian_takes_from_a_wave_is_known_and_restored(order):
    # 12 balls of 20 voxels with a random wave of one order, rms 0.34 voxel: the voxel grid scatters the amplitude of
    # one by 5 %, the mean over 12 by 1.5 %
    rng = np.random.default_rng(4)
    rows, power = slice(order**2, (order + 1) ** 2), np.zeros(3)
    for _ in range(12):
        coefficients = np.zeros(100)
        wave = rng.standard_normal(2 * order + 1)
        coefficients[0], coefficients[rows] = 20.0 * np.sqrt(4.0 * np.pi), 1.2 * wave / np.linalg.norm(wave)
        body = np.pad(voxelize_shell(Shell(coefficients), 1.0, rng.uniform(-0.5, 0.5, 3)), 8)
        smooth = tomography.ndimage.gaussian_filter(body.astype(np.float32), 1.8) > 0.5
        left = star_shapes(smooth.astype(np.int32))
        found = (star_shapes(body.astype(np.int32)), left, restored(left, 1.8)[0])
        power += [np.linalg.norm(shapes.coefficients[0, rows]) for shapes in found]
    assert power[1] / power[0] == pytest.approx(smoothing_share(order, 20.0, 1.8), abs=0.045)
    assert power[2] / power[0] == pytest.approx(1.0, abs=0.045)


def test_restoring_has_a_limit_and_keeps_the_centre():
    labels = np.zeros((30, 30, 30), np.int32)
    labels[ball(labels.shape, (15, 15, 15), 6.0, (1.3, 1.0, 0.9))] = 1
    before = star_shapes(labels)
    after, limited = restored(before, 1.8)
    assert limited == sum(2 * order + 1 for order in range(1, 10) if smoothing_share(order, 6.0, 1.8) < 0.5)
    assert (after.coefficients[:, :4] == before.coefficients[:, :4]).all()
    assert np.abs(after.coefficients / before.coefficients).max() <= 2.0


def test_each_particle_is_turned_by_its_own_seeded_rotation():
    labels = np.zeros((50, 50, 100), np.int32)
    for number, x in ((1, 25), (2, 75)):
        labels[ball(labels.shape, (25, 25, x), 14.0, (1.5, 1.0, 0.8))] = number
    one, again, other = star_shapes(labels, 1), star_shapes(labels, 1), star_shapes(labels, 2)
    assert (one.coefficients == again.coefficients).all()
    assert np.abs(one.coefficients - other.coefficients)[:, 4:9].max() > 0.5
    assert np.abs(one.coefficients[0] - one.coefficients[1])[4:9].max() > 0.5
    power = (one.coefficients[:, 4:9] ** 2).sum(axis=1)  # the power of an order does not turn
    np.testing.assert_allclose(power, power.mean(), rtol=0.02)


def test_shapes_without_their_centre_are_counted_or_refused():
    shell = ball((60, 60, 60), (30, 30, 30), 20.0) & ~ball((60, 60, 60), (30, 30, 30), 14.0)
    with pytest.raises(InputError, match="none is star-shaped"):
        star_shapes(shell.astype(np.int32))
    both = np.zeros((60, 60, 100), np.int32)
    both[:, :, :60][shell] = 1
    both[ball(both.shape, (30, 30, 80), 12.0)] = 2
    shapes = star_shapes(both)
    assert shapes.counts == {"centre_outside": 1, "radius": 0, "shapes": 1}
    assert shapes.label.tolist() == [2]


@pytest.mark.skipif(not CT.exists(), reason=f"real CT volume absent: {CT.name}")
def test_real_ct_has_the_published_size_and_sphericity():
    # a corner of the volume: 80 × 130 × 130 voxels, about 50 whole particles
    volume = read_volume(CT)[:80, :130, :130]
    labels, counts = tomography.segment(volume, phase=1)
    shapes = star_shapes(labels)
    assert counts["particles"] > 25
    assert shapes.share.mean() > 0.96
    equivalent = (0.75 / np.pi * shapes.volume) ** (1 / 3)
    assert equivalent.mean() == pytest.approx(10.53, abs=1.2)


def test_memory_that_is_free_is_known():
    assert 1e6 < available_memory() < 1e15
