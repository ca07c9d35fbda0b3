"""Cells of ten nodes: middles on the boundaries, cells valid everywhere, nearer to the volume."""

import itertools

import numpy as np
import pytest
import tet_toys
from test_mesh import off_surface

from nmcfast.export.tetrahedra import EDGES
from nmcfast.meshes import quadratic


@pytest.fixture(scope="module")
def bent():
    return tet_toys.mesh().quadratic()


def jacobians(points, cells, at):
    """det J of cells (m, 10) at barycentric coordinates (4,), by the gradients of the shape functions."""
    ends = np.eye(4)
    gradient = np.zeros((10, 3))  # along λ1, λ2, λ3, λ0 being the rest
    step = np.stack([ends[k] - ends[0] for k in (1, 2, 3)])
    for a in range(4):
        gradient[a] = (4.0 * at[a] - 1.0) * step[:, a]
    for k, (a, b) in enumerate(EDGES.tolist()):
        gradient[4 + k] = 4.0 * (at[a] * step[:, b] + at[b] * step[:, a])
    return np.linalg.det(np.einsum("mki,kj->mij", points[cells], gradient))


def test_every_edge_has_one_node_and_facets_have_those_of_their_cells(bent):
    mesh = tet_toys.mesh()
    np.testing.assert_array_equal(bent.cells[:, :4], mesh.cells)
    np.testing.assert_array_equal(bent.points[: len(mesh.points)], mesh.points)
    middle = {}
    for cell in bent.cells.tolist():
        for k, (a, b) in enumerate(EDGES.tolist()):
            assert middle.setdefault(frozenset((cell[a], cell[b])), cell[4 + k]) == cell[4 + k]
    assert sorted(middle.values()) == list(range(len(mesh.points), len(bent.points)))
    for facet in bent.facets.tolist():
        for k, (a, b) in enumerate([(0, 1), (1, 2), (2, 0)]):
            assert middle[frozenset((facet[a], facet[b]))] == facet[3 + k]
    inner = np.setdiff1d(np.unique(bent.cells[:, 4:]), np.unique(bent.facets[:, 3:]))
    ends = {node: sorted(edge) for edge, node in middle.items()}
    straight = np.array([mesh.points[ends[node]].mean(axis=0) for node in inner.tolist()])
    np.testing.assert_allclose(bent.points[inner], straight, atol=1e-12)


def test_middles_lie_on_the_boundaries_that_their_cells_name(bent):
    mesh, names = tet_toys.mesh(), {}
    for facet, pair in zip(bent.facets.tolist(), mesh.facet_grains.tolist(), strict=True):
        for node in facet[3:]:
            names.setdefault(node, set()).update(pair)
    off = [off_surface(mesh.body, bent.points[v], *sorted(g)) for v, g in names.items() if len(g) == 2]
    assert len(off) + sum(len(g) > 2 for g in names.values()) == bent.curved
    on = np.array(off) < 1e-5 * mesh.size
    assert on.mean() > 0.97
    assert (~on).sum() <= bent.unplaced + bent.eased
    lines = [sorted(g) for g in names.values() if len(g) == 3]
    on = [
        max(off_surface(mesh.body, bent.points[v], *p) for p in itertools.combinations(sorted(g), 2)) < 1e-4
        for v, g in names.items()
        if len(g) == 3
    ]
    assert len(lines) > 50
    assert np.mean(on) > 0.9


def test_cells_are_valid_everywhere(bent):
    mesh = tet_toys.mesh()
    p = mesh.points[mesh.cells]
    straight = np.einsum("ij,ij->i", p[:, 1] - p[:, 0], np.cross(p[:, 2] - p[:, 0], p[:, 3] - p[:, 0]))
    rng = np.random.default_rng(4)
    places = [*np.eye(4), *rng.dirichlet(np.ones(4), 30)]
    sampled = np.min([jacobians(bent.points, bent.cells, at) / straight for at in places], axis=0)
    assert sampled.min() >= bent.least >= quadratic.VALID


def test_volume_is_nearer_to_that_of_the_shell(bent):
    mesh = tet_toys.mesh()
    rng = np.random.default_rng(0)
    truth = 4.0 / 3.0 * np.pi * (mesh.body.shell.radius(rng.normal(size=(400_000, 3))) ** 3).mean()
    a, b = 0.5854101966249685, 0.1381966011250105  # exact to the second degree; det J / 6 is of the third
    points = [np.roll([a, b, b, b], k) for k in range(4)]
    volume = sum(jacobians(bent.points, bent.cells, at).sum() for at in points) / 24.0
    assert abs(volume / truth - 1.0) < 0.002 < abs(mesh.volume.sum() / truth - 1.0)


def test_middles_go_back_where_cells_would_not_stand_it(monkeypatch):
    before = tet_toys.mesh().quadratic()
    monkeypatch.setattr(quadratic, "VALID", 0.9)
    after = tet_toys.mesh().quadratic()
    assert after.eased > before.eased
    assert after.least >= 0.9 > before.least
