"""A shard exists whole or not at all, whatever happens: interrupts, kills, races, full disks."""

import errno
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from library_toys import MODEL, empty_library, recipe, record, tree, write_library, write_shard

from nmcfast.errors import DamageError, InputError, NoSpaceError
from nmcfast.export import files, root, shards
from nmcfast.export.formats import BULK
from nmcfast.export.verify import verify
from nmcfast.export.zarr import ShardWriter

TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_library(tmp_path_factory.mktemp("library") / "lib.zarr")


def left_over(library: Path) -> list[Path]:
    return list(library.parent.rglob(".tmp-*"))


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda: replace(record(5), index=9), ValueError),
        (lambda: replace(record(4), labels=None), InputError),
        (lambda: replace(record(4), angle=np.zeros(2)), InputError),
    ],
)
def test_a_wrong_record_leaves_nothing_behind(tmp_path: Path, wrong: Callable[[], Any], error: type) -> None:
    library, made = empty_library(tmp_path)
    shard = ShardWriter(library, 1, 3, made)
    shard.add(record(3))
    with pytest.raises(error):
        shard.add(wrong())
    assert left_over(library) == []
    assert shards.committed_shards(library) == []


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    library, made = empty_library(tmp_path)
    with pytest.raises(KeyboardInterrupt), ShardWriter(library, 0, 0, made) as shard:
        shard.add(record(0))
        raise KeyboardInterrupt
    assert left_over(library) == []


def test_everything_is_on_the_disk_before_the_shard_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library, made = empty_library(tmp_path)
    calls: list[str] = []
    flush, rename = os.fsync, os.rename

    def noted_flush(descriptor: int) -> None:
        calls.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        flush(descriptor)

    def noted_rename(old: Path, new: Path) -> None:
        calls.append("rename")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", noted_flush)
    monkeypatch.setattr(os, "rename", noted_rename)
    write_shard(library, 0, made)
    at = calls.index("rename")
    draft = Path(os.path.commonpath(calls[:at]))
    final = library / "shards/000000"
    inside = {str(p.relative_to(final)) for p in final.rglob("*")} | {"."}
    assert {str(Path(p).relative_to(draft)) for p in calls[:at]} == inside
    assert calls[at + 1 :] == [str(library / "shards")]


def test_of_two_writers_of_a_shard_the_first_wins_and_both_succeed(library: Path, tmp_path: Path) -> None:
    raced, made = empty_library(tmp_path)
    writers = [ShardWriter(raced, 0, 0, made) for _ in range(2)]
    for index in range(3):
        for writer in writers:
            writer.add(record(index))
    for writer in writers:
        writer.commit()
    assert left_over(raced) == []
    assert tree(raced / "shards/000000") == tree(library / "shards/000000")


def test_a_shard_that_differs_from_the_one_there_is_reported(tmp_path: Path) -> None:
    library, made = empty_library(tmp_path)
    write_shard(library, 0, made)
    before = tree(library)
    with (
        pytest.raises(DamageError, match="000000: exists and differs"),
        ShardWriter(library, 0, 0, made) as shard,
    ):
        for index in range(3):
            shard.add(replace(record(index), box_origin=np.zeros(3)))
        shard.commit()
    assert tree(library) == before


RUN = f"""
import sys; sys.path.insert(0, {str(TESTS)!r})
from pathlib import Path
from library_toys import MODEL, recipe, write_shard
from nmcfast.errors import NoSpaceError
from nmcfast.export import root, shards, verify
library, made = Path(sys.argv[1]), recipe(count=24, format=sys.argv[2])
print("go", flush=True)
try:
    root.create_library(library, made, MODEL)
    for number in sorted(set(range(8)) - set(shards.committed_shards(library))):
        write_shard(library, number, made)
    root.finish_library(library)
except NoSpaceError as error:
    report = verify.verify(library)
    print(error, "sound:", report.ok, "shards:", report.shards, "left over:", *library.parent.rglob(".tmp-*"))
"""


@pytest.mark.parametrize("form", BULK)
def test_a_run_killed_at_any_moment_and_repeated_gives_the_same_bytes(tmp_path: Path, form: str) -> None:
    """6 kills after 0 to 60 ms of a run of about 200 ms, then a run to the end."""
    whole = write_library(tmp_path / "whole.zarr", count=24, format=form)
    (tmp_path / "killed").mkdir()
    library, rng = tmp_path / "killed" / "lib.zarr", random.Random(1)
    kills = 0
    for _ in range(6):
        run = subprocess.Popen([sys.executable, "-c", RUN, library, form], stdout=subprocess.PIPE)
        with run:
            assert run.stdout is not None
            run.stdout.readline()
            time.sleep(rng.uniform(0, 0.06))
            run.send_signal(signal.SIGKILL)
        kills += run.returncode == -signal.SIGKILL
        if library.exists():
            report = verify(library)
            assert report.ok, report.problems
    assert kills >= 3
    subprocess.run([sys.executable, "-c", RUN, library, form], check=True, stdout=subprocess.DEVNULL)
    assert left_over(library) == []
    assert tree(library) == tree(whole)


@pytest.mark.parametrize("form", BULK)
def test_two_processes_at_once_give_the_same_bytes(tmp_path: Path, form: str) -> None:
    whole = write_library(tmp_path / "whole.zarr", count=24, format=form)
    (tmp_path / "both").mkdir()
    library = tmp_path / "both" / "lib.zarr"
    runs = [subprocess.Popen([sys.executable, "-c", RUN, library, form], stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [run.wait() for run in runs] == [0, 0]
    assert tree(library) == tree(whole)


def test_only_what_dead_processes_of_this_machine_left_is_swept(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = {who: files.temporary(tmp_path / "000001").name for who in ("alive", "dead", "elsewhere")}
    names["dead"] = names["dead"].replace(f"-{os.getpid()}-", f"-{dead.pid}-")
    names["elsewhere"] = names["dead"].replace(".tmp-", ".tmp-other")
    for name in names.values():
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    (tmp_path / ".tmp-not-ours").mkdir()
    assert files.sweep(tmp_path) == 1
    assert {p.name for p in tmp_path.iterdir()} == {names["alive"], names["elsewhere"], ".tmp-not-ours"}


@pytest.mark.parametrize("room", [0, 300, 3_000, 20_000])
def test_a_full_disk_is_one_clear_error_and_the_run_can_go_on(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    full, made = empty_library(tmp_path)
    write_shard(full, 0, made)
    left, write = [room], files.HashedFile.write

    def limited(self: files.HashedFile, data: bytes) -> None:
        left[0] -= len(data)
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(files.HashedFile, "write", limited)
        with pytest.raises(NoSpaceError, match=r"shards/000001: no space left on the disk; 1 of 3 shards"):
            write_shard(full, 1, made)
    assert left_over(full) == []
    assert verify(full).ok
    for number in (1, 2):
        write_shard(full, number, made)
    root.finish_library(full)
    assert tree(full) == tree(library)


@pytest.mark.parametrize("form", BULK)
def test_a_real_full_disk(tmp_path: Path, form: str) -> None:
    """A tmpfs of 1 MiB, in a mount namespace of its own, holds 1 to 7 of 8 shards."""
    mount = ["sh", "-c", 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"', str(tmp_path)]
    apart = ["unshare", "--mount", *mount]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], capture_output=True).returncode:
        pytest.skip("this system lets us mount no tmpfs")
    command = [*apart, sys.executable, "-c", RUN, str(tmp_path / "lib.zarr"), form]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert re.search(r"no space left .* [1-7] of 8 shards .* sound: True shards: [1-7] left over:$", said), said


def test_a_library_is_continued_only_with_the_same_recipe(tmp_path: Path) -> None:
    library, made = empty_library(tmp_path)
    write_shard(library, 0, made)
    before = tree(library)
    root.create_library(library, made, MODEL)
    with pytest.raises(InputError, match=r"lib.zarr: made with seed = 3, asked for 4"):
        root.create_library(library, recipe(seed=4), MODEL)
    with pytest.raises(InputError, match="model_sha256"):
        root.create_library(library, made, b"another model")
    with pytest.raises(InputError, match="format 'hdf6' is not known, expected one of"):
        root.create_library(library, recipe(format="hdf6"), MODEL)
    assert tree(library) == before


def test_something_else_is_never_written_into_or_removed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("years")
    (tmp_path / "file").write_text("x")
    for name in ("folder", "file"):
        with pytest.raises(InputError, match=f"{name}: not an nmcfast library"):
            root.create_library(tmp_path / name, recipe(), MODEL)
        with pytest.raises(InputError, match="refused to remove"):
            root.remove_library(tmp_path / name)
    assert sorted(tree(tmp_path)) == ["file", "folder/thesis.tex"]


def test_an_empty_folder_becomes_a_library_and_goes_again(tmp_path: Path) -> None:
    (tmp_path / "lib.zarr").mkdir()
    library, _ = empty_library(tmp_path)
    assert root.read_recipe(library) == recipe()
    root.remove_library(library)
    assert list(tmp_path.iterdir()) == []


def test_a_library_is_sealed_only_when_all_shards_exist(tmp_path: Path) -> None:
    library, made = empty_library(tmp_path)
    assert root.finish_library(library) is None
    assert not (library / root.SEAL).exists()
    with pytest.raises(InputError, match="shard 3 does not exist, expected 0 to 2"):
        shards.shard_range(made, 3)


def test_of_two_that_make_a_library_the_first_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = os.rename

    def late(old: Path, new: Path) -> None:
        monkeypatch.setattr(os, "rename", rename)
        empty_library(tmp_path)
        rename(old, new)

    monkeypatch.setattr(os, "rename", late)
    library, made = empty_library(tmp_path)
    assert root.read_recipe(library) == made
    assert left_over(library) == []


def test_continuing_sweeps_what_the_dead_left(tmp_path: Path) -> None:
    library, made = empty_library(tmp_path)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for path in (library, library / root.SEAL, library / "shards/000002"):
        name = files.temporary(path).name.replace(f"-{os.getpid()}-", f"-{dead.pid}-")
        (path.parent / name).mkdir()
    assert len(left_over(library)) == 3
    root.create_library(library, made, MODEL)
    assert left_over(library) == []


def test_making_a_library_sweeps_what_the_dead_left(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    name = files.temporary(tmp_path / "lib.zarr").name.replace(f"-{os.getpid()}-", f"-{dead.pid}-")
    (tmp_path / name).mkdir()
    empty_library(tmp_path)
    assert left_over(tmp_path / "lib.zarr") == []


def test_a_place_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be made"):
        root.create_library(tmp_path / "file" / "lib.zarr", recipe(), MODEL)
