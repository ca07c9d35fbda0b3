"""What measuring adds to the moments of sections: those of fitted maps less those of the sections themselves.

    python scripts/studies/moment_errors.py --output docs/results/moment_errors.md
    python scripts/studies/moment_errors.py --verdict --maps 2 --output docs/results/verdict_errors.md

For each closure architecture the same sections twice: labels of 50 nm pixels, and EBSD-like maps of them, segmented and
fitted. `moments.MOMENTS` holds about the root mean square over architectures, and so does
`section_profile.STATISTICS` of what the verdict compares.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from closure import PARTS, RADIUS, measured_section, write_maps

from nmcfast.calibration.grains import moment_fit, moments, reference, section_profile
from nmcfast.calibration.grains.scores import LEAST_PIXELS
from nmcfast.sections.statistics import edge_grains, measure_grains, touching_labels


def true_section(architecture: reference.Architecture, k: int) -> np.ndarray:
    """The section that `write_maps` makes map k of seed 100 from, at the centres of its 50 nm pixels."""
    rng = np.random.default_rng([100, k])
    labels = reference.draw_section(lambda x: architecture.markers(x, rng), architecture.mu, RADIUS, rng, parts=PARTS)
    return reference.disc(np.ascontiguousarray(labels[PARTS // 2 :: PARTS, PARTS // 2 :: PARTS]), RADIUS)


def mean_neighbours(labels: np.ndarray) -> float:
    """Neighbours of a whole grain: a moment that is not used."""
    grains = measure_grains(labels, 1.0, (labels.shape[1] / 2, labels.shape[0] / 2), LEAST_PIXELS)
    whole = grains.label[~edge_grains(labels, grains.label)]
    return float(np.bincount(touching_labels(labels).ravel(), minlength=int(labels.max()) + 1)[whole].mean())


def fitted_moments(labels: np.ndarray) -> np.ndarray:
    """The moments of a fit, and the mean number of neighbours."""
    return np.append(moments.section_moments(labels), mean_neighbours(labels))


def errors(architecture: reference.Architecture, folder: Path, maps: int, rounds: int, numbers: Callable) -> np.ndarray:
    """Of each of some numbers of a section fitted less true, a mean over maps."""
    found = []
    for k, path in enumerate(write_maps(architecture, maps, folder, 100)):
        fitted = moment_fit.label_fitted(measured_section(path, rounds)[0], int(RADIUS))
        true = true_section(architecture, k)
        found.append(numbers(fitted) - numbers(true))
    return np.mean(found, axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdict", action="store_true", help="all that a verdict compares, not the moments of a fit")
    parser.add_argument("--maps", type=int, default=8)
    parser.add_argument("--fit-rounds", type=int, default=4)
    parser.add_argument("--work", type=Path, default=Path("closure_work"))
    parser.add_argument("--output", type=Path, default=Path("docs/results/moment_errors.md"))
    args = parser.parse_args()
    folders = dict(zip(("isotropic", "radial_2", "radial_4", "pancakes"), reference.CLOSURE, strict=True))
    numbers = section_profile.section_statistics if args.verdict else fitted_moments
    known = {name: s.error for name, s in section_profile.STATISTICS.items()} if args.verdict else moments.MOMENTS
    columns = [errors(truth, args.work / name, args.maps, args.fit_rounds, numbers) for name, truth in folders.items()]
    lines = [
        "# What measuring adds to moments of sections",
        "",
        f"    python scripts/studies/moment_errors.py {'--verdict ' * args.verdict}--maps {args.maps}",
        "",
        f"Fitted less true section, means over {args.maps} maps of an architecture. Used: what"
        f" `{'section_profile' if args.verdict else 'moments'}` holds.",
        "",
        "| moment | isotropic | radial 2 : 1 | radial 4 : 1 | pancakes | root mean square | used |",
        "|---|---|---|---|---|---|---|",
    ]
    shown = {name: f"{value:.3f}" for name, value in known.items()} | ({} if args.verdict else {"mean neighbours": ""})
    for (name, kept), row in zip(shown.items(), np.transpose(columns), strict=True):
        cells = [name, *(f"{value:+.4f}" for value in row), f"{np.sqrt((row**2).mean()):.4f}", kept]
        lines.append("| " + " | ".join(cells) + " |")
    args.output.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
