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
    surface (g,) µm² of voxel faces, those to the outside included.
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
        surface=faces[label] * voxel_size**2,
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
