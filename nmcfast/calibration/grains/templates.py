"""Seeds about a section, the same for every law that a fit tries, and the sections that laws make of them.

n seeds. Positions are in mean spacings of the densest part, so that an intensity is a scale.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nmcfast.arrangement import PASSES, Arrangement
from nmcfast.calibration.grains.reference import MEAN_DISTANCE, REACH, RING, disc
from nmcfast.calibration.grains.start_law import PlainLaw
from nmcfast.kernels import label_grid, neighbours
from nmcfast.markers import frames, metrics
from nmcfast.parameters import KAPPA

Array = NDArray[np.float64]
FLAT = 2.5  # mean spacings from the plane beyond which seeds hold no pixel of it, but near its middle
STEEP = 2.0  # heights of the plane from its middle within which the radius is steep to it, 27° and more
MOVED = 1.5  # spacings more, in which seeds are drawn to push others


@dataclass(frozen=True)
class Template:
    """Seeds about a section: place (n, 3) spacings, angle (n,) rad, number (5, n) normal, share (n,) uniform.

    most: the intensity px⁻³ up to which there are seeds enough. height px: of the section's plane above the centre.
    """

    place: Array
    angle: Array
    number: Array
    share: Array
    most: float
    height: float = 0.0

    @cached_property
    def within(self) -> NDArray[np.int64]:
        """Rows of the seeds that have their neighbours around them, for any intensity up to the most."""
        half = np.abs(self.place).max(axis=0)
        return np.flatnonzero((np.abs(self.place) < half - RING - MOVED).all(axis=1))

    @cached_property
    def room(self) -> Array:
        """What each of these has, unmoved."""
        return _room(self.place, self.within)


def _room(place: Array, rows: NDArray[np.int64]) -> Array:
    """Mean distance to the 12 nearest, less that of a Poisson process; spacings."""
    return neighbours.nearest_serial(place, rows, KAPPA)[1].mean(axis=1) - MEAN_DISTANCE


def draw_template(radius: int, most: float, rng: np.random.Generator, height: float = 0.0) -> Template:
    """Seeds of a section of a radius and a height in px, as many as intensities up to `most` px⁻³ need."""
    half = np.array([radius * most ** (1 / 3)] * 2 + [most ** (1 / 3) / 2]) + REACH + RING + MOVED
    count = rng.poisson(8 * half.prod())
    place, angle = rng.uniform(-half, half, (count, 3)), np.pi * rng.random(count)
    return Template(place, angle, rng.standard_normal((5, count)), rng.random(count), most, height)


def simulate(law: PlainLaw, arrangement: Arrangement, radius: int, seeds: Template) -> NDArray[np.int32]:
    """Labels (2R, 2R) of the section that a law gives to a template of seeds, 0 outside the disc."""
    widest, plane = arrangement.widest(law.mu), np.array([0.0, 0.0, seeds.height])
    reach = np.array([radius, radius, 0.5]) + REACH * widest
    if arrangement.plain:
        own = _reaching(seeds.place[seeds.within] * widest, reach, widest, seeds.height)
        rows, room = seeds.within[own], seeds.room[own]
        place = seeds.place[rows] * widest + plane
    else:
        place, kept = _arranged(law.mu, arrangement, reach + RING * widest, seeds)
        near = _reaching(place - plane, reach, widest, seeds.height)
        room = _room(place * law.mu ** (1 / 3), near) if law.coupling else np.zeros(len(near))
        rows, place = kept[near], place[near]
    diagonal, offset = law.markers(seeds.number[:, rows], room)
    labels = label_grid(
        place,
        metrics(frames(place, seeds.angle[rows]), arrangement.stretched(diagonal, place)),
        offset,
        (1, 2 * radius, 2 * radius),
        (-radius, -radius, seeds.height - 0.5),
        1,
    )
    return disc(labels[0] + 1, radius)


def _reaching(place: Array, reach: Array, widest: float, height: float) -> NDArray[np.int64]:
    """Rows of seeds that may hold a pixel: within reach (3,) px, and FLAT of the plane but about its middle.

    place (n, 3) px, z from the plane. Far from the axis grains are long along the plane or little across it; about it,
    the farther the higher the plane is, radial ones stand on the plane.
    """
    beside = np.abs(place)
    flat = (beside[:, 2] < FLAT * widest) | (np.hypot(beside[:, 0], beside[:, 1]) < REACH * widest + STEEP * height)
    return np.flatnonzero(flat & (beside < reach).all(axis=1))


def _arranged(mu: float, arrangement: Arrangement, reach: Array, seeds: Template) -> tuple[Array, NDArray[np.int64]]:
    """Places (m, 3) px of the seeds within reach (3,) px of the section that stay, moved, and their rows (m,)."""
    place, plane = seeds.place * (mu * arrangement.densest) ** (-1 / 3), np.array([0.0, 0.0, seeds.height])
    rows = np.flatnonzero((np.abs(place) < reach + MOVED * arrangement.widest(mu)).all(axis=1))
    place = place + plane
    rows = rows[arrangement.kept(place[rows], seeds.share[rows])]
    place = place[rows]
    moving = [(np.abs(place - plane) < reach).all(axis=1)] * PASSES
    return arrangement.displaced(place, mu, moving=moving), rows
