"""Fig. 10b: area, elongation, α and chord lengths of whole sections, reference beside a model.

python scripts/studies/fig10b.py nmc811 fig10b.png
"""

import argparse
from pathlib import Path

import numpy as np

from nmcfast.calibration.grains import reference
from nmcfast.calibration.grains.scores import distances, pool
from nmcfast.calibration.shells.plots import new_figure
from nmcfast.model import load_model
from nmcfast.sections.statistics import chord_lengths, edge_grains, measure_grains

RADIUS, SECTIONS = 112.0, 6  # px: the paper cuts out to 5.6 µm from the centre
NAMES = {"area": "area / px", "elongation": "η", "alpha": "α / rad", "chord": "chord / px"}
RANGES = {"area": (0, 200), "elongation": (1, 25), "alpha": (0, np.pi / 2), "chord": (0, 30)}


def section_grains(labels: np.ndarray) -> dict[str, np.ndarray]:
    """Statistics of the whole grains of a disc of pixels, Eqs. (4), (21), from 5 pixels on."""
    centre = (labels.shape[1] / 2, labels.shape[0] / 2)
    grains = measure_grains(labels, 1.0, centre, minimum_pixels=5)
    grains = grains.selected(~edge_grains(labels, grains.label))
    chords = np.concatenate(chord_lengths(labels, 1.0, interior=True))
    shaped = np.isfinite(grains.elongation) & np.isfinite(grains.alpha)
    return {
        "area": grains.area,
        "elongation": grains.elongation[shaped],
        "alpha": grains.alpha[shaped],
        "chord": chords,
    }


def sample(markers: reference.Markers, mu: float, seed: int) -> dict[str, np.ndarray]:
    """Statistics of SECTIONS sections through the centre."""
    rng = np.random.default_rng(seed)
    return pool([section_grains(reference.draw_section(markers, mu, RADIUS, rng)) for _ in range(SECTIONS)])


def compare(truth: reference.Architecture, markers: reference.Markers, mu: float, path: Path) -> list[str]:
    """Draw the figure and return the table: means, W₁ and the floor of two samples of the truth."""
    rng = np.random.default_rng(11)
    real, again = (sample(lambda x: truth.markers(x, rng), truth.mu, seed) for seed in (1, 2))
    model = sample(markers, mu, 3)
    apart, floor = distances(real, model, list(NAMES)), distances(real, again, list(NAMES))
    figure = new_figure(12, 3)
    lines = [f"| section, {SECTIONS} each | reference | model | W₁ | floor | ratio |", "|---|---|---|---|---|---|"]
    for axes, name in zip(figure.subplots(1, 4), NAMES, strict=True):
        bins = np.linspace(*RANGES[name], 41)
        if name == "chord":
            bins = np.arange(0.5, 31)
        axes.hist(real[name], bins, density=True, color="0.6", label="reference")
        axes.hist(model[name], bins, density=True, histtype="step", color="tab:red", label="model")
        axes.set_xlabel(NAMES[name])
        axes.set_title(f"W₁ {apart[name]:.3g}, floor {floor[name]:.2g}", fontsize=9)
        means = f"{real[name].mean():.3f} | {model[name].mean():.3f}"
        lines.append(f"| {name} | {means} | {apart[name]:.4f} | {floor[name]:.4f} | {apart[name] / floor[name]:.2f} |")
    figure.axes[0].legend()
    figure.savefig(path, dpi=90)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("output", type=Path)
    args = parser.parse_args()
    law = load_model(args.model).grains
    print("\n".join(compare(reference.NMC811, law.net, law.mu, args.output)))


if __name__ == "__main__":
    main()
