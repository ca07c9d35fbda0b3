"""Closure: architectures that the trainer sees in noisy EBSD-like sections only, against what it recovers.

    python scripts/studies/closure.py --architectures radial_4 --seeds 0 --mu 0.0015 --output docs/results/closure
    python scripts/studies/closure.py --summary --output docs/results/closure

Each hidden architecture is written as .ang maps with 5 % unindexed points, read back, segmented, fitted and trained on.
Truth and recovered law are then sampled in 3D and in sections. Every run leaves one JSON file, of which --summary makes
tables and a plot. Work files are kept under --work, and an interrupted study goes on.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from closure_summary import write_summary
from fig10b import section_grains

from nmcfast.calibration.grains import gan, reference
from nmcfast.calibration.grains.scores import CUBE_STATISTICS, cube_statistics, distances, pool
from nmcfast.ebsd import read_map, segment_grains
from nmcfast.ebsd.write import simulate_map, write_ang
from nmcfast.parameters import MU, PIXEL_UM
from nmcfast.sections.cutouts import Section, section_of_fit
from nmcfast.sections.fit import fit_section

PARTS = 8  # of a pixel's edge, to which a point of a map knows where it is: the section itself has no pixels
RADIUS = 118.0  # px, particle: cutouts end at 113 px from the centre
SECTION_STATISTICS = ("area", "elongation", "alpha", "chord", "grains")
CUBE, MARGIN = 96, 16  # px, edge of a cube and what its faces may bias
CENTRES = ((0.0, 0.0, 0.0), (70.0, 0.0, 0.0), (40.0, 40.0, 40.0))  # px, cubes from the centre outwards
CLEAN = 8  # sections of a sample in 2D, however many maps train
# Independent samples of the truth: the mean distance between them is the floor; and such as stand for a recovered law.
# With three samples the floor of pancakes came out 40 % too low, and the truth itself missed twice the floor 15 times
# in 240; with eight, twice.
TRUTHS, AGAIN = range(1, 9), range(21, 25)
FOUND = range(9, 13)  # samples of a recovered law, whose mean distance to the truth's is compared with the floor
ARCHITECTURES = {
    "isotropic": reference.ISOTROPIC,
    "radial_2": reference.RADIAL_2,
    "radial_4": reference.RADIAL_4,
    "pancakes": reference.PANCAKES,
    "nmc811": reference.NMC811,
    "mixed": reference.MIXED,
}
Sample = dict[str, np.ndarray]


def write_maps(architecture: reference.Known, count: int, folder: Path, seed: int) -> list[Path]:
    """EBSD-like .ang maps of sections through the centre, 5 % of points unindexed, hexagonal grid of 50 nm."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for k in range(count):
        rng = np.random.default_rng([seed, k])
        path = folder / f"section_{k}.ang"
        if not path.exists():
            labels = reference.draw_section(
                lambda x, r=rng: architecture.markers(x, r), architecture.mu, RADIUS, rng, parts=PARTS
            )
            write_ang(simulate_map(labels, PIXEL_UM / PARTS, rng, step=PIXEL_UM, unindexed=0.05), path)
        paths.append(path)
    return paths


def measured_section(path: Path, rounds: int) -> tuple[Section, float]:
    """The fitted 2D GBPD of a map and the share of assigned points that agree with it."""
    cache = path.with_suffix(f".{rounds}.npz")
    if not cache.exists():
        grains = segment_grains(read_map(path))
        fit = fit_section(grains.labels, grains.pixel_size, grains.centre, rounds, points=grains.points, tilted=True)
        section = section_of_fit(fit, PIXEL_UM, RADIUS * PIXEL_UM)
        arrays = {name: getattr(section, name) for name in ("position", "diagonal", "offset", "tilt")}
        np.savez(cache, agreement=max(fit.agreement), **arrays)
    with np.load(cache) as stored:
        section = Section(stored["position"], stored["diagonal"], stored["offset"], stored["tilt"], RADIUS)
        return section, float(stored["agreement"])


def sample_3d(markers: reference.Markers, mu: float, rounds: int, seed: int) -> Sample:
    """3D statistics of `rounds` samples of each cube."""
    parts = []
    for k in range(rounds):
        for centre in CENTRES:
            rng = np.random.default_rng([seed, k, int(centre[0])])
            labels = reference.draw_cube(markers, mu, CUBE, centre, rng)
            parts.append(cube_statistics(labels, centre, MARGIN))
    return pool(parts)


def sample_2d(markers: reference.Markers, mu: float, sections: int, seed: int) -> Sample:
    """Statistics of whole grains of clean sections through the centre, and grains of each section."""
    parts = []
    for k in range(sections):
        labels = reference.draw_section(markers, mu, RADIUS, np.random.default_rng([seed, k]))
        found = section_grains(labels)
        found["elongation"] = np.sqrt(found["elongation"])  # a ratio of lengths, as in 3D
        parts.append(found | {"grains": np.array([float(len(found["area"]))])})
    return pool(parts)


def truths(
    architecture: reference.Known, sample: Callable, size: int, folder: Path, seeds: Iterable[int] = TRUTHS
) -> list[Sample]:
    """Independent samples of a hidden architecture, kept in a folder."""
    found = []
    for seed in seeds:
        path = folder / f"{sample.__name__}_{size}_{seed}.npz"
        if not path.exists():
            rng = np.random.default_rng([seed, 7])
            np.savez(path, **sample(lambda x, r=rng: architecture.markers(x, r), architecture.mu, size, seed))
        with np.load(path) as stored:
            found.append(dict(stored))
    return found


def compare(real: list[Sample], recovered: list[Sample], names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Of each statistic mean and spread of truth and recovered, W₁, a mean over pairs of samples, and its floor."""
    far = [distances(a, b, names) for a in real for b in recovered]
    apart = [distances(a, b, names) for k, a in enumerate(real) for b in real[:k]]
    whole, found = pool(real), pool(recovered)
    return {
        name: {
            "truth": float(whole[name].mean()),
            "truth_spread": float(whole[name].std()),
            "found": float(found[name].mean()),
            "found_spread": float(found[name].std()),
            "w1": float(np.mean([d[name] for d in far])),
            "floor": float(np.mean([d[name] for d in apart])),
        }
        for name in names
    }


def run(name: str, seed: int, args: argparse.Namespace) -> dict:
    """Train on one architecture with one seed; everything the summary needs."""
    architecture = ARCHITECTURES[name]
    folder = args.work / name
    fits = [measured_section(path, args.fit_rounds) for path in write_maps(architecture, args.maps, folder, 100)]
    options = dataclasses.replace(
        gan.Options() if args.paper else gan.FAST,
        seed=seed,
        epochs=args.epochs,
        mu=args.mu,
        keep=args.keep,
        **args.options,
    )
    start = time.perf_counter()
    state = folder / f"seed_{seed}_from_{args.mu}_{args.maps}_maps"
    found = gan.calibrate([section for section, _ in fits], options, state)
    took = time.perf_counter() - start
    ways = (sample_3d, args.rounds), (sample_2d, CLEAN)
    cubes, discs = (truths(architecture, *way, folder) for way in ways)
    return {
        "architecture": architecture.name,
        "seed": seed,
        "keep": args.keep,
        "kept": found.epoch,
        "steps": options.steps,
        "seconds": round(took),
        "sections": args.maps,
        "agreement": float(np.mean([share for _, share in fits])),
        "mu": {"start": args.mu, "found": found.mu, "truth": architecture.mu},
        "start": found.start,
        "held_out": {k: found.row[k] for k in gan.CUTOUT_STATISTICS},
        "3d": compare(
            cubes, [sample_3d(found.net, found.mu, args.rounds, s) for s in FOUND], (*CUBE_STATISTICS, "intensity")
        ),
        "2d": compare(discs, [sample_2d(found.net, found.mu, CLEAN, s) for s in FOUND], SECTION_STATISTICS),
        "truth_again_2d": {
            name: row["w1"] / row["floor"]
            for name, row in compare(discs, truths(architecture, *ways[1], folder, AGAIN), SECTION_STATISTICS).items()
        },
        "history": found.history,
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", nargs="+", default=list(ARCHITECTURES)[:4], choices=list(ARCHITECTURES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--maps", type=int, default=8, help="that train and score")
    parser.add_argument("--epochs", type=int, default=gan.FAST.epochs)
    parser.add_argument("--paper", action="store_true", help="the paper's options in place of gan.FAST")
    parser.add_argument("--options", type=json.loads, default={}, help="changes of gan.FAST as JSON")
    parser.add_argument(
        "--mu", type=float, default=MU, help="first intensity, px⁻³; another than the truth tests Eq. (13)"
    )
    parser.add_argument("--keep", default="best", choices=("best", "last"), help="which epoch is compared")
    parser.add_argument("--fit-rounds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=4, help="samples of each cube")
    parser.add_argument("--work", type=Path, default=Path("closure_work"))
    parser.add_argument("--output", type=Path, default=Path("docs/results/closure"))
    parser.add_argument("--summary", action="store_true", help="only make tables and plot of the runs in --output")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    args.output.mkdir(parents=True, exist_ok=True)
    if args.summary:
        write_summary(args.output)
        return
    for seed in args.seeds:
        for name in args.architectures:
            result = run(name, seed, args)
            (args.output / f"{name}_{seed}.json").write_text(json.dumps(result, indent=1) + "\n")
            print(name, seed, {k: round(v["found"] / v["truth"], 3) for k, v in result["3d"].items()}, flush=True)


if __name__ == "__main__":
    main()
