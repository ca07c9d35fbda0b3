"""Picture of an EBSD map: inverse-pole-figure colours, boundaries of grains, the key of the colours."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcfast.ebsd.grains import nearest_points
from nmcfast.ebsd.ipf import corners, ipf_colours, key_colours
from nmcfast.ebsd.map import EbsdMap, Phase
from nmcfast.errors import MissingExtraError
from nmcfast.misorientation import quaternions
from nmcfast.sections.grain_map import GrainMap

Array = NDArray[np.float64]

FADED = 0.55  # of white, over what is not of the particle
GREY = 0.6  # indexed points of a phase whose symmetry is not known
KEY_PIXELS = 200


def draw_map(m: EbsdMap, grains: GrainMap | None, path: Path) -> None:
    """Write a PNG of a map: crystal direction normal to the section by colour, unindexed black, boundaries black."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("--image needs matplotlib: pip install 'nmcfast[imaging]'") from error
    pixel = grains.pixel_size if grains else min(m.step)
    image = _image(m, nearest_points(m.layout, pixel))
    height, width = image.shape[:2]
    if grains is not None:
        image = np.where((grains.mask | (image.sum(axis=2) == 0))[..., None], image, FADED + (1 - FADED) * image)
    figure = Figure(figsize=(9, np.clip(1.2 + 6.6 * height / width, 2.5, 12)), dpi=150, layout="constrained")
    axes, side = figure.subplots(1, 2, width_ratios=[5, 1])
    origin = m.layout.corner[0] - m.step[0] / 2, m.layout.corner[1] - m.step[1] / 2
    extent = (origin[0], origin[0] + width * pixel, origin[1] + height * pixel, origin[1])
    axes.imshow(image, extent=extent, interpolation="nearest")
    if grains is not None:
        _add_boundaries(axes, grains, origin)
    axes.set(xlabel="x, µm", ylabel="y, µm", title=f"{m.path.name} {m.name}".strip())
    used = [m.phases[k] for k in np.unique(m.phase[m.indexed]).tolist()]
    _add_key(side, [phase for phase in used if phase.laue])
    figure.savefig(path)


def _image(m: EbsdMap, points: NDArray[np.int64]) -> Array:
    colour = np.zeros((len(m) + 1, 3))
    for number in np.unique(m.phase[m.indexed]).tolist():
        phase = m.phases[number]
        chosen = np.flatnonzero(m.indexed & (m.phase == number))
        known = phase.laue is not None
        turn = quaternions(m.euler[chosen])
        colour[chosen] = ipf_colours(turn, phase.laue, phase.x_axis) if known and phase.laue else GREY
    colour[-1] = 1.0  # no point
    return colour[points]


def _add_boundaries(axes: Any, grains: GrainMap, origin: tuple[float, float]) -> None:
    """Lines between pixels of different grains, and around the particle."""
    from matplotlib.collections import LineCollection

    padded = np.pad(grains.labels, 1)
    row, column = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    upright = np.stack([np.stack([column, row], 1), np.stack([column, row + 1], 1)], axis=1)
    row, column = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    level = np.stack([np.stack([column, row], 1), np.stack([column + 1, row], 1)], axis=1)
    lines = np.concatenate([upright, level]) * grains.pixel_size + np.array(origin)
    axes.add_collection(LineCollection(list(lines), colors="black", linewidths=0.7))


def _add_key(axes: Any, phases: list[Phase]) -> None:
    """The colour key of the first phase, in stereographic projection, and its corners' names."""
    axes.axis("off")
    if not phases:
        return
    laue, x_axis = phases[0].laue or "-1", phases[0].x_axis
    flat = corners(laue, x_axis)
    flat = flat[:, :2] / (1 + flat[:, 2:])
    low, high = flat.min(axis=0), flat.max(axis=0)
    x, y = np.meshgrid(*(np.linspace(low[k], high[k], KEY_PIXELS) for k in (0, 1)))
    square = x**2 + y**2
    crystal = np.stack([2 * x, 2 * y, 1 - square], axis=-1) / (1 + square)[..., None]
    share = crystal @ np.linalg.inv(corners(laue, x_axis))
    colour = key_colours(crystal.reshape(-1, 3), laue, x_axis).reshape((*x.shape, 3))
    colour[(share < -1e-9).any(axis=-1)] = 1.0
    axes.imshow(colour, extent=(low[0], high[0], high[1], low[1]), origin="upper")
    axes.invert_yaxis()
    for place, name in zip(flat, _corner_names(laue), strict=True):
        axes.annotate(
            name, place, ha="center", va="top" if place[1] <= (low[1] + high[1]) / 2 else "bottom", fontsize=7
        )
    axes.set_title(
        "\n".join(f"{phase.name}: {phase.laue}" for phase in phases) + "\ncrystal axis out of\nthe section", fontsize=7
    )


def _corner_names(laue: str) -> tuple[str, str, str]:
    if laue in ("m-3", "m-3m"):
        return "001", "011", "111"
    if laue in ("-3", "-3m"):
        return "c", "a* (−)", "a* (+)"
    return (
        ("c", "a", "a*")
        if laue in ("6/m", "6/mmm")
        else ("c", "a", "b" if laue in ("mmm", "2/m", "112/m", "-1") else "110")
    )
