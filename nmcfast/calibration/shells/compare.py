"""Two laws of shells fitted to the same particles and compared, section 2.3, Fig. 10a."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import wasserstein_distance

from nmcfast.calibration.shells.families import FamilyFit, fit_families
from nmcfast.errors import InputError
from nmcfast.harmonics import degree_of, order_of
from nmcfast.shell import REASONS, ShellLaw, draw_shell
from nmcfast.shell_descriptors import shell_descriptors

LAWS = ("independent", "relative")
COMPARED = ("d_max", "compactness", "aspect_ratio", "sphericity")  # Eqs. (17)–(20), Fig. 10a
MIN_PARTICLES = 30  # free: fewer tell nothing of tails
SPLITS = 20  # random halvings of the data for the floor of a Wasserstein distance


@dataclass(frozen=True)
class LawFit:
    """A law fitted to all orders, section 2.3: of each order the families, best first; likelihood of a_lm."""

    law: ShellLaw
    families: list[list[FamilyFit]]
    log_likelihood: float

    @property
    def aic(self) -> float:
        """Akaike's criterion of the whole law: the lower, the better."""
        return 2.0 * sum(fits[0].free for fits in self.families) - 2.0 * self.log_likelihood


def fit_law(coefficients: np.ndarray, law: str, unit_um: float) -> LawFit:
    """The law whose family and parameters are most likely for each order, section 2.3.

    coefficients (n, (L + 1)²) in units of unit_um, a_00 > 0; law "independent" or "relative". Log-likelihoods
    of both laws are of the same a_lm: the density of a_lm = a_00 · ratio is that of the ratio over a_00.
    """
    order = order_of(coefficients.shape[1])
    values = described(coefficients, law)
    degree = degree_of(coefficients.shape[1])
    families = [fit_families(values[:, degree == k], centred=k > 0) for k in range(order + 1)]
    total = sum(fits[0].log_likelihood for fits in families)
    if law == "relative":
        total -= int((degree > 0).sum()) * float(np.log(coefficients[:, 0]).sum())
    return LawFit(ShellLaw(law, unit_um, tuple(fits[0].law for fits in families)), families, total)


def described(coefficients: np.ndarray, law: str) -> np.ndarray:
    """What the law of each order describes: a_lm, or a_00 and a_lm / a_00, section 2.3; same shape."""
    size = coefficients[:, :1]
    if not (size > 0).all():
        raise InputError(f"coefficients: found a_00 = {size.min()}, expected sizes above 0")
    if law == "independent":
        return coefficients
    return np.hstack([size, coefficients[:, 1:] / size])


def descriptor_table(coefficients: np.ndarray) -> dict[str, np.ndarray]:
    """d_max, compactness, aspect ratio and sphericity of shells, Eqs. (17)–(20); (n, k) -> (n,) each."""
    rows = [shell_descriptors(row) for row in coefficients]
    return {name: np.array([row[name] for row in rows]) for name in COMPARED}


def simulate(law: ShellLaw, count: int, seed: int) -> tuple[np.ndarray, dict[str, int]]:
    """Coefficients of `count` accepted shells, Eq. (7) -> (count, (L + 1)²) µm, and rejections by reason."""
    rejected = dict.fromkeys(REASONS, 0)
    rows = []
    for index in range(count):
        shell, attempts = draw_shell(law, seed, index)
        rows.append(shell.coefficients)
        rejected = {reason: rejected[reason] + attempts[reason] for reason in REASONS}
    return np.array(rows), rejected


def distances(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> dict[str, float]:
    """Wasserstein distance of each descriptor between two sets of shells, in its own unit, Fig. 10a."""
    return {name: float(wasserstein_distance(one[name], other[name])) for name in COMPARED}


def distance_floor(table: dict[str, np.ndarray], seed: int) -> dict[str, float]:
    """Wasserstein distance of two random halves of the data, mean of 20 halvings: the noise of sampling."""
    rng = np.random.default_rng(seed)
    count = len(next(iter(table.values())))
    found: list[dict[str, float]] = []
    for _ in range(SPLITS):
        half = rng.permutation(count) < count // 2
        one = {name: values[half] for name, values in table.items()}
        other = {name: values[~half] for name, values in table.items()}
        found.append(distances(one, other))
    return {name: float(np.mean([entry[name] for entry in found])) for name in COMPARED}


def compare_laws(
    coefficients: np.ndarray, unit_um: float, *, seed: int = 0, count: int | None = None
) -> tuple[dict[str, LawFit], dict[str, Any]]:
    """Both laws fitted to one set of particles and how each does, section 2.3.

    coefficients (n, (L + 1)²) in units of unit_um; count shells simulated of each law, default n. -> fits by
    law, and a report of plain values: log-likelihood, AIC, share of attempts rejected by reason, Wasserstein
    distances of the descriptors, their floor, and the law taken: the one with the lower AIC.
    """
    if len(coefficients) < MIN_PARTICLES:
        raise InputError(f"found {len(coefficients)} particles, expected at least {MIN_PARTICLES} for a law of shells")
    data = descriptor_table(coefficients * unit_um)
    fits = {law: fit_law(coefficients, law, unit_um) for law in LAWS}
    report = {law: _judge(fit, data, seed, count or len(coefficients)) for law, fit in fits.items()}
    taken = min(fits, key=lambda law: fits[law].aic)
    closer = sum(report["relative"]["distances"][name] < report["independent"]["distances"][name] for name in COMPARED)
    return fits, {
        "particles": len(coefficients),
        "laws": report,
        "floor": distance_floor(data, seed),
        "taken": taken,
        "rule": "lower AIC of the same coefficients",
        "descriptors_closer_with_relative": closer,
    }


def _judge(fit: LawFit, data: dict[str, np.ndarray], seed: int, count: int) -> dict[str, Any]:
    simulated, rejected = simulate(fit.law, count, seed)
    return {
        "log_likelihood": fit.log_likelihood,
        "aic": fit.aic,
        "rejected": rejected,
        "rejected_share": sum(rejected.values()) / (count + sum(rejected.values())),
        "distances": distances(data, descriptor_table(simulated)),
        "orders": [[_family_row(family) for family in families] for families in fit.families],
    }


def _family_row(fit: FamilyFit) -> dict[str, Any]:
    return {**fit.law.to_dict(), "log_likelihood": fit.log_likelihood, "aic": fit.aic}
