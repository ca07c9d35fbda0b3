"""Meshes of voxels: grain count, volumes and outer surface are those of the labels, and the facets close."""

import numpy as np
import pytest
from library_toys import record, voronoi

from nmcfast.errors import InputError
from nmcfast.export.deck import Deck
from nmcfast.export.hexahedra import SIDES, HexMesh, hex_mesh

ORIGIN, H = np.array([-1.0, 2.0, 0.5]), 0.25


def ball() -> np.ndarray:
    return voronoi(np.random.default_rng(1).random((6, 3)) * (9, 10, 11), (9, 10, 11))


def signed_volumes(mesh: HexMesh) -> np.ndarray:
    """Of the tetrahedra that a hexahedron is cut into: positive everywhere when corners are in order."""
    p = mesh.points[mesh.cells]
    edges = p[:, [1, 3, 4]] - p[:, [0]]
    return np.linalg.det(edges)


def test_the_mesh_has_the_voxels_of_the_labels() -> None:
    labels = ball()
    mesh = hex_mesh(labels, ORIGIN, H)
    assert np.allclose(signed_volumes(mesh), H**3)
    assert np.array_equal(np.bincount(mesh.grain), [0, *np.bincount(labels.ravel())[1:]])
    centre = mesh.points[mesh.cells].mean(axis=1)
    z, y, x = np.floor((centre - ORIGIN) / H).astype(int).T[::-1]
    assert np.array_equal(labels[z, y, x], mesh.grain)
    assert np.array_equal(labels.ravel()[mesh.voxel], mesh.grain)
    assert len(np.unique(mesh.points, axis=0)) == len(mesh.points) == mesh.cells.max() + 1
    assert len(np.unique(mesh.cells)) == len(mesh.points)


def test_outer_facets_are_those_of_the_labels_and_point_outwards() -> None:
    labels = ball()
    mesh = hex_mesh(labels, ORIGIN, H)
    solid = np.pad(labels > 0, 1)
    faces = sum(int(np.count_nonzero(np.diff(solid.astype(int), axis=a))) for a in range(3))
    quads = mesh.points[mesh.outer_quads]
    assert len(quads) == faces
    normal = np.cross(quads[:, 1] - quads[:, 0], quads[:, 3] - quads[:, 0]) / H**2
    cell, side = mesh.outer
    axis, sign = (np.array([s[i] for s in SIDES])[side] for i in (0, 1))
    expected = (axis[:, None] == np.array(list("xyz"))) * np.where(sign == "+", 1, -1)[:, None]
    assert np.allclose(normal, expected)
    outwards = quads.mean(axis=1) - mesh.points[mesh.cells[cell]].mean(axis=1)
    assert np.allclose(outwards, 0.5 * H * normal)
    enclosed = (quads.mean(axis=1) * normal).sum() * H**2 / 3  # divergence theorem: the surface is closed
    assert np.isclose(enclosed, np.count_nonzero(labels) * H**3)


@pytest.mark.parametrize("shape", [(0, 0, 0), (2, 3, 4)])
def test_no_grain_gives_an_empty_mesh(shape: tuple[int, int, int]) -> None:
    mesh = hex_mesh(np.zeros(shape, np.uint16), ORIGIN, H)
    assert mesh.points.shape == (0, 3)
    assert mesh.cells.shape == (0, 8)
    assert mesh.outer_quads.shape == (0, 4)


def deck(labels: np.ndarray, grains: int) -> Deck:
    made = record(0, np.zeros((1, 1, 1), np.uint16), grains)
    table = {
        n: getattr(made, n) for n in ("position", "diagonal", "offset", "angle", "centroid", "volume", "orientation")
    }
    return Deck(4, labels, ORIGIN, H, **table, descriptors={})


def test_labels_that_a_format_cannot_count_are_refused() -> None:
    labels = np.full((1, 1, 1), 65_536, np.uint32)
    assert deck(labels - 1, 65_535).labels_as("uint16", "tiff").dtype == np.uint16
    with pytest.raises(InputError, match=r"particle 4: 65536 grains, but labels of tiff are uint16, at most 65535"):
        deck(labels, 65_536).labels_as("uint16", "tiff")
