"""One root hash, whoever makes a library: processes, Dask that loses workers, jobs, S3 that fails, and runs resumed.

    python scripts/checks/one_root.py --output docs/results/one_root.md

The library is small in its particles and has many shards. The Dask cluster has three workers in processes of their
own, one of which is killed at a random moment, in each of five runs. S3 is moto's server behind a proxy that fails
5 % of the requests: refused, reset, stalled, done but not answered, answered in part. Trees of bytes are compared,
not only hashes.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from small_model import heading, small_model, tree

from nmcfast import generate_library
from nmcfast.export.shards import committed_shards
from nmcfast.workers.clusters import Cluster

LIBRARY: dict[str, Any] = {"count": 120, "seed": 3, "shard_size": 4}
SHARDS = 30
Maker = Callable[[Path, random.Random], None]


def make(path: Path, **how: Any) -> None:
    generate_library(path, small_model(), **LIBRARY, **how)


def program(path: Path, *options: str, at: str = "") -> "subprocess.Popen[bytes]":
    """The command that makes the library, or a part of it, at the path or at a URL."""
    model = path.parent / "small.safetensors"
    model.write_bytes(small_model().to_bytes())
    words = [word for name, value in LIBRARY.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    command = [sys.executable, "-m", "nmcfast", "generate", at or str(path), "--model", str(model), "--quiet"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen([*command, *words, *options], stdout=quiet, stderr=quiet, start_new_session=True)


def jobs(path: Path, rng: random.Random) -> None:
    """Five jobs of some shards each, in any order, two at a time."""
    parts = [(first, min(first + 7, SHARDS)) for first in range(0, SHARDS, 6)]  # each overlaps the next by one
    rng.shuffle(parts)

    def job(part: tuple[int, int]) -> int:
        return program(path, "--shards", f"{part[0]}:{part[1]}").wait()

    with ThreadPoolExecutor(2) as pool:
        ended = [*pool.map(job, parts)]
    if any(ended):
        raise AssertionError(f"jobs ended with {ended}")


def interrupted(number: signal.Signals) -> Maker:
    """Runs that are ended when some shards more are there, at any moment of the next, until one is not."""

    def made(path: Path, rng: random.Random) -> None:
        process = None
        while process is None or process.returncode:
            process, wanted = program(path, "--workers", "2"), _present(path) + rng.randrange(1, 6)
            while process.poll() is None and _present(path) < min(wanted, SHARDS):
                time.sleep(0.01)
            time.sleep(rng.uniform(0.0, 0.2))
            process.send_signal(number)  # nothing, when it has ended
            process.wait()

    return made


def _present(path: Path) -> int:
    return len(committed_shards(path)) if (path / "shards").is_dir() else 0


def two_at_once(path: Path, rng: random.Random) -> None:
    both = [program(path, "--workers", "2") for _ in range(2)]
    ended = [process.wait() for process in both]
    if any(ended):
        raise AssertionError(f"ended with {ended}")


def dask_that_loses_a_worker(path: Path, rng: random.Random) -> None:
    from distributed import LocalCluster

    from nmcfast.workers.clusters import dask_cluster

    with LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=None) as cluster:
        moment = rng.randrange(1, SHARDS - 5)
        killer = threading.Thread(target=_kill_one, args=(path, cluster, moment, rng), daemon=True)
        killer.start()
        with dask_cluster(cluster.scheduler_address) as executor:
            make(path, executor=executor)
        killer.join(60.0)
        if killer.is_alive():
            raise AssertionError("no worker was killed")


def _kill_one(path: Path, cluster: Any, moment: int, rng: random.Random) -> None:
    """Kill a worker when so many shards are there."""
    while _present(path) < moment:
        time.sleep(0.01)
    os.kill(rng.choice([*cluster.workers.values()]).pid, signal.SIGKILL)


def store_that_fails(path: Path, rng: random.Random) -> None:
    """Made by programs of two workers, each ended by SIGTERM after some shards until one is not, and copied here."""
    import s3fs
    from faulty_store import moto, new_bucket, proxy, share

    with moto() as server, proxy(server, share(0.05, rng.randrange(2**32)), stall=3.0) as served:
        bucket, process = new_bucket(server), None
        os.environ |= {"AWS_ENDPOINT_URL": served.url, "FSSPEC_S3": '{"config_kwargs": {"read_timeout": 2}}'}
        while process is None or process.returncode:
            wanted = served.came("manifest.json") + rng.randrange(8, 16)
            process = program(path, "--workers", "2", at=f"s3://{bucket}/lib")
            while process.poll() is None and served.came("manifest.json") < wanted:
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)  # nothing, when it has ended
            process.wait()
        print(f"requests that failed: {dict(served.faults)}")
        direct = s3fs.S3FileSystem(endpoint_url=f"http://{server[0]}:{server[1]}", skip_instance_cache=True)
        direct.get(f"{bucket}/lib/", f"{path}/", recursive=True)
        if direct.call_s3("list_multipart_uploads", Bucket=bucket).get("Uploads"):
            raise AssertionError("an upload was left unfinished")


def threads(path: Path, rng: random.Random) -> None:
    with ThreadPoolExecutor(3) as pool:
        make(path, executor=Cluster(pool, lambda: 3))


MAKERS: dict[str, Maker] = {
    "one process": lambda path, _: make(path),
    "two processes": lambda path, _: make(path, workers=2),
    "five processes": lambda path, _: make(path, workers=5),
    "an executor of threads": threads,
    "five jobs that overlap, two at a time, in any order": jobs,
    "two programs at once, two workers each": two_at_once,
    "interrupted by SIGTERM and resumed until it was finished": interrupted(signal.SIGTERM),
    "killed (SIGKILL) and resumed until it was finished": interrupted(signal.SIGKILL),
    "S3 that fails 5 % of the requests, interrupted and resumed": store_that_fails,
    **{f"Dask, three workers of which one was killed, run {n}": dask_that_loses_a_worker for n in range(1, 6)},
}


def check(names: list[str], seed: int) -> tuple[list[str], list[str]]:
    """Rows of what was made, and what differs from the library of one process."""
    rows, failures, wanted = ["| made by | s | root hash |", "|---|---|---|"], list[str](), dict[str, bytes]()
    for name in ["one process", *(n for n in names if n != "one process")]:
        with tempfile.TemporaryDirectory() as temporary:
            path, begun = Path(temporary) / "lib", time.monotonic()
            try:
                MAKERS[name](path, random.Random(f"{seed} {name}"))
                root = generate_library(path, small_model(), **LIBRARY)
                found = tree(path)
                wanted = wanted or found
                if found != wanted or root.made:
                    failures.append(f"{name}: {root.made} shards missing, or another library")
                rows.append(f"| {name} | {time.monotonic() - begun:.0f} | {(root.root_sha256 or '')[:16]} |")
            except Exception as error:  # whatever it is, it is what this script looks for
                failures.append(f"{name}: {type(error).__name__}: {error}")
    return rows, failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--makers", nargs="+", default=[*MAKERS], choices=[*MAKERS], metavar="NAME")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    rows, failures = check(options.makers, options.seed)
    said = __doc__.split("\n\n", 2)[2].strip().replace("\n", " ")
    told = f"{LIBRARY['count']} particles in {SHARDS} shards; {len(failures)} failures."
    lines = [*heading("One root hash"), said, told, "\n".join(rows), *failures]
    options.output.write_text("\n\n".join(lines) + "\n")
    print(options.output.read_text())
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
