"""Particles of surface "shell": the definition by brute force, connected grains, what is stored and said."""

from itertools import pairwise

import numpy as np
import pytest
from naive_particle import distance
from test_generate import SMALL

from nmcfast import generate_library, generate_particle, load_model, open_library
from nmcfast.errors import InputError
from nmcfast.export.schema import check_recipe
from nmcfast.export.verify import verify
from nmcfast.filling import connect
from nmcfast.generate import _grow
from nmcfast.inside import Inside, in_eights
from nmcfast.kernels.gbpd.labels import EVERYWHERE
from nmcfast.library.summary import summarise
from nmcfast.particle import Volume
from nmcfast.shells.shell import draw_shell
from nmcfast.surface import Surface
from nmcfast.tessellation import grid_over

NMC811 = load_model("nmc811")


def centres(shape, origin, size):
    z, y, x = np.indices(shape)
    return (np.stack([x, y, z], axis=-1).reshape(-1, 3) + 0.5) * size + origin


def parts_of(labels):
    """Face-connected parts of labels other than 0 by flooding: part of each voxel, and label and voxels of each."""
    part, found = np.zeros(labels.shape, int), []
    for start in zip(*np.nonzero(labels), strict=True):
        if part[start]:
            continue
        name, size, front = len(found) + 1, 0, [start]
        part[start] = name
        while front:
            here = front.pop()
            size += 1
            for axis in range(3):
                for step in (-1, 1):
                    there = tuple(k + step * (a == axis) for a, k in enumerate(here))
                    inside = all(0 <= k < n for k, n in zip(there, labels.shape, strict=True))
                    if inside and not part[there] and labels[there] == labels[here]:
                        part[there] = name
                        front.append(there)
        found.append((int(labels[start]), size))
    return part, found


def by_definition(particle, points):
    """Labels of points: the smallest d of Eq. (8) among the grains where |x| ≤ X(x / |x|), 0 elsewhere."""
    grains = particle.grains
    winner = np.concatenate(
        [distance(grains.position, grains.metric, grains.offset, p).argmin(axis=1) for p in np.array_split(points, 50)]
    )
    return np.where(particle.shell.contains(points), winner + 1, 0)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("libraries") / "lib"
    generate_library(path, SMALL, count=4, seed=3, parts="keep", shard_size=2)
    return path


@pytest.mark.parametrize("size", [0.03, 0.05, 0.17])
def test_labels_from_storage_are_those_of_the_definition(stored, size):
    for index, particle in enumerate(open_library(stored)):
        kept = generate_particle(SMALL, seed=3, index=index, surface="grains").grains
        assert np.array_equal(particle.grains.position, kept.position)
        grid = grid_over(particle.shell.bounds(), size)
        wanted = by_definition(particle, centres(grid.shape, grid.origin, size)).reshape(grid.shape)
        volume = particle.voxelize(size)
        first = np.rint((volume.origin - grid.origin) / size).astype(int)[::-1]
        part = tuple(slice(a, a + n) for a, n in zip(first, volume.labels.shape, strict=True))
        assert np.array_equal(volume.labels, wanted[part])
        assert np.count_nonzero(volume.labels) == np.count_nonzero(wanted)


@pytest.mark.parametrize("height", [-0.31, 0.0, 0.4444])
def test_sections_from_storage_are_those_of_the_definition(stored, height):
    for particle in open_library(stored):
        section = particle.section(height, 0.02)
        points = centres((1, *section.labels.shape), np.append(section.origin, 0.0), 0.02)
        points[:, 2] = height
        assert np.array_equal(section.labels.ravel(), by_definition(particle, points))
        assert section.labels.any()


def test_the_inside_of_a_shell_is_exact_on_any_grid():
    for index in (2, 10):  # the second is rough
        shell, _ = draw_shell(NMC811.shell, 1, index)
        for size, shift in ((0.11, (0.0, 0.0, 0.0)), (0.5, (0.1, -0.2, 0.3)), (40.0, (0.0, 0.0, 0.0))):
            grid, inside = grid_over(shell.bounds(), size).grown(9), Inside(shell)
            near, rim = inside.blocks(grid, shift)
            labels = np.ones(grid.shape, np.uint16)
            inside.clip(labels, grid, near, rim, shift)
            points = centres(grid.shape, grid.origin + shift, size)
            assert np.array_equal(labels.ravel() > 0, shell.contains(points))
            assert not near.all() and (near & rim == rim).all()
            whole = np.kron(in_eights(near), np.ones((8, 8, 8), bool))[tuple(map(slice, grid.shape))]
            assert not (labels[~whole]).any()


def test_connected_grains_are_what_flooding_finds():
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 5, (7, 8, 9))
    labels = np.kron(coarse, np.ones((2, 2, 2), int)).astype(np.uint16)
    labels[rng.random(labels.shape) < 0.15] = 3
    before = labels.copy()
    (tags, x0, x1, first), mended = connect(labels, EVERYWHERE, 4)

    solid, sizes = parts_of((before > 0).astype(int))
    main = 1 + int(np.argmax([size for _, size in sizes]))
    loose = (before > 0) & (solid != main)
    assert mended.loose_voxels == loose.sum() > 0
    assert np.array_equal(labels == 0, (before == 0) | loose)
    assert len(parts_of((labels > 0).astype(int))[1]) == 1
    assert sorted(name for name, _ in parts_of(labels)[1]) == [1, 2, 3, 4]

    part, found = parts_of(np.where(loose, 0, before))
    largest = {name: max(size for n, size in found if n == name) for name in (1, 2, 3, 4)}
    mains = {name: 1 + found.index((name, largest[name])) for name in largest}
    crumb = (part > 0) & ~np.isin(part, list(mains.values()))
    assert (mended.crumbs, mended.crumb_voxels) == (len(np.unique(part[crumb])), crumb.sum())
    assert np.array_equal(labels[~crumb & ~loose], before[~crumb & ~loose])
    for number in np.unique(part[crumb]):
        here, faces = part == number, dict.fromkeys(range(1, 5), 0)
        for axis in range(3):
            for step in (-1, 1):
                moved, beside = np.roll(here, step, axis), np.zeros_like(here)
                beside[
                    tuple(slice(max(step, 0), min(step, 0) or None) if a == axis else slice(None) for a in range(3))
                ] = True
                for name in mains:
                    faces[name] += int((moved & beside & (part == mains[name])).sum())
        if max(faces.values()):
            assert set(labels[here].tolist()) == {max(faces, key=lambda name: (faces[name], -name))}

    again = np.zeros_like(labels)
    for row, (a, b) in enumerate(pairwise(first)):
        for k in range(a, b):
            again[row // labels.shape[1], row % labels.shape[1], x0[k] : x1[k]] = tags[k]
    assert np.array_equal(again, labels)


def test_a_crumb_that_touches_crumbs_alone_follows_them():
    labels = np.array([1, 1, 1, 2, 3, 2, 4, 4, 2, 2, 3, 3], np.uint16).reshape(1, 1, -1)
    connect(labels, EVERYWHERE, 4)  # the single 2s go to 1 and to 4; then the 3 between them to 1, the lower of the two
    assert labels.ravel().tolist() == [1, 1, 1, 1, 1, 4, 4, 4, 2, 2, 3, 3]


@pytest.mark.parametrize("size", [0.05, 0.128])
def test_a_particle_is_one_solid_of_connected_grains(size):
    particle = generate_particle(NMC811, seed=1, index=2)
    volume = particle.voxelize(size)
    _, owner = volume.split()
    assert len(owner) == len(np.unique(volume.labels)) - 1
    assert len(Volume((volume.labels > 0).astype(np.uint8), volume.origin, size).split()[1]) == 1
    kept = generate_particle(NMC811, seed=1, index=2, parts="keep").voxelize(size)
    if size == 0.05:
        assert np.count_nonzero(kept.labels != volume.labels) == particle.facts["crumb_voxels"] > 0
        assert particle.facts["crumbs"] == len(kept.split()[1]) - len(particle.grains)
    assert np.count_nonzero(volume.labels) * size**3 == pytest.approx(particle.facts["shell_volume_um3"], rel=0.01)
    assert np.array_equal(particle.voxelize(size, threads=2).labels, volume.labels)


def test_tables_are_those_of_the_final_grains():
    particle, found = _grow(NMC811, 1, 2, Surface())
    volume, grains = particle.voxelize(0.05), particle.grains
    assert np.array_equal(volume.labels, found.volume.labels) and np.allclose(volume.origin, found.volume.origin)
    points, names = centres(volume.labels.shape, volume.origin, 0.05), volume.labels.ravel()
    counts = np.bincount(names)
    assert np.allclose(grains.volume, counts[1:] * 0.05**3, rtol=1e-6)
    for axis in range(3):
        assert np.allclose(grains.centroid[:, axis], (np.bincount(names, points[:, axis]) / counts)[1:], atol=1e-5)
    assert (grains.components == 1).all() and particle.facts["disconnected"] == 0
    assert len(particle.halo) == 0 and particle.facts["margin"] == 0.0 and particle.surface == "shell"


def test_small_grains_leave_their_place_to_others():
    whole = generate_particle(NMC811, seed=1, index=2)
    least = int(np.sort(np.rint(whole.grains.volume / 0.05**3))[5]) + 1
    particle = generate_particle(NMC811, seed=1, index=2, smallest_grain=least)
    assert particle.facts["small_grains"] == len(whole.grains) - len(particle.grains) >= 6
    assert np.rint(particle.grains.volume / 0.05**3).min() >= least
    assert particle.facts["volume_um3"] == pytest.approx(whole.facts["volume_um3"], rel=1e-9)


def test_shells_whose_grains_are_all_too_small_are_drawn_again_and_counted():
    with pytest.raises(InputError, match="hold no grain"):
        generate_particle(SMALL, seed=3, index=0, smallest_grain=10**7)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"surface": "sphere"}, "surface: found 'sphere', expected one of shell, grains"),
        ({"surface": ""}, "surface: found '', expected one of"),
        ({"parts": "drop"}, "parts: found 'drop', expected one of merge, keep"),
        ({"smallest_grain": 0}, "smallest_grain: found 0, expected 1 voxel or more"),
        ({"surface": "grains", "parts": "merge"}, "use --surface shell, or --parts keep"),
        ({"surface": "grains", "smallest_grain": 5}, "use --surface shell"),
    ],
)
def test_wrong_choices_are_refused(tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        generate_particle(SMALL, **options)
    with pytest.raises(InputError, match=said):
        generate_library(tmp_path / "lib", SMALL, **options)
    assert not (tmp_path / "lib").exists()


@pytest.mark.parametrize("options", [{}, {"surface": "grains"}, {"parts": "keep"}])
def test_libraries_of_either_surface_verify_and_say_what_they_are(tmp_path, options):
    generate_library(tmp_path / "lib", SMALL, count=2, seed=3, **options)
    assert verify(tmp_path / "lib").ok
    opened, choice = open_library(tmp_path / "lib"), Surface.of(options.get("surface", "shell"))
    assert opened.recipe["surface"] == opened[1].surface == choice.kind
    assert np.array_equal(opened.labels(1), opened[1].voxelize(0.05).labels)
    said = summarise(opened)
    assert said["surface"].startswith(choice.kind)
    assert (said["grains"]["crumbs"] > 0) == (not options)
    assert (said["grains"]["disconnected"] > 0) == bool(options)
    assert (opened.table["halo"] > 0).all() == (choice.kind == "grains")


def test_a_library_of_the_earlier_format_is_refused_in_one_line(stored):
    with pytest.raises(
        InputError, match="format version 3, this program reads 4 to 5: made by an earlier one, generate it"
    ):
        check_recipe({**open_library(stored).recipe, "format_version": 3}, "lib")
