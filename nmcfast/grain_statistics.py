"""Statistics of grains in label volumes: size, shape, orientation to the radius, neighbours."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcfast.errors import InputError
from nmcfast.kernels import moments


@dataclass(frozen=True)
class GrainStatistics:
    """One row a grain with at least one voxel, in the order of the labels.

    label (g,), volume (g,) µm³, centroid (g, 3) µm, variance (g, 3) µm² of the voxels, descending, axis (g, 3) unit
    vector of the largest, elongation (g,) = √(largest / smallest variance), an axis ratio, angle (g,) rad in [0, π/2]
    of the axis to the direction of the centroid (the 3D form of Eq. (4)), neighbours (g,) grains that share a face,
    surface (g,) µm², by Crofton's formula, see `crofton_areas`; voxel_surface (g,) µm² of voxel faces, 1.5 times too
    large for smooth grains of no preferred direction: not for sphericities. Both with what faces the outside.
    """

    label: NDArray[np.int64]
    volume: np.ndarray
    centroid: np.ndarray
    variance: np.ndarray
    axis: np.ndarray
    elongation: np.ndarray
    angle: np.ndarray
    neighbours: NDArray[np.int64]
    surface: np.ndarray
    voxel_surface: np.ndarray


def measure_volume(labels: np.ndarray, voxel_size: float, origin: np.ndarray) -> GrainStatistics:
    """Size, shape, orientation and neighbours of every grain of a volume.

    labels (nz, ny, nx), 0 outside; voxel_size µm; origin (3,) µm, x y z, relative to the particle's centre. A voxel
    counts with its own variance 1/12. Raises InputError for labels that are not 3D.
    """
    if labels.ndim != 3 or not labels.size or not voxel_size > 0:
        raise InputError(f"labels {labels.shape}, voxel size {voxel_size}; expected three dimensions and µm > 0")
    n = int(labels.max()) + 1
    sums, boxes = np.empty((1, n, 10), np.int64), np.empty((1, n, 6), np.int64)
    moments.moments_serial(labels, sums, boxes)
    label = np.flatnonzero(sums[0, 1:, moments.COUNT]) + 1
    count, mean, variance, axis = _principal(sums[0, label])
    centroid = np.asarray(origin) + (mean + 0.5) * voxel_size
    length = np.linalg.norm(centroid, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):  # a centroid at the centre has no direction: NaN
        cosine = np.abs((axis * centroid).sum(axis=1)) / length
    neighbours, faces = _contacts(labels, n)
    return GrainStatistics(
        label=label,
        volume=count * voxel_size**3,
        centroid=centroid,
        variance=variance * voxel_size**2,
        axis=axis,
        elongation=np.sqrt(variance[:, 0] / variance[:, 2]),
        angle=np.arccos(np.minimum(cosine, 1.0)),
        neighbours=neighbours[label],
        surface=crofton_areas(labels, voxel_size)[label],
        voxel_surface=faces[label] * voxel_size**2,
    )


def _principal(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Voxels, mean index (g, 3), variances (g, 3) descending and first axis (g, 3) from the sums (g, 10)."""
    count = sums[:, moments.COUNT].astype(np.float64)
    mean = sums[:, moments.X : moments.Z + 1] / count[:, None]
    second = np.empty((len(sums), 3, 3))
    for a, b, column in (
        (0, 0, moments.XX),
        (1, 1, moments.YY),
        (2, 2, moments.ZZ),
        (0, 1, moments.XY),
        (0, 2, moments.XZ),
        (1, 2, moments.YZ),
    ):
        second[:, a, b] = second[:, b, a] = sums[:, column] / count - mean[:, a] * mean[:, b]
    values, axes = np.linalg.eigh(second + np.eye(3) / 12)
    return count, mean, values[:, ::-1], axes[:, :, 2]


def _contacts(labels: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Neighbouring grains (n,) and faces (n,) of each label; the volume's own border counts as outside."""
    pairs, faces = moments.contacts(np.pad(labels, 1))
    between = pairs[:, 0] > 0
    touching = np.bincount(pairs[between].ravel(), minlength=n)
    return touching, np.bincount(pairs.ravel(), np.repeat(faces.sum(axis=1), 2), minlength=n)


# Directions to 13 pairs of the 26 neighbours of a voxel, x y z, and the share of the sphere nearest to each pair.
_DIRECTIONS = np.array(
    [
        *((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        *((1, 1, 0), (1, -1, 0), (1, 0, 1), (1, 0, -1), (0, 1, 1), (0, 1, -1)),
        *((1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1)),
    ]
)
_SHARES = np.repeat((0.091556, 0.073961, 0.070392), (3, 6, 4))  # sum to 1; Voronoi cells on the sphere


def crofton_areas(labels: np.ndarray, voxel_size: float) -> np.ndarray:
    """Surface (n,) µm² of labels 0 … n − 1 of a volume (nz, ny, nx) by Crofton's formula in 13 directions.

    A surface is met twice its area by lines of unit density, mean over all directions: boundaries between neighbours
    along each of 13 directions are counted, with the density of the lines of voxels that run there, and weighed with
    the share of directions that are nearest. Spheres of 6 voxels radius come out within 3 %, 0.6 % too small on
    average; planes from 7 % too small, along an axis, to 2 % too large. The border of the volume counts as outside.
    """
    padded = np.pad(labels, 1)
    n = int(labels.max(initial=0)) + 1
    areas = np.zeros(n)
    for direction, share in zip(_DIRECTIONS, _SHARES, strict=True):
        here, there = (_shifted(padded, sign * direction) for sign in (-1, 1))
        changed = here != there
        ends = np.bincount(here[changed], minlength=n) + np.bincount(there[changed], minlength=n)
        areas += 2.0 * share * ends / np.linalg.norm(direction)
    return areas * voxel_size**2


def _shifted(padded: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The voxels of a volume that have one at −direction (3,), x y z, in their order; with the other sign, these."""
    slices = tuple(
        slice(max(step, 0), size + min(step, 0)) for step, size in zip(direction[::-1], padded.shape, strict=True)
    )
    return padded[slices]
