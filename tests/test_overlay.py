"""nmcfast/overlay.py: what is drawn and labelled around a shell gives what the definition gives in a whole window."""

import numpy as np
import pytest
from naive_particle import distance

from nmcfast import generate_particle, load_model, overlay
from nmcfast.kernels import label_grid
from nmcfast.overlay import draw_seeds
from nmcfast.parameters import KAPPA, WINDOW
from nmcfast.region import Region
from nmcfast.seeds import cell_side, draw_pattern
from nmcfast.shells.shell import draw_shell
from nmcfast.tessellation import Seeds, joined

MODEL = load_model("nmc811")
LAW = MODEL.grains
HALF = int(WINDOW)
PARTICLES = 20


def window_seeds(index):
    """All seeds of the window [-128, 128]³ pixels with their markers, Algorithm 1."""
    cells = 2 * HALF // cell_side(LAW.mu)
    mask = np.ones((cells, cells, cells), bool)
    pattern = draw_pattern(mask, np.full(3, -cells // 2), LAW.mu, LAW.pixel_um, 1, index, KAPPA)
    diagonal, offset = LAW.net.mark(pattern, LAW.pixel_um)
    diagonal = (diagonal / np.float32(LAW.pixel_um**2)).astype(float)
    return Seeds(pattern.position[pattern.inner], diagonal, offset.astype(float), pattern.angle[pattern.inner])


def prune_by_definition(shell, seeds):
    """Rows of the kept seeds, their voxels and centroids: label the whole window, then look at every grain."""
    origin, shape = np.full(3, -HALF * LAW.pixel_um), (2 * HALF,) * 3
    labels = label_grid(seeds.position, seeds.metric, seeds.offset, shape=shape, origin=origin, voxel_size=LAW.pixel_um)
    voxels = np.bincount(labels.ravel(), minlength=len(seeds))
    full = np.flatnonzero(voxels)
    centre = (np.arange(2 * HALF) + 0.5 - HALF) * LAW.pixel_um
    sums = [
        np.bincount(labels.ravel(), np.broadcast_to(centre.reshape(side), shape).ravel(), minlength=len(seeds))
        for side in ((1, 1, -1), (1, -1, 1), (-1, 1, 1))
    ]
    centroid = np.stack(sums, axis=1)[full] / voxels[full, None]
    inside = shell.contains(centroid)
    return full[inside], voxels[full[inside]], centroid[inside], labels


def shells_within(limit):
    """Particles of seed 1 whose grains cannot leave the window."""
    for index in range(1000):
        shell, _ = draw_shell(MODEL.shell, 1, index)
        if shell.grid_radius(3).max() < limit:
            yield index, shell


def test_pruned_particles_equal_the_whole_window():
    limit = (HALF - LAW.reach - 2 * LAW.extent) * LAW.pixel_um
    for (index, shell), _ in zip(shells_within(limit), range(PARTICLES), strict=False):
        found = overlay.overlay(LAW, shell, 1, index)
        seeds = window_seeds(index)
        rows, voxels, centroid, labels = prune_by_definition(shell, seeds)
        assert np.array_equal(found.grains.position, seeds.position[rows])
        assert np.array_equal(found.grains.diagonal, seeds.diagonal[rows])
        assert np.array_equal(np.rint(found.grains.volume / LAW.pixel_um**3), voxels)
        assert np.allclose(found.grains.centroid, centroid, atol=1e-5)
        inside = Region(shell, 0.0).contains(seeds.position)
        assert found.empty == (np.bincount(labels.ravel(), minlength=len(seeds))[inside] == 0).sum()
        name = np.zeros(len(seeds), int)
        name[rows] = np.arange(1, len(rows) + 1)
        z, y, x = found.volume.labels.shape
        a, b, c = (f + HALF for f in found.grid.first)
        whole = name[labels]
        assert np.array_equal(found.volume.labels, whole[c : c + z, b : b + y, a : a + x])
        assert np.count_nonzero(found.volume.labels) == np.count_nonzero(whole)


@pytest.mark.parametrize("shrunk", [{"reach": 1.0}, {"extent": 2.0}, {"reach": 0.5, "extent": 1.0}])
def test_too_small_margins_are_noticed_and_mended(shrunk):
    law = {name: getattr(LAW, name) for name in ("net", "mu", "pixel_um", "norm", "reach", "extent")}
    small = type(LAW)(**(law | shrunk))
    shell, _ = draw_shell(MODEL.shell, 1, 3)
    found, wanted = overlay.overlay(small, shell, 1, 3), overlay.overlay(LAW, shell, 1, 3)
    assert np.array_equal(found.grains.position, wanted.grains.position)
    assert np.array_equal(found.volume.labels, wanted.volume.labels)


def test_a_kept_grain_that_the_region_cuts_off_is_noticed():
    """Its voxels at the end of the region say so, beyond the blocks that meet the shell; its seed lies nearer."""
    law = {name: getattr(LAW, name) for name in ("net", "mu", "pixel_um", "norm", "reach", "extent")}
    shell, _ = draw_shell(MODEL.shell, 0, 2)
    found = overlay.overlay(type(LAW)(**(law | {"reach": 20.0})), shell, 0, 2)
    assert np.linalg.norm(found.grains.centroid - found.grains.position, axis=1).max() < 15.0 * LAW.pixel_um
    assert found.region.margin > 20.5 * LAW.pixel_um
    assert np.array_equal(found.volume.labels, overlay.overlay(LAW, shell, 0, 2).volume.labels)


def test_twice_the_margin_changes_nothing():
    law = {name: getattr(LAW, name) for name in ("net", "mu", "pixel_um", "norm", "reach", "extent")}
    wide = type(LAW)(**(law | {"reach": 2 * LAW.reach, "extent": 2 * LAW.extent}))
    shell, _ = draw_shell(MODEL.shell, 1, 3)
    found, wanted = overlay.overlay(wide, shell, 1, 3), overlay.overlay(LAW, shell, 1, 3)
    assert np.array_equal(found.grains.volume, wanted.grains.volume)
    assert np.array_equal(found.volume.labels, wanted.volume.labels)


def test_a_region_holds_the_seeds_of_a_larger_one():
    shell, _ = draw_shell(MODEL.shell, 1, 3)
    near, far = (draw_seeds(LAW, shell, margin, 1, 3) for margin in (0.5, 2.0))
    place = {tuple(p): k for k, p in enumerate(far.position)}
    rows = [place[tuple(p)] for p in near.position]
    assert rows == sorted(rows)  # the order is that of space, whatever the region
    for name in ("diagonal", "offset", "angle"):
        assert np.array_equal(getattr(near, name), getattr(far, name)[rows])


def test_halo_and_grains_are_enough_at_any_point():
    shell, _ = draw_shell(MODEL.shell, 1, 3)
    found = overlay.overlay(LAW, shell, 1, 3)
    every = draw_seeds(LAW, shell, (LAW.reach + 2 * LAW.extent) * LAW.pixel_um, 1, 3)
    assert len(found.halo) < len(every) - len(found.grains)
    low, high = shell.bounds()
    points = np.random.default_rng(0).uniform(low - 0.3, high + 0.3, (4000, 3))
    few = joined(found.grains, found.halo)
    a = distance(every.position, every.metric, every.offset, points).argmin(axis=1)
    b = distance(few.position, few.metric, few.offset, points).argmin(axis=1)
    kept = {tuple(p) for p in found.grains.position}
    for i, j in zip(a, b, strict=True):
        mine, theirs = tuple(few.position[j]), tuple(every.position[i])
        assert mine == theirs or (mine not in kept and theirs not in kept)


def test_grains_fill_the_shell():
    particle = generate_particle(MODEL, seed=1, index=4)
    volume = particle.shell.descriptors()["volume"]
    # grains are kept whole: the two volumes differ by what the surface grains stick out, a few per cent
    assert particle.grains.volume.sum() == pytest.approx(volume, rel=0.1)
    assert particle.shell.contains(particle.grains.centroid).all()
