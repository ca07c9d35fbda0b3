"""Damages small EBSD files at random and reads them: each must give grains or one InputError, and soon.

    python scripts/checks/fuzz_ebsd.py --count 10000 --real ../shared/data/ebsd

Case k of a seed is always the same file. Prints a Markdown table; exit code 1 when a case did anything else.
"""

import argparse
import collections
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nmcfast.ebsd import read_map, segment_grains
from nmcfast.ebsd.write import simulate_map, write_ang, write_ctf, write_grain_export
from nmcfast.errors import InputError

LONGEST = 5.0  # s for one file; the slowest healthy one takes 0.1 s
MOST_MEMORY = 3 << 30  # bytes of address space
LARGEST_FILE = 100_000  # bytes of a real file, so that thousands can be read
Rng = np.random.Generator
WORDS = [
    "1e308",
    "-1e300",
    "nan",
    "inf",
    "99999999999999999999",
    "0",
    "-1",
    "1e-300",
    "abc",
    "0x10",
    "1_0",
    "#",
    "",
    "é",
    "%s",
]


def small_files(folder: Path) -> list[bytes]:
    """Healthy maps of 14 × 14 points in every format that is read, on both grids."""
    labels = np.add.outer(np.arange(14) // 5, 3 * (np.arange(14) // 5)) + 1
    files = []
    for grid in ("square", "hexagonal"):
        m = simulate_map(labels, 0.05, np.random.default_rng(0), grid)
        writers: list[Callable[..., None]] = [write_ang, write_grain_export, write_ctf]
        for writer in writers:
            writer(m, folder / "a")
            files.append((folder / "a").read_bytes())
        for columns, version in ((6, None), (8, None), (14, 6), (14, 7)):
            write_ang(m, folder / "a", columns, version, line_end="\r\n")
            files.append((folder / "a").read_bytes())
        write_ctf(m, folder / "a", decimal_comma=True)
        files.append((folder / "a").read_bytes())
    return files


def flip_bytes(data: bytes, rng: Rng) -> bytes:
    changed = bytearray(data)
    for place in rng.integers(0, len(data), rng.integers(1, 20)):
        changed[place] = rng.integers(256)
    return bytes(changed)


def cut_end(data: bytes, rng: Rng) -> bytes:
    return data[: rng.integers(0, len(data))]


def change_lines(data: bytes, rng: Rng) -> bytes:
    """Drops, doubles or moves a run of lines."""
    lines = data.split(b"\n")
    first, last = np.sort(rng.integers(0, len(lines), 2))
    run = lines[first:last]
    rest = lines[:first] + lines[last:]
    place = rng.integers(0, len(rest) + 1)
    kind = rng.integers(3)
    if kind == 0:
        lines = rest
    elif kind == 1:
        lines = lines[:last] + run + lines[last:]
    else:
        lines = rest[:place] + run + rest[place:]
    return b"\n".join(lines)


def swap_columns(data: bytes, rng: Rng) -> bytes:
    """Exchanges two columns from some line on."""
    lines = data.split(b"\n")
    for k in range(rng.integers(0, len(lines)), len(lines)):
        words = lines[k].split()
        if len(words) > 1:
            a, b = np.random.default_rng(len(data)).integers(0, len(words), 2)
            words[a], words[b] = words[b], words[a]
            lines[k] = b"\t".join(words)
    return b"\n".join(lines)


def replace_words(data: bytes, rng: Rng) -> bytes:
    """Puts huge, odd or missing numbers in place of a few words, anywhere or in the header."""
    lines = data.split(b"\n")
    for _ in range(rng.integers(1, 4)):
        k = rng.integers(0, min(len(lines), 20) if rng.random() < 0.5 else len(lines))
        words = lines[k].split()
        if words:
            words[rng.integers(len(words))] = rng.choice(WORDS).encode()
            lines[k] = (b"\t" if b"\t" in lines[k] else b" ").join(words)
    return b"\n".join(lines)


def insert_noise(data: bytes, rng: Rng) -> bytes:
    place = rng.integers(0, len(data))
    return data[:place] + rng.bytes(rng.integers(1, 5000)) + data[place:]


MUTATIONS = [flip_bytes, cut_end, change_lines, swap_columns, replace_words, insert_noise]


@dataclass
class Outcome:
    """What became of the files."""

    counts: collections.Counter = field(default_factory=collections.Counter)
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)


def read_one(path: Path) -> str:
    """ "grains" or "refused"; anything else is raised."""
    try:
        m = read_map(path)
        segment_grains(m, symmetry="-3m")
    except InputError as error:
        if "\n" in str(error) or str(path) not in str(error):
            raise AssertionError(f"not one line that names the file: {error}") from error
        return "refused"
    return "grains"


def fuzz(count: int, seed: int, real: Path | None = None) -> Outcome:
    """Reads `count` damaged files; one in three is damaged twice."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("error")
        folder = Path(name)
        files = small_files(folder)
        if real is not None:
            found = sorted(path for path in real.rglob("*") if path.is_file())
            files += [path.read_bytes() for path in found if path.stat().st_size < LARGEST_FILE]
        signal.signal(signal.SIGALRM, _too_long)
        for k in range(count):
            rng = np.random.default_rng([seed, k])
            data = files[rng.integers(len(files))]
            mutations = rng.choice(len(MUTATIONS), 2 if k % 3 == 0 else 1)
            for which in mutations:
                data = MUTATIONS[which](data, rng) or b" "
            (folder / "a.txt").write_bytes(data)
            _record(outcome, folder / "a.txt", f"case {k}: " + ", ".join(MUTATIONS[w].__name__ for w in mutations))
            outcome.counts[MUTATIONS[mutations[-1]].__name__] += 1
    return outcome


def _record(outcome: Outcome, path: Path, case: str) -> None:
    start = time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        result = read_one(path)
    except Exception as error:  # whatever it is, it is what this script looks for
        result = "failed"
        outcome.failures.append(f"{case}: {type(error).__name__}: {error}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    outcome.counts[result] += 1
    outcome.slowest = max(outcome.slowest, time.perf_counter() - start)


def _too_long(*_: object) -> None:
    raise TimeoutError(f"longer than {LONGEST} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", type=Path, help="folder of real files to damage as well")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    outcome = fuzz(arguments.count, arguments.seed, arguments.real)
    print("| what | files |\n|---|---|")
    for name in ("grains", "refused", "failed", *(mutation.__name__ for mutation in MUTATIONS)):
        print(f"| {name} | {outcome.counts[name]:,} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nSlowest file {outcome.slowest:.2f} s; peak memory of the process {peak:.0f} MiB.")
    print(*outcome.failures, sep="\n")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
