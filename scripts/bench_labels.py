"""How long labels take: our kernel on one and two threads beside brute force and plain writes, in one run.

    python scripts/bench_labels.py [--sizes 64 128 256] [--repeat 5] [--output docs/results/bench_labels.md]

Cubes of the model's case: seeds uniform at 0.0018 per voxel, D = diag(1, ratio, ratio) in the radial frame,
r ~ U(1, 3). CPU time of the thread, the least of several runs; for two threads wall time.
"""

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from numba import njit

from nmcfast.kernels import gbpd
from nmcfast.kernels.labels import EVERYWHERE, tables

RATIOS, DENSITY, ROWS = (1, 3, 10), 0.0018, 16
HEAD = (
    "size", "D ratio", "seeds", "1 thread", "2 threads", "brute force", "write", "first touch",
    "candidates", "evaluations", "close", "wrong in 16 rows",
)  # fmt: skip


def radial_case(size: int, ratio: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """position (n, 3), matrices (n, 3, 3), offset (n,) in a cube about the origin."""
    rng = np.random.default_rng(0)
    n = int(size**3 * DENSITY)
    position, offset = rng.uniform(-size / 2, size / 2, (n, 3)), rng.uniform(1, 3, n)
    e = position / np.linalg.norm(position, axis=1)[:, None]
    return position, ratio * np.eye(3) + (1 - ratio) * e[:, :, None] * e[:, None], offset


@njit
def write_all(out, value):
    """Write every element: the least a labelling can cost."""
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            for x in range(out.shape[2]):
                out[z, y, x] = value


@njit
def brute_rows(position, matrices, offset, z, x, best, label):
    """The argmin of Eq. (8) on the first rows of a plane, every seed at every voxel, float64: vectors along x."""
    best[:] = np.inf
    for i in range(offset.size):
        m, s = matrices[i], position[i]
        dz = z - s[2]
        for row in range(label.shape[0]):
            dy = x[row] - s[1]
            b, c = m[0, 1] * dy + m[0, 2] * dz, m[1, 1] * dy * dy + 2.0 * m[1, 2] * dy * dz + m[2, 2] * dz * dz
            for k in range(label.shape[1]):
                dx = x[k] - s[0]
                d = np.sqrt(m[0, 0] * dx * dx + 2.0 * b * dx + c) - offset[i]
                label[row, k] = i if d < best[row, k] else label[row, k]
                best[row, k] = min(d, best[row, k])


def best(work: Callable[[], object], repeat: int, clock: Callable[[], float] = time.process_time) -> float:
    """Seconds of the fastest of some runs, after one that does not count."""
    work()
    times = []
    for _ in range(repeat):
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


def bench(size: int, ratio: float, repeat: int) -> list[float]:
    """One row of the table; times in ns per voxel."""
    position, matrices, offset = radial_case(size, ratio)
    n, shape, voxels = len(offset), (size,) * 3, size**3
    place, factor, shift, frame = tables(position, matrices, offset, (-size / 2,) * 3, 1.0)
    lut, relevant = np.arange(n + 1, dtype=np.int32), np.ones(n, np.uint8)
    out = np.zeros(shape, np.int32)
    given = out, lut, relevant, place, factor, shift, position, matrices, offset, frame, EVERYWHERE, False
    counts = gbpd.label_volume_serial(*given, 1).sum(0) / voxels
    one = best(lambda: gbpd.label_volume_serial(*given, 1), repeat, time.thread_time)
    two = best(lambda: gbpd.label_volume_parallel(*given, 2), repeat, time.perf_counter)
    x, rows = np.arange(size) + 0.5 - size / 2, (np.empty((ROWS, size)), np.zeros((ROWS, size), np.int32))
    brute = best(lambda: brute_rows(position, matrices, offset, x[size // 2], x, *rows), 2, time.thread_time)
    wrong = np.count_nonzero(rows[1] != out[size // 2, :ROWS])
    write = best(lambda: write_all(out, np.int32(1)), repeat, time.thread_time)
    touch = best(lambda: write_all(np.empty(shape, np.int32), np.int32(1)), repeat, time.thread_time)
    times = [one / voxels, two / voxels, brute / (ROWS * size), write / voxels, touch / voxels]
    return [size, ratio, n, *(t * 1e9 for t in times), *counts[1:], wrong]


def table(sizes: list[int], repeat: int) -> list[str]:
    """Markdown rows of all D ratios at some sizes."""
    lines = [f"ns per voxel; int32 labels; brute force: float64, {ROWS} rows, one thread.", ""]
    lines += ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for size in sizes:
        rows = (bench(size, ratio, repeat) for ratio in RATIOS)
        lines += ["| " + " | ".join(f"{value:.4g}" for value in row) + " |" for row in rows]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    lines = [f"{platform.processor() or platform.machine()}, numba {numba.__version__}, numpy {np.__version__}.", ""]
    lines += table(arguments.sizes, arguments.repeat)
    print("\n".join(lines))
    if arguments.output:
        arguments.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
