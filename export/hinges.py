"""Voxels that hang together: what a mesh of elements needs, and a label volume need not have.

A part that no face joins to the body moves by itself: it is left out. Two cells that share an edge or a corner and are
not joined around it by faces are a hinge, which turns freely there or takes up a force that grows without end as
the mesh is refined: voxels are filled until there is none. Both are the same for the same labels, and counted.
"""

from dataclasses import dataclass, fields
from itertools import product

import numpy as np
from scipy import ndimage

_CUBE = tuple(product((0, 1), repeat=3))  # the eight cells around a node, z y x; cell k is bit k of a code


@dataclass(frozen=True)
class Mended:
    """What was done to the voxels of one particle: parts and voxels left out, voxels filled, voxels there now."""

    loose_parts: int
    loose_voxels: int
    filled_voxels: int
    voxels: int

    def __add__(self, other: "Mended") -> "Mended":
        return Mended(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def mend(labels: np.ndarray) -> tuple[np.ndarray, Mended]:
    """The labels (nz, ny, nx) of the largest face-connected part, 0 outside, without a hinge; and what that took.

    A filled voxel gets the label that most of its face neighbours have, the lowest of several.
    """
    parts, count = ndimage.label(labels > 0)
    sizes = np.bincount(parts.ravel(), minlength=2)[1:]
    body = parts == 1 + int(np.argmax(sizes)) if count else labels > 0
    kept = np.where(body, labels, 0).astype(labels.dtype)
    solid = _filled(body)
    done = Mended(
        loose_parts=max(count - 1, 0),
        loose_voxels=int(sizes.sum() - np.count_nonzero(body)),
        filled_voxels=int(np.count_nonzero(solid) - np.count_nonzero(body)),
        voxels=int(np.count_nonzero(solid)),
    )
    return _labelled(kept, solid), done


def hinges(solid: np.ndarray) -> int:
    """How many nodes of the voxels of a mask (nz, ny, nx) are on a hinge."""
    return int(np.count_nonzero(_FILL[_codes(np.pad(solid, 1))]))


def _codes(padded: np.ndarray) -> np.ndarray:
    """Which of the eight cells around each inner node of a padded mask are in it, a bit each."""
    codes = np.zeros([n - 1 for n in padded.shape], np.uint8)
    for bit, part in enumerate(_parts(padded.shape)):
        codes |= padded[part].astype(np.uint8) << np.uint8(bit)
    return codes


def _parts(shape: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """For each of the eight cells around a node, where it is in a padded mask for all inner nodes."""
    return [tuple(slice(step, n - 1 + step) for step, n in zip(cell, shape, strict=True)) for cell in _CUBE]


def _filled(body: np.ndarray) -> np.ndarray:
    """The mask with as few voxels more about each hinge as join its cells by faces; it only grows, so this ends."""
    padded = np.pad(body, 1)
    while True:
        more = _FILL[_codes(padded)]
        if not more.any():
            break
        for bit, part in enumerate(_parts(padded.shape)):
            padded[part] |= (more >> np.uint8(bit) & np.uint8(1)).astype(bool)
    return padded[1:-1, 1:-1, 1:-1]


def _labelled(labels: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """The labels with those of filled voxels, from the inside out."""
    out = np.pad(labels, 1)
    empty = np.argwhere(np.pad(solid, 1) & (out == 0))
    while len(empty):
        steps = np.concatenate([np.eye(3, dtype=int), -np.eye(3, dtype=int)])
        around = np.stack([out[tuple((empty + step).T)] for step in steps], axis=1).astype(np.int64)
        votes = (around[:, :, None] == around[:, None, :]).sum(axis=2) * (around > 0)
        best = np.where(votes == votes.max(axis=1, keepdims=True), around, np.iinfo(np.int64).max).min(axis=1)
        found = votes.max(axis=1) > 0
        out[tuple(empty[found].T)] = best[found]
        empty = empty[~found]
    return out[1:-1, 1:-1, 1:-1]


def _is_sound(code: int) -> bool:
    """Whether the cells of a code are joined by faces around their node, and along each edge from it."""
    cells = [np.array(cell) for k, cell in enumerate(_CUBE) if code >> k & 1]
    if not cells:
        return True
    cube = np.zeros((2, 2, 2), bool)
    cube[tuple(np.array(cells).T)] = True
    for axis, layer in product(range(3), (0, 1)):
        four = cube.take(layer, axis)
        if four[0, 0] == four[1, 1] and four[0, 1] == four[1, 0] and four[0, 0] != four[0, 1]:
            return False
    return bool(ndimage.label(cube)[1] == 1)


def _fill_table() -> np.ndarray:
    """For each code (256,) the cells to fill: as few as make it sound, then those of the lowest number."""
    sound = [code for code in range(256) if _is_sound(code)]
    best = [min((s for s in sound if s & code == code), key=lambda s: (s.bit_count(), s)) for code in range(256)]
    return np.array([s & ~code for code, s in enumerate(best)], np.uint8)


_FILL = _fill_table()
