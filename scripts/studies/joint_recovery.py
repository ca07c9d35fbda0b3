"""Do the parameters of a known joint law of shells come back, within the standard errors that the fit states?

Shells of `nmc-ct` are drawn and its law is fitted to them: 300 and 1,200 shells, several times each. A deviation is
divided by its stated error; the root mean square over repeats should be 1. Then 30 to 100 shells: how far the
correlations are from the true ones as they are counted, and shrunk.

    python scripts/studies/joint_recovery.py --output docs/results/joint_recovery.md
"""

import argparse
from pathlib import Path

import numpy as np

from nmcfast.calibration.shells.families import normal_scores
from nmcfast.calibration.shells.joint import JointFit, fit_joint, fit_margin, shrunk_correlation, sizes_and_energies
from nmcfast.model import load_model
from nmcfast.shells.joint_law import JointLaw
from nmcfast.shells.shell import draw_shells

REPEATS = {300: 4, 1200: 2}
FEW, FEW_REPEATS = (30, 50, 100), 4
NAMES = ("location", "scale", "skewness", "tail")


def drawn(law: JointLaw, count: int, first: int) -> np.ndarray:
    """Coefficients of shells number `first` on, in units of the law -> (count, 100)."""
    indices = np.arange(first, first + count, dtype=np.uint64)
    return draw_shells(law, 11, indices)[0] / law.unit_um


def full_margins(fit: JointFit) -> tuple[np.ndarray, np.ndarray]:
    """Parameters and standard errors of the margins with all four free -> (orders, 4) each."""
    full = [next(entry.law for entry in fits if entry.free == 4) for fits in fit.margins]
    errors = [law.standard_error or (np.nan,) * 4 for law in full]
    return np.array([law.parameters for law in full]), np.array(errors)


def deviations(law: JointLaw, count: int, repeats: int) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Deviations in stated errors: margins (repeats, orders, 4), correlations (repeats, pairs); shrinkage of each."""
    truth = np.array([order.parameters for order in law.orders])
    pairs = np.triu_indices(len(law.orders), 1)
    margins, correlations, shares = [], [], []
    for repeat in range(repeats):
        fit = fit_joint(drawn(law, count, 10_000 * count + repeat * count), law.unit_um)
        found, error = full_margins(fit)
        margins.append((found - truth) / error)
        apart = np.array(fit.law.correlation) - np.array(law.correlation)
        correlations.append(apart[pairs] / np.array(fit.law.correlation_error)[pairs])
        shares.append(fit.law.shrinkage)
    return np.array(margins), np.array(correlations), shares


def rms(values: np.ndarray) -> float:
    """Root of the mean square of what is a number."""
    return float(np.sqrt(np.nanmean(values**2)))


def recovery(law: JointLaw) -> list[str]:
    """Table of root mean square deviations, and of how many lie within one and two errors."""
    lines = ["| shells | times | what | number | rms of deviation / error | mean | within 1 | within 2 |"]
    lines.append("|---" * 8 + "|")
    for count, repeats in REPEATS.items():
        margins, correlations, shares = deviations(law, count, repeats)
        rows = {name: margins[:, :, k] for k, name in enumerate(NAMES)}
        rows[f"correlation, shrunk by {np.mean(shares):.2%}"] = correlations
        for name, values in rows.items():
            size = np.abs(values[np.isfinite(values)])
            lines.append(
                f"| {count} | {repeats} | {name} | {size.size} | {rms(values):.2f} | {np.nanmean(values):+.2f} "
                f"| {np.mean(size < 1):.0%} | {np.mean(size < 2):.0%} |"
            )
    return lines


def few(law: JointLaw) -> list[str]:
    """Table of the errors of correlations of few particles, counted and shrunk."""
    pairs = np.triu_indices(len(law.orders), 1)
    truth = np.array(law.correlation)[pairs]
    lines = ["| particles | rms error, counted | shrunk | share | smallest eigenvalue, counted | shrunk |"]
    lines.append("|---" * 6 + "|")
    for count in FEW:
        rows = []
        for repeat in range(FEW_REPEATS):
            x, _ = sizes_and_energies(drawn(law, count, 50_000_000 + count * 1000 + repeat * count))
            z = np.array([normal_scores(fit_margin(column)[0].law.parameters, column) for column in x.T]).T
            raw, (shrunk, share) = np.corrcoef(z.T), shrunk_correlation(z)
            low = [np.linalg.eigvalsh(matrix)[0] for matrix in (raw, shrunk)]
            rows.append([rms(raw[pairs] - truth), rms(shrunk[pairs] - truth), share, *low])
        raw_error, error, share, *low = np.mean(rows, axis=0)
        lines.append(f"| {count} | {raw_error:.3f} | {error:.3f} | {share:.0%} | {low[0]:.3f} | {low[1]:.3f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    law = load_model("nmc-ct").shell
    lines = [
        "# Recovery of a known joint law of shells",
        "",
        f"    python scripts/studies/joint_recovery.py --output {options.output}",
        "",
        "Shells of `nmc-ct`, whose law is the truth; deviations in stated standard errors. Errors that tell the truth",
        "give rms 1, 68 % within 1 and 95 % within 2.",
        "",
        *recovery(law),
        "",
        f"Correlations of few particles, {FEW_REPEATS} samples each:",
        "",
        *few(law),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
