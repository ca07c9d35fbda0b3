"""The split is a promise to those who compare results: these numbers never change."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from library_toys import write_library

from nmcfast.errors import InputError
from nmcfast.export.split import PARTS, split_of
from nmcfast.library.open import open_library


def test_known_particles_stay_in_their_part() -> None:
    parts = split_of(1, range(40))
    assert np.flatnonzero(parts == "val").tolist() == [1, 8, 13, 27, 31, 35]
    assert np.flatnonzero(parts == "test").tolist() == [2, 5, 15, 18, 22, 24, 34]
    assert split_of(2**64 - 1, [2**64 - 1]).tolist() == ["train"]
    digest = hashlib.sha256("".join(split_of(7, range(10_000))).encode()).hexdigest()
    assert digest == "32992df513fe9e926c973f4db5fccef2908e9eb844fc382adcb3c51d9047002a"


def test_four_fifths_train_whatever_the_seed() -> None:
    for seed in range(3):
        parts = split_of(seed, range(20_000))
        share = [np.count_nonzero(parts == part) / len(parts) for part in PARTS]
        assert share == pytest.approx([0.8, 0.1, 0.1], abs=4 * np.sqrt(0.09 / len(parts)))


def test_a_slice_keeps_the_parts_and_no_particle_is_in_two(tmp_path: Path) -> None:
    whole = open_library(write_library(tmp_path / "whole", count=40, shard_size=9))
    cut = open_library(write_library(tmp_path / "cut", first=10, count=20, shard_size=7, format="hdf5"))
    numbers = [whole.split(part) for part in PARTS]
    assert sorted(np.concatenate(numbers).tolist()) == list(range(40))
    for part, held in zip(PARTS, numbers, strict=True):
        assert cut.split(part).tolist() == [n for n in held.tolist() if 10 <= n < 30]
        assert whole.query(f"split == '{part}'").tolist() == held.tolist()
    index = cut.index()
    assert index["row"].tolist() == [*range(7), *range(7), *range(6)]
    assert index["shard"].tolist() == [0] * 7 + [1] * 7 + [2] * 6
    with pytest.raises(InputError, match="split: found 'validation', expected one of train, val, test"):
        whole.split("validation")
