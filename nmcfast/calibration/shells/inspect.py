"""What a CT volume holds and how it is read, as `nmcfast inspect` says it, section 2.1."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nmcfast.calibration.shells.outlines import figure_sections
from nmcfast.calibration.shells.particles import Particles, find_particles
from nmcfast.calibration.shells.plots import DATA, MODEL, new_figure
from nmcfast.calibration.shells.tomography import sizes
from nmcfast.calibration.volumes.grey import BINS
from nmcfast.inspection import Finding
from nmcfast.options import VolumeOptions


def inspect_volume(path: str | Path, voxel_size: tuple[float, ...] | None, choices: VolumeOptions) -> list[Finding]:
    """The finding of a CT volume: size, threshold, particles, every decision; InputError where it is refused."""
    found = find_particles(path, voxel_size, choices)
    diameter = (6.0 / np.pi * sizes(found.labels)[1:]) ** (1 / 3) * found.voxel_um
    table = {
        "file": str(path),
        "voxel_size_um": found.voxel_um,
        **found.facts,
        **found.counts,
        "mean_diameter_um": float(diameter.mean()),
        "decisions": [str(note) for note in found.notes],
    }
    notes = tuple(f"decided: {note}" for note in found.notes)
    return [Finding(_line(table), table, notes, partial(draw_volume, found))]


def _line(table: dict[str, Any]) -> str:
    shape = " × ".join(map(str, table["shape"]))
    cuts = ", ".join(f"{cut:.5g}" for cut in table.get("thresholds", []))
    threshold = f"; threshold {cuts}" if cuts else ""
    return (
        f"{table['file']}: {table['kind']}, {shape} voxels of {table['voxel_size_um']:g} µm{threshold}; "
        f"{100 * table['foreground_share']:.1f} % solid, {table['particles']} whole particles of "
        f"{table['mean_diameter_um']:.3g} µm, {table['border']} cut by the border"
    )


def draw_volume(found: Particles, target: Path) -> None:
    """Picture of the slices with outlines, above it the histogram of their values with thresholds and peaks."""
    figure = figure_sections(found)
    figure.savefig(target, dpi=110)
    histogram = new_figure(8.0, 3.6)
    axes = histogram.add_subplot()
    values = np.concatenate([section.values.ravel() for section in found.sections]).astype(float)
    low, high = np.quantile(values, [0.001, 0.999])
    axes.hist(
        values, np.linspace(low, max(high, low + 1e-9), BINS // 2 + 1).tolist(), color=DATA, histtype="stepfilled"
    )
    for cut in found.facts.get("thresholds", []):
        axes.axvline(cut, color=MODEL, label=f"threshold {cut:.5g}, of smoothed values")
    for top in found.facts.get("peaks", []):
        axes.axvline(top, color="tab:blue", linestyle=":", label=f"peak {top:.5g}")
    axes.set(xlabel="value of the three slices", ylabel="voxels", yscale="log")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8)
    histogram.savefig(target.with_name(f"{target.stem}-histogram{target.suffix}"), dpi=110)
