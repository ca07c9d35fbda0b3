"""nmcfast/sizes.py: how large particles come out, and how many of them a shard takes when nobody says."""

from pathlib import Path

import pytest
from test_generate import SMALL

from nmcfast import load_model
from nmcfast.bulk import generate_library, library_recipe
from nmcfast.export import root, shards
from nmcfast.sizes import SHARD_BYTES, bytes_each, particles_of_shard

MODEL = load_model("nmc811")
HOW = {"format": "zarr", "labels": True, "voxel_size": 0.05}


def test_a_shard_takes_tens_of_megabytes_whatever_is_stored() -> None:
    for changed in ({}, {"labels": False}, {"voxel_size": 0.1}, {"voxel_size": 0.02}, {"format": "hdf5"}):
        how = {**HOW, **changed}
        size = particles_of_shard(MODEL, 10**6, **how, where="") * bytes_each(MODEL, **how)
        assert SHARD_BYTES / 2 <= size <= SHARD_BYTES, changed
    assert particles_of_shard(MODEL, 10**6, **{**HOW, "format": "vtu"}, where="") == 1


def test_larger_particles_are_fewer_in_a_shard() -> None:
    some = [
        particles_of_shard(MODEL, 10**6, **HOW, where=where)
        for where in ("", "d_max > 12", "d_max > 1e9 or d_max > 14")
    ]
    assert some[0] >= 4 * some[1] >= 4 * some[2] > 0


def test_a_small_library_has_shards_for_several_workers() -> None:
    assert particles_of_shard(MODEL, 100, **HOW, where="") == 13
    assert particles_of_shard(MODEL, 1, **HOW, where="") == 1


@pytest.mark.parametrize("form", ["zarr", "hdf5", "vtu"])
@pytest.mark.parametrize("labels", [True, False])
def test_what_is_foreseen_is_found_within_a_factor(tmp_path: Path, form: str, labels: bool) -> None:
    """Particles of the small model have 40 grains instead of thousands: the rows of a shard weigh more there."""
    generate_library(tmp_path / "lib", SMALL, count=16, seed=3, format=form, labels=labels, shard_size=16)
    found = shards.weight(tmp_path / "lib", 0) / 16
    assert 0.3 < bytes_each(SMALL, format=form, labels=labels, voxel_size=0.05) / found < 2.0


def test_the_recipe_has_the_number_and_no_other_gives_the_same_library(tmp_path: Path) -> None:
    options = {"count": 40, "seed": 3, "labels": False, "voxel_size": 0.05, "format": "zarr"}
    recipe = library_recipe(SMALL, shard_size=None, **options)
    assert recipe["shard_size"] == 5
    assert library_recipe(SMALL, shard_size=5, **options) == recipe
    assert library_recipe(SMALL, shard_size=None, **{**options, "seed": 4})["shard_size"] == 5
    generate_library(tmp_path / "lib", SMALL, count=40, seed=3, labels=False, shard_range=range(1))
    assert root.read_recipe(tmp_path / "lib") == recipe
