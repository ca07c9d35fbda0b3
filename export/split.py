"""Which particles are for training, validation and test: fixed by the format, the same in every library.

Seed and number alone decide, not the model: particles drawn from the same random numbers resemble each other whatever
the model, format, voxel size or slice, and so never lie on both sides.
"""

import hashlib
from collections.abc import Iterable

import numpy as np

PARTS = ("train", "val", "test")
_OF_TEN = ("train",) * 8 + ("val", "test")
RULE = (
    "SHA-256 of the ASCII text `nmcfast split 1 SEED INDEX`, its first 8 bytes as a big-endian number, modulo 10: "
    "0 to 7 train, 8 val, 9 test"
)


def split_of(seed: int, indices: Iterable[int]) -> np.ndarray:
    """The part of each particle, (n,) strings of `PARTS`, by `RULE`."""
    return np.array([_OF_TEN[_hash(seed, index) % 10] for index in indices], "<U5")


def _hash(seed: int, index: int) -> int:
    return int.from_bytes(hashlib.sha256(f"nmcfast split 1 {seed} {index}".encode()).digest()[:8], "big")
