"""Star-shaped form of labelled particles and its expansion in spherical harmonics, Eqs. (1), (3)."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from nmcfast.errors import InputError
from nmcfast.parameters import ORDER
from nmcfast.shells.harmonics import degree_of, fit_coefficients, grid_radii, icosphere

LEVEL = 3  # the paper's 642 directions
LEAST_SHARE = 0.5  # free: restoring makes no coefficient more than twice as large, or noise would grow with it
_GRAZE = 1e-9  # voxels: a ray's stay in a voxel shorter than this is a touch of its edge


@dataclass(frozen=True)
class StarShapes:
    """Particles as radius functions about their centres of mass, lengths in voxels.

    label (n,), volume (n,) voxels, radius (n, 642) of Eq. (1) in randomly turned directions, coefficients (n,
    100) of Eq. (3); share (n,) of the volume that Eq. (1) holds; counts of what was left out.
    """

    label: np.ndarray
    volume: np.ndarray
    radius: np.ndarray
    coefficients: np.ndarray
    share: np.ndarray
    counts: dict[str, int]


def star_radius(mask: np.ndarray, centre: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Distance P(u) from the centre at which a ray first leaves the particle, Eq. (1) -> (p,) voxels.

    mask (nz, ny, nx) bool, centre (3,) x, y, z in index space, directions (p, 3) unit; exact on voxels as
    cubes. Zero where the centre itself lies outside.
    Deviation: print takes the largest r whose voxel belongs to the particle, anywhere along the ray; the text
    then says that the star shape is a subset of the particle, which holds for the first exit only.
    """
    padded = np.pad(mask, 1)
    start = centre + 1.0
    crossing = _crossings(padded.shape[::-1], start, directions)
    entry = np.concatenate([np.zeros((len(directions), 1)), crossing[:, :-1]], axis=1)
    middle = np.minimum(0.5 * (entry + crossing), sum(padded.shape))
    voxel = np.rint(start + middle[..., None] * directions[:, None]).astype(int)
    x, y, z = np.moveaxis(np.clip(voxel, 0, np.array(padded.shape[::-1]) - 1), -1, 0)
    inside = padded[z, y, x] | (crossing - entry < _GRAZE)
    return entry[np.arange(len(directions)), np.argmin(inside, axis=1)]


def _crossings(shape: tuple[int, ...], start: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Distances at which rays change voxels, ascending; planes behind or parallel go to a far end."""
    steps = []
    for axis, size in enumerate(shape):
        planes = np.arange(size - 1) + 0.5 - start[axis]
        with np.errstate(divide="ignore", invalid="ignore"):
            steps.append(planes / directions[:, axis, None])
    crossing = np.concatenate(steps, axis=1)
    far = 2.0 * sum(shape)
    return np.sort(np.where((crossing > 0) & (crossing < far), crossing, far), axis=1)


def star_shapes(labels: np.ndarray, seed: int = 0, order: int = ORDER) -> StarShapes:
    """Radius functions and coefficients of all labelled particles, Eqs. (1), (3), section 2.1.

    labels (nz, ny, nx) int, 0 outside. Each particle is turned by its own uniform random rotation, drawn from
    (seed, label). Left out and counted: "centre_outside", the centre of mass is not in the particle;
    "radius", the expansion is not positive in a direction. Raises InputError when no particle remains.
    """
    found = [
        (label, *_one(labels[box] == label, np.random.default_rng([seed, label])))
        for label, box in enumerate(ndimage.find_objects(labels), 1)
        if box is not None
    ]
    kept = [entry for entry in found if (entry[2] > 0).all()]
    if not kept:
        raise InputError(f"labels: found {len(found)} particles, none is star-shaped about its centre of mass")
    label, volume, radius = (np.array(column) for column in zip(*kept, strict=True))
    coefficients = fit_coefficients(radius, icosphere(LEVEL)[0], order)
    good = (grid_radii(coefficients, LEVEL) > 0).all(axis=1)
    counts = {
        "centre_outside": len(found) - len(kept),
        "radius": int((~good).sum()),
        "shapes": int(good.sum()),
    }
    share = 4.0 * np.pi / 3.0 * (radius**3).mean(axis=1) / volume
    return StarShapes(label[good], volume[good], radius[good], coefficients[good], share[good], counts)


def smoothing_share(order: np.ndarray, radius: np.ndarray, sigma: float) -> np.ndarray:
    """Share of a wave of order l on a ball of radius R that a Gaussian of width σ leaves: exp(−(l − 1)(l + 2) σ²/2R²).

    To first order in the wave; l = 1 is a translation and stays. Lengths in voxels, arrays broadcast.
    """
    return np.exp(-np.maximum(order - 1, 0) * (order + 2) * sigma**2 / (2.0 * radius**2))


def restored(shapes: StarShapes, sigma: float) -> tuple[StarShapes, int]:
    """Shapes with the coefficients as they were before a Gaussian of σ voxels, and how many were raised to the limit.

    Deviation: print fits what the Gaussian of section 2.1 has left. Shapes whose radius is no longer positive go.
    """
    radius = shapes.coefficients[:, :1] / np.sqrt(4.0 * np.pi)
    share = smoothing_share(degree_of(shapes.coefficients.shape[1]), radius, sigma)
    coefficients = shapes.coefficients / np.maximum(share, LEAST_SHARE)
    good = (grid_radii(coefficients, LEVEL) > 0).all(axis=1)
    counts = {**shapes.counts, "radius": shapes.counts["radius"] + int((~good).sum()), "shapes": int(good.sum())}
    kept = StarShapes(
        shapes.label[good], shapes.volume[good], shapes.radius[good], coefficients[good], shapes.share[good], counts
    )
    return kept, int((share[good] < LEAST_SHARE).sum())


def _one(mask: np.ndarray, rng: np.random.Generator) -> tuple[int, np.ndarray]:
    """Volume of one particle and P(u) in randomly turned directions."""
    centre = np.array(ndimage.center_of_mass(mask))[::-1]
    turned = icosphere(LEVEL)[0] @ Rotation.random(None, rng).as_matrix().T
    return int(mask.sum()), star_radius(mask, centre, turned)
