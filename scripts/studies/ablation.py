"""Ablation: one change at a time of the `fast` options from torch's weights, on the same sections; held-out scores.

    python scripts/studies/ablation.py --epochs 20 --output docs/results/ablation.md

From torch's weights, since a start from moments is held and hides what the game can do by itself; it is the last row.
The sections are those of the 4 : 1 radial reference. A score is the mean of W₁ over its floor of two real halves.
"""

import argparse
import dataclasses
import json
from pathlib import Path

from closure import measured_section, write_maps

from nmcfast.calibration.grains import gan, reference

FROM_TORCH = {"start": "torch", "warm_up": 0}
CHANGES = {
    "fast, from torch's weights": {},
    "swapped ranges": {"diagonal_range": (1.0, 10.0), "offset_range": (0.0, 50.0)},
    "maximise D²": {"objective": "maximise"},
    "no moving average": {"average": 0.0},
    "no augmentation": {"augmentation": 0.0},
    "augmentation 20 %, as printed": {"augmentation": 0.2},
    "no gauge": {"gauge": 0.0},
    "rounding and soft images, as printed": {"binarise": "round", "straight_through": False},
    "rates that do not fall": {"final_rate": 1.0},
    "fast as it is: start from moments": {"start": gan.FAST.start, "warm_up": gan.FAST.warm_up},
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=list(CHANGES), choices=list(CHANGES))
    parser.add_argument("--sections", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--steps", type=int, default=gan.FAST.steps)
    parser.add_argument("--fit-rounds", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("closure_work"))
    parser.add_argument("--output", type=Path, default=Path("docs/results/ablation.md"))
    return parser.parse_args()


def main() -> None:
    args = arguments()
    maps = write_maps(reference.RADIAL_4, args.sections, args.work / "radial_4", 100)
    sections = [measured_section(path, args.fit_rounds)[0] for path in maps]
    lines = [
        f"# Ablation, {args.epochs} epochs of {args.steps} steps, one training seed",
        "",
        "| change | start's score | best score | its epoch | last score | its α / rad | its D₁ D₂ D₃ |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in args.only:
        changes = {"epochs": args.epochs, "steps": args.steps, "patience": None, **FROM_TORCH, **CHANGES[name]}
        options = dataclasses.replace(gan.FAST, **changes)
        folder = args.work / "ablation" / name.replace(" ", "_")
        found = gan.calibrate(sections, options, folder)
        best, last = found.row, found.history[-1]
        diagonal = " ".join(f"{last[d]:.1f}" for d in ("D1", "D2", "D3"))
        scores = f"{found.start['row']['score']:.2f} | {best['score']:.2f} | {found.epoch} | {last['score']:.2f}"
        lines.append(f"| {name} | {scores} | {last['mean_alpha']:.3f} | {diagonal} |")
        args.output.write_text("\n".join(lines) + "\n")
        print(lines[-1], json.dumps(best), flush=True)


if __name__ == "__main__":
    main()
