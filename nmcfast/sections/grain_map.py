"""Labelled grains of one planar section, from a map or an image, section 2.2."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nmcfast.errors import InputError, MissingExtraError

Labels = NDArray[np.int32]
MOST_PIXELS = 200_000_000


@dataclass(frozen=True)
class Points:
    """Measured points: position (p, 2) µm, x and y from the array's corner; label (p,) of their grains, from 1."""

    position: NDArray[np.floating]
    label: NDArray[np.integer]


@dataclass(frozen=True)
class GrainMap:
    """Grains of a section.

    labels (ny, nx), 0 unassigned, grains 1 … n; pixel (j, i) is centred at ((i + 0.5), (j + 0.5)) pixel_size,
    µm from the array's corner. centre (x, y) µm in the same frame; mask: the particle, holes filled; origin
    (x, y) µm: the array's corner in the file's coordinates. counts: what was left out, by name. points: the assigned
    points that the labels were resampled from; None where the pixels are all there is.
    """

    labels: Labels
    pixel_size: float
    centre: tuple[float, float]
    mask: NDArray[np.bool_]
    origin: tuple[float, float] = (0.0, 0.0)
    counts: Mapping[str, int] = field(default_factory=dict)
    points: Points | None = None

    @property
    def grains(self) -> int:
        """Number of grains."""
        return int(self.labels.max(initial=0))


def finish_grain_map(
    labels: NDArray[np.integer],
    pixel_size: float,
    particle: Literal["largest", "all"] = "largest",
    centre: tuple[float, float] | None = None,
    origin: tuple[float, float] = (0.0, 0.0),
    counts: Mapping[str, int] | None = None,
) -> GrainMap:
    """Grain map of a label image: the particle, its centre, labels 1 … n, section 2.2.

    particle="largest" drops what does not belong to the largest one, counted as grains_outside_particle.
    centre: that of mass of the filled mask unless given, µm from the array's corner. Raises InputError when
    no pixel is labelled.
    """
    if not (labels > 0).any():
        raise InputError(
            "no grain is left in the map; check the indexed share, the threshold and the minimum grain size"
        )
    if particle not in ("largest", "all"):
        raise InputError(f"particle is {particle!r}; expected 'largest' or 'all'")
    mask = _particle_mask(labels > 0, particle)
    kept = _consecutive(np.where(mask, labels, 0))
    dropped = len(np.unique(labels[(labels > 0) & ~mask]))
    counts = {
        **(counts or {}),
        "grains_outside_particle": dropped,
        "pixels_unassigned": int((mask & (kept == 0)).sum()),
    }
    return GrainMap(kept, float(pixel_size), centre or _centre_of(mask, pixel_size), mask, origin, counts)


def read_labels(
    path: str | Path,
    pixel_size: float,
    particle: Literal["largest", "all"] = "largest",
    centre: tuple[float, float] | None = None,
) -> GrainMap:
    """Grain map of a label image, TIFF, PNG or npy, one whole number a pixel, 0 unassigned, section 4.4.

    pixel_size µm. Raises InputError for another kind of file, colours, more than 2e8 pixels, negative labels,
    no grain.
    """
    path = Path(path)
    if not (np.isfinite(pixel_size) and pixel_size > 0):
        raise InputError(f"{path}: pixel size is {pixel_size}; expected µm > 0")
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a label image (TIFF, PNG or npy)")
    image = _read_image(path)
    if image.ndim != 2 or image.dtype.kind not in "biu" or image.size == 0:
        kind = f"{image.dtype} of shape {image.shape}"
        raise InputError(f"{path}: the image is {kind}; expected one whole number a pixel in two dimensions")
    if image.min() < 0:
        raise InputError(f"{path}: the smallest label is {image.min()}; expected 0 for unassigned and grains from 1")
    return finish_grain_map(_consecutive(image), pixel_size, particle, centre)


def _particle_mask(assigned: NDArray[np.bool_], particle: str) -> NDArray[np.bool_]:
    """Assigned pixels, gaps of up to 4 pixels closed, holes filled; the largest component or all of them."""
    padded = np.pad(assigned, 4)
    filled = ndimage.binary_fill_holes(ndimage.binary_closing(padded, iterations=2))
    filled = filled[4:-4, 4:-4] | assigned
    if particle == "all":
        return filled
    parts, count = ndimage.label(filled)
    largest = np.argmax(np.bincount(parts.ravel())[1:]) + 1 if count else 0
    return parts == largest


def _centre_of(mask: NDArray[np.bool_], pixel_size: float) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float((columns.mean() + 0.5) * pixel_size), float((rows.mean() + 0.5) * pixel_size)


def _consecutive(labels: NDArray[np.integer]) -> Labels:
    """Labels renumbered 1 … n in their order, 0 kept."""
    values, inverse = np.unique(labels, return_inverse=True)
    start = 0 if values[0] == 0 else 1
    return (inverse.reshape(labels.shape) + start).astype(np.int32)


def _read_image(path: Path) -> NDArray:
    reader = {".npy": _read_npy, ".tif": _read_tiff, ".tiff": _read_tiff, ".png": _read_png}.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path}: {path.suffix or 'no suffix'} is not a label image; expected .tif, .tiff, .png or .npy"
        )
    try:
        return reader(path)
    except (InputError, MissingExtraError):
        raise
    except Exception as error:  # image libraries raise whatever their decoders do
        raise InputError(f"{path}: cannot be read as {path.suffix}: {str(error).splitlines()[:1]}") from error


def _check_size(path: Path, shape: tuple[int, ...]) -> None:
    if np.prod(shape, dtype=float) > MOST_PIXELS:
        raise InputError(f"{path}: {shape} is more than {MOST_PIXELS:,} pixels; crop the image")


def _read_npy(path: Path) -> NDArray:
    image = np.load(path, mmap_mode="r", allow_pickle=False)
    _check_size(path, image.shape)
    return np.array(image)


def _read_tiff(path: Path) -> NDArray:
    try:
        import tifffile
    except ImportError as error:
        raise MissingExtraError("reading TIFF needs tifffile: pip install 'nmcfast[imaging]'") from error
    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        _check_size(path, series.shape)
        return series.asarray()


def _read_png(path: Path) -> NDArray:
    try:
        from PIL import Image  # scikit-image brings it
    except ImportError as error:
        raise MissingExtraError("reading PNG needs Pillow: pip install 'nmcfast[imaging]'") from error
    with Image.open(path) as file:
        _check_size(path, file.size)
        return np.array(file)  # of a palette image the indices, which are the labels
