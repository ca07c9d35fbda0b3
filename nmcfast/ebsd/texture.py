"""Orientations of the grains of an EBSD map, and the texture fitted to them, sections 2.2 and 4.4."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nmcfast.ebsd.map import EbsdMap
from nmcfast.misorientation import multiply, quaternions
from nmcfast.sections.grain_map import GrainMap
from nmcfast.texture import Texture, fit_texture

AS_WRITTEN = np.array([1.0, 0.0, 0.0, 0.0])


@dataclass(frozen=True, eq=False)
class GrainOrientations:
    """Grains of a section that hold an indexed point.

    label (g,) in the grain map; position (g, 3) µm of their centroids from the particle's centre, x and y as in the
    file, z = 0; orientation (g, 4), crystal → axes of the map: x, y as in the file, z = x × y.
    """

    label: np.ndarray
    position: np.ndarray
    orientation: np.ndarray


def grain_orientations(m: EbsdMap, grains: GrainMap, turn: np.ndarray = AS_WRITTEN) -> GrainOrientations:
    """The orientation of each grain of a map, section 4.4: that of the indexed point nearest to its centroid.

    turn: unit quaternion from the axes of the Euler angles to those of the map. Vendors' differ and files do not tell:
    by default they are taken for the same, see docs/texture.md.
    """
    shape, corner = grains.labels.shape, grains.origin
    column = np.floor((m.x - corner[0]) / grains.pixel_size).astype(int)
    row = np.floor((m.y - corner[1]) / grains.pixel_size).astype(int)
    inside = m.indexed & (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
    point = np.flatnonzero(inside)
    label = grains.labels[row[point], column[point]]
    point, label = point[label > 0], label[label > 0]
    place = np.stack([m.x[point] - corner[0], m.y[point] - corner[1]], axis=1) - grains.centre
    counts = np.bincount(label)
    with np.errstate(invalid="ignore"):  # labels without a point: NaN, and no point asks for them
        centroid = np.stack([np.bincount(label, place[:, k]) / counts for k in (0, 1)], axis=1)
    distance = ((place - centroid[label]) ** 2).sum(axis=1)
    order = np.lexsort((distance, label))
    nearest = order[np.diff(label[order], prepend=0) > 0]
    found = label[nearest]
    position = np.column_stack([centroid[found], np.zeros(len(found))])
    return GrainOrientations(found, position, multiply(turn, quaternions(m.euler[point[nearest]])))


def fit_section_texture(
    sections: Sequence[tuple[EbsdMap, GrainMap]], turn: np.ndarray = AS_WRITTEN
) -> tuple[Texture, int]:
    """The radial fibre fitted to the grains of central sections, and the number of grains, sections 2.2 and 4.4.

    sections: maps of which each passes near its particle's centre, so that radii lie in the plane. turn as in
    `grain_orientations`. Raises InputError for fewer than 20 grains.
    """
    found = [grain_orientations(m, grains, turn) for m, grains in sections]
    orientation, position = (np.concatenate([getattr(f, name) for f in found]) for name in ("orientation", "position"))
    return fit_texture(orientation, position), len(position)
