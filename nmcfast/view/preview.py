"""One particle as a picture: three sections through its centre and its surface, grains coloured, and its numbers."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import hsv_to_rgb

from nmcfast.particle import Particle

PIXELS = 240  # across the particle's largest extent
_GOLDEN = 0.6180339887498949  # steps of hue that never come near each other soon
_LIGHT = np.array([-0.4, 0.5, 0.77])  # where light comes from: the left, above, the beholder
_ROUND = (1.0, 2.0, 5.0, 10.0)


def preview(particle: Particle, path: Path, title: str) -> None:
    """Write the picture of a particle, in the format that the name's ending says (.png, .pdf, .svg).

    The labels are made for it on voxels of a 240th of the largest extent: what is seen is the definition, Eq. (8).
    """
    from matplotlib.figure import Figure

    bounds = particle.shell.bounds()
    voxel = float((bounds[1] - bounds[0]).max() / PIXELS)
    volume = particle.voxelize(voxel)
    colours = grain_colours(len(particle.grains))
    figure = Figure(figsize=(11.0, 3.6), layout="constrained")
    axes = figure.subplots(1, 4)
    half = 0.5 * float((bounds[1] - bounds[0]).max())
    for place, (name, image) in zip(axes[:3], _sections(volume.labels, volume.origin, voxel), strict=True):
        _show(place, section_image(image[0], colours), image[1], voxel, name, half)
    _show(axes[3], surface_image(volume.labels, colours), volume.origin[[0, 1]], voxel, "surface", half)
    _scale_bar(axes[0], half)
    figure.suptitle(title)
    figure.supxlabel(numbers(particle), fontsize="medium")
    figure.savefig(path, dpi=150)


def numbers(particle: Particle) -> str:
    """What a reader asks of a particle first, in one line."""
    facts = particle.facts
    said = (
        f"{len(particle.grains)} grains",
        f"{facts['volume_um3']:.4g} µm³",
        f"d_max {facts['d_max']:.3g} µm",
        f"A_R {facts['aspect_ratio']:.3g}",
        f"Ψ {facts['sphericity']:.3g}",
        f"surface: {particle.surface}",
    )
    return "   ".join(said)


def grain_colours(count: int) -> np.ndarray:
    """Colours (n + 1, 3) of labels 0 … n, 0 white; neighbours in number differ in hue, and a grain keeps its own."""
    number = np.arange(count)
    hue, bright = number * _GOLDEN % 1.0, 0.72 + 0.28 * (number * _GOLDEN * 7.0 % 1.0)
    rows = hsv_to_rgb(np.stack([hue, np.full(count, 0.55), bright], axis=1)) if count else np.empty((0, 3))
    return np.concatenate([np.ones((1, 3)), rows])


def _sections(labels: np.ndarray, origin: np.ndarray, voxel: float) -> list[tuple[str, tuple[np.ndarray, np.ndarray]]]:
    """Names, label images and lower corners of the sections through the particle's centre."""
    at = [int(np.clip(-low / voxel, 0, n - 1)) for low, n in zip(origin, labels.shape[::-1], strict=True)]
    return [
        ("z = 0", (labels[at[2]], origin[[0, 1]])),
        ("y = 0", (labels[:, at[1]], origin[[0, 2]])),
        ("x = 0", (labels[:, :, at[0]], origin[[1, 2]])),
    ]


def section_image(labels: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """A label image (ny, nx) in the colours of its grains, their boundaries dark -> (ny, nx, 3)."""
    edge = np.zeros(labels.shape, bool)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    image = colours[labels]
    image[edge] = 0.15
    return image


def surface_image(labels: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """The particle seen from above, along z, in the colours of its grains and with light -> (ny, nx, 3)."""
    solid = labels[::-1] > 0
    seen, depth = solid.any(axis=0), solid.argmax(axis=0).astype(float)
    top = np.take_along_axis(labels[::-1], depth.astype(int)[None], axis=0)[0]
    slope_y, slope_x = np.gradient(_smooth(np.where(seen, depth, np.nan)))
    normal = np.stack([slope_x, slope_y, np.ones_like(slope_x)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    light = np.nan_to_num(0.35 + 0.65 * np.maximum(normal @ _LIGHT, 0.0), nan=0.5)
    image = section_image(np.where(seen, top, 0), colours) * light[..., None]
    image[~seen] = 1.0
    return image


def _smooth(depth: np.ndarray) -> np.ndarray:
    """Depths averaged over 5 × 5 pixels, of those that see the particle: steps of voxels are no slopes."""
    seen = np.pad(np.isfinite(depth), 2).astype(float)
    filled = np.pad(np.nan_to_num(depth), 2)
    shape = depth.shape
    parts = [(slice(j, j + shape[0]), slice(i, i + shape[1])) for j in range(5) for i in range(5)]
    count = np.sum([seen[part] for part in parts], axis=0)
    total = np.sum([filled[part] for part in parts], axis=0)
    return np.where(np.isfinite(depth), total / np.maximum(count, 1.0), np.nan)


def _show(axes: Any, image: np.ndarray, corner: np.ndarray, voxel: float, name: str, half: float) -> None:
    ny, nx = image.shape[:2]
    extent = (corner[0], corner[0] + nx * voxel, corner[1], corner[1] + ny * voxel)
    axes.imshow(image, origin="lower", extent=extent, interpolation="nearest")
    axes.set_title(name, fontsize="medium")
    middle = (0.5 * (extent[0] + extent[1]), 0.5 * (extent[2] + extent[3]))
    axes.set_xlim(middle[0] - 1.05 * half, middle[0] + 1.05 * half)
    axes.set_ylim(middle[1] - 1.05 * half, middle[1] + 1.05 * half)
    axes.set_axis_off()


def _scale_bar(axes: Any, half: float) -> None:
    """A bar of a round length, about a third of the picture, at the lower left."""
    power = 10.0 ** np.floor(np.log10(0.6 * half))
    length = max(step * power for step in _ROUND if step * power <= 0.7 * half)
    left, low = axes.get_xlim()[0], axes.get_ylim()[0]
    axes.plot([left, left + length], [low, low], color="black", linewidth=3.0, solid_capstyle="butt", clip_on=False)
    axes.text(left + 0.5 * length, low + 0.03 * half, f"{length:g} µm", ha="center", va="bottom")
