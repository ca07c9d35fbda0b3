"""Peak memory of finding particles in a CT volume of n³ uint16, as a multiple of the volume.

Balls of 8 to 12 voxels lie on a jittered lattice in the first slices (`--deep`, all where it is n); the rest is pore,
which is stored and walked through all the same but costs less time. The volume is written to a TIFF file first by
another process, so that making it does not count. Run from the root of the repository:

    python scripts/checks/ct_memory.py --size 500 --deep 120 --output docs/results/ct_memory.md
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

STEP = 24  # voxels between balls


def make(path: Path, size: int, deep: int) -> None:
    """A TIFF stack of grey values, slab by slab."""
    import tifffile

    rng = np.random.default_rng(0)
    volume = tifffile.memmap(path, shape=(size, size, size), dtype=np.uint16, photometric="minisblack")
    for start in range(0, size, 50):
        volume[start : start + 50] = rng.normal(6000, 800, volume[start : start + 50].shape).astype(np.uint16)
    grid = np.indices((STEP + 6,) * 3) - (STEP + 5) / 2
    for corner in np.ndindex(deep // STEP, size // STEP, size // STEP):
        low = np.array(corner) * STEP
        box = tuple(slice(a, min(a + STEP + 6, size)) for a in low)
        shift = rng.uniform(-2, 2, 3)
        ball = sum((grid[i] - shift[i]) ** 2 for i in range(3)) <= rng.uniform(8, 12) ** 2
        part = ball[tuple(slice(0, b.stop - b.start) for b in box)]
        volume[box][part] = rng.normal(18000, 800, int(part.sum())).astype(np.uint16)
    volume.flush()


def measure(path: Path) -> None:
    """Finds the particles and prints peak memory before and after, in bytes, their number and the seconds."""
    from nmcfast.calibration.shells.particles import find_particles

    before, start = peak(), time.monotonic()
    found = find_particles(path, (0.128,))
    print(before, peak(), found.counts["particles"], time.monotonic() - start)


def peak() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def run(size: int, deep: int) -> str:
    """The page of one measurement."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "volume.tif"
        for task in ("make", "measure"):
            command = [sys.executable, __file__, task, str(path), "--size", str(size), "--deep", str(deep)]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    before, after, particles, seconds = (float(part) for part in out.split())
    volume = 2.0 * size**3
    return "\n".join([
        "# Memory of finding particles",
        "",
        f"    python scripts/checks/ct_memory.py --size {size} --deep {deep}",
        "",
        f"{size}³ voxels of uint16, {volume / 1e6:.0f} MB, particles in {deep} slices: {particles:.0f} whole ones, "
        f"{seconds:.0f} s.",
        f"Peak resident memory {after / 1e6:.0f} MB, {after / volume:.2f} times the volume. The program itself takes "
        f"{before / 1e6:.0f} MB, the rest is {(after - before) / volume:.2f} times the volume.",
        "",
    ])  # fmt: skip  # a page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", nargs="?", choices=("make", "measure"))
    parser.add_argument("path", nargs="?", type=Path)
    parser.add_argument("--size", type=int, default=500)
    parser.add_argument("--deep", type=int, default=120)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if options.task:
        make(options.path, options.size, options.deep) if options.task == "make" else measure(options.path)
        return
    text = run(options.size, options.deep)
    print(text)
    if options.output:
        options.output.write_text(text)


if __name__ == "__main__":
    main()
