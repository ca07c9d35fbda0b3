"""Fig. 10a for a CT volume: d_max, γ, A_R, Ψ (Eqs. 17–20) of its particles beside simulated ones, all laws.

Calibrates the volume, draws as many shells of each law as there are particles, and writes Figs. 3, 4 and 10a
as PNG with a page of numbers: what the segmentation found, AIC tables, Wasserstein distances and their floor
from two halves of the data. Run from the root of the repository:

    python scripts/studies/fig10a.py ../shared/data/ct/nmc-1-cal_generatedCBD_bridge.tif --voxel-size 0.398 \\
        --segmented --phase 1 --output docs/results/ct_shells
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from nmcfast.calibration.shells.compare import COMPARED, LAWS
from nmcfast.calibration.shells.fit import ShellCalibration, calibrate_shells


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]


def law_rows(comparison: dict[str, Any]) -> list[list[str]]:
    """Each law's likelihood, rejections and distances of descriptors; the last row is the floor."""
    rows = []
    for law in LAWS:
        one = comparison["laws"][law]
        rejected = f"{100 * one['rejected_share']:.1f} %"
        distances = [f"{one['distances'][name]:.3g}, {one['held_out'][name]:.3g}" for name in COMPARED]
        likelihood = [f"{one['log_likelihood']:.0f}", f"{one['aic']:.0f}"]
        rows.append([law, *likelihood, rejected, *distances, f"{one['score']:.2f}"])
    return [*rows, ["floor", "", "", "", *(f"{comparison['floor'][name]:.2g}" for name in COMPARED), "1"]]


def order_rows(orders: list[list[dict[str, Any]]]) -> list[list[str]]:
    """AIC of each family relative to the best, and the parameters of the best with standard errors."""
    rows = []
    for order, fits in enumerate(orders):
        best = fits[0]
        errors = best["standard_error"] or dict.fromkeys(best["parameters"], float("nan"))
        shown = [f"{name} {value:.3g} ± {errors[name]:.2g}" for name, value in best["parameters"].items()]
        above = {fit["family"]: f"{fit['aic'] - best['aic']:.0f}" for fit in fits}
        families = [above.get(name, "") for name in ("normal", "lognormal", "student_t")]
        rows.append([str(order), *families, best["family"], ", ".join(shown)])
    return rows


def page(calibration: ShellCalibration, command: str, seconds: float) -> str:
    """The page of numbers in Markdown."""
    report = calibration.report
    comparison, stars = report["comparison"], report["star_shapes"]
    head = ["law", "log-likelihood", "AIC", "rejected", *(f"W {name}, held out" for name in COMPARED), "score"]
    lines = [
        f"# Shells of {report['input']['file']}",
        "",
        f"    {command}",
        "",
        f"{seconds:.0f} s. Voxel {report['input']['voxel_size_um']} µm, shape {report['input']['shape']}.",
        "",
        f"Segmentation: `{json.dumps(report['segmentation'])}`",
        "",
        f"Star shapes: `{json.dumps(stars)}`",
        "",
        f"Law taken: **{calibration.law.law}** ({comparison['rule']}).",
        "",
        *table(head, law_rows(comparison)),
        "",
        "![Fig. 10a](fig10a.png)",
        "![Fig. 4](fig4.png)",
        "![Fig. 3](fig3.png)",
    ]
    for law in LAWS:
        families = ["l", "normal", "lognormal", "student_t", "taken", "parameters (voxels)"]
        rows = order_rows(comparison["laws"][law]["orders"])
        lines += ["", f"## Orders, law {law}: AIC above the best family", "", *table(families, rows)]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("volume")
    parser.add_argument("--voxel-size", type=float, required=True, help="µm")
    parser.add_argument("--segmented", action="store_true")
    parser.add_argument("--phase", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True, help="folder for the page and its pictures")
    options = parser.parse_args()
    start = time.perf_counter()
    calibration = calibrate_shells(
        options.volume,
        options.voxel_size,
        segmented=options.segmented,
        phase=options.phase,
        seed=options.seed,
        report_dir=options.output,
    )
    kind = f" --segmented --phase {options.phase}" if options.segmented else ""
    command = (
        f"python scripts/studies/fig10a.py {options.volume} --voxel-size {options.voxel_size}{kind} "
        f"--seed {options.seed} --output {options.output}"
    )
    text = page(calibration, command, time.perf_counter() - start)
    (options.output / "README.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
