"""Known grain architectures: what calibration from sections is tested on, and what the default model is made from.

A reference gives each seed its markers from the geometry of its neighbours and from disorder of its own. It is
sampled in 3D; a trainer sees label maps of sections through its centre only. Lengths are model pixels of 0.05 µm.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcfast.arrangement import POISSON, Arrangement
from nmcfast.kernels import gnet, label_grid, neighbours
from nmcfast.markers import frames, input_count, metrics
from nmcfast.parameters import KAPPA, MU, NOISES

Array = NDArray[np.float64]
Markers = Callable[[NDArray[np.float32]], tuple[NDArray, NDArray]]  # inputs (m, w) -> D (m, 3), r (m,)

REACH = 3.5  # mean seed spacings from which a seed can hold a voxel
RING = 2.0  # further spacings in which seeds are drawn as neighbours only
# spacings: the k-th nearest seed is Γ(k + 1/3) / Γ(k) · (4π/3)^(−1/3) away on average; this is the mean over 12
MEAN_DISTANCE = 1.0846


@dataclass(frozen=True)
class Architecture:
    """A law of markers: D = diagonal · e^N(0, disorder²), each entry by itself; r uniform in `offset`, plus coupling.

    mu seeds px⁻³; diagonal px⁻², first entry along the radius; disorder, dimensionless; offset (low, high). Per mean
    seed spacing that the 12 nearest are farther away than on average, `coupling` is added to r: room is taken.
    """

    name: str
    mu: float
    diagonal: tuple[float, float, float]
    disorder: float
    offset: tuple[float, float]
    coupling: float

    def markers(self, inputs: NDArray[np.float32], rng: np.random.Generator) -> tuple[Array, Array]:
        """D (m, 3) px⁻² and r (m,) of seeds with inputs (m, 60) of G_net, Algorithm 1 line 6."""
        displacement = inputs[:, : 5 * KAPPA].reshape(len(inputs), KAPPA, 5)[:, :, :3].astype(np.float64)
        room = np.linalg.norm(displacement, axis=2).mean(axis=1) * self.mu ** (1 / 3)
        diagonal = np.array(self.diagonal) * np.exp(self.disorder * rng.standard_normal((len(inputs), 3)))
        return diagonal, rng.uniform(*self.offset, len(inputs)) + self.coupling * (room - MEAN_DISTANCE)


@dataclass(frozen=True)
class Mixture:
    """Grains of several kinds side by side: each seed has the markers of one of `parts`, chosen with its share."""

    name: str
    mu: float
    parts: tuple[Architecture, ...]
    shares: tuple[float, ...]

    def markers(self, inputs: NDArray[np.float32], rng: np.random.Generator) -> tuple[Array, Array]:
        """D (m, 3) px⁻² and r (m,) of seeds with inputs (m, 60) of G_net."""
        kind = rng.choice(len(self.parts), len(inputs), p=self.shares)
        diagonal, offset = zip(*[part.markers(inputs, rng) for part in self.parts], strict=True)
        rows = np.arange(len(inputs))
        return np.stack(diagonal)[kind, rows], np.stack(offset)[kind, rows]


Known = Architecture | Mixture

# A radial elongation of a : 1 is D = (1, a², a²) · c, because lengths go with 1 / √D. c sets how much an offset weighs.
# Every number is our choice unless docs/calibration.md cites a figure for it.
ISOTROPIC = Architecture("isotropic", MU, (4.0, 4.0, 4.0), 0.3, (3.0, 6.0), 3.64)
RADIAL_2 = Architecture("radial 2:1", MU, (2.0, 8.0, 8.0), 0.3, (3.0, 6.0), 3.64)
RADIAL_4 = Architecture("radial 4:1", MU, (1.0, 16.0, 16.0), 0.3, (3.0, 6.0), 3.64)
PANCAKES = Architecture("tangential pancakes", MU, (12.0, 2.0, 2.0), 0.3, (3.0, 6.0), 3.64)
NMC811 = Architecture("nmc811", MU, (1.5, 9.0, 9.0), 0.3, (3.0, 6.0), 3.64)
# two kinds of grain side by side: no law of `moment_fit` has that, whose numbers the others are made of
MIXED = Mixture(
    "mixed",
    MU,
    (
        Architecture("equiaxed", MU, (4.9, 4.9, 4.9), 0.15, (3.0, 6.0), 3.64),
        Architecture("radial 3.3:1", MU, (1.0, 10.9, 10.9), 0.15, (3.0, 6.0), 3.64),
    ),
    (0.35, 0.65),
)
CLOSURE = (ISOTROPIC, RADIAL_2, RADIAL_4, PANCAKES)


@dataclass(frozen=True)
class Tessellation:
    """Grains of a box: position (n, 3) px, matrices (n, 3, 3) px⁻², offset (n,)."""

    position: Array
    matrices: Array
    offset: Array

    def labels(
        self, low: tuple[float, float, float], shape: tuple[int, int, int], voxel_size: float = 1.0
    ) -> NDArray[np.int32]:
        """Labels (nz, ny, nx), Eq. (8), of the voxels of a box that starts at low (x, y, z) px."""
        return label_grid(self.position, self.matrices, self.offset, shape, low, voxel_size)


def sample(
    markers: Markers,
    mu: float,
    low: Array,
    high: Array,
    rng: np.random.Generator,
    arrangement: Arrangement = POISSON,
) -> Tessellation:
    """Grains that can hold a voxel of the box from low to high (3,) px, by Algorithm 1 with the given markers."""
    position = place_seeds(arrangement, mu, low, high, (REACH + RING) * spacing(arrangement, mu), rng)
    noise, angle = rng.random((len(position), NOISES)), np.pi * rng.random(len(position))
    return tessellate(markers, mu, low, high, position, noise, angle, arrangement)


def spacing(arrangement: Arrangement, mu: float) -> float:
    """The largest mean spacing of seeds, px."""
    return mu ** (-1 / 3) if arrangement.plain else arrangement.widest(mu)


def place_seeds(
    arrangement: Arrangement, mu: float, low: Array, high: Array, outer: float, rng: np.random.Generator
) -> Array:
    """Seeds (n, 3) px in the box from low to high (3,) px and as far as `outer` px around it, some farther out."""
    outer += arrangement.depends(mu)
    count = rng.poisson(mu * arrangement.densest * np.prod(high - low + 2 * outer))
    position = rng.uniform(low - outer, high + outer, (count, 3))
    if arrangement.plain:
        return position
    return arrangement.displaced(position[arrangement.kept(position, rng.random(count))], mu)


def tessellate(
    markers: Markers,
    mu: float,
    low: Array,
    high: Array,
    position: Array,
    noise: Array,
    angle: Array,
    arrangement: Arrangement = POISSON,
) -> Tessellation:
    """Grains that can hold a voxel of the box from low to high (3,) px, of seeds of intensity mu px⁻³ around it.

    position (n, 3) px, noise (n, 2) and angle (n,) rad as Algorithm 1 draws them, REACH + RING spacings around the box.
    An arrangement stretches the grains of seeds that it has placed.
    Markers that say with_radius or with_noise, as a `MarkerNet` can, are given those inputs too.
    """
    reach = REACH * spacing(arrangement, mu)
    inner = np.flatnonzero(((position > low - reach) & (position < high + reach)).all(axis=1))
    nearest = neighbours.nearest_serial(position, inner, KAPPA)[0]
    frame = frames(position[inner], angle[inner])
    radius, own = getattr(markers, "with_radius", False), getattr(markers, "with_noise", False)
    inputs = np.empty((len(inner), input_count(radius, own)), np.float32)
    gnet.net_inputs(position, noise, inner, nearest, frame, radius, own, inputs)
    diagonal, offset = markers(inputs)
    diagonal = arrangement.stretched(diagonal, position[inner])
    return Tessellation(position[inner], metrics(frame, diagonal), np.asarray(offset, np.float64))


def draw_section(
    markers: Markers,
    mu: float,
    radius: float,
    rng: np.random.Generator,
    height: float = 0.0,
    parts: int = 1,
    arrangement: Arrangement = POISSON,
) -> NDArray[np.int32]:
    """Labels (2R, 2R) of the disc of R = radius px that the plane z = height cuts from a large particle, 0 outside.

    With parts = k each pixel is cut into k × k, and (2Rk, 2Rk) labels are returned.
    """
    n = 2 * int(radius)
    low = np.array([-n / 2, -n / 2, height - 0.5])
    grains = sample(markers, mu, low, low + np.array([n, n, 1]), rng, arrangement)
    corner = (-n / 2, -n / 2, height - 0.5 / parts)
    labels = grains.labels(corner, (1, parts * n, parts * n), 1 / parts)[0] + 1
    return disc(labels, parts * radius)


def disc(labels: NDArray[np.int32], radius: float) -> NDArray[np.int32]:
    """Labels (n, n) with 0 where pixel centres lie farther than radius pixels from the middle, in place."""
    half = labels.shape[0] / 2
    y, x = np.mgrid[: labels.shape[0], : labels.shape[0]] + 0.5 - half
    labels[np.hypot(x, y) > radius] = 0
    return labels


def draw_cube(
    markers: Markers,
    mu: float,
    edge: int,
    centre: tuple[float, float, float],
    rng: np.random.Generator,
    arrangement: Arrangement = POISSON,
) -> NDArray[np.int32]:
    """Labels (edge, edge, edge) of a cube about a centre (x, y, z) px; the particle's centre is the origin."""
    low = np.array(centre) - edge / 2
    return sample(markers, mu, low, low + edge, rng, arrangement).labels(tuple(low), (edge, edge, edge))
