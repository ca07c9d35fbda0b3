"""Shards over executors of any kind: the bytes of one process, whatever becomes of a worker."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from library_toys import tree
from test_generate import SMALL

from nmcfast.bulk import _make_one, generate_library
from nmcfast.cli import main
from nmcfast.errors import InputError, MissingExtraError, NmcfastError
from nmcfast.workers import clusters
from nmcfast.workers.clusters import Cluster, dask_cluster, wait_until, work_over

LIBRARY: dict[str, Any] = {"count": 7, "seed": 3, "shard_size": 2, "labels": False}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "lib"
    generate_library(path, SMALL, **LIBRARY)
    return path


def test_executors_make_the_bytes_of_one_process(sound: Path, tmp_path: Path) -> None:
    told: list[int] = []
    with ThreadPoolExecutor(2) as threads:
        generate_library(
            tmp_path / "threads", SMALL, **LIBRARY, executor=threads, workers=2, progress=lambda i, _: told.append(i)
        )
    assert sorted(told) == list(range(7))
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        made = generate_library(tmp_path / "processes", SMALL, **LIBRARY, executor=processes)
    assert made.root_sha256 is not None
    assert tree(tmp_path / "threads") == tree(tmp_path / "processes") == tree(sound)


class Lost(Exception):
    """What a cluster says when a worker went."""


class Fragile(Executor):
    """Does tasks at once; loses the worker of task 2 so many times, and notes what was under way."""

    def __init__(self, losses: int, error: type[Exception] = Lost) -> None:
        self.losses, self.error, self.submitted = losses, error, list[int]()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        self.submitted.append(args[0])
        if args[0] == 2 and self.losses:
            self.losses -= 1
            future.set_exception(self.error())
        else:
            future.set_result(fn(*args))
        return future


def test_a_task_whose_worker_went_is_given_to_another_and_not_blamed() -> None:
    seen: list[int] = []
    executor = Fragile(5)
    work_over(Cluster(executor, lambda: 1, Lost), range(4), lambda n: n, seen.append)
    assert sorted(seen) == [0, 1, 2, 3] and executor.submitted.count(2) == 6
    with pytest.raises(NmcfastError, match="task 2: lost its worker 20 times"):
        work_over(Cluster(Fragile(99), lambda: 1, Lost), range(4), lambda n: n, seen.append)
    with pytest.raises(Lost):
        work_over(Cluster(Fragile(1), lambda: 1), range(4), lambda n: n, seen.append)
    with pytest.raises(NmcfastError, match=r"the executor broke .*: run the same again"):
        work_over(Cluster(Fragile(1, BrokenExecutor), lambda: 1), range(4), lambda n: n, seen.append)


def test_no_more_is_under_way_than_there_is_room_for_and_an_error_cancels_the_rest() -> None:
    begun, gate = list[int](), threading.Event()

    def fail_first(number: int) -> int:
        begun.append(number)
        gate.wait(10)
        raise InputError(f"task {number}: wrong")

    with ThreadPoolExecutor(1) as pool:
        threading.Timer(0.2, gate.set).start()
        with pytest.raises(InputError, match=r"task [012]: wrong"):
            work_over(Cluster(pool, lambda: 3), range(1000), fail_first, begun.append)
    assert len(begun) <= 3  # of those submitted, the ones that ran before they were cancelled


def test_what_a_lost_worker_of_another_machine_began_goes_when_its_shard_is_made(sound: Path, tmp_path: Path) -> None:
    library = tmp_path / "lib"
    generate_library(library, SMALL, **LIBRARY, shard_range=range(2))
    begun, going, other = (f".tmp-elsewhere-77-0a0b0c0d-{name}" for name in ("000002", "000003", "000001"))
    for name in (begun, going, other):
        (library / "shards" / name / "grains").mkdir(parents=True)
    later = time.time() + 3600.0
    os.utime(library / "shards" / going / "grains", (later, later))
    with ThreadPoolExecutor(1) as pool:
        generate_library(library, SMALL, **LIBRARY, executor=pool)
    assert {p.name for p in (library / "shards").glob(".tmp-*")} == {going, other}
    for name in (going, other):
        (library / "shards" / name / "grains").rmdir()
        (library / "shards" / name).rmdir()
    assert tree(library) == tree(sound)


def test_a_worker_that_sees_another_folder_says_so(sound: Path, tmp_path: Path) -> None:
    for path in (sound, tmp_path):
        with pytest.raises(InputError, match="not the library that is made: workers need the same folder"):
            _make_one(str(path), "0" * 64, 0)


def test_what_others_write_may_show_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_LOOK", 0.0)
    answers = iter([False, False, True])
    assert wait_until(lambda: next(answers), 60.0)
    assert not wait_until(lambda: False, 0.0)


def test_a_missing_dask_and_a_silent_scheduler_are_one_line(monkeypatch, tmp_path: Path, capsys) -> None:
    with monkeypatch.context() as patch, pytest.raises(MissingExtraError, match=r"pip install 'nmcfast\[dask\]'"):
        patch.setitem(sys.modules, "distributed", None)
        with dask_cluster("tcp://127.0.0.1:1"):
            pass
    pytest.importorskip("distributed", reason="Dask is not installed")
    monkeypatch.setattr(clusters, "_ANSWER", 0.5)
    for address in ("tcp://127.0.0.1:1", "nonsense://x"):
        assert main(["generate", str(tmp_path / "lib"), "--scheduler", address]) == 2
        assert f"--scheduler {address}: no Dask scheduler answers" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_dask_with_a_worker_killed_makes_the_same_library(sound: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed")
    address, processes = start_dask(tmp_path, workers=2)
    try:
        with dask_cluster(address) as cluster:
            killed = list[int]()

            def kill(index: int, _: int) -> None:
                if not killed:
                    killed.append(index)
                    os.kill(processes[1].pid, signal.SIGKILL)

            generate_library(tmp_path / "lib", SMALL, **LIBRARY, executor=cluster, progress=kill)
        assert killed
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert tree(tmp_path / "lib") == tree(sound)  # and nothing that the killed one had begun


def start_dask(folder: Path, workers: int) -> tuple[str, list["subprocess.Popen[bytes]"]]:
    """A scheduler on the loopback and its workers, as processes that can be killed."""
    told, program = folder / "scheduler.json", [sys.executable, "-m", "distributed.cli"]
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(told)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    scheduler = subprocess.Popen([program[0], "-m", "distributed.cli.dask_scheduler", *options], **quiet)
    joined = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--scheduler-file", str(told)]
    command = [program[0], "-m", "distributed.cli.dask_worker", *joined]
    started = [scheduler, *(subprocess.Popen(command, **quiet) for _ in range(workers))]
    import json

    deadline = time.monotonic() + 60.0
    while not told.is_file() and time.monotonic() < deadline:
        time.sleep(0.1)
    return json.loads(told.read_text())["address"], started
