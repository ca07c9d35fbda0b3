"""Particles of CT volumes that were fitted in silence before: found, or refused with the option that decides."""

from itertools import pairwise
from pathlib import Path

import ct_toys as toys
import h5py
import numpy as np
import pytest
import tifffile
from scipy import ndimage

from nmcfast.calibration.shells import tomography
from nmcfast.calibration.shells.outlines import WORDS, figure_sections
from nmcfast.calibration.shells.particles import find_particles
from nmcfast.calibration.shells.parting import part_particles
from nmcfast.calibration.shells.star_shapes import star_shapes
from nmcfast.calibration.volumes import geometry, grey, kinds, phases, view
from nmcfast.calibration.volumes.bias import bias_of
from nmcfast.calibration.volumes.peaks import seen_peaks
from nmcfast.calibration.volumes.recognise import is_volume
from nmcfast.calibration.volumes.scan import scan
from nmcfast.calibration.volumes.solid import solid
from nmcfast.cli import main
from nmcfast.errors import InputError
from nmcfast.options import VolumeOptions
from nmcfast.shells.descriptors import shell_descriptors

CT = Path(__file__).parents[2] / "shared" / "data" / "ct" / "nmc-1-cal_generatedCBD_bridge.tif"
COUNT = 27


def written(folder, values, **options):
    tags = {"photometric": "minisblack", **options}
    tifffile.imwrite(folder / "ct.tif", np.ascontiguousarray(values), **tags)
    return folder / "ct.tif"


def found_in(folder, values, voxel_size=(0.128,), tags=None, **options):
    return find_particles(written(folder, values, **(tags or {})), voxel_size, VolumeOptions(**options))


def mask_of(folder, values, tags=None, **options):
    """The mask alone, without the watershed, and the notes."""
    chosen = VolumeOptions(**options)
    scanned = scan(written(folder, values, **(tags or {})), (0.128,), chosen)
    body = solid(scanned, chosen)
    return body.mask, " ".join(str(note) for note in (*scanned.notes, *body.notes))


def islands(mask):
    return ndimage.label(mask)[1]


def said(found):
    return " ".join(str(note) for note in found.notes)


def radii(found):
    return (0.75 / np.pi * tomography.sizes(found.labels)[1:]) ** (1 / 3)


def sphericity(found):
    return np.mean([shell_descriptors(row)["sphericity"] for row in star_shapes(found.labels).coefficients])


TRUE = (0.75 / np.pi * np.bincount(toys.ellipsoids().ravel())[1:]) ** (1 / 3)
SOLID = toys.ellipsoids() > 0


# The usual volume, and what Otsu does to it


def test_bias_of_otsu_is_stated_and_can_be_undone(tmp_path):
    values = toys.grey(toys.ellipsoids(), noise=1.0, blur=0.0)
    usual = found_in(tmp_path, values)
    unbiased = found_in(tmp_path, values, threshold="unbiased")
    error = (radii(usual) ** 3).sum() / (TRUE**3).sum() - 1
    assert 0.04 < error < 0.12 and usual.counts["particles"] == COUNT
    assert usual.facts["otsu"]["volume_bias"] == pytest.approx(error, abs=0.02)
    assert f"{100 * usual.facts['otsu']['volume_bias']:+.1f} % in volume" in said(usual)
    assert "--threshold unbiased" in said(usual)
    assert (radii(unbiased) ** 3).sum() / (TRUE**3).sum() == pytest.approx(1.0, abs=0.015)


@pytest.mark.parametrize(
    ("radius", "share", "sigma"), [(8.0, 0.1, 1.8), (8.0, 0.4, 1.8), (15.0, 0.2, 1.8), (8.0, 0.1, 3.0)]
)
def test_bias_equals_that_of_a_phantom(radius, share, sigma):
    size = round((4 / 3 * np.pi * radius**3 / share) ** (1 / 3))
    grid = np.indices((size,) * 3) - (size - 1) / 2
    body = np.clip(radius + 0.5 - np.sqrt((grid**2).sum(axis=0)), 0, 1)
    smooth = ndimage.gaussian_filter(body, sigma, mode="wrap")
    cut = grey.otsu(*np.histogram(smooth, 256))[0]
    seen = (0.75 / np.pi * (smooth > cut).sum()) ** (1 / 3)
    expected = (smooth > cut).sum() / body.sum() - 1
    assert bias_of(np.full(5, seen), (smooth > cut).mean(), sigma).volume == pytest.approx(expected, abs=0.06)


def test_without_smoothing_there_is_no_bias():
    assert bias_of(np.array([5.0]), 0.2, 0.0).volume == 0.0


@pytest.mark.parametrize(("threshold", "words"), [("high", "--threshold: found 'high'"), ("1e9", "no voxel beyond 1e")])
def test_thresholds_that_are_none_are_refused(tmp_path, threshold, words):
    with pytest.raises(InputError, match=words):
        mask_of(tmp_path, toys.bytes_of(), threshold=threshold)


def test_a_grey_value_may_be_the_threshold(tmp_path):
    body, notes = mask_of(tmp_path, toys.bytes_of(), threshold="120")
    np.testing.assert_array_equal(body, ndimage.gaussian_filter(toys.bytes_of(), 1.8, output=np.float32) > 120)
    assert "threshold 120" in notes


def test_slabs_are_the_volume_smoothed_in_one_piece():
    values = np.random.default_rng(0).normal(size=(75, 20, 20)).astype(np.float32)
    picture = grey.Grey(values, None, (-9.0, 9.0), 1.8)
    whole = np.concatenate([slab for _, slab in picture.smooth()])
    np.testing.assert_array_equal(whole, ndimage.gaussian_filter(values, 1.8))
    counts, _, kept = grey.histogram(picture)
    assert counts.sum() == values.size and (grey.above(picture, 0.0, []) == grey.above(picture, 0.0, kept)).all()


# Voxels that are no cubes


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_grey_values_become_cubes(tmp_path, axis):
    even, odd = (slice(None),) * axis + (slice(0, 80, 2),), (slice(None),) * axis + (slice(1, 80, 2),)
    half = (0.5 * toys.bytes_of()[even] + 0.5 * toys.bytes_of()[odd]).astype(np.uint8)
    sizes = tuple(0.256 if place == axis else 0.128 for place in range(3))
    found = found_in(tmp_path, half, sizes)
    assert found.counts["particles"] >= COUNT - 9  # the last voxel went: those at that end may be cut
    assert found.voxel_um == 0.128 and "resampled to cubes of 0.128 µm" in said(found)
    assert radii(found).mean() == pytest.approx(8.05, abs=0.15)
    assert sphericity(found) > 0.98


@pytest.mark.parametrize("options", [{"segmented": True}, {"instances": True}])
def test_masks_and_labels_become_cubes_without_stairs(tmp_path, options):
    values = toys.ellipsoids() if "instances" in options else SOLID.astype(np.uint8)
    found = found_in(tmp_path, values[1::2], (0.256, 0.128, 0.128), **options)
    assert found.counts["particles"] == COUNT
    assert radii(found).mean() == pytest.approx(TRUE.mean(), abs=0.12)
    assert sphericity(found) > 0.967
    stairs = found_in(tmp_path, np.repeat(values[1::2], 2, axis=0), **options)
    assert sphericity(found) > sphericity(stairs) + 0.002


def test_cubes_keep_a_linear_ramp_and_the_box():
    ramp = np.arange(20.0)[:, None, None] * np.ones((20, 3, 3))
    fine = geometry.cubes(ramp, (40, 3, 3))[4:-4, 0, 0]
    np.testing.assert_allclose(fine, (np.arange(4, 36) + 0.5) / 2 - 0.5, atol=1e-5)


@pytest.mark.parametrize("size", [128.0, 1.28e-7, 0.003, 40.0])
def test_particles_of_another_order_are_refused_unless_asked_for(tmp_path, size):
    values = SOLID[:54, :54, :54].astype(np.uint8)
    with pytest.raises(InputError, match=r"makes particles of .* µm, expected 0.1 to 500 µm; .* --any-size"):
        found_in(tmp_path, values, (size,), segmented=True)
    assert found_in(tmp_path, values, (size,), segmented=True, any_size=True).voxel_um == size


# Which phase


DARK = 255 - toys.bytes_of()
VOID = (~SOLID).astype(np.uint8)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (DARK, {}),
        (DARK.astype(np.uint16) * 100, {}),
        (DARK.astype(np.float32) - 300, {}),
        (VOID, {"segmented": True}),
        (VOID * 255, {"segmented": True, "phase": 255}),
        (VOID, {}),
    ],
)
def test_dark_particles_are_refused_with_the_option(tmp_path, values, options):
    with pytest.raises(
        InputError, match=r"no particles: it is connected through the volume.*--invert takes .*--no-invert"
    ):
        mask_of(tmp_path, values, **options)
    body, notes = mask_of(tmp_path, values, invert=True, **options)
    assert islands(body) == COUNT and "--invert" in notes
    assert mask_of(tmp_path, values, no_invert=True, **options)[0].mean() > 0.8


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (DARK, {}),
        (65535 - 100 * toys.bytes_of().astype(np.uint16), {}),
        (VOID, {"segmented": True}),
        (VOID.astype(bool), {"segmented": True}),
    ],
)
def test_white_that_is_zero_is_honoured(tmp_path, values, options):
    body, notes = mask_of(tmp_path, values, {"photometric": "miniswhite"}, **options)
    assert islands(body) == COUNT and "0 is white" in notes


@pytest.mark.parametrize(("radius", "count"), [(7.0, 27), (7.1, 27), (7.3, 27)])
def test_balls_in_contact_are_told_from_the_space_around_them(tmp_path, radius, count):
    grid = np.indices((70,) * 3) % 14 - 6.5
    balls = ((grid**2).sum(axis=0) < radius**2).astype(np.uint8)  # each touches six, or nearly
    assert found_in(tmp_path, balls, segmented=True).counts["particles"] == count
    with pytest.raises(InputError, match=r"no particles: .*--invert takes what is not phase 1"):
        found_in(tmp_path, 1 - balls, segmented=True)
    assert found_in(tmp_path, 1 - balls, segmented=True, invert=True).counts["particles"] == count


# Three phases


def three(share, domain, noise, seed):
    rng = np.random.default_rng(seed)
    waves = ndimage.gaussian_filter(rng.normal(size=SOLID.shape), domain)
    binder = ~SOLID & (waves > np.quantile(waves[~SOLID], 1 - share))
    values = ndimage.gaussian_filter(20.0 + 80.0 * binder + 180.0 * SOLID, 0.8)
    return (values + rng.normal(0, noise, SOLID.shape)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(("share", "domain", "noise"), [(0.1, 5.0, 8), (0.25, 3.0, 8), (0.45, 2.0, 8), (0.45, 5.0, 15)])
def test_three_phases_are_seen_and_parted(tmp_path, share, domain, noise):
    values = three(share, domain, noise, 5)
    body, notes = mask_of(tmp_path, values)
    assert "the histogram has 3 peaks" in notes and "--classes 2" in notes
    assert islands(body) == COUNT
    np.testing.assert_array_equal(body, mask_of(tmp_path, values, classes=3)[0])
    two, notes = mask_of(tmp_path, values, classes=2)
    assert "more than classes" in notes and two.sum() > body.sum()


def gradient(strength):
    return strength * np.linspace(-1, 1, 81)[:, None, None]


def rings(strength):
    y, x = np.indices((81, 81)) - 40.0
    return strength * np.sin(np.hypot(y, x) / 2.0)[None]


@pytest.mark.parametrize(
    "change", [0.0, gradient(30), gradient(15), rings(15), -0.02 * (rings(1) ** 2 + gradient(40) ** 2)]
)
@pytest.mark.parametrize(("blur", "noise"), [(0.0, 0.0), (1.5, 0.0), (0.8, 8.0), (1.0, 25.0)])
def test_two_phases_are_no_three(blur, noise, change):
    values = (toys.grey(toys.ellipsoids(), noise=noise, blur=blur) + change).astype(np.float32)
    assert len(seen_peaks(grey.Grey(values, None, (-1e3, 1e3), 1.8))) <= 2


def test_multi_otsu_is_the_best_of_all_cuts():
    rng = np.random.default_rng(1)
    counts, edges = np.histogram(
        np.concatenate([rng.normal(m, 8, n) for m, n in ((20, 900), (90, 300), (200, 99))]), 256
    )
    middle = 0.5 * (edges[1:] + edges[:-1])

    def within(cuts):
        bounds = np.searchsorted(middle, [-np.inf, *cuts, np.inf], side="right")
        return sum(
            (counts[a:b] * (middle[a:b] - np.average(middle[a:b], weights=counts[a:b])) ** 2).sum()
            for a, b in pairwise(bounds)
            if counts[a:b].sum()
        )

    cuts = grey.multi_otsu(counts, edges, 3)
    tries = [within((middle[a], middle[b])) for a in range(2, 250, 6) for b in range(a + 4, 254, 6)]
    assert within(cuts) <= min(tries) + 1e-6
    assert grey.multi_otsu(counts, edges, 2) == [grey.otsu(counts, edges)[0]]
    with pytest.raises(InputError, match="--classes: found 9"):
        solid_of(classes=9)


def solid_of(**options):
    from nmcfast.calibration.volumes.scan import Scan

    return solid(Scan(toys.bytes_of().copy(), 0.1, None, [], (81,) * 3), VolumeOptions(**options))


# Outliers


@pytest.mark.parametrize(("edge", "value"), [(1, 65535), (3, 65535), (6, 65535), (3, 0)])
def test_specks_do_not_set_the_threshold(tmp_path, edge, value):
    values = (100 * toys.bytes_of().astype(np.uint16)) + 20000
    hidden = np.zeros(values.shape, bool)
    for z, y, x in np.random.default_rng(3).integers(4, 70, (20, 3)):
        hidden[z : z + edge, y : y + edge, x : x + edge] = True
    values[hidden] = value
    body, notes = mask_of(tmp_path, values)
    assert "outlying grey values" in notes and "--clip 0" in notes
    assert islands(body) == COUNT
    clean, notes = mask_of(tmp_path, 100 * toys.bytes_of().astype(np.uint16) + 20000)
    assert "outlying" not in notes
    wrong, hole = clean ^ body, ndimage.binary_dilation(hidden, iterations=grey.HALO)
    assert (wrong & ~hole).sum() < 0.01 * clean.sum()
    # What a speck hides is not in the file: the nearest voxel left errs only where the surface is nearer than that
    surface = ndimage.distance_transform_edt(clean) + ndimage.distance_transform_edt(~clean)
    assert (surface <= ndimage.distance_transform_edt(hole) + 1)[wrong].all()


@pytest.mark.parametrize("value", [1e30, -1e30, 3e38, np.inf, np.nan])
def test_one_hot_voxel_changes_nothing_and_warns_of_nothing(tmp_path, value, recwarn):
    values = toys.bytes_of().astype(np.float64)
    values[40, 40, 40] = value * (1e200 if abs(value) == 1e30 else 1)
    body, notes = mask_of(tmp_path, values)
    assert islands(body) == COUNT and "1 voxels" in notes
    assert not recwarn.list


def test_clipping_as_asked_for(tmp_path):
    assert "--clip)" in mask_of(tmp_path, toys.bytes_of(), clip=1.0)[1]
    assert "outlying" not in mask_of(tmp_path, toys.bytes_of(), clip=0.0)[1]
    with pytest.raises(InputError, match="--clip: found 50"):
        mask_of(tmp_path, toys.bytes_of(), clip=50.0)


# Labels taken for grey values


LABELS = toys.ellipsoids()


@pytest.mark.parametrize(
    "values", [LABELS, LABELS.astype(np.float32), 7 * LABELS.astype(np.uint8), LABELS + np.uint16(500)]
)
def test_labels_are_refused_with_their_options(tmp_path, values):
    with pytest.raises(
        InputError, match=r"28 whole values, each in one piece .* --instances .*--segmented --phase N.*--grey"
    ):
        mask_of(tmp_path, values)
    with pytest.raises(InputError, match="--instances to take each as a particle"):
        mask_of(tmp_path, values, segmented=True, phase=int(values.max()))
    found = found_in(tmp_path, values, instances=True)
    assert found.counts["particles"] == COUNT
    np.testing.assert_allclose(np.sort(radii(found)), np.sort(TRUE))


@pytest.mark.parametrize("levels", [(0, 1, 2), (20, 100, 200), (0, 85, 170, 255)])
def test_few_values_are_phases_unless_said(tmp_path, levels):
    values = np.array(levels, np.uint8)[np.minimum(LABELS, len(levels) - 1)]
    shown = ", ".join(map(str, levels))
    with pytest.raises(InputError, match=f"only the whole values {shown}, .*--segmented --phase N.*--grey"):
        mask_of(tmp_path, values)
    assert mask_of(tmp_path, values, grey=True)[0].any()
    assert mask_of(tmp_path, values, segmented=True, phase=levels[-1])[0].any()


@pytest.mark.parametrize("noise", [1.0, 8.0, 30.0])
def test_grey_values_in_bytes_are_no_labels(noise):
    kinds.refuse_labels(toys.grey(LABELS, noise=noise).clip(0, 255).astype(np.uint8))
    kinds.refuse_labels((toys.grey(LABELS, noise=noise) / 16).clip(0, 15).astype(np.uint8))


def test_thin_phases_between_two_bodies_are_phases():
    depth = np.rint(ndimage.distance_transform_edt(SOLID)).astype(np.uint8)
    layers = np.minimum(depth, 4)  # three thin coats
    layers[:, :, :40] = 4 * SOLID[:, :, :40]  # and none
    with pytest.raises(InputError, match="only the whole values 0, 1, 2, 3, 4"):
        kinds.refuse_labels(layers)


def test_touching_instances_stay_apart_and_small_ones_are_dropped(tmp_path):
    values = np.zeros((40, 40, 60), np.uint16)
    grid = np.indices(values.shape)
    for number, x in ((3, 18), (9, 32)):
        values[((grid - np.array([20, 20, x])[:, None, None, None]) ** 2).sum(axis=0) < 9**2] = number
    values[20, 20, 45:48] = 5
    found = found_in(tmp_path, values, instances=True)
    assert found.counts["particles"] == 2 and found.counts["dropped_alone"] == 1 and found.counts["merged"] == 0


# Closed pores


def porous(count, edge, seed=3):
    body = SOLID.copy()
    deep = np.argwhere(ndimage.distance_transform_edt(body) > 1.8 * edge)
    for z, y, x in deep[np.random.default_rng(seed).integers(0, len(deep), count)]:
        body[z : z + edge, y : y + edge, x : x + edge] = False
    return body.astype(np.uint8)


@pytest.mark.parametrize(("count", "edge"), [(50, 2), (150, 1), (15, 3)])
def test_closed_pores_are_filled_counted_or_kept(tmp_path, count, edge):
    values = porous(count, edge)
    found = found_in(tmp_path, values, segmented=True)
    assert found.counts["particles"] == COUNT
    assert found.facts["closed_pore_voxels"] == SOLID.sum() - values.sum()
    assert f", {np.count_nonzero(SOLID) - np.count_nonzero(values)} voxels," in said(found) and "--keep-pores" in said(
        found
    )
    np.testing.assert_allclose(np.sort(radii(found)), np.sort(TRUE))
    kept = found_in(tmp_path, values, segmented=True, keep_pores=True)
    assert (kept.labels > 0).sum() < (found.labels > 0).sum() and "kept" in said(kept)


def test_open_pores_and_pockets_at_the_edge_of_the_view_stay(tmp_path):
    body = np.zeros((20, 20, 20), bool)
    body[4:16, 4:16, 4:16] = True
    body[10, 10, 4:10] = False  # opens to the outside
    body[10, 6, 8:10] = False  # closed
    seen = np.ones_like(body)
    seen[:, 14:] = False
    body[10, 13, 10] = False  # opens to what was not seen
    body &= seen
    assert phases.fill_pores(body, seen) == (1, 2)
    assert body[10, 6, 8] and not body[10, 10, 8] and not body[10, 13, 10]


# The field of view


def cylinder(radius=36.0, axis=0):
    y, x = np.indices((81, 81)) - 40.0
    return np.broadcast_to(np.expand_dims(np.hypot(y, x) < radius, axis), (81,) * 3)


def whole_in(seen, rim=2):
    """True labels farther than a rim from the outside of a view."""
    near = ndimage.binary_dilation(~seen, iterations=rim)
    return set(np.unique(LABELS)) - {0} - set(np.unique(LABELS[near]))


def true_of(found):
    """True label that most of each particle found lies on."""
    return {int(np.bincount(LABELS[found.labels == place]).argmax()) for place in range(1, found.labels.max() + 1)}


def ends():
    seen = np.ones((81,) * 3, bool)
    seen[:12], seen[-5:] = False, False
    return seen


GREY = toys.grey(LABELS)
VIEWS = {
    "cylinder": cylinder(),
    "along x": cylinder(axis=2),
    "sphere": np.sqrt(((np.indices((81,) * 3) - 40.0) ** 2).sum(axis=0)) < 39,
    "blank ends": ends(),
    "cylinder and ends": cylinder(38) & ends(),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("outside", [0.0, np.nan, 60.0])
def test_the_field_of_view_is_found(name, outside):
    found, notes = view.field_of_view(np.where(VIEWS[name], GREY, np.float32(outside)))
    assert found is not None and "--mask FILE" in str(notes[-1])
    assert (found ^ VIEWS[name]).mean() < 0.002


@pytest.mark.parametrize(
    "values", [GREY, toys.bytes_of(), SOLID.astype(np.uint8), 60 + 120 * SOLID.astype(np.uint8), LABELS]
)
def test_a_whole_volume_has_no_field_of_view(values):
    assert view.field_of_view(values.copy()) == (None, [])


def test_a_mask_cut_by_a_cylinder_or_blank_slices():
    for seen in (cylinder(34), cylinder(36, axis=1), cylinder(34, axis=1), cylinder(34, axis=2), cylinder(30)):
        found, notes = view.field_of_view((SOLID & seen).astype(np.uint8))
        assert found is not None and "cylinder" in notes[0].text
        assert (found ^ seen).mean() < 0.005
    found, notes = view.field_of_view((SOLID & ends() & cylinder(34)).astype(np.uint8))
    assert found is not None and "a cylinder along z, blank slices at an end of z" in notes[0].text
    # the last slices are blank without a cut: no particle reaches them
    assert not SOLID[-5:].any() and (found ^ (cylinder(34) & (np.arange(81) >= 12)[:, None, None])).mean() < 0.005
    found, notes = view.field_of_view((SOLID & ends()).astype(np.uint8))
    assert found is not None and "blank slices" in notes[0].text
    assert (found == (np.arange(81) >= 12)[:, None, None]).all()


@pytest.mark.parametrize("radius", [5, 9, 16])
def test_a_whole_particle_is_no_field_of_view(radius):
    grid = np.indices((50, 50, 70))
    for places in ([35], [20, 20 + 1.7 * radius]):
        body = np.zeros(grid.shape[1:], np.uint8)
        for x in places:
            body |= ((grid - np.array([25, 25, x])[:, None, None, None]) ** 2).sum(axis=0) < radius**2
        assert view.field_of_view(body) == (None, [])


@pytest.mark.parametrize("outside", [0.0, np.nan])
def test_what_touches_the_field_of_view_is_cut(tmp_path, outside):
    seen = cylinder(38)
    found = found_in(tmp_path, np.where(seen, GREY, np.float32(outside)))
    # Otsu's bodies reach up to a voxel farther than the true ones: those a voxel beyond the rim may be either
    assert whole_in(seen, 3) <= true_of(found) <= whole_in(seen)
    assert found.counts["particles"] == len(true_of(found))
    assert found.counts["particles"] + found.counts["border"] >= COUNT - 4
    given = tmp_path / "mask.tif"
    tifffile.imwrite(given, seen.astype(np.uint8))
    same = found_in(tmp_path, GREY, mask=str(given))
    assert true_of(same) == true_of(found)
    exact = found_in(tmp_path, SOLID.astype(np.uint8), mask=str(given), segmented=True)
    assert true_of(exact) == whole_in(seen)
    with pytest.raises(InputError, match=r"--mask: found the shape \(81, 81, 81\), expected \(80, 81, 81\)"):
        found_in(tmp_path, GREY[1:], mask=str(given))


# Parting in blocks, and the picture


@pytest.mark.parametrize("core", [20, 33, 50])
def test_blocks_give_the_labels_of_one_piece(core):
    rng = np.random.default_rng(7)
    body = np.zeros((90, 80, 85), bool)
    for centre in rng.uniform(0, 85, (70, 3)):
        body |= ((np.indices(body.shape) - centre[:, None, None, None]) ** 2).sum(axis=0) < rng.uniform(4, 10) ** 2
    whole = part_particles(body)
    assert whole.max() > 20
    np.testing.assert_array_equal(part_particles(body, core=core), whole)


def test_the_picture_outlines_what_is_kept_and_what_is_left_out(tmp_path):
    values = toys.grey(LABELS)[10:]
    values[40:42, 40:42, 66:68] = 200
    found = found_in(tmp_path, values)
    assert found.counts["border"] == 9
    figure = figure_sections(found, star_shapes(found.labels).label[1:])
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown[:2] == ["in the law: 17", "cut by the border: 9"] and shown[-1] == "not star-shaped: 1"
    picture = figure.axes[1].images[1].get_array()
    present = {tuple(np.round(255 * colour[:3]).astype(int)) for colour in picture[picture[..., 3] > 0]}
    green, orange = ((tuple(int(WORDS[code][1][i : i + 2], 16) for i in (1, 3, 5))) for code in (1, 2))
    assert {green, orange} <= present


def test_inspect_says_what_calibration_would_find(tmp_path, capsys):
    path = written(tmp_path, toys.bytes_of())
    code = main(["inspect", str(path), "--voxel-size", "0.128", "--image", str(tmp_path / "look.png")])
    out = capsys.readouterr().out
    assert code == 0 and "27 whole particles" in out and "--threshold unbiased" in out
    for name in ("look.png", "look-histogram.png"):
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"
    assert main(["inspect", str(written(tmp_path, DARK)), "--voxel-size", "0.128"]) == 2
    assert "--invert" in capsys.readouterr().err


def test_volumes_are_told_from_maps_by_their_content(tmp_path):
    tifffile.imwrite(tmp_path / "map.tif", np.zeros((60, 80), np.uint8))
    with h5py.File(tmp_path / "map.h5", "w") as file:
        file["Scan 1/EBSD/Data/Pattern"] = np.zeros((9, 9, 9))
    (tmp_path / "map.ang").write_text("# x 1")
    assert not any(is_volume(tmp_path / name) for name in ("map.tif", "map.h5", "map.ang", "absent.tif"))
    with h5py.File(tmp_path / "ct.h5", "w") as file:
        file["recon"] = np.zeros((9, 9, 9))
    assert is_volume(written(tmp_path, toys.bytes_of())) and is_volume(tmp_path / "ct.h5")
    assert is_volume(f"{tmp_path}/ct.h5:/recon")


@pytest.mark.skipif(not CT.exists(), reason=f"real CT volume absent: {CT.name}")
def test_the_real_volume_is_the_same_turned_cut_and_inverted(tmp_path):
    corner = tifffile.imread(CT)[:60, :90, :90]
    usual = found_in(tmp_path, corner, (0.398,), segmented=True)
    assert usual.counts["particles"] > 8
    turned = found_in(tmp_path, corner.T, (0.398,), segmented=True)
    assert turned.counts["particles"] == usual.counts["particles"]
    assert radii(turned).mean() == pytest.approx(radii(usual).mean(), rel=0.01)
    solid_there = (corner == 1).astype(np.uint8)
    with pytest.raises(InputError, match="--invert"):
        found_in(tmp_path, 1 - solid_there[:, 30:, 30:], (0.398,), segmented=True)
