"""Fig. 11: α in sections at four cut heights of a model; away from the centre the radial order leaves the plane.

python scripts/studies/fig11.py nmc811 fig11.png
"""

import argparse
from pathlib import Path

import numpy as np
from fig10b import section_grains

from nmcfast.calibration.grains import reference
from nmcfast.calibration.grains.scores import pool
from nmcfast.calibration.shells.plots import new_figure
from nmcfast.model import load_model

PARTICLE, HEIGHTS, SECTIONS = 120.0, (0.0, 40.0, 80.0, 110.0), 4  # px; the disc at a height lies in this sphere


def sections_at(markers: reference.Markers, mu: float, height: float) -> dict[str, np.ndarray]:
    """Statistics of the discs that planes at a height cut from a sphere of PARTICLE px."""
    rng = np.random.default_rng(int(height))
    radius = float(np.sqrt(PARTICLE**2 - height**2))
    discs = [reference.draw_section(markers, mu, radius, rng, height) for _ in range(SECTIONS)]
    return pool([section_grains(labels) for labels in discs])


def orientations(markers: reference.Markers, mu: float, path: Path) -> list[str]:
    """Draw the figure and return the table of mean α and of its preference, the mean of cos 2α (0: uniform)."""
    figure = new_figure(12, 3)
    lines = ["| cut height / px | grains | mean α / rad | mean cos 2α |", "|---|---|---|---|"]
    for axes, height in zip(figure.subplots(1, 4, sharey=True), HEIGHTS, strict=True):
        alpha = sections_at(markers, mu, height)["alpha"]
        axes.hist(alpha, np.linspace(0, np.pi / 2, 21), density=True, color="0.6")
        axes.axhline(2 / np.pi, color="tab:red", lw=1)
        axes.set_title(f"height {height:.0f} px, {height * 0.05:.1f} µm", fontsize=9)
        axes.set_xlabel("α / rad")
        lines.append(f"| {height:.0f} | {len(alpha)} | {alpha.mean():.3f} | {np.cos(2 * alpha).mean():.3f} |")
    figure.savefig(path, dpi=90)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("output", type=Path)
    args = parser.parse_args()
    law = load_model(args.model).grains
    print("\n".join(orientations(law.net, law.mu, args.output)))


if __name__ == "__main__":
    main()
