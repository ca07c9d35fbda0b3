"""Runs that are interrupted at random moments: exit 5 within two seconds, nobody left, the same bytes after going on.

    python scripts/checks/signals.py --output docs/results/signals.md

Ctrl-C (SIGINT), SIGTERM and SIGHUP, each at so many random moments of runs with 1 and 2 workers of 1 and 20,000
shards, up to twice the time that the first shard takes. Each run goes on with what the one before left. At the end the
short library is finished, the long one up to its last shard, and compared with one that nobody interrupted. The first
half second of a run is left out: there Python itself starts, and a signal ends it as any program.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from small_model import heading, small_model, tree

from nmcfast import generate_library
from nmcfast.export.shards import committed_shards

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from processes import members

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAID = "nmcfast: interrupted; run the same command again to continue"
LATEST = 2.0  # s until a run has ended
_EARLIEST = 0.5  # s after the start


@dataclass(frozen=True)
class Kind:
    """A library and how it is made: `shards` of so many particles each."""

    shards: int
    shard_size: int
    workers: int

    @property
    def library(self) -> dict[str, Any]:
        return {"count": self.shards * self.shard_size, "seed": 3, "shard_size": self.shard_size, "labels": False}


KINDS = [Kind(shards, size, workers) for workers in (1, 2) for shards, size in ((1, 200), (20_000, 2))]


@dataclass
class Seen:
    """What interruptions did: seconds until the end of each, what was not right."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    finished: int = 0  # runs that ended before


def start(path: Path, model: Path, kind: Kind) -> "subprocess.Popen[str]":
    """A run in a session of its own, which hears the signals as one on a terminal does."""
    options = {
        "count": kind.shards * kind.shard_size,
        "seed": 3,
        "shard-size": kind.shard_size,
        "workers": kind.workers,
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return subprocess.Popen(
        [sys.executable, "-m", "nmcfast", "generate", str(path), "--model", str(model), "--no-labels", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in SIGNALS],
    )


def interrupt(path: Path, model: Path, kind: Kind, sent: signal.Signals, moment: float, seen: Seen) -> None:
    """Start a run, interrupt it after some seconds, and note what is not as it should be."""
    process = start(path, model, kind)
    case = f"{sent.name} after {moment:.2f} s, {kind.shards} shards, {kind.workers} workers"
    try:
        process.wait(moment)
        seen.finished += 1
        process.communicate()
        return
    except subprocess.TimeoutExpired:
        begun = time.monotonic()
        process.send_signal(sent)
    _, err = process.communicate(timeout=120)
    seen.seconds.append(time.monotonic() - begun)
    if process.returncode != 5 or [line for line in err.splitlines() if line != SAID and "verdict" not in line]:
        seen.failures.append(f"{case}: exit {process.returncode}, said {err!r}")
    if seen.seconds[-1] > LATEST:
        seen.failures.append(f"{case}: ended after {seen.seconds[-1]:.1f} s")
    if left := members(process.pid):
        seen.failures.append(f"{case}: {len(left)} processes left")
    if halves := [str(p) for p in path.parent.rglob(".tmp-*")]:
        seen.failures.append(f"{case}: left {halves}")


def check(kind: Kind, times: int, seed: int) -> Seen:
    """Interrupt runs of a library by each signal so many times, going on each time."""
    seen, rng = Seen(), random.Random(f"{seed} {kind}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path, model = folder / "here" / "lib", folder / "small.safetensors"
        path.parent.mkdir()
        model.write_bytes(small_model().to_bytes())
        span = max(2 * _EARLIEST, 2.0 * _until_the_first_shard(folder / "first", model, kind))
        for _ in range(times):
            for sent in SIGNALS:
                interrupt(path, model, kind, sent, rng.uniform(_EARLIEST, span), seen)
                if kind.shards == 1 and path.exists() and committed_shards(path):
                    _compare(path, folder, kind, seen)
                    shutil.rmtree(path)
        _compare(path, folder, kind, seen)
    return seen


def _until_the_first_shard(path: Path, model: Path, kind: Kind) -> float:
    begun, process = time.monotonic(), start(path, model, kind)
    while not list(path.glob("shards/0*")) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    return time.monotonic() - begun


def _compare(path: Path, folder: Path, kind: Kind, seen: Seen) -> None:
    """Whether a library that is gone on with up to its last shard is the one that nobody interrupted."""
    upto = max(committed_shards(path), default=0) + 1 if path.exists() else 1
    some, whole = {**kind.library, "shard_range": range(upto)}, folder / f"whole{upto}"
    if not whole.exists():
        generate_library(whole / "lib", small_model(), **some)
    generate_library(path, small_model(), **some)
    if tree(path.parent) != tree(whole):
        seen.failures.append(f"{kind}: another library after {upto} shards, or something beside it")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, help="of each signal")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", type=int, nargs="+", default=[*range(len(KINDS))], help="which of the libraries")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    rows = [
        "| workers | shards | interrupted | had ended | median s | longest s | failures |",
        "|---|---|---|---|---|---|---|",
    ]
    failures = list[str]()
    for kind in (KINDS[number] for number in options.kinds):
        seen = check(kind, options.times, options.seed)
        told = f"{np.median(seen.seconds):.2f} | {max(seen.seconds):.2f} | {len(seen.failures)}"
        rows.append(f"| {kind.workers} | {kind.shards} | {len(seen.seconds)} | {seen.finished} | {told} |")
        failures += seen.failures
    said = __doc__.split("\n\n", 2)[2].strip().replace("\n", " ")
    lines = [*heading("Interruptions at random moments"), said, "\n".join(rows), *failures]
    options.output.write_text("\n\n".join(lines) + "\n")
    print(options.output.read_text())
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
