"""Seeds about a section, the same for every law that a fit tries, and the sections that laws make of them.

n seeds. Positions are in mean spacings of the densest part, so that an intensity is a scale.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nmcfast.arrangement import Arrangement
from nmcfast.calibration.grains.reference import MEAN_DISTANCE, REACH, RING, disc
from nmcfast.calibration.grains.start_law import PlainLaw
from nmcfast.kernels import label_grid, neighbours
from nmcfast.markers import frames, metrics
from nmcfast.parameters import KAPPA

Array = NDArray[np.float64]
MOVED = 1.5  # spacings more, in which seeds are drawn to push others


@dataclass(frozen=True)
class Template:
    """Seeds about a section: place (n, 3) spacings, angle (n,) rad, number (5, n) normal, share (n,) uniform.

    most: the intensity px⁻³ up to which there are seeds enough.
    """

    place: Array
    angle: Array
    number: Array
    share: Array
    most: float

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


def draw_template(radius: int, most: float, rng: np.random.Generator) -> Template:
    """Seeds of a section of a radius in px, as many as intensities up to `most` px⁻³ need."""
    half = np.array([radius * most ** (1 / 3)] * 2 + [most ** (1 / 3) / 2]) + REACH + RING + MOVED
    count = rng.poisson(8 * half.prod())
    place, angle = rng.uniform(-half, half, (count, 3)), np.pi * rng.random(count)
    return Template(place, angle, rng.standard_normal((5, count)), rng.random(count), most)


def simulate(law: PlainLaw, arrangement: Arrangement, radius: int, seeds: Template) -> NDArray[np.int32]:
    """Labels (2R, 2R) of the central section that a law gives to a template of seeds, 0 outside the disc."""
    widest = arrangement.widest(law.mu)
    reach = np.array([radius, radius, 0.5]) + REACH * widest
    if arrangement.plain:
        own = np.flatnonzero((np.abs(seeds.place[seeds.within]) * widest < reach).all(axis=1))
        rows, room = seeds.within[own], seeds.room[own]
        place = seeds.place[rows] * widest
    else:
        place, kept = _arranged(law.mu, arrangement, reach + RING * widest, seeds)
        near = np.flatnonzero((np.abs(place) < reach).all(axis=1))
        room = _room(place * law.mu ** (1 / 3), near) if law.coupling else np.zeros(len(near))
        rows, place = kept[near], place[near]
    diagonal, offset = law.markers(seeds.number[:, rows], room)
    labels = label_grid(
        place,
        metrics(frames(place, seeds.angle[rows]), arrangement.stretched(diagonal, place)),
        offset,
        (1, 2 * radius, 2 * radius),
        (-radius, -radius, -0.5),
        1,
    )
    return disc(labels[0] + 1, radius)


def _arranged(mu: float, arrangement: Arrangement, reach: Array, seeds: Template) -> tuple[Array, NDArray[np.int64]]:
    """Places (m, 3) px of the seeds within reach (3,) px that stay, moved, and which rows they are (m,)."""
    place = seeds.place * (mu * arrangement.densest) ** (-1 / 3)
    rows = np.flatnonzero((np.abs(place) < reach + MOVED * arrangement.widest(mu)).all(axis=1))
    rows = rows[arrangement.kept(place[rows], seeds.share[rows])]
    place = place[rows]
    return arrangement.displaced(place, mu, moving=(np.abs(place) < reach).all(axis=1)), rows
