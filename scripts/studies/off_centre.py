"""What calibration's start recovers from sections off the centre, their heights told and not told.

    python scripts/studies/off_centre.py --architectures nmc811 longer_outside --output docs/results/off_centre.md

Clean sections of 118 px at heights evenly from 0.2 to 0.8 of a particle's radius of 118 / 0.6 px, of which the disc
with all of them in it is taken. The start law is fitted and is the model itself, as with --clean of wider_closure.py;
truth and model are then sampled in 3D.
"""

import argparse
import subprocess
import time
from pathlib import Path

import numpy as np
from wider_closure import GOALS, TRUTHS, ZONES, sample_3d, summary_3d

from nmcfast.calibration.grains import gan, reference
from nmcfast.calibration.grains.agreement import compare_with_model
from nmcfast.calibration.grains.moment_fit import MomentFit, fit_moments
from nmcfast.calibration.grains.wrong_laws import Truth

RADIUS = 118  # px, of the sections
PARTICLE = RADIUS / 0.6  # px: the highest of the planes, at 0.8 of it, cuts a disc of this radius


def fitted(truth: Truth, heights: np.ndarray, told: bool, seed: int) -> tuple[MomentFit, list[np.ndarray]]:
    """The start law of sections at heights (s,), and the sections."""
    labels = [truth.section(RADIUS, np.random.default_rng([100, k]), height=float(h)) for k, h in enumerate(heights)]
    middle = sum(gan.FAST.offset_range) / 2
    rng = np.random.default_rng(seed)
    return fit_moments(labels, rng, gan.FAST.start_diagonal, middle, heights=list(heights) if told else ()), labels


def rows_of(name: str, told: bool, args: argparse.Namespace) -> list[str]:
    """Rows of the table for one architecture, overall and by zone."""
    truth, heights = TRUTHS[name], PARTICLE * np.linspace(0.2, 0.8, args.sections)
    begun = time.process_time()
    fit, labels = fitted(truth, heights, told, args.seed)
    minutes = (time.process_time() - begun) / 60
    known = list(heights) if told else ()
    verdict = compare_with_model(labels, 2, fit.law, fit.law.mu, fit.arrangement, cutouts={}, heights=known)

    def cube(edge: int, centre: tuple[float, float, float], rng: np.random.Generator) -> np.ndarray:
        return reference.draw_cube(fit.law, fit.law.mu, edge, centre, rng, fit.arrangement)

    own, found = (summary_3d(sample_3d(draw, args.rounds, seed)) for draw, seed in ((truth.cube, 1), (cube, 9)))
    said = f"{', '.join(fit.parts) or 'none'} | {fit.chi2:.0f} of {fit.freedom}"
    said += f" | {'passed' if verdict.passed else 'failed'} | {minutes:.1f}"
    rows = []
    for zone in ("overall", *ZONES):
        ratios = " | ".join(f"{found[zone][goal] / own[zone][goal]:.3f}" for goal in GOALS)
        rows.append(f"| {truth.name} | {'told' if told else 'not told'} | {zone} | {ratios} | {said} |")
        said = " |  |  | "
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", nargs="+", default=["nmc811", "longer_outside"], choices=list(TRUTHS))
    parser.add_argument("--sections", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=4, help="cubes at each of three places")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("docs/results/off_centre.md"))
    args = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    lines = [
        "# Sections off the centre",
        "",
        f"    python scripts/studies/off_centre.py --architectures {' '.join(args.architectures)}",
        "",
        f"Code of commit {commit.strip()}. {args.sections} clean sections of {RADIUS} px, at heights of 0.2 to 0.8 of a"
        f" particle of {PARTICLE:.0f} px; the start law is the model. 3D: model over truth, of grains of samples that"
        " the fit never saw, overall and by zone of |s| (0–39–79–118 px); the core is nearer to the centre than any"
        " of these sections. Minutes are of processor time.",
        "",
        f"| architecture | heights | zone | {' | '.join(GOALS)} | parts | χ² | verdict | minutes |",
        "|---|---|---|" + "---|" * (len(GOALS) + 4),
    ]
    for name in args.architectures:
        for told in (True, False):
            lines += rows_of(name, told, args)
            print(*lines[-len(ZONES) - 1 :], sep="\n", flush=True)
    args.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
