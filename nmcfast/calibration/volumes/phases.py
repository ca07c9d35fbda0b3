"""One phase of many, which side of a threshold is particles, and closed pores within them, section 2.1."""

import numpy as np
from scipy import ndimage

from nmcfast.calibration.volumes.volume import Note
from nmcfast.errors import InputError

THROUGH = 0.9  # free: share of a phase in its largest part from which it runs through the volume
ISLANDS = 0.5  # free: share in the largest part below which a phase is islands
HOLLOW = 0.12  # free: a bulge below −HOLLOW is that of the space around particles; bodies pressed together reach −0.1
SPAN = 2.0  # voxels, width of the Gaussian that shows which way a surface curves
LOOKED_AT = 260  # voxels, edge of the middle block that is looked at


def phase_mask(volume: np.ndarray, phase: int) -> np.ndarray:
    """Voxels of one phase of a segmented volume, section 2.1 -> bool; InputError when there are none."""
    mask = volume == phase
    if not mask.any():
        present = np.unique(volume)
        more = f" and {present.size - 10} more" if present.size > 10 else ""
        names = ", ".join(str(value) for value in present[:10]) + more
        raise InputError(f"phase: found no voxel of phase {phase}, the volume holds {names}; add --phase N")
    return mask


def void_like(mask: np.ndarray, view: np.ndarray | None = None) -> str:
    """Why a mask looks like the space around particles rather than like particles; empty where it does not.

    It runs through the volume while the rest stands in islands; or its surface curves the way a Gaussian fills it up.
    """
    box = tuple(slice(max(0, size // 2 - LOOKED_AT // 2), size // 2 + LOOKED_AT // 2) for size in mask.shape)
    part = mask[box]
    rest = ~part if view is None else ~part & view[box]
    if not part.any() or not rest.any():
        return ""
    if _largest(part) > THROUGH and _largest(rest) < ISLANDS:
        return "it is connected through the volume and what is left stands in islands"
    if bulge(part, view if view is None else view[box]) < -HOLLOW:
        return "its surface curves like that of the space around particles"
    return ""


def _largest(mask: np.ndarray) -> float:
    """Share of a phase in its largest connected part."""
    counts = np.bincount(ndimage.label(mask)[0].ravel())[1:]
    return float(counts.max() / counts.sum())


def bulge(mask: np.ndarray, view: np.ndarray | None = None) -> float:
    """How far the surface bulges outwards in the median: above 0 for particles, below for the space around them.

    1 less what a Gaussian of 2 voxels leaves of the mask on both sides of its surface: 0 for a plane. The median, since
    necks between particles in contact are hollow and sharp. The border of the view takes no part.
    """
    smooth = ndimage.gaussian_filter(mask.astype(np.float32), SPAN)
    inner = np.zeros(mask.shape, bool)
    inner[tuple(slice(6, -6) for _ in range(3))] = True
    if view is not None:
        inner &= ndimage.binary_erosion(view, iterations=6)
    within = mask & inner & ~ndimage.binary_erosion(mask)
    beyond = ~mask & inner & ndimage.binary_dilation(mask)
    if not within.any() or not beyond.any():
        return 0.0
    return 1.0 - float(np.median(smooth[within]) + np.median(smooth[beyond]))


def fill_pores(mask: np.ndarray, view: np.ndarray | None = None) -> tuple[int, int]:
    """Fill pores that solid encloses, in place -> how many and of how many voxels.

    Enclosed is what faces do not connect to the border of the volume or to the outside of the view.
    """
    parts, count = ndimage.label(~mask)
    if count == 0:
        return 0, 0
    free = np.zeros(count + 1, bool)
    free[0] = True
    for axis in range(3):
        for end in (0, -1):
            free[np.unique(np.take(parts, end, axis))] = True
    if view is not None:
        free[np.unique(parts[~view])] = True
    voxels = 0
    for mask_slab, parts_slab in zip(mask, parts, strict=True):
        closed = ~free[parts_slab]
        voxels += int(closed.sum())
        mask_slab |= closed
    return int((~free).sum()), voxels


def pore_notes(pores: int, voxels: int, solid: int, kept: bool) -> list[Note]:
    if not pores:
        return []
    done = "kept" if kept else "filled"
    words = f"{pores} closed pores, {voxels} voxels, {100 * voxels / max(1, solid):.2g} % of the solid, {done}"
    return [Note(words, "default fills" if kept else "--keep-pores")]
