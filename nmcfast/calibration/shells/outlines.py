"""Three slices through a CT volume with the particles that were found outlined, those left out by reason."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nmcfast.calibration.shells.particles import Particles, Section
from nmcfast.calibration.shells.plots import new_figure
from nmcfast.calibration.shells.tomography import KEPT, REASONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NO_SHAPE = len(REASONS)
WORDS = {
    KEPT: ("in the law", "#00d000"),
    2: ("cut by the border", "#ff9500"),
    3: ("too small", "#ff30ff"),
    4: ("too rough", "#ff2020"),
    NO_SHAPE: ("not star-shaped", "#30c8ff"),
}
AXES = (("z", "x", "y"), ("y", "x", "z"), ("x", "y", "z"))
LARGEST = 900  # voxels of a slice shown along an edge; larger ones show every n-th


def write_sections(folder: str | os.PathLike[str], found: Particles, shapes: np.ndarray) -> None:
    """The picture of `figure_sections` as sections.png in a folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    figure_sections(found, shapes).savefig(Path(folder) / "sections.png", dpi=110)


def figure_sections(found: Particles, shapes: np.ndarray | None = None) -> "Figure":
    """Slices along z, y and x that show most particles, each outlined in the colour of what became of them.

    shapes (n,): labels of the particles whose star shapes the law is of, None for all that were kept.
    """
    fate = found.fate.astype(np.int64)
    if shapes is not None:
        fate[(fate == KEPT) & ~np.isin(found.particle, shapes)] = NO_SHAPE
    counts = _counts(found, fate)
    figure = new_figure(15.0, 5.6)
    for place, section in enumerate(found.sections):
        _draw(figure.add_subplot(1, 3, place + 1), section, found, fate)
    handles = [_patch(colour, f"{words}: {counts[code]}") for code, (words, colour) in WORDS.items() if counts[code]]
    figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=10)
    return figure


def _counts(found: Particles, fate: np.ndarray) -> dict[int, int]:
    """Particles of each fate; parts that were joined count once."""
    kept = {code: len(np.unique(found.particle[fate == code])) for code in (KEPT, NO_SHAPE)}
    return {code: kept.get(code, int((fate == code).sum())) for code in WORDS}


def _patch(colour: str, label: str) -> object:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, linewidth=2.5, label=label)


def _draw(axes: "Axes", section: Section, found: Particles, fate: np.ndarray) -> None:
    step = max(1, max(section.parts.shape) // LARGEST)
    values, parts = section.values[::step, ::step].astype(float), section.parts[::step, ::step]
    low, high = np.quantile(values, [0.005, 0.995])
    axes.imshow(values, cmap="gray", vmin=low, vmax=high if high > low else low + 1, interpolation="nearest")
    whole = np.where(found.particle > 0, found.particle, found.particle.max() + 1 + np.arange(fate.size))[parts]
    whole[parts == 0] = 0
    axes.imshow(_outlines(whole, fate[parts]), interpolation="nearest")
    normal, across, down = AXES[section.axis]
    axes.set_title(f"{normal} = {section.index}", fontsize=10)
    axes.set(xlabel=f"{across} / voxel", ylabel=f"{down} / voxel")


def _outlines(whole: np.ndarray, fate: np.ndarray) -> np.ndarray:
    """RGBA picture of the inner rim of each region, in the colour of its fate; clear elsewhere."""
    padded = np.pad(whole, 1, mode="edge")
    middle = padded[1:-1, 1:-1]
    rim = np.zeros(whole.shape, bool)
    for shifted in (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]):
        rim |= shifted != middle
    picture = np.zeros((*whole.shape, 4))
    for code, (_, colour) in WORDS.items():
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        picture[rim & (whole > 0) & (fate == code)] = (red, green, blue, 1.0)
    return picture
