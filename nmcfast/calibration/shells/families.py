"""Normal, log-normal and Student t laws of coefficients: densities and maximum likelihood, Eqs. (5), (6).

Parameters as in `shell_law.FAMILIES`: normal (mean, deviation), lognormal (shape, location, scale), student_t
(freedom, location, scale), and sinh_arcsinh (location, scale, skewness, tail), of `margins`, which is ours.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import gammaln

from nmcfast.errors import InputError
from nmcfast.shells.law import FAMILIES, OrderLaw

_SPREADS = np.geomspace(1e-2, 1e3, 121)  # distances of a log-normal's location below the data, in deviations
_FREEDOM = (0.1, 1e4)  # degrees of freedom searched; the upper end is a normal law


@dataclass(frozen=True)
class FamilyFit:
    """A family fitted to the coefficients of one order, section 2.3: law, likelihood, free parameters."""

    law: OrderLaw
    log_likelihood: float
    free: int

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 · free parameters − 2 · log-likelihood: the lower, the better."""
        return 2.0 * self.free - 2.0 * self.log_likelihood


def log_density(family: str, parameters: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    """Logarithm of the density at x, Eqs. (5), (6); any shape -> same shape, −inf outside the support.

    Deviation: a three-parameter log-normal, ln((x − location) / scale) is normal with deviation `shape`; Eq.
    (5) is location 0 and scale e^μ.
    """
    if family == "normal":
        mean, deviation = parameters
        return -0.5 * ((x - mean) / deviation) ** 2 - np.log(deviation) - 0.5 * np.log(2 * np.pi)
    if family == "student_t":
        freedom, location, scale = parameters
        constant = gammaln((freedom + 1) / 2) - gammaln(freedom / 2) - 0.5 * np.log(np.pi * freedom)
        return constant - np.log(scale) - (freedom + 1) / 2 * np.log1p(((x - location) / scale) ** 2 / freedom)
    if family == "sinh_arcsinh":
        bent, normal = (x - parameters[0]) / parameters[1], normal_scores(parameters, x)
        slope = 0.5 * (np.log1p(normal**2) - np.log1p(bent**2)) + np.log(parameters[3] / parameters[1])
        return slope - 0.5 * normal**2 - 0.5 * np.log(2 * np.pi)
    shape, location, scale = parameters
    above = x > location
    ratio = np.log(np.where(above, x - location, scale) / scale)
    density = -0.5 * (ratio / shape) ** 2 - np.log(shape) - ratio - np.log(scale) - 0.5 * np.log(2 * np.pi)
    return np.where(above, density, -np.inf)


def normal_scores(parameters: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    """Normal z of which a sinh-arcsinh law makes x, location + scale · sinh((arsinh z + skewness) / tail)."""
    location, scale, skewness, tail = parameters
    return np.sinh(tail * np.arcsinh((x - location) / scale) - skewness)


def fit_families(x: np.ndarray, *, centred: bool) -> list[FamilyFit]:
    """Each family fitted by maximum likelihood, the best first by AIC, section 2.3.

    x (n, w): w coefficients of one order for each of n particles. centred: location 0, which isotropy asks of
    orders l ≥ 1, for the symmetric families. Standard errors take the coefficients of one particle as
    dependent. Raises InputError when the values do not vary.
    """
    if len(x) < 3 or not np.std(x) > 0:
        raise InputError(f"coefficients: found {len(x)} rows of deviation {np.std(x)}, expected a sample that varies")
    fits = [_fit_normal(x, centred), _fit_student(x, centred), _fit_lognormal(x)]
    return sorted(fits, key=lambda fit: fit.aic)


def _fit_normal(x: np.ndarray, centred: bool) -> FamilyFit:
    mean = 0.0 if centred else float(x.mean())
    deviation = float(np.sqrt(((x - mean) ** 2).mean()))
    return finish("normal", (mean, deviation), x, held=("mean",) if centred else ())


def _fit_student(x: np.ndarray, centred: bool) -> FamilyFit:
    spread = float(np.median(np.abs(x - np.median(x)))) or float(x.std())

    def cost(theta: np.ndarray) -> float:
        return -float(log_density("student_t", _student(theta, spread), x).mean())

    start = [np.log(4.0), 0.0] + ([] if centred else [float(np.median(x)) / spread])
    bounds = [tuple(np.log(_FREEDOM)), (-10.0, 10.0)] + ([] if centred else [(None, None)])
    best = minimize(cost, start, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-13, "gtol": 1e-9}).x
    return finish("student_t", _student(best, spread), x, held=("location",) if centred else ())


def _student(theta: np.ndarray, spread: float) -> tuple[float, ...]:
    location = float(theta[2]) * spread if len(theta) > 2 else 0.0
    return float(np.exp(theta[0])), location, float(np.exp(theta[1])) * spread


def _fit_lognormal(x: np.ndarray) -> FamilyFit:
    """The inner maximum of the likelihood along the location.

    The likelihood of a three-parameter log-normal is unbounded as the location reaches the smallest value
    (Hill, 1963); the maximum meant is the highest one inside. When there is none the law is a normal one in
    the limit and the far end of the search stands for it.
    """
    lowest, spread = float(x.min()), float(x.std())

    def cost(logarithm: float) -> float:
        return -float(log_density("lognormal", _lognormal(lowest - np.exp(logarithm), x), x).mean())

    grid = np.log(_SPREADS * spread)
    costs = np.array([cost(value) for value in grid])
    inner = np.flatnonzero((costs[1:-1] <= costs[:-2]) & (costs[1:-1] <= costs[2:])) + 1
    best = grid[-1]
    if inner.size:
        place = inner[np.argmin(costs[inner])]
        best = minimize_scalar(cost, bounds=(grid[place - 1], grid[place + 1]), options={"xatol": 1e-7}).x
    return finish("lognormal", _lognormal(lowest - np.exp(best), x), x)


def _lognormal(location: float, x: np.ndarray) -> tuple[float, ...]:
    ratio = np.log(x - location)
    return float(ratio.std()), float(location), float(np.exp(ratio.mean()))


def finish(family: str, parameters: tuple[float, ...], x: np.ndarray, held: tuple[str, ...] = ()) -> FamilyFit:
    """The fit of a family with these parameters to x (n, w), those held not free: likelihood and standard errors."""
    names = FAMILIES[family]
    free = [i for i, name in enumerate(names) if name not in held]
    law = OrderLaw(family, parameters, "fitted", standard_errors(family, parameters, x, free))
    return FamilyFit(law, float(log_density(family, parameters, x).sum()), len(free))


def standard_errors(
    family: str, parameters: tuple[float, ...], x: np.ndarray, free: list[int]
) -> tuple[float, ...] | None:
    """Standard errors of the free parameters by the sandwich H⁻¹ J H⁻¹; 0 for held ones.

    H is the observed information, J the sum of squared scores of whole particles, rows of x (n, w):
    coefficients of one particle share its size and are not independent. None when the likelihood has no
    proper maximum.
    """
    theta = np.array(parameters)
    scale = float(np.std(x))
    names = FAMILIES[family]
    own = np.where(np.array([name == "skewness" for name in names]), 1.0, np.abs(theta))  # a skewness may be 0
    step = np.where(np.array([name in _LENGTHS for name in names]), scale, own) * 1e-4

    def scores(at: np.ndarray) -> np.ndarray:
        return np.stack([_slope(lambda p: log_density(family, tuple(p), x), at, i, step[i]) for i in free], axis=-1)

    information = -np.stack([_slope(lambda p: scores(p).sum(axis=(0, 1)), theta, i, step[i]) for i in free])
    information = 0.5 * (information + information.T)
    if not np.isfinite(information).all() or np.linalg.eigvalsh(information).min() <= 0:
        return None
    inverse = np.linalg.inv(information)
    particle = scores(theta).sum(axis=1)
    errors = np.zeros(len(theta))
    errors[free] = np.sqrt(np.diag(inverse @ (particle.T @ particle) @ inverse))
    return tuple(float(error) for error in errors)


_LENGTHS = {"mean", "deviation", "location", "scale"}


def _slope(function: Callable[[np.ndarray], np.ndarray], at: np.ndarray, index: int, step: float) -> np.ndarray:
    ahead, behind = at.copy(), at.copy()
    ahead[index] += step
    behind[index] -= step
    return (function(ahead) - function(behind)) / (2.0 * step)
