"""What the values of a volume are: grey, phases or labels of particles, told before they are taken for grey."""

import numpy as np
from scipy import ndimage

from nmcfast.errors import InputError

FEW = 12  # free: at most so many whole values are phases
EQUAL = 0.6  # free: share of neighbours with the same value from which values are no grey
PIECES = 5.0  # free: regions of one value for each value, above which values are scattered as grey is
EDGE = 160  # voxels of the middle block looked at
BODY = 0.1  # free: share of a value's voxels with all neighbours alike from which it fills bodies
PASSED = 3  # free: least number of values passed through from one body to the other, where grey was blurred


def refuse_labels(values: np.ndarray, segmented: bool = False) -> None:
    """Raises InputError where whole values look like phases or labels, with the options that take them so.

    Two values alone are a mask that the threshold parts as it is. Three and more that hardly change from voxel to voxel
    are phases when few, unless all but two are the passage of one into the other; labels of particles when each stands
    in one piece. segmented: phases are what was asked for.
    """
    middle = tuple(slice(max(0, size // 2 - EDGE // 2), size // 2 + EDGE // 2) for size in values.shape)
    block = np.ascontiguousarray(values[middle])
    if block.dtype.kind == "f" and not (np.isfinite(block).all() and (block == np.rint(block)).all()):
        return
    present = np.unique(block)
    if present.size < 3 or _equal_share(block) < EQUAL:
        return
    if present.size <= FEW:
        if segmented or _is_passage(block, present):
            return
        shown = ", ".join(f"{value:g}" for value in present)
        raise InputError(
            f"found only the whole values {shown}, phases or grey values without noise; add --segmented "
            "--phase N for phases, --instances for one label a particle, --grey for grey values"
        )
    if _pieces(block) < PIECES * present.size:
        other = "" if segmented else ", --segmented --phase N for phases, or --grey"
        raise InputError(
            f"found {present.size} whole values, each in one piece as labels of particles are; add "
            f"--instances to take each as a particle{other}"
        )


def is_two_valued(values: np.ndarray) -> bool:
    """Whether a volume holds two values only, as a mask does."""
    low, high = values.min(), values.max()
    return all(bool(((slab == low) | (slab == high)).all()) for slab in values)


def _equal_share(block: np.ndarray) -> float:
    return float(np.mean([(np.diff(block, axis=axis) == 0).mean() for axis in range(3)]))


def _is_passage(block: np.ndarray, present: np.ndarray) -> bool:
    """Whether the lowest and the highest value alone fill bodies and never touch, as blur leaves two phases.

    Thin phases fill no bodies either, but beside them the others touch each other somewhere.
    """
    alike = ndimage.maximum_filter(block, 3) == ndimage.minimum_filter(block, 3)
    bodies = [value for value in present if alike[block == value].mean() > BODY]
    low, high = present[0], present[-1]
    if bodies != [low, high] or present.size - 2 < PASSED:
        return False
    low_beside = ndimage.binary_dilation(block == low)
    return not bool((low_beside & (block == high)).any())


def _pieces(block: np.ndarray) -> int:
    """Number of connected regions of one value but the background's, which is 0 or else the most frequent."""
    values, codes, counts = np.unique(block, return_inverse=True, return_counts=True)
    background = int(np.flatnonzero(values == 0)[0]) if (values == 0).any() else int(counts.argmax())
    codes = codes.reshape(block.shape)
    total = 0
    for place, box in enumerate(ndimage.find_objects(codes + 1)):
        if box is not None and place != background:
            total += ndimage.label(codes[box] == place)[1]
        if total > PIECES * values.size:
            break
    return total


def instance_labels(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Labels 1 … of a label image -> int32, and its background, 0 or where it is absent the most frequent value."""
    if values.dtype.kind == "f" and not (values == np.rint(values)).all():
        raise InputError("--instances: found values that are not whole, expected a label for each particle")
    present, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    background = int(np.flatnonzero(present == 0)[0]) if (present == 0).any() else int(counts.argmax())
    table = np.cumsum(np.arange(present.size) != background).astype(np.int32)
    table[background] = 0
    return table[codes.reshape(values.shape)], int(present[background])
