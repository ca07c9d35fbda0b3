"""Closure: architectures that the trainer sees in noisy EBSD-like sections only, against what it recovers in 3D.

    python scripts/study_closure.py --architectures radial_4 --seeds 0 --output docs/results/closure

Each hidden architecture is written as .ang maps with 5 % unindexed points, read back, segmented, fitted and trained on.
Truth and recovered law are then sampled in 3D. Work files are kept under --work, and an interrupted study goes on.
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path

import numpy as np

from nmcfast import gan, reference
from nmcfast.cutouts import Section, section_of_fit
from nmcfast.ebsd import read_map, segment_grains
from nmcfast.ebsd_write import simulate_map, write_ang
from nmcfast.fit2d import fit_section
from nmcfast.parameters import MU, PIXEL_UM
from nmcfast.scores import CUBE_STATISTICS, cube_statistics, distances, pool

RADIUS = 118.0  # px, particle: cutouts end at 113 px from the centre
CUBE, MARGIN = 96, 16  # px, edge of a cube and what its faces may bias
CENTRES = ((0.0, 0.0, 0.0), (70.0, 0.0, 0.0), (40.0, 40.0, 40.0))  # px, cubes from the centre outwards
ARCHITECTURES = {"isotropic": reference.ISOTROPIC, "radial_2": reference.RADIAL_2, "radial_4": reference.RADIAL_4,
                 "pancakes": reference.PANCAKES, "nmc811": reference.NMC811}  # fmt: skip


def write_maps(architecture: reference.Architecture, count: int, folder: Path, seed: int) -> list[Path]:
    """EBSD-like .ang maps of sections through the centre, 5 % of points unindexed, hexagonal grid of 50 nm."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for k in range(count):
        rng = np.random.default_rng([seed, k])
        path = folder / f"section_{k}.ang"
        if not path.exists():
            labels = reference.draw_section(lambda x, r=rng: architecture.markers(x, r), architecture.mu, RADIUS, rng)
            write_ang(simulate_map(labels, PIXEL_UM, rng, unindexed=0.05), path)
        paths.append(path)
    return paths


def measured_section(path: Path, rounds: int) -> tuple[Section, float]:
    """The fitted 2D GBPD of a map and the share of assigned pixels that agree with it."""
    cache = path.with_suffix(f".{rounds}.npz")
    if not cache.exists():
        grains = segment_grains(read_map(path))
        fit = fit_section(grains.labels, grains.pixel_size, grains.centre, rounds=rounds)
        section = section_of_fit(fit, PIXEL_UM, RADIUS * PIXEL_UM)
        arrays = {name: getattr(section, name) for name in ("position", "diagonal", "offset")}
        np.savez(cache, agreement=max(fit.agreement), **arrays)
    with np.load(cache) as stored:
        section = Section(stored["position"], stored["diagonal"], stored["offset"], RADIUS)
        return section, float(stored["agreement"])


def sample_3d(markers: reference.Markers, mu: float, rounds: int, seed: int) -> dict[str, np.ndarray]:
    """3D statistics of `rounds` samples of each cube."""
    parts = []
    for k in range(rounds):
        for centre in CENTRES:
            rng = np.random.default_rng([seed, k, int(centre[0])])
            labels = reference.draw_cube(markers, mu, CUBE, centre, rng)
            parts.append(cube_statistics(labels, centre, MARGIN))
    return pool(parts)


def truth_3d(architecture: reference.Architecture, rounds: int, seed: int) -> dict[str, np.ndarray]:
    """The same of a hidden architecture."""
    rng = np.random.default_rng([seed, 7])
    return sample_3d(lambda inputs: architecture.markers(inputs, rng), architecture.mu, rounds, seed)


def table(truth: dict, again: dict, found: dict) -> list[str]:
    """Markdown rows: mean and spread of truth and recovered, their ratio, W₁ and its floor."""
    lines = ["| statistic | truth | recovered | ratio of means | W₁ | floor |", "|---|---|---|---|---|---|"]
    apart, floor = (distances(truth, other, CUBE_STATISTICS) for other in (found, again))
    for name in (*CUBE_STATISTICS, "intensity"):
        a, b = truth[name], found[name]
        ratio = b.mean() / a.mean()
        if name == "intensity":
            lines.append(f"| grains per px³ | {a.mean():.6f} | {b.mean():.6f} | {ratio:.3f} | | |")
            continue
        left, right = f"{a.mean():.3f} ± {a.std():.3f}", f"{b.mean():.3f} ± {b.std():.3f}"
        lines.append(f"| {name} | {left} | {right} | {ratio:.3f} | {apart[name]:.4f} | {floor[name]:.4f} |")
    return lines


def run(name: str, seed: int, args: argparse.Namespace) -> list[str]:
    """Train on one architecture with one seed; lines of the report."""
    architecture = ARCHITECTURES[name]
    folder = args.work / name
    fits = [measured_section(path, args.fit_rounds) for path in write_maps(architecture, args.sections, folder, 100)]
    options = dataclasses.replace(gan.FAST, seed=seed, epochs=args.epochs, mu=args.mu, keep=args.keep)
    start = time.perf_counter()
    found = gan.calibrate([section for section, _ in fits], options, folder / f"seed_{seed}")
    took = time.perf_counter() - start
    (args.output / f"{name}_{seed}.json").write_text(json.dumps(found.history, indent=1) + "\n")
    best = found.history[found.epoch - 1]
    truth, again = (truth_3d(architecture, args.rounds, s) for s in (1, 2))
    lines = [f"## {architecture.name}, training seed {seed}", ""]
    agreement = np.mean([share for _, share in fits])
    lines.append(f"2D fits agree on {agreement:.3f} of the pixels of {args.sections} maps. ")
    steps = f"{len(found.history)} epochs of {options.steps} steps, kept: {found.epoch}"
    lines.append(f"{steps}, {took:.0f} s in the last run. ")
    lines.append(f"μ = {found.mu:.6f} px⁻³, truth {architecture.mu:.6f}. Held-out 2D W₁ over floor: ")
    lines.append(", ".join(f"{k} {best[k]:.2f}" for k in gan.CUTOUT_STATISTICS) + ".")
    return [*lines, "", *table(truth, again, sample_3d(found.net, found.mu, args.rounds, 3)), ""]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", nargs="+", default=list(ARCHITECTURES)[:4], choices=list(ARCHITECTURES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--sections", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=gan.FAST.epochs)
    parser.add_argument(
        "--mu", type=float, default=MU, help="first intensity, px⁻³; another than the truth tests Eq. (13)"
    )
    parser.add_argument("--keep", default="best", choices=("best", "last"), help="which epoch is compared")
    parser.add_argument("--fit-rounds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=4, help="samples of each cube")
    parser.add_argument("--work", type=Path, default=Path("closure_work"))
    parser.add_argument("--output", type=Path, default=Path("docs/results/closure"))
    return parser.parse_args()


def main() -> None:
    args = arguments()
    args.output.mkdir(parents=True, exist_ok=True)
    for name in args.architectures:
        for seed in args.seeds:
            report = "\n".join(run(name, seed, args))
            (args.output / f"{name}_{seed}_{args.keep}.md").write_text(report)
            print(report, flush=True)


if __name__ == "__main__":
    main()
