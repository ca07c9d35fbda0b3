"""Conforming tetrahedra of particles: sound, on the boundaries, the same for any number of threads."""

import itertools

import numpy as np
import pytest
from mesh_toys import toy

from nmcfast.errors import InputError
from nmcfast.kernels.meshes.quality import shapes
from nmcfast.meshes.body import polynomials
from nmcfast.meshes.mesh import mesh_of
from nmcfast.meshes.start import Tetrahedra, _merge_crumbs
from nmcfast.shells.shell import Shell

FACES = [(1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)]  # counter-clockwise from outside, opposite corner 0, 1, 2, 3


BODIES = {"one": (1, 1, 0.0), "few": (7, 2, 0.02), "many": (40, 3, 0.03)}


@pytest.fixture(scope="module", params=list(BODIES))
def meshed(request):
    body = toy(*BODIES[request.param])
    return body, mesh_of(body, 0.16)


def volumes(points, cells):
    p = points[cells]
    return np.einsum("ij,ij->i", p[:, 1] - p[:, 0], np.cross(p[:, 2] - p[:, 0], p[:, 3] - p[:, 0])) / 6.0


def sides(cells):
    """All faces (4 m, 3), sorted nodes, and their cells."""
    faces = np.sort(np.concatenate([cells[:, face] for face in FACES]), axis=1)
    return faces, np.tile(np.arange(len(cells)), 4)


def test_cells_have_positive_volume_and_fill_the_shell(meshed):
    body, mesh = meshed
    assert (volumes(mesh.points, mesh.cells) > 0.0).all()
    u = np.random.default_rng(0).normal(size=(200_000, 3))
    truth = (body.shell.radius(u) ** 3).mean() * 4.0 / 3.0 * np.pi
    assert mesh.volume.sum() == pytest.approx(truth, rel=0.02)
    assert len(np.unique(mesh.cells)) == len(mesh.points)


def test_faces_are_shared_by_two_cells_or_are_facets(meshed):
    _, mesh = meshed
    faces, owner = sides(mesh.cells)
    order = np.lexsort(faces.T)
    keys, first, counts = np.unique(faces[order], axis=0, return_index=True, return_counts=True)
    assert counts.max() == 2
    owner = owner[order]
    a = mesh.grain[owner[first]]
    b = np.where(counts == 2, mesh.grain[owner[first + counts - 1]], -1)
    expected = {
        (*k, *sorted(p)) for k, p in zip(keys[a != b].tolist(), np.column_stack([a, b])[a != b].tolist(), strict=True)
    }
    listed = [(*sorted(f), *sorted(g)) for f, g in zip(mesh.facets.tolist(), mesh.facet_grains.tolist(), strict=True)]
    assert len(listed) == len(set(listed))
    assert set(listed) == expected


def test_facets_look_to_the_second_grain(meshed):
    """The divergence theorem: facets of a grain, turned outwards, enclose its volume."""
    _, mesh = meshed
    a, b, c = mesh.points[mesh.facets].transpose(1, 0, 2)
    six = np.einsum("ij,ij->i", a, np.cross(b, c))
    for grain in np.unique(mesh.grain):
        first, second = (mesh.facet_grains == grain).T
        assert (six[first].sum() - six[second].sum()) / 6.0 == pytest.approx(mesh.volume[grain], rel=1e-9)
    assert (mesh.facet_grains[:, 0] >= 0).all()


def is_manifold(triangles) -> bool:
    """Whether each edge has at most two triangles, and those about each node are one fan or one ring."""
    edges: dict[tuple[int, int], int] = {}
    about: dict[int, list[tuple[int, int]]] = {}
    for t in triangles:
        for i in range(3):
            a, b, c = t[i], t[(i + 1) % 3], t[(i + 2) % 3]
            edges[min(a, b), max(a, b)] = edges.get((min(a, b), max(a, b)), 0) + 1
            about.setdefault(a, []).append((b, c))
    return max(edges.values()) <= 2 and all(in_one_piece(pairs) for pairs in about.values())


def in_one_piece(pairs) -> bool:
    groups: list[set[int]] = []
    for pair in pairs:
        touching = [g for g in groups if g & set(pair)]
        groups = [g for g in groups if g not in touching] + [set(pair).union(*touching)]
    return len(groups) == 1


def test_grains_interfaces_and_solid_are_manifold(meshed):
    _, mesh = meshed
    assert is_manifold(mesh.facets[mesh.facet_grains[:, 1] < 0])
    for grain in np.unique(mesh.grain):
        assert is_manifold(mesh.facets[(mesh.facet_grains == grain).any(axis=1)])
    for pair in np.unique(mesh.facet_grains, axis=0):
        assert is_manifold(mesh.facets[(mesh.facet_grains == pair).all(axis=1)])


def test_grains_are_in_one_part(meshed):
    _, mesh = meshed
    faces, owner = sides(mesh.cells)
    order = np.lexsort(faces.T)
    faces, owner = faces[order], owner[order]
    twin = np.flatnonzero((faces[1:] == faces[:-1]).all(axis=1))
    a, b = owner[twin], owner[twin + 1]
    same = mesh.grain[a] == mesh.grain[b]
    part = np.arange(len(mesh.cells))
    for _ in range(len(part)):
        old = part.copy()
        np.minimum.at(part, a[same], old[b[same]])
        np.minimum.at(part, b[same], old[a[same]])
        part = part[part]
        if (part == old).all():
            break
    assert len(np.unique(part)) == len(np.unique(mesh.grain))
    assert sorted({*mesh.missing.tolist(), *mesh.grain.tolist()}) == list(range(len(mesh.volume)))


def test_nodes_lie_on_the_boundaries_that_their_cells_name(meshed):
    """|x| = X(u) on the outer surface and d_i = d_j between grains, by first order, for nodes of two names."""
    body, mesh = meshed
    names: list[set[int]] = [set() for _ in mesh.points]
    for cell, grain in zip(mesh.cells.tolist(), mesh.grain.tolist(), strict=True):
        for node in cell:
            names[node].add(grain)
    for node in np.unique(mesh.facets[mesh.facet_grains[:, 1] < 0]):
        names[node].add(-1)
    off = [off_surface(body, x, *sorted(about)) for x, about in zip(mesh.points, names, strict=True) if len(about) == 2]
    assert (np.array(off) < 0.02 * mesh.size).mean() > 0.95
    mine = np.sort(mesh.quality.distance[mesh.quality.meeting == 2])
    assert np.mean(mine < 0.02 * mesh.size) == pytest.approx((np.array(off) < 0.02 * mesh.size).mean(), abs=0.005)


def off_surface(body, x, i, j):
    """How far x lies from the surface between i and j, to first order, by differences."""

    def value(x):
        return depth(body, x) if i < 0 else distance(body, i, x) - distance(body, j, x)

    slope = [(value(x + s) - value(x - s)) / 2e-5 for s in 1e-5 * np.eye(3)]
    return abs(value(x)) / np.linalg.norm(slope)


def depth(body, x):
    return body.shell.radius(x[None])[0] - np.linalg.norm(x)


def distance(body, i, x):
    g = body.grains
    return np.sqrt((x - g.position[i]) @ g.metric[i] @ (x - g.position[i])) - g.offset[i]


def test_cells_lie_in_their_grain(meshed):
    body, mesh = meshed
    middle = mesh.points[mesh.cells].mean(axis=1)
    d = np.array([[distance(body, i, x) for i in range(len(body.grains))] for x in middle])
    assert (d.argmin(axis=1) == mesh.grain).mean() > 0.985


def test_quality_is_that_of_the_cells(meshed):
    _, mesh = meshed
    p, angles = mesh.points[mesh.cells], []
    for i, j in itertools.combinations(range(4), 2):
        k, l = (n for n in range(4) if n not in (i, j))  # noqa: E741
        along = p[:, j] - p[:, i]
        u, v = np.cross(along, p[:, k] - p[:, i]), np.cross(along, p[:, l] - p[:, i])
        cosine = np.einsum("ij,ij->i", u, v) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)
        angles.append(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
    np.testing.assert_allclose(mesh.quality.smallest, np.min(angles, axis=0), atol=1e-5)
    np.testing.assert_allclose(mesh.quality.largest, np.max(angles, axis=0), atol=1e-5)
    assert np.min(angles) > 3.0
    assert mesh.quality.to_dict()["dihedral_5_percent"] > 15.0


def test_radius_ratio_of_the_regular_one_is_1():
    points = np.array([(1.0, 1, 1), (-1, 1, -1), (1, -1, -1), (-1, -1, 1)])
    cells = np.array([(0, 1, 2, 3)], np.int32)
    angles, ratio, volume = np.empty((1, 2)), np.empty(1), np.empty(1)
    shapes(points, cells, angles, ratio, volume)
    assert abs(volume[0]) == pytest.approx(8.0 / 3.0)
    assert abs(ratio[0]) == pytest.approx(1.0)


def test_grains_below_a_number_of_cells_go_to_a_neighbour_that_is_named():
    """The smallest grains are gone, their place is another's, and the rest is as sound as ever."""
    body = toy(*BODIES["many"])
    every, fewer = mesh_of(body, 0.2), mesh_of(body, 0.2, smallest=60)
    counts = np.bincount(every.grain, minlength=40)
    assert fewer.missing.tolist()
    assert set(np.flatnonzero(counts < 30)) <= set(fewer.missing.tolist())
    assert not set(np.flatnonzero(counts > 120)) & set(fewer.missing.tolist())
    touching = {tuple(sorted(pair)) for pair in every.facet_grains.tolist()}
    for grain, heir in zip(fewer.missing.tolist(), fewer.heirs.tolist(), strict=True):
        assert heir not in fewer.missing
        if counts[grain] > 20:
            assert tuple(sorted((grain, heir))) in touching
    assert fewer.volume.sum() == pytest.approx(every.volume.sum(), rel=0.005)
    assert len(fewer.left_out) == 0


def test_threads_change_no_byte():
    body = toy(*BODIES["few"])
    one, three = mesh_of(body, 0.2), mesh_of(body, 0.2, threads=3)
    for name in ("points", "cells", "grain", "facets", "facet_grains"):
        np.testing.assert_array_equal(getattr(one, name), getattr(three, name))


def test_polynomials_are_the_shell():
    rng = np.random.default_rng(5)
    coefficients = rng.normal(size=100)
    u = rng.normal(size=(50, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    p, x, y, z = polynomials(coefficients), *u.T
    powers = z[:, None] ** np.arange(10)
    turns = (x + 1j * y)[:, None] ** np.arange(10)
    value = ((powers @ p[0].T) * turns.real + (powers @ p[1].T) * turns.imag).sum(axis=1)
    np.testing.assert_allclose(value, Shell(coefficients).radius(u), atol=1e-12)


@pytest.mark.parametrize("size", [0.0, -1.0, np.nan, np.inf])
def test_size_must_be_positive(size):
    with pytest.raises(InputError, match="size"):
        mesh_of(toy(3, 1), size)


def test_too_fine_and_too_coarse_are_said():
    with pytest.raises(InputError, match="GiB"):
        mesh_of(toy(3, 1), 1e-4)
    with pytest.raises(InputError, match="coarse"):
        mesh_of(toy(3, 1), 20.0)


@pytest.mark.parametrize(
    ("apart", "between", "bridging", "joined"),
    [(13, 3, True, True), (13, 4, True, False), (12, 1, True, False), (13, 1, False, False)],
)
def test_a_part_is_joined_to_the_rest_of_its_grain_by_a_short_neck(apart, between, bridging, joined):
    """A row of cells, each with a face in common with the next: a part of 13 is kept if 3 cells do; else it goes."""
    names = np.repeat([1, 3, 1, 2], [20, between, apart, 20]).astype(np.int32)
    cells = (np.arange(len(names))[:, None] + np.arange(4)).astype(np.int32)
    t = Tetrahedra.of(np.zeros((len(names) + 3, 3)), cells, names.copy(), 8)
    assert _merge_crumbs(t, np.zeros(len(names), bool), 1, bridging) == 1
    neck, part = slice(20, 20 + between), slice(20 + between, 20 + between + apart)
    assert (t.names[neck] == (1 if joined else 3)).all() and ((t.names[part] == 1) == joined).all()
    rest = np.r_[:20, part.stop : len(names)]
    np.testing.assert_array_equal(t.names[rest], names[rest])
