"""A small particle as tetrahedra for writers, and what is read back as arrays that can be compared."""

import functools
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np
import pytest
from mesh_toys import toy

from nmcfast.export.tetrahedra import TetDeck
from nmcfast.library.tetrahedra import TetOptions, deck_of_mesh
from nmcfast.meshes.mesh import Mesh, mesh_of
from nmcfast.tessellation import Seeds, joined

GRAINS = 7


@functools.cache
def mesh() -> Mesh:
    """Of seven grains, and an eighth that wins nowhere."""
    body = toy(GRAINS, 2, 0.02)
    nowhere = Seeds(np.zeros((1, 3)), np.ones((1, 3)), np.array([-10.0]), np.zeros(1))
    return mesh_of(replace(body, grains=joined(body.grains, nowhere)), 0.2)


@functools.cache
def deck(**options) -> TetDeck:
    """Seven grains meshed, and an eighth without a cell."""
    rng = np.random.default_rng(1)
    orientation = rng.normal(size=(GRAINS + 1, 4))
    orientation *= np.sign(orientation[:, :1]) / np.linalg.norm(orientation, axis=1, keepdims=True)
    particle = SimpleNamespace(grains=Rows(rng.normal(size=(GRAINS + 1, 3)), orientation))
    return deck_of_mesh(3, particle, mesh(), TetOptions(size=0.2, **options))


@dataclass
class Rows:
    centroid: np.ndarray
    orientation: np.ndarray

    def __len__(self) -> int:
        return len(self.centroid)


@dataclass
class Found:
    """What a reader found: corners of the cells of each grain (m, 4, 3), of triangles (f, 3, 3) outside, of pairs."""

    grains: dict[int, np.ndarray]
    outer: np.ndarray
    pairs: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)


def check(found: Found, deck: TetDeck, digits: float = 1e-8) -> None:
    """Cells of each grain, the outer surface and that between each two grains are those of the deck.

    The divergence theorem tells which way triangles look: outwards, or from the first grain to the second.
    """
    volume = {g: tet_volumes(p).sum() for g, p in found.grains.items()}
    assert set(volume) == set(deck.groups.tolist())
    np.testing.assert_allclose([volume[g] for g in deck.groups], deck.volume[deck.groups - 1], rtol=digits)
    assert all((tet_volumes(p) > 0.0).all() for p in found.grains.values())
    assert flux(found.outer) == pytest.approx(deck.volume.sum(), rel=digits)
    if not found.pairs:
        return
    assert set(found.pairs) == set(map(tuple, deck.pairs.tolist()))
    np.testing.assert_allclose([area(found.pairs[a, b]) for a, b in deck.pairs.tolist()], deck.areas, rtol=digits)
    outer = {g: deck.facet_grains[deck.outside, 0] == g for g in deck.groups.tolist()}
    for grain in deck.groups.tolist():
        total = flux(deck.points[deck.outer[outer[grain]][:, :3]])
        total += sum(flux(p) for (a, _), p in found.pairs.items() if a == grain)
        total -= sum(flux(p) for (_, b), p in found.pairs.items() if b == grain)
        assert total == pytest.approx(volume[grain], rel=10 * digits)


def tet_volumes(p: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", p[:, 1] - p[:, 0], np.cross(p[:, 2] - p[:, 0], p[:, 3] - p[:, 0])) / 6.0


def flux(p: np.ndarray) -> float:
    """∫ x·n / 3 over triangles (f, 3, 3): the volume that they enclose when they do."""
    return float(np.einsum("ij,ij->i", p[:, 0], np.cross(p[:, 1], p[:, 2])).sum() / 6.0)


def area(p: np.ndarray) -> float:
    return float(np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1).sum() / 2.0)
