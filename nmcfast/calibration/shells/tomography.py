"""From a CT volume to labelled particles, section 2.1: the mask, and the clean-up of what the watershed has parted.

Lengths are voxels. The paper names Gaussian, Otsu, watershed and the clean-up with its bounds; connectivity by
faces and the estimate of surface area are free choices of this project.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse

from nmcfast import parameters
from nmcfast.calibration.shells.parting import NECK, SLAB, STEPS, find, part_particles, shifted
from nmcfast.calibration.volumes import grey, view
from nmcfast.calibration.volumes.phases import phase_mask
from nmcfast.errors import InputError
from nmcfast.shells.descriptors import sphericity

REASONS = ("outside", "kept", "border", "small", "rough")  # what became of a part, by number
KEPT, BORDER, SMALL, ROUGH = 1, 2, 3, 4

# 13 directions of the 26-neighbourhood with their share of the sphere (Voronoi weights, Ohser & Schladitz,
# 2009)
_DIRECTIONS = (
    *((d, 2 * 0.045778) for d in ((0, 0, 1), (0, 1, 0), (1, 0, 0))),
    *((d, 2 * 0.036981) for d in ((0, 1, 1), (0, 1, -1), (1, 0, 1), (1, 0, -1), (1, 1, 0), (1, -1, 0))),
    *((d, 2 * 0.035196) for d in ((1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1))),
)


@dataclass(frozen=True)
class Cleaned:
    """Particles after the clean-up: labels of all parts, and of each part its particle (0 none) and its fate."""

    parts: np.ndarray
    particle: np.ndarray
    fate: np.ndarray
    counts: dict[str, int]


def segment(
    volume: np.ndarray,
    *,
    sigma: float = parameters.SMOOTHING,
    phase: int | None = None,
    neck: float = NECK,
) -> tuple[np.ndarray, dict[str, float]]:
    """Labelled whole particles of a CT volume, section 2.1.

    volume (nz, ny, nx) grey values, or phase numbers when `phase` says which one is the particles: then
    neither Gaussian nor threshold. -> int32 labels 1 …, 0 outside, and the count of what each step found,
    merged and dropped. Raises InputError when the phase is absent or no whole particle is left.
    """
    mask = foreground(volume, sigma) if phase is None else phase_mask(volume, phase)
    labels, counts = clean_labels(part_particles(mask, neck))
    refuse_empty(volume.shape, counts)
    return labels, {"foreground_share": float(mask.mean()), **counts}


def refuse_empty(shape: tuple[int, ...], counts: dict[str, int]) -> None:
    """Raises InputError where no particle is left, with what became of the parts."""
    if counts["particles"] == 0:
        cause = f"{counts['basins']} parts, {counts['border']} of the cleaned ones cut by the border"
        raise InputError(f"volume {shape}: no whole particle is left ({cause}); use a larger volume")


def foreground(volume: np.ndarray, sigma: float = parameters.SMOOTHING) -> np.ndarray:
    """Voxels brighter than Otsu's threshold after a Gaussian of σ voxels, section 2.1 -> bool, same shape."""
    plain = grey.Grey(volume, None, (float(volume.min()), float(volume.max())), grey.checked_sigma(sigma))
    counts, edges, kept = grey.histogram(plain)
    return grey.above(plain, grey.otsu(counts, edges)[0], kept)


def clean_labels(labels: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
    """Labels of connected, compact, whole particles, section 2.1 -> int32 labels and counts; see `cleaned`."""
    done = cleaned(labels.copy())
    return relabelled(done.parts, done.particle), done.counts


def cleaned(labels: np.ndarray, seen: np.ndarray | None = None, merge: bool = True) -> Cleaned:
    """Connected, compact, whole particles of labels, section 2.1; the labels are used up.

    Disconnected parts become particles of their own. Those below 10 voxels or of sphericity below 0.5 join
    the neighbour with the largest contact, the smallest first; without a neighbour they are dropped, as is
    what still fails after one round of joining. Particles cut by the border of the volume, or within two voxels of
    the outside of the view `seen`, are dropped last. merge=False joins nothing: what fails is dropped.
    """
    basins = int(labels.max())
    parts = split_parts(labels)
    small, rough = _faults(parts)
    faulty = small | rough
    root, alone = (
        _join_faulty(parts, faulty) if merge else (np.where(faulty, 0, np.arange(faulty.size)), int(faulty.sum()))
    )
    still_small, still_rough = _faults(parts, root)
    still = still_small | still_rough
    border = np.zeros(root.size, bool)
    border[root[at_border(parts, seen)]] = True
    border &= ~still
    border[0] = False
    fate = np.full(root.size, KEPT, np.int8)
    fate[border[root]] = BORDER
    fate[(root == 0) & small | still_small[root]] = SMALL
    fate[(root == 0) & rough & ~small | (still_rough & ~still_small)[root]] = ROUGH
    fate[0] = 0
    whole = np.where(fate == KEPT, root, 0)
    used = np.unique(whole[whole > 0])
    particle = np.where(whole > 0, np.searchsorted(used, whole) + 1, 0).astype(np.int32)
    return Cleaned(parts, particle, fate, {
        "basins": basins,
        "split": int(parts.max()) - basins,
        "small": int(small.sum()),
        "rough": int((rough & ~small).sum()),
        "merged": int(faulty.sum()) - alone,
        "dropped_alone": alone,
        "dropped_after_merge": int(still.sum()),
        "border": int(border.sum()),
        "particles": int(used.size),
    })  # fmt: skip  # a table


def relabelled(labels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Each label replaced by its entry of a table, in place, slab by slab."""
    table = table.astype(labels.dtype)
    for start in range(0, len(labels), SLAB):
        labels[start : start + SLAB] = table[labels[start : start + SLAB]]
    return labels


def split_parts(labels: np.ndarray) -> np.ndarray:
    """Each connected part of a label as a label of its own, in place; numbered as they first appear in the volume."""
    highest = int(labels.max())
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        pieces, count = ndimage.label(labels[box] == label)
        if count > 1:
            labels[box] = np.where(pieces > 1, highest + pieces - 1, labels[box])
            highest += count - 1
    order = dict.fromkeys(
        label for start in range(0, len(labels), SLAB) for label in _appearing(labels[start : start + SLAB])
    )
    table = np.zeros(highest + 1, np.int32)
    table[list(order)] = np.arange(1, len(order) + 1)
    return relabelled(labels, table)


def _appearing(slab: np.ndarray) -> list[int]:
    """Labels of a slab in the order of their first voxels."""
    names, first = np.unique(slab, return_index=True)
    return [int(name) for name in names[np.argsort(first)] if name > 0]


def _faults(labels: np.ndarray, root: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Whether each label is too small and whether it is too rough; label 0 and unused ones are neither.

    root: the label that each one has joined, None for itself.
    """
    volume = sizes(labels)
    if root is not None:
        volume = np.bincount(root, weights=volume, minlength=volume.size)
    area = np.maximum(surface_area(labels, root), 1.0)
    there = volume > 0
    there[0] = False
    rough = np.asarray(sphericity(volume, area)) < parameters.MIN_SPHERICITY
    return there & (volume < parameters.MIN_VOLUME), there & rough


def sizes(labels: np.ndarray) -> np.ndarray:
    """Voxels of each label -> (largest label + 1,)."""
    count = int(labels.max()) + 1
    slabs = (labels[start : start + SLAB].ravel() for start in range(0, len(labels), SLAB))
    return np.sum([np.bincount(slab, minlength=count) for slab in slabs], axis=0)


def surface_area(labels: np.ndarray, root: np.ndarray | None = None) -> np.ndarray:
    """Surface area of each label by Cauchy–Crofton, A of Eq. (20), voxels² -> (largest label + 1,).

    A = 2 Σ_d w_d N_d / |d| with N_d crossings of the surface along 13 directions d: no bias from the
    staircase, about 1 % for balls of radius ≥ 5. What the border of the volume cuts off is not counted.
    root: the label that each one counts as, None for itself.
    """
    count = int(labels.max()) + 1
    area = np.zeros(count)
    for direction, weight in _DIRECTIONS:
        crossings = np.zeros(count, np.int64)
        for a, b in _neighbours(labels, direction):
            cut = a != b
            one, other = (a[cut], b[cut]) if root is None else (root[a[cut]], root[b[cut]])
            if root is not None:
                one, other = one[one != other], other[one != other]
            crossings += np.bincount(one, minlength=count) + np.bincount(other, minlength=count)
        area += 2.0 * weight * crossings / np.linalg.norm(direction)
    return area


def _neighbours(labels: np.ndarray, direction: tuple[int, ...]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each voxel beside the one a step further, slab by slab."""
    first, second = shifted(direction)
    a, b = labels[first], labels[second]
    for start in range(0, len(a), SLAB):
        yield a[start : start + SLAB], b[start : start + SLAB]


def _join_faulty(labels: np.ndarray, faulty: np.ndarray) -> tuple[np.ndarray, int]:
    """The label that each one goes to, 0 where it is dropped, and how many are dropped."""
    contact = _contacts(labels)
    volume = sizes(labels)
    root, alone = np.arange(len(faulty)), 0
    for label in sorted(np.flatnonzero(faulty), key=volume.__getitem__):
        start, stop = contact.indptr[label], contact.indptr[label + 1]
        if start == stop:
            root[label] = 0
            alone += 1
            continue
        neighbour = int(contact.indices[start + np.argmax(contact.data[start:stop])])
        if find(root, neighbour) != label:  # a pair of faulty ones that chose each other is joined already
            root[label] = find(root, neighbour)
    return np.array([find(root, label) for label in range(len(root))]), alone


def _contacts(labels: np.ndarray) -> sparse.csr_matrix:
    """Faces that each two labels share, symmetric, without label 0."""
    count = int(labels.max()) + 1
    total = sparse.csr_matrix((count, count), dtype=np.int64)
    for direction in STEPS:
        for a, b in _neighbours(labels, direction):
            touch = (a != b) & (a > 0) & (b > 0)
            pair = sparse.coo_matrix((np.ones(touch.sum(), np.int64), (a[touch], b[touch])), (count, count))
            total = total + pair + pair.T
    return total.tocsr()


def at_border(labels: np.ndarray, seen: np.ndarray | None = None) -> np.ndarray:
    """Whether each label touches the border of the volume or lies within two voxels of the outside of the view."""
    cut = np.zeros(int(labels.max()) + 1, dtype=bool)
    for axis in range(3):
        for end in (0, -1):
            cut[np.unique(np.take(labels, end, axis=axis))] = True
    if seen is not None:
        cut[np.unique(labels[view.edge(seen)])] = True
    cut[0] = False
    return cut
