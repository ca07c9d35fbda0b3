"""The search for a start law: numbers by simulated moments, and which parts widen it. Ours, not the paper's.

s sections, m moments.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import lsq_linear

from nmcfast.arrangement import Arrangement
from nmcfast.calibration.grains.heights import evenly, scatter
from nmcfast.calibration.grains.section_profile import STATISTICS
from nmcfast.calibration.grains.start_law import ALL, NUMBERS, PARTS, TRIALS, PlainLaw, arrangement, plain_law
from nmcfast.calibration.grains.templates import Template, simulate

Array = NDArray[np.float64]
Numbers = Mapping[str, float]

FITTED = {name: s.error for name, s in STATISTICS.items() if s.group != "tails"}  # tails are kept for the verdict
COVARIANCE = 2  # times the sections of the last round, from which covariances are known
PART_LEVEL = 0.0027  # p-value of the drop of χ² below which a part enters: three standard errors of one number
MOST_STEPS = 12  # of a search
FARTHEST_STEP = 8.0  # of a number at once, in steps of differences
LEAST_WHOLE = 0.9  # share of simulated sections with grains enough for rings
LEAST_FALL = 0.1  # of χ² that a further step must promise
_SHRINKAGE = 0.2  # of correlations of moments: few sections know them badly
_MISSING = 1.0  # how far off a moment counts that no simulated section has grains enough for


@dataclass(frozen=True)
class Solved:
    """Numbers, what χ² is with them, the moments (m,) of so many simulated sections, and their slopes (m, numbers)."""

    numbers: dict[str, float]
    chi2: float
    mean: Array
    slope: Array
    count: int


class Search:
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
        self.heights = np.array([template.height for template in seeds])
        self.farthest = math.ceil(math.hypot(radius, float(self.heights.max())))  # that a section shows
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

    def fitted(self, rounds: Sequence[int], parts: Sequence[str]) -> tuple[Solved, tuple[str, ...], dict[str, float]]:
        """The plain law, then the parts that enter, then all numbers once more with most sections.

        Returns what is found, the parts that entered, and by how much χ² fell with each that was fitted.
        """
        last, start, tried = max(rounds), self.start(), dict[str, float]()
        self.know_spread(start, COVARIANCE * last)
        found = self.solve(start, rounds[0])
        self.know_spread(found.numbers, COVARIANCE * last)
        found = self.solve(found.numbers, max(evenly(last // 2, self.heights[: self.sections]), rounds[0]))
        entered: list[str] = []
        while wider := self.widened(found, [part for part in parts if part not in entered], tried):
            entered.append(wider[0])
            self.know_spread(wider[1].numbers, COVARIANCE * last)  # regular sections differ less from each other
            found = self.solve(wider[1].numbers, wider[1].count)
        return self.solve(found.numbers, last, found.slope), tuple(entered), tried

    def law(self, numbers: Numbers) -> tuple[PlainLaw, Arrangement]:
        """The law of numbers whose log μ is counted from the guess."""
        own = {**numbers, "log_mu": numbers["log_mu"] + math.log(self.guess)}
        return plain_law(own, self.size, self.offset), arrangement(own, self.farthest)

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
        whole = np.isfinite(rows).all(axis=1)
        self.spread = shrunk(scatter(rows[whole], self.heights[:count][whole]))

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

    def solve(self, start: Numbers, count: int, slope: Array | None = None) -> Solved:
        """The numbers with the least χ² by so many sections, from a start, and from slopes if there are any.

        Gauss–Newton within the ranges. Slopes follow what each step shows (Broyden), since new ones cost a set of
        sections a number; when two steps fail they are made anew.
        """
        low, high, scale = (np.array([getattr(ALL[name], end) for name in start]) for end in ("low", "high", "step"))
        here = np.clip(list(start.values()), low, high)
        mean = self.means(named(start, here), count)
        fresh = slope is None
        slope = self.slopes(named(start, here), count, mean) if slope is None else slope
        left, fails = self.residual(named(start, here), mean, count), 0
        for _ in range(MOST_STEPS):
            weighted = self.weighted(start, slope, count)
            step = lsq_linear(weighted * scale, -left, ((low - here) / scale, (high - here) / scale)).x
            step = np.clip(step, -FARTHEST_STEP, FARTHEST_STEP)
            if left @ left - np.square(left + weighted @ (scale * step)).sum() < LEAST_FALL:
                break
            there = np.clip(here + scale * step, low, high)
            moved = self.means(named(start, there), count)
            slope = slope + np.outer(moved - mean - slope @ (there - here), step / scale) / (step @ step)
            other = self.residual(named(start, there), moved, count)
            if other @ other < left @ left:
                here, mean, left = there, moved, other
                continue
            fails += 1
            if fails == 2 and not fresh:
                slope, fresh = self.slopes(named(start, here), count, mean), True
            elif fails > 2:
                break
        return Solved(named(start, here), float(left @ left), mean, slope, count)

    def widened(self, base: Solved, parts: Sequence[str], tried: dict[str, float]) -> tuple[str, Solved] | None:
        """The part that lowers χ² most of those that do so by more than chance, and the law with it, if one does."""
        count, numbers = base.count, base.numbers
        here, slope = self.residual(numbers, base.mean, count), self.weighted(numbers, base.slope, count)
        starts: dict[str, tuple[float, dict[str, float]]] = {}
        for part in parts:
            for trial in TRIALS[part]:
                column = self.residual(numbers, self.means({**numbers, **trial}, count), count) - here
                fall, start = linear_start(numbers, trial, here, slope, column)
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


def named(numbers: Numbers, values: Array) -> dict[str, float]:
    """Values under the names of numbers."""
    return dict(zip(numbers, values.tolist(), strict=True))


def linear_start(
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
