"""Seeds of cutouts where seeds are arranged: some particles are drawn once and looked at from random sides.

A homogeneous process can be drawn anew around each cutout (`sections.cutouts.draw_seeds`); seeds that push each other
need others around them, so that each cutout would cost several times as much. Ours, not the paper's.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcfast.arrangement import Arrangement
from nmcfast.calibration.grains import reference
from nmcfast.kernels import gnet, neighbours
from nmcfast.markers import frames, input_count
from nmcfast.parameters import CUTOUT, KAPPA, NOISES
from nmcfast.sections.cutouts import Seeds, reach_about

Array = NDArray[np.float64]
PARTICLES = 24  # free: some 1,500 windows that do not overlap; noises and angles are new for each cutout


@dataclass(frozen=True)
class _Particle:
    """Seeds of a ball and around it: position (n, 3) px, rows (m,) of those in the ball, their nearest (m, 12)."""

    position: Array
    rows: NDArray[np.int64]
    nearest: NDArray[np.int64]


class SeedPool:
    """Particles of an arrangement, mu px⁻³, out to what cutouts at distances up to `farthest` px can see.

    highest: of the planes of the cutouts, px above the centre.
    """

    def __init__(
        self, arrangement: Arrangement, mu: float, farthest: float, rng: np.random.Generator, highest: float = 0.0
    ) -> None:
        self.arrangement = arrangement
        self.spacing = arrangement.widest(mu)
        corner = np.array([farthest + CUTOUT, CUTOUT / 2, highest])
        self.reach = self.spacing * reach_about(np.array([highest]))
        self.radius = float(np.linalg.norm(corner + self.reach))
        self.particles = [self._draw(mu, rng) for _ in range(PARTICLES)]

    def _draw(self, mu: float, rng: np.random.Generator) -> _Particle:
        half, ring = np.full(3, self.radius), reference.RING * self.spacing
        position = reference.place_seeds(self.arrangement, mu, -half, half, ring, rng)
        distance = np.linalg.norm(position, axis=1)
        position = position[distance < self.radius + ring]
        rows = np.flatnonzero(np.linalg.norm(position, axis=1) < self.radius)
        return _Particle(position, rows, neighbours.nearest_serial(position, rows, KAPPA)[0])

    def draw(self, distance: Array, rng: np.random.Generator, height: Array | None = None) -> Seeds:
        """Seeds near cutouts at distances (b,) in planes z = height (b,), 0 by default, with the inputs of G_net."""
        plane = np.zeros_like(distance) if height is None else height
        parts = [self._near(float(p), float(h), rng) for p, h in zip(distance, plane, strict=True)]
        first = np.concatenate([[0], np.cumsum([len(part[0]) for part in parts])])
        position, frame, inputs = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        factor = self.arrangement.stretched(np.ones((len(position), 3)), position)
        return Seeds(position, frame, inputs, first, factor)

    def _near(
        self, distance: float, height: float, rng: np.random.Generator
    ) -> tuple[Array, Array, NDArray[np.float32]]:
        """Position, frame and inputs of the seeds near one cutout, in a particle that is turned at random."""
        particle = self.particles[rng.integers(len(self.particles))]
        position = particle.position @ turn(rng)
        low = np.array([distance + 1.0, -15.5, height]) - self.reach
        high = np.array([distance + 32.0, 15.5, height]) + self.reach
        own = position[particle.rows]
        near = np.flatnonzero(((own > low) & (own < high)).all(axis=1))
        rows, own = particle.rows[near], own[near]
        frame = frames(own, np.pi * rng.random(len(rows)))
        noise = rng.random((len(position), NOISES))
        inputs = np.empty((len(rows), input_count()), np.float32)
        gnet.net_inputs(position, noise, rows, particle.nearest[near], frame, False, False, inputs)
        return own, frame, inputs


def turn(rng: np.random.Generator) -> Array:
    """A random rotation (3, 3), uniform over all: that of a unit quaternion of normal numbers."""
    w, x, y, z = (q := rng.standard_normal(4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
