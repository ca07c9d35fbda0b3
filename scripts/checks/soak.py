"""Memory of the worker processes while a large library is made: it must not grow with the number of particles.

    python scripts/checks/soak.py --count 10000 --output docs/results/soak.md

Resident memory of each worker is read twice a second. A leak would raise the least and the median from one row to the
next; the greatest belongs to the largest particle of its row, whatever came before.
"""

import argparse
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from nmcfast import load_model

PAGE_MIB = 4096 / 2**20


def resident(pid: int) -> float:
    """Resident memory of a process, MiB; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MIB
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def workers_of(pid: int) -> list[int]:
    """Processes that were spawned to make shards."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(c) for c in children if b"spawn_main" in Path(f"/proc/{c}/cmdline").read_bytes()]
    except FileNotFoundError:
        return []


def watch(command: list[str], library: Path, shard_size: int) -> tuple[np.ndarray, float]:
    """Rows (particles finished, MiB of one worker), wall seconds."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "nmcfast", *command], stdout=subprocess.DEVNULL)
    rows = []
    while process.poll() is None:
        time.sleep(0.5)
        finished = shard_size * len(list(library.glob("shards/*/manifest.json")))
        rows += [(finished, mib) for mib in map(resident, workers_of(process.pid)) if mib > 0.0]
    if process.returncode:
        raise SystemExit(process.returncode)
    return np.array(rows), time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nmc811")
    parser.add_argument("--scale", type=float, default=1.0, help="of the shells: half as wide is 8 times as fast")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shard-size", type=int, default=50)
    parser.add_argument("--folder", type=Path, help="where the library is made, and left; a temporary one by default")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        library = (args.folder or Path(temporary)) / "soak.zarr"
        options = {"count": args.count, "seed": 1, "workers": args.workers, "shard-size": args.shard_size}
        model = load_model(args.model)
        shells = replace(model.shell, unit_um=args.scale * model.shell.unit_um)
        scaled = Path(temporary) / "scaled.safetensors"
        scaled.write_bytes(replace(model, shell=shells).to_bytes())
        command = ["generate", str(library), "--model", str(scaled), "--quiet"]
        command += [word for name, value in options.items() for word in (f"--{name}", str(value))]
        rows, seconds = watch(command, library, args.shard_size)
    lines = [
        f"# Memory over {args.count} particles",
        "    " + shlex.join(["python", "scripts/checks/soak.py", *sys.argv[1:]]),
        f"{seconds / 60:.0f} min, {args.count / seconds:.2f} particles a second on {args.workers} processes.",
        "Resident memory of one worker, MiB, while so many particles were finished:",
        table(rows, args.count),
    ]
    args.output.write_text("\n\n".join(lines) + "\n")
    print(args.output.read_text())


def table(rows: np.ndarray, count: int) -> str:
    """A row for each tenth of the library."""
    lines = ["| particles | samples | least | median | 95 % | greatest |", "|---|---|---|---|---|---|"]
    for low in range(0, count, max(count // 10, 1)):
        high = low + max(count // 10, 1)
        mib = rows[(rows[:, 0] >= low) & (rows[:, 0] < high), 1]
        if len(mib):
            least, median, most, greatest = np.quantile(mib, (0.0, 0.5, 0.95, 1.0))
            lines.append(f"| {low}–{high} | {len(mib)} | {least:.0f} | {median:.0f} | {most:.0f} | {greatest:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
