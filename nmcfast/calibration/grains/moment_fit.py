"""The law of markers whose sections have the statistics of measured ones: where training starts. Not the paper's.

The numbers of `start_law` are found by the method of simulated moments: means over whole sections, which a
discriminator that sees cutouts of 32 px does not have, are compared with those of simulated sections, always of the
same random numbers. A plain law comes first; a part that widens it enters where the sections ask for it, by one rule.
The reason is in docs/calibration.md: sections leave open how much of their spread is spread of size and how much of
shape, and what training starts with decides. s sections, m = 31 moments.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import lsq_linear

from nmcfast.arrangement import Arrangement
from nmcfast.calibration.grains.moments import MOMENTS, section_moments
from nmcfast.calibration.grains.reference import disc
from nmcfast.calibration.grains.scores import LEAST_PIXELS
from nmcfast.calibration.grains.section_profile import STATISTICS, section_statistics
from nmcfast.calibration.grains.start_law import ALL, NUMBERS, PARTS, TRIALS, WIDEST, PlainLaw, arrangement, plain_law
from nmcfast.calibration.grains.templates import Template, draw_template, simulate
from nmcfast.errors import InputError
from nmcfast.kernels import label_grid
from nmcfast.markers import metrics
from nmcfast.progress import progress_bar
from nmcfast.sections.cutouts import Section, in_plane

Array = NDArray[np.float64]
Numbers = Mapping[str, float]

FITTED = {name: s.error for name, s in STATISTICS.items() if s.group != "tails"}  # tails are kept for the verdict
LEAST_GRAINS = 50  # of a section, for correlations to mean something
ROUNDS = (12, 48)  # simulated sections; parts are looked for with half of the last
COVARIANCE = 2  # times the sections of the last round, from which covariances are known
PART_LEVEL = 0.0027  # p-value of the drop of χ² below which a part enters: three standard errors of one number
MOST_STEPS = 12  # of a search
FARTHEST_STEP = 8.0  # of a number at once, in steps of differences
LEAST_WHOLE = 0.9  # share of simulated sections with grains enough for rings
LEAST_FALL = 0.1  # of χ² that a further step must promise
_POISSON_VORONOI = 1.458  # grains px⁻² of a section over μ^(2/3), for the first guess of μ
_SHRINKAGE = 0.2  # of correlations of moments: few sections know them badly
_MISSING = 1.0  # how far off a moment counts that no simulated section has grains enough for


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
) -> MomentFit:
    """The law whose sections through the centre have the moments of those given, all (2R, 2R), 0 outside a disc.

    size px⁻² and offset fix the geometric mean of D and the mean of r. rounds: simulated sections of each round; parts:
    those that may enter. Takes one to five minutes for R = 118 px; quiet=False shows how it goes on. Sections with too
    few grains for rings have the 13 moments of a plain law, which no part can enter by. Raises InputError, with the
    section's name, for too few whole grains.
    """
    radius = labels[0].shape[0] // 2
    counts = [section_moments(section)[0] for section in labels]
    if (fewest := math.exp(min(counts))) < LEAST_GRAINS:
        name = names[int(np.argmin(counts))] if names else f"section {np.argmin(counts)}"
        raise InputError(
            f"{name}: {fewest:.0f} whole grains of {LEAST_PIXELS} pixels or more,"
            f" a start from moments needs {LEAST_GRAINS}; leave it out, or take --schedule paper"
        )
    guess = (math.exp(np.mean(counts)) / (math.pi * radius**2) / _POISSON_VORONOI) ** 1.5
    seeds = [draw_template(radius, guess * WIDEST, rng) for _ in range(COVARIANCE * max(rounds))]
    bar = progress_bar("fitting the start law", " simulated sections", quiet=quiet)
    more = (seeds, radius, size, offset, guess, bar.update)
    search = _Search(labels, FITTED, section_statistics, *more)
    if not search.whole(COVARIANCE * max(rounds)):
        search, parts = _Search(labels, MOMENTS, section_moments, *more), ()
    fit = search.fitted(rounds, parts)
    bar.close()
    return fit


@dataclass(frozen=True)
class _Solved:
    """Numbers, what χ² is with them, the moments (m,) of so many simulated sections, and their slopes (m, numbers)."""

    numbers: dict[str, float]
    chi2: float
    mean: Array
    slope: Array
    count: int


class _Search:
    """The search for one law: moments (m,) of measured sections by name, and templates to simulate others with."""

    def __init__(
        self,
        labels: Sequence[NDArray[np.integer]],
        names: Iterable[str],
        statistics: Callable[[NDArray[np.integer]], Array],
        seeds: Sequence[Template],
        radius: int,
        size: float,
        offset: float,
        guess: float,
        progress: Callable[[int], object],
    ) -> None:
        self.names, self.statistics = tuple(names), statistics
        self.sections, self.seeds = len(labels), seeds
        self.measured = np.mean([statistics(section) for section in labels], axis=0)[: len(self.names)]
        self.radius, self.size, self.offset, self.guess = radius, size, offset, guess
        self.progress, self.simulations = progress, 0
        self.spread = np.empty(0)

    def start(self) -> dict[str, float]:
        """A plain law that is not far off."""
        named = dict(zip(self.names, self.measured.tolist(), strict=True))
        start = {name: number.guess for name, number in NUMBERS.items()}
        return start | {"shape": 0.8 * named["mean log elongation"] * named["mean cos 2α"]}

    def whole(self, count: int) -> bool:
        """Whether measured sections and nearly all that are simulated have grains enough."""
        if not np.isfinite(self.measured).all():
            return False
        return bool(np.isfinite(self.rows(self.start(), count)).all(axis=1).mean() >= LEAST_WHOLE)

    def fitted(self, rounds: Sequence[int], parts: Sequence[str]) -> MomentFit:
        """The plain law, then the parts that enter, then all numbers once more with most sections."""
        last, start, tried = max(rounds), self.start(), dict[str, float]()
        self.know_spread(start, COVARIANCE * last)
        found = self.solve(start, rounds[0])
        self.know_spread(found.numbers, COVARIANCE * last)
        found = self.solve(found.numbers, max(last // 2, rounds[0]))
        entered: list[str] = []
        while wider := self.widened(found, [part for part in parts if part not in entered], tried):
            entered.append(wider[0])
            self.know_spread(wider[1].numbers, COVARIANCE * last)  # regular sections differ less from each other
            found = self.solve(wider[1].numbers, wider[1].count)
        return self.outcome(self.solve(found.numbers, last, found.slope), tuple(entered), tried)

    def law(self, numbers: Numbers) -> tuple[PlainLaw, Arrangement]:
        """The law of numbers whose log μ is counted from the guess."""
        own = {**numbers, "log_mu": numbers["log_mu"] + math.log(self.guess)}
        return plain_law(own, self.size, self.offset), arrangement(own, self.radius)

    def rows(self, numbers: Numbers, count: int) -> Array:
        """Moments (count, m) of simulated sections; not finite where one has too few grains."""
        self.simulations += count
        self.progress(count)
        law = self.law(numbers)
        rows = [self.statistics(simulate(*law, self.radius, seeds)) for seeds in self.seeds[:count]]
        return np.array(rows)[:, : len(self.names)]

    def means(self, numbers: Numbers, count: int) -> Array:
        """Their means (m,), of those sections that have grains enough."""
        rows = self.rows(numbers, count)
        known = np.isfinite(rows)
        total = np.where(known, rows, 0.0).sum(axis=0)
        return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), self.measured + _MISSING)

    def know_spread(self, numbers: Numbers, count: int) -> None:
        """Take the covariance of moments from sections of a law."""
        rows = self.rows(numbers, count)
        self.spread = shrunk(np.cov(rows[np.isfinite(rows).all(axis=1)].T))

    def errors(self, count: int) -> Array:
        """Covariance (m, m) of measured means less those of so many simulated sections."""
        measuring = [STATISTICS[name].error for name in self.names]
        return self.spread * (1 / self.sections + 1 / count) + np.diag(np.square(measuring))

    def residual(self, numbers: Numbers, mean: Array, count: int) -> Array:
        """What χ² is the sum of squares of: moments (m,), and how far numbers are from their priors."""
        far = [(x - ALL[name].guess) / ALL[name].width for name, x in numbers.items() if math.isfinite(ALL[name].width)]
        return np.concatenate([self.whiten(count) @ (mean - self.measured), far])

    def weighted(self, numbers: Numbers, slope: Array, count: int) -> Array:
        """Slopes (k, numbers) of the residuals, from those of the moments."""
        priors = [
            [1 / ALL[name].width if name == other else 0.0 for other in numbers]
            for name in numbers
            if math.isfinite(ALL[name].width)
        ]
        return np.concatenate([self.whiten(count) @ slope, np.reshape(priors, (-1, len(numbers)))])

    def whiten(self, count: int) -> Array:
        """What makes errors of moments independent, of variance 1 (m, m)."""
        return np.linalg.inv(np.linalg.cholesky(self.errors(count)))

    def slopes(self, numbers: Numbers, count: int, here: Array) -> Array:
        """Slopes (m, numbers) of the moments by differences, where `here` (m,) is what they are."""
        columns = []
        for name, value in numbers.items():
            step = -ALL[name].step if value + ALL[name].step > ALL[name].high else ALL[name].step
            columns.append((self.means({**numbers, name: value + step}, count) - here) / step)
        return np.stack(columns, axis=1)

    def solve(self, start: Numbers, count: int, slope: Array | None = None) -> _Solved:
        """The numbers with the least χ² by so many sections, from a start, and from slopes if there are any.

        Gauss–Newton within the ranges. Slopes follow what each step shows (Broyden), since new ones cost a set of
        sections a number; when two steps fail they are made anew.
        """
        low, high, scale = (np.array([getattr(ALL[name], end) for name in start]) for end in ("low", "high", "step"))
        here = np.clip(list(start.values()), low, high)
        mean = self.means(_named(start, here), count)
        fresh = slope is None
        slope = self.slopes(_named(start, here), count, mean) if slope is None else slope
        left, fails = self.residual(_named(start, here), mean, count), 0
        for _ in range(MOST_STEPS):
            weighted = self.weighted(start, slope, count)
            step = lsq_linear(weighted * scale, -left, ((low - here) / scale, (high - here) / scale)).x
            step = np.clip(step, -FARTHEST_STEP, FARTHEST_STEP)
            if left @ left - np.square(left + weighted @ (scale * step)).sum() < LEAST_FALL:
                break
            there = np.clip(here + scale * step, low, high)
            moved = self.means(_named(start, there), count)
            slope = slope + np.outer(moved - mean - slope @ (there - here), step / scale) / (step @ step)
            other = self.residual(_named(start, there), moved, count)
            if other @ other < left @ left:
                here, mean, left = there, moved, other
                continue
            fails += 1
            if fails == 2 and not fresh:
                slope, fresh = self.slopes(_named(start, here), count, mean), True
            elif fails > 2:
                break
        return _Solved(_named(start, here), float(left @ left), mean, slope, count)

    def widened(self, base: _Solved, parts: Sequence[str], tried: dict[str, float]) -> tuple[str, _Solved] | None:
        """The part that lowers χ² most of those that do so by more than chance, and the law with it, if one does."""
        count, numbers = base.count, base.numbers
        here, slope = self.residual(numbers, base.mean, count), self.weighted(numbers, base.slope, count)
        starts: dict[str, tuple[float, dict[str, float]]] = {}
        for part in parts:
            for trial in TRIALS[part]:
                column = self.residual(numbers, self.means({**numbers, **trial}, count), count) - here
                fall, start = _linear_start(numbers, trial, here, slope, column)
                if fall > starts.get(part, (0.0, {}))[0]:
                    starts[part] = fall, start
        for part, (fall, start) in sorted(starts.items(), key=lambda item: -item[1][0]):
            least = float(stats.chi2.isf(PART_LEVEL, len(PARTS[part])))
            if fall < least:
                continue
            found = self.solve(start, count)
            tried[part] = base.chi2 - found.chi2
            if tried[part] > least:
                return part, found
        return None

    def outcome(self, found: _Solved, parts: tuple[str, ...], tried: dict[str, float]) -> MomentFit:
        """What is said of the law that was found."""
        error, apart = self.errors(found.count), found.mean - self.measured
        weighted = self.weighted(found.numbers, found.slope, found.count)
        spread = np.sqrt(np.diag(np.linalg.pinv(weighted.T @ weighted)))
        edges = [name for name, x in found.numbers.items() if min(x - ALL[name].low, ALL[name].high - x) < 1e-3]
        numbers = {**found.numbers, "log_mu": found.numbers["log_mu"] + math.log(self.guess)}
        return MomentFit(
            *self.law(found.numbers),
            numbers,
            dict(zip(numbers, spread.tolist(), strict=True)),
            parts,
            tried,
            self.names,
            self.measured,
            found.mean,
            np.sqrt(np.diag(error)),
            float(apart @ np.linalg.solve(error, apart)),
            self.simulations,
            tuple(edges),
        )


def _named(numbers: Numbers, values: Array) -> dict[str, float]:
    """Values under the names of numbers."""
    return dict(zip(numbers, values.tolist(), strict=True))


def _linear_start(
    numbers: Numbers, trial: Numbers, here: Array, slope: Array, column: Array
) -> tuple[float, dict[str, float]]:
    """By how much χ² falls along a trial, were it linear, and the numbers where it is least.

    here (k,), slope (k, numbers): residuals and their slopes without it; column (k,): what the trial changes. The first
    number of a trial is scaled, within its range.
    """
    basis = np.linalg.qr(slope)[0]
    left, own = (x - basis @ (basis.T @ x) for x in (here, column))
    amount, value = next(iter(trial.items()))
    low, high = sorted((ALL[amount].low / value, ALL[amount].high / value))
    share = float(np.clip(-(own @ left) / (own @ own), low, high))
    fall = float(left @ left - np.square(left + share * own).sum())
    moved = np.linalg.lstsq(slope, -(here + share * column))[0]
    start = {name: value + step for (name, value), step in zip(numbers.items(), moved.tolist(), strict=True)}
    return fall, {**start, **trial, amount: share * value}


def shrunk(covariance: Array) -> Array:
    """A covariance (m, m) whose correlations are a little weaker."""
    return (1 - _SHRINKAGE) * covariance + _SHRINKAGE * np.diag(np.diag(covariance))
