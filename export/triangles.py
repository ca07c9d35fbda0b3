"""The boundaries of grains as triangles, whose nodes neighbours share: one closed surface a grain."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from nmcfast.export.tetrahedra import TetDeck

_GOLDEN = 0.6180339887498949  # steps of hue that never come near each other soon


def closed_surfaces(deck: TetDeck) -> Iterator[tuple[int, np.ndarray]]:
    """The label of each grain, and its triangles (t, 3), rows of points, counter-clockwise from outside the grain."""
    corners = deck.facets[:, :3]
    inner = ~deck.outside
    triangles = np.concatenate([corners, corners[inner][:, ::-1]])
    owner = np.concatenate([deck.facet_grains[:, 0], deck.facet_grains[inner, 1]])
    order = np.argsort(owner, kind="stable")
    ends = np.searchsorted(owner[order], deck.groups, side="right")
    for grain, part in zip(deck.groups.tolist(), np.split(order, ends[:-1]), strict=True):
        yield grain, triangles[part]


class Polygons(NamedTuple):
    """Facets of a mesh under the name of a file: points (p, 3) µm, rows of them (f, 3), labels on both sides (f, 2)."""

    name: str
    points: np.ndarray
    corners: np.ndarray
    sides: np.ndarray


def polygons(deck: TetDeck) -> Iterator[Polygons]:
    """The outer surface, `particle`, and every boundary once, `facets`."""
    for name, chosen in (("particle", deck.outside), ("facets", np.ones(len(deck.facets), bool))):
        used, corners = np.unique(deck.facets[chosen, :3], return_inverse=True)
        rows, sides = corners.reshape(-1, 3).astype(np.int32), deck.facet_grains[chosen].astype(np.int32)
        yield Polygons(name, deck.points[used], rows, sides)


def colours(grains: np.ndarray) -> np.ndarray:
    """Colours (n, 3) uint8 of labels (n,): neighbours in number differ in hue; 0 is grey."""
    hue = (np.asarray(grains, float) * _GOLDEN % 1.0)[:, None] * 6.0
    wave = np.clip(np.abs((hue + np.array([0.0, 4.0, 2.0])) % 6.0 - 3.0) - 1.0, 0.0, 1.0)
    shade = np.where(np.asarray(grains)[:, None] > 0, 0.4 + 0.5 * wave, 0.7)
    return np.round(255.0 * shade).astype(np.uint8)
