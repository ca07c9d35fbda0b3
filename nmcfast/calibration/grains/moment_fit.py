"""The law of markers whose sections have the statistics of measured ones: where training starts. Not the paper's.

The numbers of `start_law` are found by the method of simulated moments: means over whole sections, which a
discriminator that sees cutouts of 32 px does not have, are compared with those of simulated sections, always of the
same random numbers. A plain law comes first; a part that widens it enters where the sections ask for it, by one rule.
The reason is in docs/calibration.md: sections leave open how much of their spread is spread of size and how much of
shape, and what training starts with decides. s sections, m = 31 moments.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from nmcfast.arrangement import Arrangement
from nmcfast.calibration.grains.heights import evenly
from nmcfast.calibration.grains.moment_search import COVARIANCE, FITTED, Search, Solved
from nmcfast.calibration.grains.moments import MOMENTS, section_moments
from nmcfast.calibration.grains.reference import disc
from nmcfast.calibration.grains.scores import LEAST_PIXELS
from nmcfast.calibration.grains.section_profile import section_statistics
from nmcfast.calibration.grains.start_law import ALL, PARTS, WIDEST, PlainLaw
from nmcfast.calibration.grains.templates import draw_template
from nmcfast.errors import InputError
from nmcfast.kernels import label_grid
from nmcfast.markers import metrics
from nmcfast.progress import progress_bar
from nmcfast.sections.cutouts import Section, in_plane

Array = NDArray[np.float64]

LEAST_GRAINS = 50  # of a section, for correlations to mean something
ROUNDS = (12, 48)  # simulated sections; parts are looked for with half of the last
_POISSON_VORONOI = 1.458  # grains px⁻² of a section over μ^(2/3), for the first guess of μ


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
    """Outcome: the law and what it has beyond a plain one, moments measured and of the law, χ².

    numbers and uncertainty: values and standard errors by name; parts: those that entered, tried: by how much χ² fell
    with each that was fitted. measured, simulated, error (m,): moments `names` and the errors of their difference.
    simulations: how many sections were drawn. at_bound: numbers that ended at an end of their range.
    """

    law: PlainLaw
    arrangement: Arrangement
    numbers: dict[str, float]
    uncertainty: dict[str, float]
    parts: tuple[str, ...]
    tried: dict[str, float]
    names: tuple[str, ...]
    measured: Array
    simulated: Array
    error: Array
    chi2: float
    simulations: int
    at_bound: tuple[str, ...]

    @property
    def freedom(self) -> int:
        """Degrees of freedom of χ²."""
        return len(self.names) - len(self.numbers)

    def table(self) -> dict[str, Any]:
        """What a report says of it; JSON-able."""
        columns = zip(self.names, self.measured, self.simulated, self.error, strict=True)
        rows = {name: {"measured": float(a), "law": float(b), "error": float(c)} for name, a, b, c in columns}
        return {
            "law": asdict(self.law),
            "parts": {part: {name: self.numbers[name] for name in PARTS[part]} for part in self.parts},
            "tried": self.tried,
            "uncertainty": self.uncertainty,
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
    parts: Sequence[str] = tuple(PARTS),
    heights: Sequence[float] = (),
) -> MomentFit:
    """The law whose sections have the moments of those given, all (2R, 2R), 0 outside a disc.

    size px⁻² and offset fix the geometric mean of D and the mean of r. rounds: simulated sections of each round; parts:
    those that may enter; heights px: of the sections' planes above the centre, 0 where none are given. Takes one to
    five minutes for R = 118 px; quiet=False shows how it goes on. Sections with too few grains for rings have the 13
    moments of a plain law, which no part can enter by. Raises InputError, with the section's name, for too few whole
    grains.
    """
    radius = labels[0].shape[0] // 2
    counts = [section_moments(section)[0] for section in labels]
    if (fewest := math.exp(min(counts))) < LEAST_GRAINS:
        name = names[int(np.argmin(counts))] if names else f"section {np.argmin(counts)}"
        raise InputError(
            f"{name}: {fewest:.0f} whole grains of {LEAST_PIXELS} pixels or more,"
            f" a start from moments needs {LEAST_GRAINS}; leave it out, or take --schedule paper"
        )
    planes = np.array(heights) if len(heights) else np.zeros(len(labels))
    rounds = [evenly(count, planes) for count in rounds]
    guess = (math.exp(np.mean(counts)) / (math.pi * radius**2) / _POISSON_VORONOI) ** 1.5
    turns = [float(planes[k % len(planes)]) for k in range(COVARIANCE * max(rounds))]
    seeds = [draw_template(radius, guess * WIDEST, rng, height) for height in turns]
    bar = progress_bar("fitting the start law", " simulated sections", quiet=quiet)
    more = (seeds, radius, size, offset, guess, bar.update)
    search = Search(labels, FITTED, section_statistics, *more)
    if not search.whole(COVARIANCE * max(rounds)):
        search, parts = Search(labels, MOMENTS, section_moments, *more), ()
    found = search.fitted(rounds, parts)
    bar.close()
    return _outcome(search, *found)


def _outcome(search: Search, found: Solved, parts: tuple[str, ...], tried: dict[str, float]) -> MomentFit:
    """What is said of the law that was found."""
    error, apart = search.errors(found.count), found.mean - search.measured
    weighted = search.weighted(found.numbers, found.slope, found.count)
    spread = np.sqrt(np.diag(np.linalg.pinv(weighted.T @ weighted)))
    edges = [name for name, x in found.numbers.items() if min(x - ALL[name].low, ALL[name].high - x) < 1e-3]
    numbers = {**found.numbers, "log_mu": found.numbers["log_mu"] + math.log(search.guess)}
    return MomentFit(
        *search.law(found.numbers),
        numbers,
        dict(zip(numbers, spread.tolist(), strict=True)),
        parts,
        tried,
        search.names,
        search.measured,
        found.mean,
        np.sqrt(np.diag(error)),
        float(apart @ np.linalg.solve(error, apart)),
        search.simulations,
        tuple(edges),
    )
