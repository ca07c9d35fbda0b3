"""One long run watched from outside: rate, memory and processor use by the minute, then what the library costs to use.

    python scripts/checks/long_run.py --count 1000000 --scale 0.4 --folder /scratch --output docs/results/long_run.md

Memory is what /proc says of each worker, twice a second: the lowest of each minute rises where something leaks, the
highest belongs to the largest particle of that minute. Processor use is that of the workers over the time that passed,
of 100 % for each. Afterwards `verify`, `verify --checksums`, `info` and the table are timed, as programs of their own.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from small_model import heading

from nmcfast import load_model
from nmcfast.export import root, shards
from nmcfast.progress import human_bytes, human_time

LOOK = 0.5  # s
MINUTE = 60.0
_TICK, _PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Sample:
    """A worker at a moment (s since the start): resident MB, seconds of processor time so far."""

    moment: float
    pid: int
    resident: float
    processor: float


@dataclass(frozen=True)
class Minute:
    """What a minute saw: particles finished at its end, least and greatest memory of a worker MB, processor use."""

    finished: int
    least: float
    greatest: float
    use: float


def workers_of(pid: int) -> list[int]:
    """Processes that were spawned to make shards."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(c) for c in children if b"spawn_main" in Path(f"/proc/{c}/cmdline").read_bytes()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def sample(moment: float, pid: int) -> Sample | None:
    """A worker as it is now; None when it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Sample(moment, pid, pages * _PAGE / 1e6, (int(times[11]) + int(times[12])) / _TICK)


def watch(process: "subprocess.Popen[bytes]", library: Path, minute: float = MINUTE) -> Iterator[Minute]:
    """Each minute of a run until it ends, the last one shorter."""
    start, samples = time.monotonic(), list[Sample]()
    edge = minute
    while process.poll() is None:
        time.sleep(LOOK)
        now = time.monotonic() - start
        seen = [sample(now, pid) for pid in workers_of(process.pid)]
        samples += [s for s in seen if s is not None]
        if now >= edge and samples:
            yield _minute(samples, library)
            samples, edge = [], edge + minute
    if len(samples) > 2:
        yield _minute(samples, library)


def _minute(samples: list[Sample], library: Path) -> Minute:
    memory = [s.resident for s in samples]
    by_worker = [[s for s in samples if s.pid == pid] for pid in {s.pid for s in samples}]
    used = sum(own[-1].processor - own[0].processor for own in by_worker)
    passed = sum(own[-1].moment - own[0].moment for own in by_worker)
    finished = 0
    if root.is_library(library):
        recipe = root.read_recipe(library)
        finished = sum(len(shards.shard_range(recipe, n)) for n in shards.finished_shards(library, recipe))
    return Minute(finished, min(memory), max(memory), used / passed if passed else 0.0)


def timed(*command: str) -> tuple[float, str]:
    """Seconds of a command, and what it said; SystemExit when it fails."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command}: exit {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.perf_counter() - begun, done.stdout.strip()


def table_of(minutes: list[Minute], minute: float) -> list[str]:
    """A row for each of at most twenty spans of minutes."""
    rows = ["| minutes | particles at its end | a second | memory, lowest of a minute MB | highest | processors |"]
    rows.append("|---|---|---|---|---|---|")
    step, before = -(-len(minutes) // 20), 0
    for first in range(0, len(minutes), step):
        some = minutes[first : first + step]
        rate = (some[-1].finished - before) / (len(some) * minute)
        low = f"{min(m.least for m in some):.0f} to {max(m.least for m in some):.0f}"
        use = float(np.mean([m.use for m in some]))
        span = f"{first + 1} to {first + len(some)}" if len(some) > 1 else f"{first + 1}"
        high = max(m.greatest for m in some)
        rows.append(f"| {span} | {some[-1].finished} | {rate:.1f} | {low} | {high:.0f} | {use:.1%} |")
        before = some[-1].finished
    return rows


def costs(library: Path, workers: int) -> list[str]:
    """What it takes to check and to use a library, as rows."""
    count = [f"--workers={workers}"]
    rows = ["| what | s |", "|---|---|"]
    kinds = (("verify", count), ("verify", ["--checksums", *count]), ("info", []))
    for name, options in kinds:
        seconds, _ = timed("-m", "nmcfast", name, str(library), "--quiet", *options)
        rows.append(f"| `nmcfast {' '.join([name, *options])}` | {seconds:.1f} |")
    code = "import sys, time, nmcfast; t = time.perf_counter(); n = len(nmcfast.open_library(sys.argv[1]).table); "
    _, said = timed("-c", code + "print(n, time.perf_counter() - t)", str(library))
    count_of, seconds_of = said.split()
    rows.append(f"| `open_library(…).table`, {count_of} rows | {float(seconds_of):.2f} |")
    hashed = f"find {shlex.quote(str(library))} -type f -print0 | xargs -0 -P {workers} -n 64 sha256sum > /dev/null"
    begun = time.perf_counter()
    subprocess.run(hashed, shell=True, check=True)
    rows.append(f"| `sha256sum` of every file, {workers} at once | {time.perf_counter() - begun:.1f} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nmc811")
    parser.add_argument("--scale", type=float, default=1.0, help="of the shells: half as wide is 8 times as fast")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--labels", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the library is made, and left; a temporary one by default")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        library = (args.folder or Path(temporary)) / "long.zarr"
        model = load_model(args.model)
        shells = replace(model.shell, unit_um=args.scale * model.shell.unit_um)
        scaled = Path(temporary) / "scaled.safetensors"
        scaled.write_bytes(replace(model, shell=shells).to_bytes())
        options = ["--model", str(scaled), "--count", str(args.count), "--seed", "1", "--workers", str(args.workers)]
        command = [sys.executable, "-m", "nmcfast", "generate", str(library), *options]
        begun = time.monotonic()
        process = subprocess.Popen(command + ["--no-labels"] * (not args.labels), stdout=subprocess.DEVNULL)
        minutes = list(watch(process, library))
        took = time.monotonic() - begun
        if process.returncode:
            raise SystemExit(process.returncode)
        found = [p.stat().st_size for p in library.rglob("*") if p.is_file()]
        number = shards.shard_count(root.read_recipe(library))
        steady = minutes[1:-1] or minutes  # without the start of the processes and the end of the last shard
        lines = [
            *heading(f"One run of {args.count:,} particles"),
            f"Model {args.model}, shells {args.scale:g} times as wide, {'with' if args.labels else 'without'} labels, "
            f"{args.workers} workers: {human_time(took)}, {args.count / took:.1f} particles a second, "
            f"{human_bytes(sum(found))} in {len(found):,} files and {number:,} shards. Processor use of the workers "
            f"{np.mean([m.use for m in steady]):.1%} on average, memory at its lowest in a minute "
            f"{min(m.least for m in steady):.0f} to {max(m.least for m in steady):.0f} MB a worker.",
            "\n".join(table_of(minutes, MINUTE)),
            "Afterwards:",
            "\n".join(costs(library, args.workers)),
        ]
    args.output.write_text("\n\n".join(lines) + "\n")
    print(args.output.read_text())


if __name__ == "__main__":
    main()
