"""Damages small EBSD files at random and reads them: each must give grains or one InputError, and soon.

    python scripts/checks/fuzz_ebsd.py --count 10000 --real ../shared/data/ebsd

Text, text packed by gzip or in UTF-16 (damaged before or after packing) and HDF5. Case k of a seed is always the same
file.
Prints a Markdown table; exit code 1 when a case did anything else, took too long, or ended the process, as a fault of
the HDF5 library could: batches run in processes of their own.
"""

import argparse
import collections
import gzip
import json
import os
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nmcfast.ebsd import EbsdMap, read_map, segment_grains
from nmcfast.ebsd.write import simulate_map, write_ang, write_ctf, write_grain_export
from nmcfast.ebsd.write_h5 import write_bruker, write_h5oina, write_oh5
from nmcfast.errors import InputError

LONGEST = 2.0  # s of processor time for one file; the slowest healthy one takes 0.1 s
BATCH = 250  # files a process
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
        files.append(b"phi1 Phi phi2 phase x y\n" + b"\n".join(_columns(m)))
    return files


def _columns(m: EbsdMap) -> Iterator[bytes]:
    for k in range(len(m)):
        angles = " ".join(f"{angle:.4f}" for angle in np.rad2deg(m.euler[k]))
        yield f"{angles} {int(m.indexed[k])} {m.x[k]:.4f} {m.y[k]:.4f}".encode()


def small_h5_files(folder: Path) -> list[bytes]:
    """The same in HDF5 of three vendors."""
    labels = np.add.outer(np.arange(14) // 5, 3 * (np.arange(14) // 5)) + 1
    m = simulate_map(labels, 0.05, np.random.default_rng(0), "square")
    files = []
    for write in (write_h5oina, write_oh5, write_bruker):
        write(m, folder / "a")
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


def swap_parts(data: bytes, rng: Rng) -> bytes:
    """Exchanges two runs of bytes, sizes and addresses of HDF5 among them."""
    size = int(rng.integers(1, 65))
    a, b = np.sort(rng.integers(0, max(len(data) - size, 1), 2))
    if b < a + size:
        return data
    return data[:a] + data[b : b + size] + data[a + size : b] + data[a : a + size] + data[b + size :]


def huge_words(data: bytes, rng: Rng) -> bytes:
    """Puts a huge or negative number of 4 or 8 bytes at a place, as a size that a header claims."""
    words = (b"\xff" * 8, b"\xff" * 4, b"\x00" * 8, (10**12).to_bytes(8, "little"), b"\xff\xff\xff\x7f")
    changed = data
    for _ in range(rng.integers(1, 4)):
        word = words[rng.integers(len(words))]
        place = int(rng.integers(0, len(data)))
        changed = changed[:place] + word + changed[place + len(word) :]
    return changed


MUTATIONS = [flip_bytes, cut_end, change_lines, swap_columns, replace_words, insert_noise]
OF_BYTES = [flip_bytes, cut_end, insert_noise, swap_parts, huge_words]
KINDS = ["text", "text", "text", "gzip", "damaged gzip", "utf-16", "hdf5", "hdf5"]


def packed(kind: str, data: bytes, rng: Rng) -> bytes:
    """A damaged text as it lies on the disk; a damaged gzip is damaged once more."""
    if kind == "utf-16":
        return data.decode("latin-1").encode("utf-16")
    if kind == "text":
        return data
    data = gzip.compress(data, 1)
    return data if kind == "gzip" else OF_BYTES[rng.integers(len(OF_BYTES))](data, rng)


@dataclass
class Outcome:
    """What became of the files."""

    counts: collections.Counter = field(default_factory=collections.Counter)
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)
    peak: int = 0  # KiB of memory


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


def fuzz(count: int, seed: int, real: Path | None = None, first: int = 0) -> Outcome:
    """Reads damaged files `first` to first + count − 1; one in three is damaged twice."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("error")
        folder = Path(name)
        texts, binaries = small_files(folder), small_h5_files(folder)
        if real is not None:
            found = sorted(path for path in real.rglob("*") if path.is_file())
            texts += [path.read_bytes() for path in found if path.stat().st_size < LARGEST_FILE]
        signal.signal(signal.SIGPROF, _too_long)
        for k in range(first, first + count):
            rng = np.random.default_rng([seed, k])
            kind = KINDS[rng.integers(len(KINDS))]
            files, mutations = (binaries, OF_BYTES) if kind == "hdf5" else (texts, MUTATIONS)
            data = files[rng.integers(len(files))]
            chosen = [mutations[which] for which in rng.choice(len(mutations), 2 if k % 3 == 0 else 1)]
            for mutation in chosen:
                data = mutation(data, rng) or b" "
            (folder / "a.txt").write_bytes(data if kind == "hdf5" else packed(kind, data, rng))
            _record(outcome, folder / "a.txt", f"case {k}: {kind}, " + ", ".join(m.__name__ for m in chosen), kind)
            outcome.counts[chosen[-1].__name__] += 1
    return outcome


def fuzz_apart(count: int, seed: int, real: Path | None, first: int) -> Outcome:
    """The same in a process of its own, whose end by a signal is a failure."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        outcome = fuzz(count, seed, real, first)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        report = json.dumps([dict(outcome.counts), outcome.slowest, outcome.failures, peak])
        os.write(writing, report[:60_000].encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if status or not text:
        return Outcome(failures=[f"cases {first} to {first + count - 1}: the process ended with status {status}"])
    counts, slowest, failures, peak = json.loads(text)
    return Outcome(collections.Counter(counts), slowest, failures, peak)


def _record(outcome: Outcome, path: Path, case: str, kind: str) -> None:
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        result = read_one(path)
    except Exception as error:  # whatever it is, it is what this script looks for
        result = "failed"
        outcome.failures.append(f"{case}: {type(error).__name__}: {error}")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    outcome.counts[result] += 1
    outcome.counts[f"{kind}, {result}"] += 1
    outcome.slowest = max(outcome.slowest, time.process_time() - start)


def _too_long(*_: object) -> None:
    raise TimeoutError(f"longer than {LONGEST} s of processor time")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", type=Path, help="folder of real files to damage as well")
    arguments = parser.parse_args()
    total = Outcome()
    for first in range(0, arguments.count, BATCH):
        part = fuzz_apart(min(BATCH, arguments.count - first), arguments.seed, arguments.real, first)
        total.counts += part.counts
        total.slowest, total.peak = max(total.slowest, part.slowest), max(total.peak, part.peak)
        total.failures += part.failures
    kinds = [f"{kind}, {result}" for kind in dict.fromkeys(KINDS) for result in ("grains", "refused")]
    names = [mutation.__name__ for mutation in dict.fromkeys([*MUTATIONS, *OF_BYTES])]
    print("| what | files |\n|---|---|")
    for name in ("grains", "refused", "failed", *kinds, *names):
        print(f"| {name} | {total.counts[name]:,} |")
    print(
        f"\nSlowest file {total.slowest:.2f} s of processor time; peak memory of a process {total.peak / 1024:.0f} MiB."
    )
    print(*total.failures, sep="\n")
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
