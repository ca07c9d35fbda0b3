"""What ends a run from outside, and what no run may begin: one line, the right exit code, nothing left or lost."""

import fcntl
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from library_toys import tree, write_library
from processes import members
from safetensors.numpy import load, save
from test_generate import SMALL

from nmcfast.bulk import generate_library
from nmcfast.cli import main
from nmcfast.cli.interruption import interruptible
from nmcfast.errors import InputError, NmcfastError
from nmcfast.export import files, lock
from nmcfast.export.verify import verify
from nmcfast.kernels import _cache
from nmcfast.model import model_from_bytes
from nmcfast.workers.processes import Progress, Task, work_on

PROGRAM = [sys.executable, "-m", "nmcfast"]


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model's file; what its particles need is compiled, so that programs begin at once."""
    generate_library(tmp_path_factory.mktemp("first") / "lib", SMALL, count=1, labels=False)
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    path.write_bytes(SMALL.to_bytes())
    return path


def call(capsys: pytest.CaptureFixture, *arguments: object) -> tuple[int, str, list[str]]:
    """Exit code, stdout and the lines of stderr of one command."""
    code = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err.strip().splitlines()


# processes


def start(folder: Path, model_file: Path, count: int, workers: int) -> "subprocess.Popen[str]":
    options = ["--model", str(model_file), "--count", str(count), "--seed", "3", "--shard-size", "2"]
    return subprocess.Popen(
        [*PROGRAM, "generate", str(folder / "lib"), *options, "--workers", str(workers), "--no-labels"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: [signal.signal(n, signal.SIG_DFL) for n in (signal.SIGINT, signal.SIGHUP)],
    )


def wait_for_shards(folder: Path, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 400.0
    while not list(folder.glob("lib/shards/0*")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("sent", "workers", "count"),
    [(signal.SIGINT, 2, 40_000), (signal.SIGTERM, 1, 4_000), (signal.SIGTERM, 2, 4_000), (signal.SIGHUP, 2, 4_000)],
)
def test_a_signal_ends_a_run_soon_and_wholly(
    tmp_path: Path, model_file: Path, sent: signal.Signals, workers: int, count: int
) -> None:
    """Also one of 20,000 shards: no worker lives on, nothing half-written stays, one line, exit 5; twice is once."""
    process = start(tmp_path, model_file, count, workers)
    wait_for_shards(tmp_path, process)
    process.send_signal(sent)
    process.send_signal(sent)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 5, err
    assert [line for line in err.splitlines() if "compiling" not in line] == [
        "nmcfast: interrupted; run the same command again to continue"
    ]
    assert not members(process.pid)
    assert not list(tmp_path.rglob(".tmp-*"))
    assert verify(tmp_path / "lib").ok


def test_workers_end_with_their_parent(tmp_path: Path, model_file: Path) -> None:
    process = start(tmp_path, model_file, 4_000, 2)
    wait_for_shards(tmp_path, process)
    assert len(members(process.pid)) > 2
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 60.0
    while members(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not members(process.pid)


def _not_ready() -> Task:
    raise InputError("no model")


def _do(folder: Path, number: int, tell: Progress) -> None:
    """Task 3 kills its worker, whatever else is at work then."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    tell(number, 1)
    (folder / f"{number}.done").touch()


def _ready(folder: Path) -> Task:
    return partial(_do, folder)


def _fail(number: int, tell: Progress) -> None:
    raise InputError(f"task {number}: wrong")


def _ready_to_fail() -> Task:
    return _fail


def test_a_killed_worker_takes_its_task_with_it_and_no_other(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    assert work_on(range(8), partial(_ready, tmp_path), 2, lambda *message: told.append(message)) == [3]
    assert sorted(p.stem for p in tmp_path.glob("*.done")) == [str(n) for n in range(8) if n != 3]
    assert {number for number, _ in told} == {0, 1, 2, 4, 5, 6, 7}
    assert not multiprocessing.active_children()


def test_an_error_of_a_task_or_of_a_start_is_that_error() -> None:
    with pytest.raises(InputError, match="task 0: wrong"):
        work_on(range(1), _ready_to_fail, 2)
    with pytest.raises(InputError, match="no model"):
        work_on(range(100_000), _not_ready, 2)
    assert not multiprocessing.active_children()


def test_a_shard_whose_worker_is_killed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmcfast.bulk.work_on", lambda *_: [1, 4])
    with pytest.raises(NmcfastError, match=r"lib: shard 000001, 000004: the worker was killed.*MiB.*fewer --workers"):
        generate_library(tmp_path / "lib", SMALL, count=10, shard_size=2, workers=2)


# who works on what


def test_a_library_in_the_making_is_not_removed_under_it(tmp_path: Path) -> None:
    path = tmp_path / "lib"
    generate_library(path, SMALL, count=2, seed=3, labels=False)
    with lock.at_work(path) as there, lock.at_work(path) as both:
        assert there and both
        with pytest.raises(InputError, match="lib: another process is making it: stop that one first"):
            generate_library(path, SMALL, count=3, seed=3, labels=False, overwrite=True)
    assert verify(path).ok and verify(path).particles == 2
    generate_library(path, SMALL, count=3, seed=3, labels=False, overwrite=True)
    assert verify(path).particles == 3


def test_a_library_that_went_while_one_waited_is_not_the_one_at_its_path(tmp_path: Path) -> None:
    path = tmp_path / "lib"
    with lock.at_work(path) as there:
        assert not there
    path.mkdir()
    folder = os.open(path, os.O_RDONLY)
    assert lock._is_still(folder, path)
    path.rename(tmp_path / "other")
    assert not lock._is_still(folder, path)
    path.mkdir()
    assert not lock._is_still(folder, path)
    os.close(folder)


def test_where_nothing_can_be_locked_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with lock.at_work(tmp_path) as there, lock.alone(tmp_path, "wait"):
        assert there


def test_a_finished_library_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lib"
    made = generate_library(path, SMALL, count=3, seed=3, shard_size=2, format="hdf5")
    before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in path.rglob("*")}
    monkeypatch.setattr(files, "write_file", lambda *_: pytest.fail("wrote"))
    assert generate_library(path, SMALL, count=3, seed=3, shard_size=2, format="hdf5").root_sha256 == made.root_sha256
    assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in path.rglob("*")} == before


def test_a_run_that_fails_leaves_no_empty_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise InputError("no")

    monkeypatch.setattr("nmcfast.bulk.make_shard", fail)
    with pytest.raises(InputError):
        generate_library(tmp_path / "lib", SMALL, count=2)
    assert not list(tmp_path.iterdir())


# what cannot be


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--shards", "²:3"), "--shards: found '²:3', expected I:J"),
        (("--workers", "²"), "--workers: found '²', expected auto or a number"),
        (("--voxel-size", "1e300"), "voxel_size: found 1e+300 µm, expected 0.0001 to 10000"),
        (("--voxel-size", "1e-300"), "voxel_size: found 1e-300 µm, expected 0.0001 to 10000"),
        (("--count", 10**12), "count = 1000000000000, shard_size = 4096, expected at most 1000000000 particles"),
        (("--count", 10**8, "--shard-size", 2), "in 1000000 shards: larger shards, or several libraries"),
    ],
)
def test_a_wrong_option_is_one_line_and_nothing_is_made(capsys, tmp_path, model_file, arguments, said) -> None:
    code, out, err = call(capsys, "generate", tmp_path / "lib", "--model", model_file, *arguments)
    assert (code, out, len(err)) == (2, "", 1) and said in err[0], err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
@pytest.mark.parametrize("command", ["generate", "verify", "release"])
def test_a_name_that_no_file_can_have_is_refused(capsys, command: str, name: str) -> None:
    code, _, err = call(capsys, command, name)
    assert code == 2 and len(err) == 1 and "no file can have this name" in err[0]


def test_what_only_the_user_can_change_is_no_fault_to_report(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(30, "Read-only file system", "lib/README.md")

    monkeypatch.setattr("nmcfast.library.check.verify_library", refuse)
    code, _, err = call(capsys, "verify", "lib")
    assert (code, err) == (
        1,
        ["nmcfast: lib/README.md: Read-only file system: choose another place, or make it writable"],
    )


def test_a_full_device_behind_stdout_is_exit_4() -> None:
    command = f"{sys.executable} -m nmcfast models > /dev/full"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (4, "nmcfast: stdout: no space left on the device\n")


def broken(change: Callable[[dict, dict], None]) -> bytes:
    """The small model's file with its tensors and its head changed."""
    data = SMALL.to_bytes()
    head = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["nmcfast"]
    tensors, said = load(data), json.loads(head)
    change(tensors, said)
    return save(tensors, {"nmcfast": json.dumps(said)})


def loud(tensors: dict, _: dict) -> None:
    tensors["net.0.weight"] = np.full_like(tensors["net.0.weight"], 1e38)


def whole(tensors: dict, _: dict) -> None:
    tensors["net.0.weight"] = tensors["net.0.weight"].astype(np.int32)


def odd(_: dict, said: dict) -> None:
    said["provenance"] = [1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (loud, r"not a finite number of at most 1e\+06"),
        (whole, r"net\.0\.weight: found numbers of type int32, expected float32"),
        (odd, r"provenance: found \[1\], expected a JSON object"),
    ],
)
def test_a_model_that_no_training_gives_is_refused(change: Callable[[dict, dict], None], said: str) -> None:
    with pytest.raises(InputError, match=said):
        model_from_bytes(broken(change), "model")


# what is not a library


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    path = write_library(tmp_path / "lib.zarr")
    (path / "complete.json").unlink()
    os.mkfifo(path / "complete.json")
    assert any("complete.json" in problem for problem in verify(path).problems)
    os.mkfifo(tmp_path / "zarr.json")
    with pytest.raises(InputError, match="a pipe, a device, a folder or a link"):
        files.read_json(tmp_path / "zarr.json")


def test_shards_behind_a_link_are_not_a_library(tmp_path: Path) -> None:
    path = write_library(tmp_path / "lib.zarr")
    (path / "shards").rename(tmp_path / "elsewhere")
    (path / "shards").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="not an nmcfast library"):
        verify(path)


def test_what_a_dead_run_left_is_named(tmp_path: Path) -> None:
    path = write_library(tmp_path / "lib.zarr")
    (path / ".tmp-elsewhere-1-0a0b0c0d-zarr.json").write_text("half")
    (path / "shards/.tmp-mine").write_text("foreign")
    assert set(verify(path).problems) == {
        ".tmp-elsewhere-1-0a0b0c0d-zarr.json: left half-written by a run that ended: remove it",
        "shards/.tmp-mine: foreign, expected 000000 to 000002",
    }


def test_what_a_killed_run_left_in_an_unfinished_library_is_no_damage(tmp_path: Path) -> None:
    path = write_library(tmp_path / "lib.zarr")
    (path / "complete.json").unlink()
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = path / "shards" / f".tmp-{socket.gethostname()}-{dead.pid}-0a0b0c0d-000001"
    left.mkdir()
    assert verify(path).ok
    assert files.sweep(path / "shards") == 1 and not left.exists()


def test_compiled_code_of_somebody_else_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    folder = _cache.cache_folder()
    assert folder.parent == tmp_path
    if os.getuid() == 0:
        os.chown(folder, 12345, -1)
        with pytest.raises(InputError, match="somebody else's: set NUMBA_CACHE_DIR"):
            _cache.cache_folder()
    shutil.rmtree(folder)
    (tmp_path / "real").mkdir()
    folder.symlink_to(tmp_path / "real")
    with pytest.raises(InputError, match="somebody else's: set NUMBA_CACHE_DIR"):
        _cache.cache_folder()


def test_two_workers_write_the_bytes_of_one(tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        generate_library(tmp_path / name, SMALL, count=7, seed=3, shard_size=2, workers=workers)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def signal_oneself() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    [None for _ in range(9)]


class Signalling:
    """Signals its own process while it goes."""

    def __del__(self) -> None:
        signal_oneself()


class Finalized:
    """Signals its own process while it goes, by a finalizer."""

    def __init__(self) -> None:
        weakref.finalize(self, signal_oneself)


@pytest.mark.parametrize(("go", "goes_on"), [(Signalling, True), (Finalized, True), (signal_oneself, False)])
def test_an_interruption_in_a_finalizer_is_raised_after_it(go: Callable[[], object], goes_on: bool) -> None:
    """What a finalizer raises is swallowed; elsewhere an interruption is raised at once."""
    gone_on = False
    with pytest.raises(KeyboardInterrupt), interruptible():
        go()
        gone_on = True
        time.sleep(5.0)
    assert gone_on == goes_on
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0.0


COMPILER = """
import os, signal, sys
import numba
from numba.core.codegen import CPUCodeLibrary
from nmcfast.cli.interruption import interruptible

def signalled(hook):
    def hooked(cls, module, *rest):
        if "worked" in str(module.name):
            os.kill(os.getpid(), signal.SIGTERM)
            [None for _ in range(9)]
        return hook(cls, module, *rest)
    return classmethod(hooked)

if len(sys.argv) > 1:
    setattr(CPUCodeLibrary, sys.argv[1], signalled(getattr(CPUCodeLibrary, sys.argv[1]).__func__))

@numba.njit(cache=True)
def worked(n):
    return n ** 0.5

try:
    with interruptible():
        worked(4.0)
        for _ in range(len(sys.argv) - 1):
            signal.pause()
    print("done")
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interruption_while_the_compiler_hands_code_over_is_neither_lost_nor_deadly(tmp_path: Path) -> None:
    """Raised in a callback of the compiler it was swallowed; when a cached kernel was loaded, signal 11 followed."""
    (tmp_path / "program.py").write_text(COMPILER)
    cache = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    said = []
    for hook in (["_object_compiled_hook"], [], ["_object_getbuffer_hook"]):  # compiled, stored, loaded
        command = [sys.executable, str(tmp_path / "program.py"), *hook]
        done = subprocess.run(command, capture_output=True, text=True, env=cache, timeout=120, check=False)
        said.append((done.returncode, done.stdout.strip(), done.stderr))
    assert said == [(0, "interrupted", ""), (0, "done", ""), (0, "interrupted", "")]


KERNEL = """
import signal
import numpy as np
from nmcfast.cli import _comes_from_ctrl_c
from nmcfast.tessellation import Field, Grid, Seeds

def interrupt(*_):
    raise KeyboardInterrupt

rng, blocks = np.random.default_rng(0), np.ones((32, 32, 32), bool)
seeds = Seeds(rng.uniform(0.0, 256.0, (20_000, 3)), np.ones((20_000, 3)), np.zeros(20_000), np.zeros(20_000))
Field(seeds, Grid((0, 0, 0), (256, 256, 256), 1.0), blocks)
signal.signal(signal.SIGALRM, interrupt)
raised = 0
for moment in np.linspace(0.001, 0.1, 40):
    try:
        signal.setitimer(signal.ITIMER_REAL, moment)
        for _ in range(9):
            Field(seeds, Grid((0, 0, 0), (256, 256, 256), 1.0), blocks)
    except (KeyboardInterrupt, SystemError) as error:
        raised += _comes_from_ctrl_c(error)
print(raised)
"""


def test_an_interruption_while_boxes_are_listed_is_raised_behind_them() -> None:
    """Raised in the Python of a named tuple that a kernel returned, it ended the program by signal 11."""
    done = subprocess.run([sys.executable, "-c", KERNEL], capture_output=True, text=True, timeout=400, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "40", "")
