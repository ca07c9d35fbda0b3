"""Laws of shells fitted to the same particles and compared: the paper's, section 2.3, Fig. 10a, and ours."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import wasserstein_distance

from nmcfast.calibration.shells.families import FamilyFit, fit_families
from nmcfast.calibration.shells.joint import fit_joint, sizes_and_energies
from nmcfast.errors import InputError
from nmcfast.shells.descriptors import shell_descriptors
from nmcfast.shells.harmonics import degree_of, order_of
from nmcfast.shells.law import Law, ShellLaw
from nmcfast.shells.shell import REASONS, draw_shells

LAWS = ("independent", "relative", "joint")
COMPARED = ("d_max", "compactness", "aspect_ratio", "sphericity")  # Eqs. (17)–(20), Fig. 10a
MIN_PARTICLES = 30  # free: fewer tell nothing of tails
SPLITS = 20  # random halvings of the data for the floor of a Wasserstein distance
HELD_OUT = 3  # halvings that a law is fitted and tested on
CLOSE = 0.5  # floors: free, what sampling alone moves scores by; laws this near to the best are told apart by AIC


@dataclass(frozen=True)
class LawFit:
    """A law fitted to all orders, section 2.3: of each order the families, best first; likelihood of a_lm.

    correlations: free parameters beside those of the families.
    """

    law: Law
    families: list[list[FamilyFit]]
    log_likelihood: float
    correlations: int = 0

    @property
    def aic(self) -> float:
        """Akaike's criterion of the whole law: the lower, the better."""
        free = self.correlations + sum(fits[0].free for fits in self.families)
        return 2.0 * free - 2.0 * self.log_likelihood


def fit_law(coefficients: np.ndarray, law: str, unit_um: float) -> LawFit:
    """The law whose family and parameters are most likely for each order, section 2.3.

    coefficients (n, (L + 1)²) in units of unit_um, a_00 > 0; law one of LAWS. Log-likelihoods of all laws are of
    the same a_lm: the density of a_lm = a_00 · ratio is that of the ratio over a_00; of "joint" see `joint`.
    """
    if law == "joint":
        joint = fit_joint(coefficients, unit_um)
        orders = len(joint.law.orders)
        return LawFit(joint.law, joint.margins, joint.log_likelihood, orders * (orders - 1) // 2)
    families = [fit_families(x, centred=k > 0) for k, x in enumerate(described(coefficients, law))]
    total = sum(fits[0].log_likelihood for fits in families)
    if law == "relative":
        total -= (coefficients.shape[1] - 1) * float(np.log(coefficients[:, 0]).sum())
    return LawFit(ShellLaw(law, unit_um, tuple(fits[0].law for fits in families)), families, total)


def described(coefficients: np.ndarray, law: str) -> list[np.ndarray]:
    """What the law of each order describes, section 2.3: a_lm, or a_00 and a_lm / a_00, or ρ and log E_l.

    coefficients (n, (L + 1)²) -> (n, 2l + 1) of each order l, (n, 1) of each where law is "joint".
    """
    size = coefficients[:, :1]
    if not (size > 0).all():
        raise InputError(f"coefficients: found a_00 = {size.min()}, expected sizes above 0")
    if law == "joint":
        return list(sizes_and_energies(coefficients)[0].T[:, :, None])
    values = coefficients if law == "independent" else np.hstack([size, coefficients[:, 1:] / size])
    degree = degree_of(values.shape[1])
    return [values[:, degree == k] for k in range(order_of(values.shape[1]) + 1)]


def descriptor_table(coefficients: np.ndarray) -> dict[str, np.ndarray]:
    """d_max, compactness, aspect ratio and sphericity of shells, Eqs. (17)–(20); (n, k) -> (n,) each."""
    rows = [shell_descriptors(row) for row in coefficients]
    return {name: np.array([row[name] for row in rows]) for name in COMPARED}


def simulate(law: Law, count: int, seed: int) -> tuple[np.ndarray, dict[str, int]]:
    """Coefficients of `count` accepted shells, Eq. (7) -> (count, (L + 1)²) µm, and rejections by reason."""
    rows, rejected = draw_shells(law, seed, np.arange(count, dtype=np.uint64))
    return rows, dict(zip(REASONS, rejected.sum(axis=0).tolist(), strict=True))


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
    """All laws fitted to one set of particles and how each does, section 2.3.

    coefficients (n, (L + 1)²) in units of unit_um; count shells simulated of each law, default n. -> fits by
    law, and a report of plain values: log-likelihood, AIC, share of attempts rejected by reason, Wasserstein
    distances of the descriptors, of all particles and of those held out (`held_out`), their floor, the score of each
    law, and the law taken (`_taken`).
    """
    if len(coefficients) < MIN_PARTICLES:
        raise InputError(f"found {len(coefficients)} particles, expected at least {MIN_PARTICLES} for a law of shells")
    data = descriptor_table(coefficients * unit_um)
    floor = distance_floor(data, seed)
    fits = {law: fit_law(coefficients, law, unit_um) for law in LAWS}
    report = {law: _judge(fit, data, seed, count or len(coefficients)) for law, fit in fits.items()}
    for law in LAWS:
        apart = held_out(coefficients, data, law, unit_um, seed)
        report[law]["held_out"] = apart
        report[law]["score"] = float(np.mean([apart[name] / floor[name] for name in COMPARED]))
    return fits, {
        "particles": len(coefficients),
        "laws": report,
        "floor": floor,
        "taken": _taken(report),
        "rule": f"nearest in four descriptors of particles held out, within {CLOSE} floors the lower AIC",
    }


def held_out(
    coefficients: np.ndarray, data: dict[str, np.ndarray], law: str, unit_um: float, seed: int
) -> dict[str, float]:
    """Wasserstein distance of each descriptor of held-out particles to as many shells of a law fitted to the rest.

    Mean of `HELD_OUT` random halvings of the particles (n, k), the same for every law; data: their descriptors.
    """
    rng = np.random.default_rng([seed, HELD_OUT])
    found: list[dict[str, float]] = []
    for k in range(HELD_OUT):
        half = rng.permutation(len(coefficients)) < len(coefficients) // 2
        fit = fit_law(coefficients[half], law, unit_um)
        drawn = descriptor_table(simulate(fit.law, int((~half).sum()), seed + k)[0])
        found.append(distances({name: values[~half] for name, values in data.items()}, drawn))
    return {name: float(np.mean([entry[name] for entry in found])) for name in COMPARED}


def _taken(report: dict[str, Any]) -> str:
    """The law of least score, mean distance of held-out descriptors in floors; of near ones that of least AIC."""
    best = min(entry["score"] for entry in report.values())
    near = [law for law, entry in report.items() if entry["score"] <= best + CLOSE]
    return min(near, key=lambda law: report[law]["aic"])


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
