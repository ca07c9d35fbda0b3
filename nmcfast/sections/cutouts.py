"""Random cutouts of sections, T_2D and T_3D of section 2.5: where they lie and which grains can show in them.

Everything is in model pixels. b cutouts, n grains, those of cutout k are first[k] to first[k + 1].
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcfast import parameters
from nmcfast.errors import InputError
from nmcfast.kernels import gnet, soft, windows
from nmcfast.sections.fit import SectionFit

Array = NDArray[np.float64]

# Free choices, in mean seed spacings μ^(−1/3); docs/calibration.md shows what they miss.
REACH = (2.0, 2.0, 1.5)  # grains whose seed lies farther from a cutout, along x, y, z, are left out
REACH_ABOVE = 2.0  # along z for planes that do not pass through the centre, on which radial grains stand
RING = 1.8  # a seed at the border of the reach finds its 12 nearest within this distance in 99.8 % of cases
REACH_FITTED = 30.0  # pixels beyond a cutout's circumcircle in which seeds of a fitted section count


@dataclass(frozen=True)
class Grids:
    """Pixels of cutouts, Eqs. (14), (16): corner + x · along + y · across, x, y = 0 … 31; each (b, 3) pixels."""

    corner: Array
    along: Array
    across: Array

    def __len__(self) -> int:
        return len(self.corner)


@dataclass(frozen=True)
class Markers:
    """Grains of cutouts: position (n, 3), frame (n, 3, 3), diagonal (n, 3), offset (n,), first (b + 1,)."""

    position: Array
    frame: Array
    diagonal: Array
    offset: Array
    first: NDArray[np.int64]


@dataclass(frozen=True)
class Cutouts:
    """Cutouts: image (b, c, 32, 32) float32, Eqs. (15), (16); label (b, 32, 32), the most likely grain, and channel
    (b, c), the grain of each channel, −1 for none, both counted from 0 in each cutout."""

    image: NDArray[np.float32]
    label: NDArray[np.int32]
    channel: NDArray[np.int32]

    def visible(self, first: NDArray[np.int64], least: int = 1) -> float:
        """Mean number of grains that hold `least` pixels or more, over cutouts: NG of Eq. (13) · 32² px."""
        pixels = np.bincount((self.label + first[:-1, None, None]).ravel())
        return float((pixels >= least).sum()) / len(self.label)


@dataclass(frozen=True)
class Seeds:
    """Seeds of cutouts before they have markers: inputs (n, w) float32 of G_net, position, frame, first.

    factor (n, 3), none for 1: of the D that G_net gives, where grains change with their distance from the centre.
    """

    position: Array
    frame: Array
    inputs: NDArray[np.float32]
    first: NDArray[np.int64]
    factor: Array | None = None


@dataclass(frozen=True)
class Section:
    """A fitted 2D GBPD: position (n, 2) from the particle's centre, diagonal (n, 2) along and across the radius through
    the seed, turned by tilt (n,) rad, offset (n,); pixels. radius: as far from the centre as the section is known;
    name: of its file, for messages; height: of its plane above the particle's centre."""

    position: Array
    diagonal: Array
    offset: Array
    tilt: Array
    radius: float
    name: str = ""
    height: float = 0.0


def radial_grids(distance: Array, angle: Array | None = None, height: Array | None = None) -> Grids:
    """Grids of cutouts at distances p (b,) from the centre, turned by angles β (b,), Eqs. (14), (16).

    height (b,): of their planes, 0 in the paper; distances are from the axis then.
    """
    beta = np.zeros_like(distance) if angle is None else angle
    cosine, sine, zero = np.cos(beta), np.sin(beta), np.zeros_like(beta)
    along = np.stack([cosine, sine, zero], axis=1)
    across = np.stack([-sine, cosine, zero], axis=1)
    corner = (distance + 1.0)[:, None] * along + (1 - 16.5) * across
    if height is not None:
        corner[:, 2] += height
    return Grids(corner, along, across)


def draw_distances(count: int, farthest: float, rng: np.random.Generator) -> Array:
    """Distances p (count,), uniform in (0, farthest]."""
    return farthest * (1.0 - rng.random(count))


def draw_seeds(
    distance: Array,
    mu: float,
    rng: np.random.Generator,
    with_radius: bool = False,
    with_noise: bool = False,
    height: Array | None = None,
) -> Seeds:
    """Seeds near cutouts at distances (b,) in planes z = height (b,), or 0, with inputs of G_net, Algorithm 1.

    A Poisson process of intensity mu px⁻³ in a box around each cutout has the law of the whole process there. Seeds
    within REACH of the cutout are returned; those within RING of these are drawn only to be their neighbours.
    """
    spacing, plane = mu ** (-1.0 / 3.0), np.zeros_like(distance) if height is None else height
    reach = spacing * reach_about(plane)
    low = np.stack([distance + 1.0, np.full_like(distance, -15.5), plane], axis=1) - reach
    edge = np.array([31.0, 31.0, 0.0]) + 2 * reach
    ring = RING * spacing
    counts = rng.poisson(mu * (edge + 2 * ring).prod(), len(distance))
    corner = np.repeat(low, counts, axis=0)
    local = (edge + 2 * ring) * rng.random((len(corner), 3)) - ring
    position = corner + local
    noise, angle = rng.random((len(corner), parameters.NOISES)), np.pi * rng.random(len(corner))
    inner = ((local > 0.0) & (local < edge)).all(axis=1)
    near = np.flatnonzero(inner)
    first = np.concatenate([[0], np.cumsum(counts)])
    nearest = np.empty((len(near), parameters.KAPPA), np.int64)
    windows.nearest_in_windows_parallel(position, inner, first, ring, nearest)
    frame = np.empty((len(near), 3, 3))
    gnet.frames(position[near], angle[near], frame)
    inputs = np.empty((len(near), 5 * parameters.KAPPA + with_radius + 2 * with_noise), np.float32)
    gnet.net_inputs(position, noise, near, nearest, frame, with_radius, with_noise, inputs)
    return Seeds(position[near], frame, inputs, np.searchsorted(near, first))


def reach_about(height: Array) -> Array:
    """How far from cutouts in planes of heights (b,) seeds count along x, y, z (3,), mean seed spacings."""
    return np.array([*REACH[:2], REACH_ABOVE if height.any() else REACH[2]])


def evaluate(markers: Markers, grids: Grids, channels: int = parameters.CHANNELS) -> Cutouts:
    """Cutouts of soft tessellations, Eqs. (11), (15), (16); the paper's images have 12 channels."""
    count, size = len(grids), parameters.CUTOUT
    image = np.empty((count, channels, size, size), np.float32)
    label = np.empty((count, size, size), np.int32)
    channel = np.empty((count, channels), np.int32)
    soft.cutouts_parallel(
        markers.position,
        markers.frame,
        markers.diagonal,
        markers.offset,
        markers.first,
        grids.corner,
        grids.along,
        grids.across,
        image,
        label,
        channel,
    )
    return Cutouts(image, label, channel)


def section_of_fit(fit: SectionFit, pixel_um: float, radius_um: float) -> Section:
    """The fitted 2D GBPD of a section in model pixels of pixel_um µm, as sharp as it was fitted, Eq. (11)."""
    diagonal = fit.diagonal * (pixel_um * fit.sharpness) ** 2
    return Section(fit.seed / pixel_um, diagonal, fit.offset * fit.sharpness, fit.tilt, radius_um / pixel_um)


def draw_fitted(
    sections: Sequence[Section], distance: Array, rng: np.random.Generator, augmentation: float = 0.0
) -> tuple[Markers, Grids, Array]:
    """Cutouts at distances (b,) of random sections at random angles, T_2D, Eqs. (14), (15), and the sections' heights.

    Each entry of D and each r is changed by a uniform share of up to `augmentation`, anew for each cutout. Raises
    InputError when a section does not reach to the end of a cutout.
    """
    check_reach(sections, float(distance.max()))
    grids = radial_grids(distance, 2 * np.pi * rng.random(len(distance)))
    middle = grids.corner + 15.5 * (grids.along + grids.across)
    chosen = rng.integers(len(sections), size=len(distance))
    near = [
        np.flatnonzero(np.hypot(*(sections[k].position - centre[:2]).T) < 16 * np.sqrt(2) + REACH_FITTED)
        for k, centre in zip(chosen, middle, strict=True)
    ]
    position, diagonal, offset, tilt = (
        np.concatenate([getattr(sections[k], name)[rows] for k, rows in zip(chosen, near, strict=True)])
        for name in ("position", "diagonal", "offset", "tilt")
    )
    diagonal = diagonal * rng.uniform(1 - augmentation, 1 + augmentation, diagonal.shape)
    offset = offset * rng.uniform(1 - augmentation, 1 + augmentation, offset.shape)
    first = np.concatenate([[0], np.cumsum([len(rows) for rows in near])])
    height = np.array([section.height for section in sections])[chosen]
    return in_plane(position, diagonal, offset, tilt, first), grids, height


def check_reach(sections: Sequence[Section], distance: float) -> None:
    """InputError unless each section holds whole cutouts at this distance, px, from its centre."""
    needed = float(np.hypot(distance + 32.0, 15.5))
    for k, section in enumerate(sections):
        if section.radius < needed:
            raise InputError(
                f"{section.name or f'section {k}'}: radius {section.radius:.0f} px, cutouts at {distance:.0f} px "
                f"need {needed:.0f}; lower `distance`"
            )


def in_plane(position: Array, diagonal: Array, offset: Array, tilt: Array, first: NDArray[np.int64]) -> Markers:
    """Grains of a 2D GBPD as grains of a 3D one that the plane z = 0 cuts through their seeds."""
    count = len(offset)
    angle = np.arctan2(position[:, 1], position[:, 0]) + tilt  # of a seed at the centre: the radius is along x
    frame = np.zeros((count, 3, 3))
    frame[:, 0, 0], frame[:, 0, 1] = np.cos(angle), np.sin(angle)
    frame[:, 1, 0], frame[:, 1, 1] = -frame[:, 0, 1], frame[:, 0, 0]
    frame[:, 2, 2] = 1.0
    flat = np.column_stack([position, np.zeros(count)])
    return Markers(flat, frame, np.column_stack([diagonal, np.ones(count)]), offset, first)
