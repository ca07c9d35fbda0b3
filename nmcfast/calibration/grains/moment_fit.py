"""A plain law of markers whose sections have the statistics of measured ones: where training starts. Not the paper's.

Six numbers are found by the method of simulated moments: means over whole sections, which a discriminator that sees
cutouts of 32 px does not have, are compared with those of simulated sections, always of the same random numbers.
The reason is in docs/calibration.md: sections leave open how much of their spread is spread of size and how much of
shape, and what training starts with decides. s sections, m = 13 moments.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.linalg import hadamard
from scipy.optimize import least_squares

from nmcfast.calibration.grains.moments import MOMENTS, section_moments
from nmcfast.calibration.grains.reference import MEAN_DISTANCE, REACH, RING, disc
from nmcfast.calibration.grains.scores import LEAST_PIXELS
from nmcfast.errors import InputError
from nmcfast.kernels import label_grid, neighbours
from nmcfast.markers import frames, metrics
from nmcfast.parameters import KAPPA, NOISES
from nmcfast.progress import progress_bar
from nmcfast.sections.cutouts import Section, in_plane

Array = NDArray[np.float64]

NUMBERS = ("shape", "spread_first", "spread_across", "spread_offset", "coupling", "log_mu")
STEPS = np.array([0.05, 0.05, 0.05, 0.2, 0.5, 0.04])  # of the differences that stand for a slope
LOW, HIGH = np.array([-2.0, 0.0, 0.0, 0.0, 0.0]), np.array([2.0, 1.0, 1.0, 2.5, 12.0])
# What sections hardly tell stays near a plain guess: centre and width of normal priors of spread_offset and coupling
GUESS, WIDTH = np.array([1.0, 2.0]), np.array([1.0, 2.0])
WIDEST = 3.0  # the intensity may be this many times more or less than the first guess
LEAST_GRAINS = 50  # of a section, for correlations to mean something
ROUNDS = (12, 48)  # simulated sections
_POISSON_VORONOI = 1.458  # grains px⁻² of a section over μ^(2/3), for the first guess of μ
_SHRINKAGE = 0.2  # of correlations of moments: few sections know them badly


@dataclass(frozen=True)
class PlainLaw:
    """A law of markers without a net: log D₁, log D₂, log D₃ and r independent and normal, plus what room adds to r.

    shape, half the mean of log(D₂/D₁) and of log(D₃/D₁): e^shape is the radial elongation; spread_first, spread_across:
    standard deviations of log D₁, and of log D₂ and log D₃, alike since γ is uniform; spread_offset of r; coupling of r
    to the mean distance of the 12 nearest seeds, per mean seed spacing; mu px⁻³; size px⁻², geometric mean of D;
    offset, mean of r. No label tells size from the scale of r, nor r from r plus a constant.
    """

    shape: float
    spread_first: float
    spread_across: float
    spread_offset: float
    coupling: float
    mu: float
    size: float
    offset: float

    def __call__(self, inputs: NDArray[np.float32]) -> tuple[Array, Array]:
        """D (n, 3) px⁻² and r (n,) of inputs (n, 60) of G_net, Algorithm 1 line 6: a function of them, as G_net is."""
        by_neighbour = inputs.reshape(len(inputs), KAPPA, 3 + NOISES).astype(np.float64)
        room = np.linalg.norm(by_neighbour[:, :, :3], axis=2).mean(axis=1) * self.mu ** (1 / 3) - MEAN_DISTANCE
        return self.markers(normals(by_neighbour[:, :, 3:]), room)

    def markers(self, number: Array, room: Array) -> tuple[Array, Array]:
        """D (n, 3) px⁻² and r (n,) of four normal numbers (4, n) a seed and of its room (n,), 0 on average."""
        first, second, third, offset = number
        centre = math.log(self.size) + 2 / 3 * self.shape  # of log D₂ and log D₃
        log = np.empty((len(room), 3))
        log[:, 0] = centre - 2 * self.shape + self.spread_first * first
        log[:, 1] = centre + self.spread_across * second
        log[:, 2] = centre + self.spread_across * third
        return np.exp(log), self.offset + self.spread_offset * offset + self.coupling * room


def normals(noise: Array) -> Array:
    """Four independent, nearly normal numbers (4, n) of the noises (n, 12, 2) of a seed's neighbours.

    Sums of all 24 with signs that are orthogonal and half of them negative: a neighbour that two grains share has
    another rank in each, so that their numbers do not correlate.
    """
    signs = np.tile(hadamard(8)[1:5], 3)  # (4, 24)
    flat = noise.transpose(0, 2, 1).reshape(len(noise), -1) - 0.5
    return signs @ flat.T * math.sqrt(12.0 / signs.shape[1])


def label_fitted(section: Section, radius: int) -> NDArray[np.int32]:
    """Labels (2R, 2R) of the disc of R = radius px about the centre of a fitted section, 0 outside."""
    grains = in_plane(
        section.position, section.diagonal, section.offset, section.tilt, np.array([0, len(section.tilt)])
    )
    matrices = metrics(grains.frame, grains.diagonal)
    labels = label_grid(
        grains.position, matrices, grains.offset, (1, 2 * radius, 2 * radius), (-radius, -radius, -0.5), 1
    )
    return disc(labels[0] + 1, radius)


@dataclass(frozen=True)
class MomentFit:
    """Outcome: the law, moments (m,) measured and of the law, errors (m,) of their difference, χ².

    uncertainty (6,): standard errors of NUMBERS. simulations: how many sections were drawn. at_bound: numbers of the
    law that ended at an end of their range.
    """

    law: PlainLaw
    uncertainty: Array
    measured: Array
    simulated: Array
    error: Array
    chi2: float
    simulations: int
    at_bound: tuple[str, ...]

    @property
    def freedom(self) -> int:
        """Degrees of freedom of χ²."""
        return len(MOMENTS) - len(NUMBERS)

    def table(self) -> dict[str, Any]:
        """What a report says of it; JSON-able."""
        columns = zip(MOMENTS, self.measured, self.simulated, self.error, strict=True)
        rows = {name: {"measured": float(a), "law": float(b), "error": float(c)} for name, a, b, c in columns}
        uncertainty = dict(zip(NUMBERS, self.uncertainty.tolist(), strict=True))
        return {
            "law": asdict(self.law),
            "uncertainty": uncertainty,
            "chi2": self.chi2,
            "freedom": self.freedom,
            "p_value": float(stats.chi2.sf(self.chi2, self.freedom)),
            "at_bound": list(self.at_bound),
            "simulations": self.simulations,
            "moments": rows,
        }


def fit_moments(
    labels: Sequence[NDArray[np.integer]],
    rng: np.random.Generator,
    size: float,
    offset: float,
    rounds: Sequence[int] = ROUNDS,
    quiet: bool = True,
    names: Sequence[str] = (),
) -> MomentFit:
    """The plain law whose sections through the centre have the moments of those given, all (2R, 2R), 0 outside a disc.

    size px⁻² and offset fix the geometric mean of D and the mean of r. rounds: simulated sections of each round. Takes
    one to two minutes for R = 118 px; quiet=False shows how it goes on. Raises InputError, with the section's name,
    for too few whole grains.
    """
    radius = labels[0].shape[0] // 2
    rows = np.array([section_moments(section) for section in labels])
    if (fewest := math.exp(rows[:, 0].min())) < LEAST_GRAINS:
        name = names[int(rows[:, 0].argmin())] if names else f"section {rows[:, 0].argmin()}"
        raise InputError(
            f"{name}: {fewest:.0f} whole grains of {LEAST_PIXELS} pixels or more,"
            f" a start from moments needs {LEAST_GRAINS}; leave it out, or take --schedule paper"
        )
    measured = rows.mean(axis=0)
    named = dict(zip(MOMENTS, measured, strict=True))
    guess = (math.exp(named["log grains"]) / (math.pi * radius**2) / _POISSON_VORONOI) ** 1.5
    seeds = [_seed_template(radius, guess * WIDEST, rng) for _ in range(max(rounds))]
    measuring = np.diag(np.square(list(MOMENTS.values())))
    simulations = 0
    bar = progress_bar("fitting a plain law", " simulated sections", quiet=quiet)

    def simulated(numbers: Array, count: int) -> Array:
        nonlocal simulations
        simulations += count
        bar.update(count)
        law = _law(numbers, size, offset)
        return np.array([section_moments(_simulate(law, radius, template)) for template in seeds[:count]])

    shape = 0.8 * named["mean log elongation"] * named["mean cos 2α"]
    numbers = np.array([shape, 0.2, 0.2, *GUESS, math.log(guess)])
    low = np.append(LOW, math.log(guess / WIDEST))
    high = np.append(HIGH, math.log(guess * WIDEST))
    spread = shrunk(np.cov(simulated(numbers, max(rounds)).T))
    for count in rounds:
        error = spread * (1 / len(labels) + 1 / count) + measuring
        whiten = np.linalg.inv(np.linalg.cholesky(error))

        def residual(numbers: Array, whiten: Array = whiten, count: int = count) -> Array:
            apart = whiten @ (simulated(numbers, count).mean(axis=0) - measured)
            return np.concatenate([apart, (numbers[3:5] - GUESS) / WIDTH])

        def slope(numbers: Array, residual: Any = residual) -> Array:
            step = np.where(numbers + STEPS > high, -STEPS, STEPS)
            here = residual(numbers)
            return np.stack([(residual(numbers + d) - here) / d.sum() for d in np.diag(step)], axis=1)

        found = least_squares(residual, numbers, slope, (low, high), x_scale=STEPS, xtol=0.02, ftol=1e-3, max_nfev=12)
        numbers = found.x
    mean = simulated(numbers, rounds[-1]).mean(axis=0)
    chi2 = float(np.square(whiten @ (mean - measured)).sum())
    uncertainty = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)))
    bar.close()
    edges = np.minimum(numbers - low, high - numbers) < 1e-3
    bound = tuple(name for name, edge in zip(NUMBERS, edges, strict=True) if edge)
    law, errors = _law(numbers, size, offset), np.sqrt(np.diag(error))
    return MomentFit(law, uncertainty, measured, mean, errors, chi2, simulations, bound)


def _law(numbers: Array, size: float, offset: float) -> PlainLaw:
    shape, first, across, spread_offset, coupling, log_mu = (float(x) for x in numbers)
    return PlainLaw(shape, first, across, spread_offset, coupling, math.exp(log_mu), size, offset)


@dataclass(frozen=True)
class _Template:
    """Seeds about a section in mean spacings, and what a plain law makes their markers of: the same for every μ.

    place (n, 3); frame (n, 3, 3) of Eq. (12); number (4, n) of `normals`; room (n,).
    """

    place: Array
    frame: Array
    number: Array
    room: Array


def _seed_template(radius: int, most: float, rng: np.random.Generator) -> _Template:
    """Seeds of a section of a radius in px, as many as intensities up to `most` px⁻³ need."""
    inner = np.array([radius * most ** (1 / 3)] * 2 + [most ** (1 / 3) / 2]) + REACH
    half = inner + RING
    count = rng.poisson(8 * half.prod())
    place, noise, angle = rng.uniform(-half, half, (count, 3)), rng.random((count, NOISES)), np.pi * rng.random(count)
    kept = np.flatnonzero((np.abs(place) < inner).all(axis=1))
    nearest = neighbours.nearest_serial(place, kept, KAPPA)[0]
    room = np.linalg.norm(place[nearest] - place[kept, None], axis=2).mean(axis=1) - MEAN_DISTANCE
    return _Template(place[kept], frames(place[kept], angle[kept]), normals(noise[nearest]), room)


def _simulate(law: PlainLaw, radius: int, seeds: _Template) -> NDArray[np.int32]:
    """Labels (2R, 2R) of the central section that a law gives to a template of seeds, 0 outside the disc."""
    spacing = law.mu ** (-1 / 3)
    near = (np.abs(seeds.place) < np.array([radius, radius, 0.5]) / spacing + REACH).all(axis=1)
    diagonal, offset = law.markers(seeds.number[:, near], seeds.room[near])
    labels = label_grid(
        seeds.place[near] * spacing,
        metrics(seeds.frame[near], diagonal),
        offset,
        (1, 2 * radius, 2 * radius),
        (-radius, -radius, -0.5),
        1,
    )
    return disc(labels[0] + 1, radius)


def shrunk(covariance: Array) -> Array:
    """A covariance (m, m) whose correlations are a little weaker."""
    return (1 - _SHRINKAGE) * covariance + _SHRINKAGE * np.diag(np.diag(covariance))
