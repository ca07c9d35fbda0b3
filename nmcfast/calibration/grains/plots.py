"""Pictures of a grain calibration: sections measured, fitted and generated, and how the training went."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nmcfast.calibration.grains import reference
from nmcfast.calibration.grains.scores import CUTOUT_STATISTICS
from nmcfast.calibration.grains.section_profile import RINGS
from nmcfast.calibration.grains.verdict import Verdict
from nmcfast.calibration.shells.plots import new_figure
from nmcfast.model import GrainLaw
from nmcfast.parameters import PIXEL_UM
from nmcfast.sections.fit import SectionFit, label_section
from nmcfast.sections.grain_map import GrainMap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 3  # sections of a kind


def write_grain_report(
    folder: Path, maps: Sequence[GrainMap], fits: Sequence[SectionFit], law: GrainLaw, history: list
) -> None:
    """sections.png and history.png in a folder that exists; maps and fits in the same order."""
    sections(maps, fits, law).savefig(folder / "sections.png", dpi=90)
    training(history).savefig(folder / "history.png", dpi=90)


def sections(maps: Sequence[GrainMap], fits: Sequence[SectionFit], law: GrainLaw) -> "Figure":
    """Measured sections, their 2D fits (Fig. 7) and as many generated ones below each other; unassigned is black."""
    shown = min(SHOWN, len(maps))
    figure = new_figure(3.2 * shown, 9.6)
    axes = figure.subplots(3, shown, squeeze=False)
    rng = np.random.default_rng(0)
    for k, (grains, fit) in enumerate(zip(maps[:shown], fits[:shown], strict=True)):
        ny, nx = grains.labels.shape
        fitted = label_section(fit, (ny, nx), grains.pixel_size, grains.centre)
        radius = 0.5 * min(ny, nx) * grains.pixel_size
        drawn = reference.draw_section(law.net, law.mu, radius / PIXEL_UM, rng, arrangement=law.arrangement)
        images = (grains.labels, np.where(grains.mask, fitted, 0), drawn)
        sizes = (grains.pixel_size, grains.pixel_size, PIXEL_UM)
        for row, (image, size) in enumerate(zip(images, sizes, strict=True)):
            extent = (0.0, image.shape[1] * size, 0.0, image.shape[0] * size)
            axes[row, k].imshow(_coloured(image), extent=extent, origin="lower", interpolation="nearest")
        for row, name in enumerate((f"measured {k + 1}", f"fitted {k + 1}", f"generated {k + 1}")):
            axes[row, k].set_title(name, fontsize=9)
            axes[row, k].set_xlabel("µm")
    return figure


def write_profiles(folder: Path, verdict: Verdict) -> None:
    """verdict.png in a folder that exists: radial profiles, measured and of the model; nothing without a verdict."""
    if not verdict.none:
        profiles(verdict).savefig(folder / "verdict.png", dpi=90)


def profiles(verdict: Verdict) -> "Figure":
    """Each statistic of the rings, measured and of the model, the latter with a band of two standard errors."""
    names = [name.removesuffix(f", {RINGS[0]}") for name in verdict.statistics if name.endswith(f", {RINGS[0]}")]
    figure = new_figure(3.2 * len(names), 3.2)
    for axes, name in zip(figure.subplots(1, len(names)), names, strict=True):
        rows = [verdict.statistics[f"{name}, {ring}"] for ring in RINGS]
        model, width = np.array([row.model for row in rows]), np.array([2 * row.error for row in rows])
        axes.fill_between(RINGS, model - width, model + width, color="0.85", label="±2 standard errors")
        axes.plot(RINGS, model, "0.4", label="model")
        axes.plot(RINGS, [row.measured for row in rows], "C3o", label="measured")
        axes.set_title(name, fontsize=9)
    axes.legend(fontsize=7)
    return figure


def _coloured(labels: np.ndarray) -> np.ndarray:
    """A colour for each label, neighbours unlike each other; 0 black -> (ny, nx, 3)."""
    colours = np.random.default_rng(1).uniform(0.25, 1.0, (int(labels.max(initial=0)) + 1, 3))
    colours[0] = 0.0
    return colours[labels]


def training(history: list[dict[str, float]]) -> "Figure":
    """Held-out distances over their floors, the losses and the intensity, epoch by epoch."""
    figure = new_figure(12.0, 3.5)
    left, middle, right = figure.subplots(1, 3)
    epoch = [row["epoch"] for row in history]
    for name in CUTOUT_STATISTICS:
        left.plot(epoch, [row[name] for row in history], lw=1, label=name)
    left.plot(epoch, [row["score"] for row in history], "k", lw=2, label="mean")
    left.axhline(1.0, color="0.6", lw=1)
    left.set(xlabel="epoch", ylabel="held-out W₁ over floor", yscale="log")
    left.legend(fontsize=7)
    for name, label in (("loss_d", "D"), ("loss_g", "G")):
        middle.plot(epoch, [row[name] for row in history], label=label)
    middle.set(xlabel="epoch", ylabel="loss")
    middle.legend(fontsize=7)
    right.plot(epoch, [row["mu"] for row in history])
    right.set(xlabel="epoch", ylabel="μ / px⁻³")
    return figure
