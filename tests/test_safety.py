"""Libraries of strangers: nothing outside is read, nothing waits, nothing is allocated beyond the caps."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from library_toys import write_library
from test_verify import change_json

from nmcfast.errors import DamageError
from nmcfast.export import records
from nmcfast.export.verify import verify
from nmcfast.library.open import open_library

NAME = "grains/offset"


def outside(file: h5py.File) -> None:
    with h5py.File(Path(file.filename).with_name("other.h5"), "w") as other:
        other["values"] = np.zeros(file[NAME].shape, "<f4")


def external_link(file: h5py.File) -> None:
    outside(file)
    del file[NAME]
    file[NAME] = h5py.ExternalLink("other.h5", "values")


def soft_link(file: h5py.File) -> None:
    file["aside"] = file[NAME]
    del file[NAME]
    file[NAME] = h5py.SoftLink("/aside")


def linked_group(file: h5py.File) -> None:
    file.move("grains", "aside")
    file["grains"] = h5py.SoftLink("/aside")


def virtual(file: h5py.File) -> None:
    outside(file)
    shape = file[NAME].shape
    del file[NAME]
    layout = h5py.VirtualLayout(shape, "<f4")
    layout[:] = h5py.VirtualSource("other.h5", "values", shape)
    file.create_virtual_dataset(NAME, layout)


def stored_outside(file: h5py.File) -> None:
    shape, raw = file[NAME].shape, Path(file.filename).with_name("raw")
    raw.write_bytes(bytes(4 * shape[0]))
    del file[NAME]
    file.create_dataset(NAME, shape, "<f4", external=str(raw))


@pytest.mark.parametrize("change", [external_link, soft_link, linked_group, virtual, stored_outside])
def test_an_hdf5_shard_reads_no_other_file(tmp_path: Path, change: Callable[[h5py.File], None]) -> None:
    path = write_library(tmp_path / "lib", format="hdf5", count=1, shard_size=1)
    assert len(open_library(path).record(0).offset) == 5
    with h5py.File(path / "shards/000000/shard.h5", "r+") as file:
        change(file)
    with pytest.raises(DamageError, match=r"grains/\w+ cannot be opened \(grains.* (or a link|in another file)\)"):
        open_library(path).record(0)
    assert not verify(path).ok


@pytest.mark.parametrize(("form", "name"), [("zarr", "grains/offset/c/0"), ("hdf5", "shard.h5")])
@pytest.mark.parametrize("place", [os.mkfifo, lambda path: path.symlink_to(path.with_name("elsewhere"))])
def test_pipes_and_links_in_place_of_a_file_are_refused(
    tmp_path: Path, form: str, name: str, place: Callable[[Path], None]
) -> None:
    path = write_library(tmp_path / "lib", format=form, count=1, shard_size=1)
    victim = path / "shards/000000" / name
    shutil.move(victim, victim.with_name("elsewhere"))
    place(victim)
    with pytest.raises(DamageError, match="not a regular file"):
        open_library(path).record(0)
    assert any(f"{name}: not a regular file" in line for line in verify(path).problems)


def test_a_shard_behind_a_link_is_missing(tmp_path: Path) -> None:
    path = write_library(tmp_path / "lib", count=1, shard_size=1)
    shutil.move(path / "shards/000000", tmp_path / "elsewhere")
    (path / "shards/000000").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DamageError, match="shard 000000 is missing"):
        open_library(path).record(0)
    assert len(open_library(path).table) == 0


def test_what_a_file_declares_is_not_allocated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_library(tmp_path / "lib", count=1, shard_size=1)
    change_json(path / "shards/000000/labels/zarr.json", lambda d: None)
    monkeypatch.setattr(records, "LARGEST_LABELS", 100)
    with pytest.raises(DamageError, match=r"labels says it takes \d+ bytes, at most 100 are read"):
        open_library(path).labels(0)
    monkeypatch.setattr(records, "LARGEST_TABLE", 399)
    with pytest.raises(DamageError, match="shell/coefficients says it takes 400 bytes, at most 399"):
        open_library(path).record(0)
    monkeypatch.setattr(records, "LARGEST_TABLE", 400)
    assert open_library(path).record(0).coefficients.shape == (100,)
