"""Known sections through an EBSD map and back: grains, 2D fit, central? docs/results/ebsd_fit2d.md.

    python scripts/studies/ebsd_fit2d.py --sections 2

Each section is written as an OIM grain export on a hexagonal grid of 0.05 µm with 5 % of points unindexed,
read, segmented at 5° and fitted: as the paper does, restricted and to the resampled pixels, and as calibration does,
tilted and to the measured points.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmcfast.calibration.grains.reference import CLOSURE, NMC811, Architecture, draw_section
from nmcfast.ebsd import GrainMap, read_map, segment_grains
from nmcfast.ebsd.write import simulate_map, write_grain_export
from nmcfast.sections.fit import fit_section, label_section
from nmcfast.sections.statistics import CentralTest, compare_sections, edge_grains, is_central, measure_grains

PIXEL = 0.05  # µm
PARTS = 8  # of a pixel's edge, to which a point of the map knows where it is
RADIUS = 112  # pixels, 5.6 µm: as far as the paper's cutouts reach
OFF_CENTRE = 95  # pixels, height of a section that misses the centre
MINIMUM_PIXELS = 10  # smaller grains have no direction to speak of
NAMES = (
    "architecture",
    "grains",
    "found",
    "fit",
    "start",
    "2D fit",
    "fit = truth",
    "map = truth",
    "area error",
    "lost",
    "pairs found",
    "right",
    "elongation",
    "mean α",
    "fit s",
    "cos 2α, centre",
    "cos 2α, off centre",
    "called central",
)


def row_of(*cells: object) -> str:
    """One row of a Markdown table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def measured(truth: NDArray[np.integer], rng: np.random.Generator) -> GrainMap:
    """Grain map of the EBSD text file that a section gives."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "section.txt"
        write_grain_export(simulate_map(truth, PIXEL / PARTS, rng, step=PIXEL), path)
        return segment_grains(read_map(path), symmetry="-3m", pixel_size=PIXEL)


def central(g: GrainMap) -> CentralTest:
    """The test without the grains at the rim, which the disc cuts tangentially."""
    grains = measure_grains(g.labels, g.pixel_size, g.centre, MINIMUM_PIXELS)
    return is_central(grains.selected(~edge_grains(g.labels, grains.label, g.mask)).alpha)


def match(fitted: NDArray[np.integer], truth: NDArray[np.integer]) -> float:
    """Share of the truth's pixels where the fit puts the grain that holds most of that true grain."""
    rows, columns = np.minimum(fitted.shape, truth.shape)
    fitted, truth = fitted[:rows, :columns], truth[:rows, :columns]
    overlap = np.zeros((truth.max() + 1, fitted.max() + 1), dtype=int)
    np.add.at(overlap, (truth, fitted), truth > 0)
    return overlap.max(axis=1).sum() / overlap.sum()


def mean_shape(labels: NDArray[np.integer]) -> tuple[float, float]:
    """Mean ratio of axes and mean α of the whole grains of a disc, from 5 pixels on."""
    grains = measure_grains(labels, 1.0, (labels.shape[1] / 2, labels.shape[0] / 2), 5)
    grains = grains.selected(~edge_grains(labels, grains.label))
    variance = grains.variance + 1 / 12
    return float(np.sqrt(variance[:, 0] / variance[:, 1]).mean()), float(np.nanmean(grains.alpha))


def study(architecture: Architecture, seed: int) -> list[str]:
    """Table rows, restricted and tilted, of one section through the centre and one off it."""
    rng = np.random.default_rng(seed)
    fine = draw_section(lambda x: architecture.markers(x, rng), architecture.mu, RADIUS, rng, parts=PARTS)
    truth = fine[PARTS // 2 :: PARTS, PARTS // 2 :: PARTS]
    g = measured(fine, rng)
    radius = np.sqrt(RADIUS**2 - OFF_CENTRE**2)
    off = draw_section(lambda x: architecture.markers(x, rng), architecture.mu, radius, rng, OFF_CENTRE, PARTS)
    tests = central(g), central(measured(off, rng))
    rows = []
    for name, options in (("restricted, pixels", {}), ("tilted, points", {"points": g.points, "tilted": True})):
        start = time.process_time()
        fit = fit_section(g.labels, g.pixel_size, g.centre, rounds=4, **options)
        seconds = time.process_time() - start
        fitted = label_section(fit, truth.shape, g.pixel_size, (RADIUS * PIXEL, RADIUS * PIXEL))
        fitted[truth == 0] = 0
        errors = compare_sections(g.labels, label_section(fit, g.labels.shape, PIXEL, g.centre))
        ratios = [f"{f / t:.3f}" for f, t in zip(mean_shape(fitted), mean_shape(truth), strict=True)]
        rows.append(
            row_of(
                architecture.name,
                len(np.unique(truth)) - 1,
                g.grains,
                name,
                f"{fit.agreement[0]:.1%}",
                f"{max(fit.agreement):.1%}",
                f"{match(fitted, truth):.1%}",
                f"{match(g.labels, truth):.1%}",
                f"{errors.area_error:.1%}",
                errors.lost,
                f"{errors.neighbours_found:.1%}",
                f"{errors.neighbours_right:.1%}",
                *ratios,
                f"{seconds:.1f}",
                *(f"{test.preference:+.2f} (p {test.p_value:.1g}, {test.grains})" for test in tests),
                ", ".join("yes" if test else "no" for test in tests),
            )
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sections", type=int, default=2, help="of each architecture")
    count = parser.parse_args().sections
    print(row_of(*NAMES), row_of(*["---"] * len(NAMES)), sep="\n")
    for architecture in (*CLOSURE, NMC811):
        for seed in range(count):
            print(*study(architecture, seed), sep="\n", flush=True)


if __name__ == "__main__":
    main()
