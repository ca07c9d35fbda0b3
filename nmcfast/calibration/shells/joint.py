"""Law `joint` of shells fitted to coefficients: margins, correlations, likelihood. Ours, not the paper's (`joint_law`).

n particles, o = L + 1 orders. Margins first, each alone by maximum likelihood, then the correlations of their normal
scores: inference functions for margins (Joe, 2005). Sizes and energies are those of b_lm, whose exponential has
the very coefficients a_lm, so nothing of a shell is lost between data and law.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from nmcfast.calibration.shells.families import FamilyFit, finish, log_density, normal_scores
from nmcfast.errors import InputError
from nmcfast.shells.harmonics import degree_of, order_of
from nmcfast.shells.joint_law import JointLaw
from nmcfast.shells.log_expansion import logarithm

_TAIL = (0.25, 4.0)  # tails searched: 1 is a normal law's, less heavier, more lighter
_HELD: tuple[tuple[str, ...], ...] = (("skewness", "tail"), ("tail",), ())  # normal, skewed, with tails of its own


@dataclass(frozen=True)
class JointFit:
    """The law fitted: margins of ρ, log E_1 … best first, log-likelihood of a_lm, number of free parameters."""

    law: JointLaw
    margins: list[list[FamilyFit]]
    log_likelihood: float
    free: int


def sizes_and_energies(coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ρ, log E_1 … log E_L of shells, and what is to be added to their log density for that of a_lm.

    coefficients (n, (L + 1)²) -> (n, o), (n,). b_l· is uniform on its sphere, so its density is that of log E_l times
    2 E_l^(−d/2) / |S^(d−1)|, d = 2l + 1; that of b_00 = √4π log ρ is ρ's times ρ / √4π; that of a_lm is that of b_lm
    over det ∂a/∂b.
    """
    b, determinant = logarithm(coefficients)
    degree, orders = degree_of(b.shape[1]), order_of(b.shape[1]) + 1
    x = np.stack([np.log((b[:, degree == k] ** 2).sum(axis=1)) for k in range(1, orders)], axis=1)
    half = np.arange(1, orders) + 0.5  # d / 2
    sphere = np.log(2.0) + half * np.log(np.pi) - gammaln(half)
    size = b[:, 0] / np.sqrt(4.0 * np.pi)
    change = (np.log(2.0) - sphere - half * x).sum(axis=1) + size - 0.5 * np.log(4.0 * np.pi) - determinant
    return np.column_stack([np.exp(size), x]), change


def fit_margin(x: np.ndarray) -> list[FamilyFit]:
    """Sinh-arcsinh laws of x (n,), normal, skewed or with tails of its own, the best first by AIC.

    Jones and Pewsey (2009), Biometrika 96, 761. Raises InputError when the values do not vary.
    """
    if len(x) < 3 or not np.std(x) > 0:
        raise InputError(f"sizes or energies: found {len(x)} of deviation {np.std(x)}, expected a sample that varies")
    return sorted((_fit_bent(x[:, None], held) for held in _HELD), key=lambda fit: fit.aic)


def _fit_bent(x: np.ndarray, held: tuple[str, ...]) -> FamilyFit:
    middle, spread = float(x.mean()), float(x.std())

    def parameters(theta: np.ndarray) -> tuple[float, ...]:
        full = [*theta.tolist(), 0.0, 0.0, 0.0][:4]
        return middle + full[0] * spread, spread * float(np.exp(full[1])), full[2], float(np.exp(full[3]))

    def cost(theta: np.ndarray) -> float:
        return -float(log_density("sinh_arcsinh", parameters(theta), x).mean())

    bounds = [(-10.0, 10.0), (-6.0, 6.0), (-10.0, 10.0), tuple(np.log(_TAIL))][: 4 - len(held)]
    best = minimize(
        cost, np.zeros(len(bounds)), bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-13, "gtol": 1e-8}
    )
    return finish("sinh_arcsinh", parameters(best.x), x, held)


def shrunk_correlation(z: np.ndarray) -> tuple[np.ndarray, float]:
    """Correlations of z (n, o), shrunk towards 0 by the share that has the least expected error -> (o, o), share.

    Schäfer and Strimmer (2005), the shrinkage of Ledoit and Wolf for correlations: Σ Var(r_jk) / Σ r_jk², at most 1,
    with the variance (1 − r²)² / n of correlations of normal numbers. Of 1,200 particles it takes some 0.3 %, of 40 a
    tenth, and nearly all where there is no correlation.
    """
    r = np.atleast_2d(np.corrcoef(z.T))
    off = ~np.eye(len(r), dtype=bool)
    share = float(min(1.0, ((1.0 - r[off] ** 2) ** 2).sum() / (r[off] ** 2).sum() / len(z))) if off.any() else 0.0
    shrunk = (1.0 - share) * 0.5 * (r + r.T)
    np.fill_diagonal(shrunk, 1.0)
    return shrunk, share


def fit_joint(coefficients: np.ndarray, unit_um: float) -> JointFit:
    """The joint law of shells: margins by maximum likelihood, correlations shrunk as the sample asks, section 2.3.

    coefficients (n, (L + 1)²) in units of unit_um, radii positive. The log-likelihood is of the same a_lm as that of
    the paper's laws (`compare.fit_law`). Standard errors: of margins as `families.standard_errors`; of a correlation r
    (1 − r²) / √n, which leaves out what the margins' errors add.
    """
    x, change = sizes_and_energies(coefficients)
    margins = [fit_margin(column) for column in x.T]
    laws = tuple(fits[0].law for fits in margins)
    z = np.stack([normal_scores(law.parameters, column) for law, column in zip(laws, x.T, strict=True)], axis=1)
    correlation, share = shrunk_correlation(z)
    error = (1.0 - correlation**2) / np.sqrt(len(z))
    law = JointLaw(unit_um, laws, _rows(correlation), _rows(error), share)
    bound = (z * (z - np.linalg.solve(correlation, z.T).T)).sum(axis=1)
    copula = 0.5 * (bound - np.linalg.slogdet(correlation)[1])
    total = sum(fits[0].log_likelihood for fits in margins) + float((copula + change).sum())
    free = sum(fits[0].free for fits in margins) + len(laws) * (len(laws) - 1) // 2
    return JointFit(law, margins, total, free)


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
