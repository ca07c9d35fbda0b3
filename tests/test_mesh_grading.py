"""Tetrahedra that are coarser where they may be: inside grains, by place."""

import numpy as np
import pytest
from mesh_toys import toy

from nmcfast.errors import InputError
from nmcfast.meshes.grading import Grading, depths
from nmcfast.meshes.mesh import mesh_of
from nmcfast.meshes.optimise import GUARDS, Work
from nmcfast.meshes.start import Tetrahedra, lattice_over, repaired, without_outside

SIZE, INSIDE = 0.13, 0.4
PAIRS = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


@pytest.fixture(scope="module")
def body():
    return toy(3, 2, 0.02)


@pytest.fixture(scope="module")
def even(body):
    return mesh_of(body, SIZE)


@pytest.fixture(scope="module")
def graded(body):
    return mesh_of(body, SIZE, grading=Grading(INSIDE))


def edges_of(mesh):
    edges = np.unique(np.sort(np.concatenate([mesh.cells[:, pair] for pair in PAIRS]), axis=1), axis=0)
    return edges, np.linalg.norm(mesh.points[edges[:, 0]] - mesh.points[edges[:, 1]], axis=1)


def deep_edges(mesh):
    """Lengths of the edges that no facet touches."""
    edges, length = edges_of(mesh)
    return length[~np.isin(edges, mesh.facets).any(axis=1)]


def test_cells_inside_grains_are_fewer_and_larger(even, graded):
    assert len(graded.cells) < 0.8 * len(even.cells)
    assert np.median(deep_edges(graded)) > 1.2 * np.median(deep_edges(even))


def test_boundaries_stay_as_fine_and_as_good(even, graded):
    assert len(graded.facets) == pytest.approx(len(even.facets), rel=0.03)
    np.testing.assert_allclose(graded.volume, even.volume, rtol=0.01)
    assert graded.quality.within(0.02) > even.quality.within(0.02) - 0.02
    assert graded.quality.smallest.min() > 21.0
    assert np.percentile(graded.quality.smallest, 1) > 28.5


def test_no_edge_is_much_longer_than_wanted(graded):
    assert edges_of(graded)[1].max() < 1.8 * INSIDE
    on_boundary = np.isin(edges_of(graded)[0], graded.facets).all(axis=1)
    assert edges_of(graded)[1][on_boundary].max() < 3.0 * SIZE


def sets_of_names(t):
    """The names of the cells about each node, outside too."""
    found = [set() for _ in t.points]
    for cell, name in zip(t.cells[t.names >= 0], t.names[t.names >= 0], strict=True):
        for v in cell[cell < len(t.points)]:
            found[v].add(name)
    return found


def inner_edges(t):
    """Edges of the cells of grains, each a number made of its two nodes."""
    low, high = np.sort(np.concatenate([t.cells[t.names > 0][:, pair] for pair in PAIRS]), axis=1).astype(int).T
    return np.unique(low * len(t.points) + high)


def test_edges_are_shrunk_along_boundaries_and_not_to_long_ones(body):
    """All nodes may go. None that stays gets a name that it had not, no edge that was made is longer than asked."""
    lattice = lattice_over(body, SIZE / 0.9, np.zeros(3), 1)
    assert repaired(lattice, body, SIZE / 0.9) is not None
    work = Work(without_outside(lattice), body, SIZE, 1)
    for guard in GUARDS[:3]:
        work.move(2, guard)
        work.flip()
    before, old, wanted = sets_of_names(work.mesh), inner_edges(work.mesh), 1.6 * SIZE
    assert work.coarsen(np.full(len(work.mesh.points), wanted)) > 50
    t, after = work.mesh, sets_of_names(work.mesh)
    assert all(now <= then for now, then in zip(after, before, strict=True))
    a, b = np.divmod(np.setdiff1d(inner_edges(t), old), len(t.points))
    assert 1.2 * wanted < np.linalg.norm(t.points[a] - t.points[b], axis=1).max() <= 1.5 * wanted


def test_a_function_says_how_coarse_it_may_get_boundaries_too(body, even):
    mesh = mesh_of(body, SIZE, grading=Grading(where=lambda x: np.where(x[:, 0] > 0.0, 2.0, 1.0) * SIZE))
    middle = mesh.points[mesh.facets].mean(axis=1)[:, 0]
    before = even.points[even.facets].mean(axis=1)[:, 0]
    assert (middle > 0.3).sum() < 0.6 * (before > 0.3).sum()
    assert (middle < -0.3).sum() == pytest.approx((before < -0.3).sum(), rel=0.03)
    np.testing.assert_allclose(mesh.volume, even.volume, rtol=0.03)
    assert mesh.quality.within(0.05) > 0.97


def test_less_than_the_size_changes_nothing(body, even):
    same = mesh_of(body, SIZE, grading=Grading(0.5 * SIZE, lambda x: np.full(len(x), 0.5 * SIZE)))
    np.testing.assert_array_equal(same.points, even.points)
    np.testing.assert_array_equal(same.cells, even.cells)


def test_threads_change_no_byte(body, graded):
    mesh = mesh_of(body, SIZE, threads=3, grading=Grading(INSIDE))
    np.testing.assert_array_equal(mesh.points, graded.points)
    np.testing.assert_array_equal(mesh.cells, graded.cells)


def test_depths_are_lengths_of_paths_from_the_boundaries():
    """A fan of cells along a line: nodes 0, 1, 2 are on the boundary of two names, each further one a step away."""
    points = np.array([(0.0, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 0), (-1, 0, 0), (3, 0, 0)])
    cells = np.array([(3, 0, 1, 2), (4, 0, 2, 1), (3, 1, 2, 5)], np.int32)
    mesh = Tetrahedra.of(points, cells, np.array([1, 2, 1], np.int32), 8)
    np.testing.assert_allclose(depths(mesh, 10.0), [0, 0, 0, 1, 1, 3])
    np.testing.assert_allclose(depths(mesh, 2.0), [0, 0, 0, 1, 1, 2])


@pytest.mark.parametrize("inside", [0.0, -1.0, np.nan, np.inf])
def test_inside_must_be_positive(inside):
    with pytest.raises(InputError, match="inside"):
        Grading(inside)


@pytest.mark.parametrize(
    ("where", "said"), [(lambda x: x, "shape"), (lambda x: x[:, 0], "least"), (lambda x: x[:, 0] * np.nan, "nan")]
)
def test_sizes_must_be_positive_one_a_point(body, where, said):
    with pytest.raises(InputError, match=f"sizes: .*{said}"):
        mesh_of(body, 0.5, grading=Grading(where=where))
