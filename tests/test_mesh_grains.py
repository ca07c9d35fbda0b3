"""Meshes of particles whose surface is that of their grains: out to where others begin, in one part."""

import numpy as np
import pytest
from test_generate import SMALL
from test_mesh import is_manifold, volumes

from nmcfast import generate_particle
from nmcfast.meshes.body import Cluster
from nmcfast.meshes.mesh import mesh_of
from nmcfast.region import Region
from nmcfast.shells.shell import Shell
from nmcfast.tessellation import Seeds


@pytest.fixture(scope="module")
def particle():
    return generate_particle(SMALL, seed=3, index=0, surface="grains")


@pytest.fixture(scope="module")
def mesh(particle):
    return particle.mesh(across=4)


def distances(seeds, x):
    d = x[:, None] - seeds.position
    return np.sqrt(np.einsum("pni,nij,pnj->pn", d, seeds.metric, d)) - seeds.offset


def test_the_outer_surface_is_where_other_grains_begin(particle, mesh):
    """d_i of the grain inside is the least d of the halo; by the gradient, in parts of the size."""
    outer = mesh.facet_grains[:, 1] < 0
    nodes, first = np.unique(mesh.facets[outer], return_index=True)
    grain = np.repeat(mesh.facet_grains[outer, 0], 3)[first]
    x = mesh.points[nodes]
    about = np.bincount(mesh.facets[~outer].ravel(), minlength=len(mesh.points))[nodes]

    def gap(x):
        return distances(particle.grains, x)[np.arange(len(x)), grain] - distances(particle.halo, x).min(axis=1)

    slope = np.stack([(gap(x + s) - gap(x - s)) / 2e-5 for s in 1e-5 * np.eye(3)], axis=1)
    off = np.abs(gap(x)) / np.linalg.norm(slope, axis=1)
    assert (off[about == 0] < 0.02 * mesh.size).mean() > 0.93
    assert (off < 0.1 * mesh.size).mean() > 0.9


def test_it_is_sound_and_holds_the_volume_of_the_grains(particle, mesh):
    assert (volumes(mesh.points, mesh.cells) > 0.0).all()
    assert is_manifold(mesh.facets[mesh.facet_grains[:, 1] < 0])
    truth = np.count_nonzero(particle.voxelize(0.02).labels) * 0.02**3
    finer = particle.mesh(across=6).volume.sum()
    lost, less = 1.0 - mesh.volume.sum() / truth, 1.0 - finer / truth
    assert 0.0 < less < lost / 1.8  # what chords cut off falls with the square of the size
    assert less < 0.035


def test_what_does_not_hang_together_is_left_out_and_named():
    """Voronoi cells: two beside each other, and one beyond a grain that is none of the particle's."""
    place = np.array([(-0.8, 0.25, 0.0), (-0.8, -0.25, 0.0), (0.8, 0.0, 0.0)])
    around = [(x, y, z) for x in (-1.6, -0.8, 0.0, 0.8, 1.6) for y in (-0.9, 0.0, 0.9) for z in (-0.7, 0.0, 0.7)]
    others = np.array([p for p in around if np.linalg.norm(place - p, axis=1).min() > 0.3])
    seeds = [Seeds(p, np.ones_like(p), np.zeros(len(p)), np.zeros(len(p))) for p in (place, others)]
    shell = Shell(np.array([2.0 * np.sqrt(4.0 * np.pi)]))
    box = np.array([[-1.4, -0.7, -0.6], [1.4, 0.7, 0.6]])
    body = Cluster(seeds[0], shell, "unsquared", seeds[1], box, Region(shell, 0.4))
    mesh = mesh_of(body, 0.12)
    assert mesh.missing.tolist() == [2]
    assert mesh.left_out.tolist() == [2]
    assert set(mesh.grain.tolist()) == {0, 1}
    grid = np.stack(np.meshgrid(*(np.arange(-1.39, 1.4, 0.02),) * 3), axis=-1).reshape(-1, 3)
    nearest = np.argmin(np.concatenate([distances(s, grid) for s in seeds], axis=1), axis=1)
    truth = np.array([(nearest == k).sum() for k in (0, 1)]) * 0.02**3
    np.testing.assert_allclose(mesh.volume[:2], truth, rtol=0.03)
