"""Known sections through an EBSD map and back: grains, 2D fit, central? docs/results/ebsd_fit2d.md.

    python scripts/ebsd_fit2d.py --sections 2

Each section is written as an OIM grain export on a hexagonal grid of 0.05 µm with 5 % of points unindexed,
read, segmented at 5° and fitted.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmcfast.ebsd import GrainMap, read_map, segment_grains
from nmcfast.ebsd_write import simulate_map, write_grain_export
from nmcfast.fit2d import fit_section, label_section
from nmcfast.reference import CLOSURE, NMC811, Architecture, draw_section
from nmcfast.section_statistics import CentralTest, compare_sections, edge_grains, is_central, measure_grains

PIXEL = 0.05  # µm
RADIUS = 112  # pixels, 5.6 µm: as far as the paper's cutouts reach
OFF_CENTRE = 95  # pixels, height of a section that misses the centre
MINIMUM_PIXELS = 10  # smaller grains have no direction to speak of
NAMES = (
    "architecture", "grains", "found", "start", "2D fit", "map = truth", "fit = truth", "area error", "lost",
    "pairs found", "right", "fit s", "cos 2α, centre", "cos 2α, off centre", "called central",
)  # fmt: skip


def row_of(*cells: object) -> str:
    """One row of a Markdown table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def measured(truth: NDArray[np.integer], rng: np.random.Generator) -> GrainMap:
    """Grain map of the EBSD text file that a section gives."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "section.txt"
        write_grain_export(simulate_map(truth, PIXEL, rng), path)
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


def study(architecture: Architecture, seed: int) -> str:
    """Table row of one section through the centre and one off it."""
    rng = np.random.default_rng(seed)
    truth = draw_section(lambda inputs: architecture.markers(inputs, rng), architecture.mu, RADIUS, rng)
    g = measured(truth, rng)
    start = time.process_time()
    fit = fit_section(g.labels, g.pixel_size, g.centre)
    seconds = time.process_time() - start
    fitted = label_section(fit, g.labels.shape, g.pixel_size, g.centre)
    errors = compare_sections(g.labels, fitted)
    radius = np.sqrt(RADIUS**2 - OFF_CENTRE**2)
    off = draw_section(lambda inputs: architecture.markers(inputs, rng), architecture.mu, radius, rng, OFF_CENTRE)
    tests = central(g), central(measured(off, rng))
    return row_of(
        architecture.name,
        len(np.unique(truth)) - 1,
        g.grains,
        f"{fit.agreement[0]:.1%}",
        f"{errors.pixel_agreement:.1%}",
        f"{match(g.labels, truth):.1%}",
        f"{match(fitted, truth):.1%}",
        f"{errors.area_error:.1%}",
        errors.lost,
        f"{errors.neighbours_found:.1%}",
        f"{errors.neighbours_right:.1%}",
        f"{seconds:.1f}",
        *(f"{test.preference:+.2f} (p {test.p_value:.1g}, {test.grains})" for test in tests),
        ", ".join("yes" if test else "no" for test in tests),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sections", type=int, default=2, help="of each architecture")
    count = parser.parse_args().sections
    print(row_of(*NAMES), row_of(*["---"] * len(NAMES)), sep="\n")
    for architecture in (*CLOSURE, NMC811):
        for seed in range(count):
            print(study(architecture, seed), flush=True)


if __name__ == "__main__":
    main()
