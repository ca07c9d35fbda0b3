"""Labels of a zarr library through the torch loader beside plain zarr reads of the same particles.

    nmcfast generate lib.zarr --count 32 --seed 1
    python scripts/bench/loader.py lib.zarr --output docs/results/loader.md

Whole particles in the same order, and cubes of 64³ voxels about the centre. Plain: each shard's labels
opened once by zarr-python, then array[row, :nz, :ny, :nx]. Passes in turn, the
fastest of each; files are in the cache of the system.
"""

import argparse
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import zarr
from torch.utils.data import DataLoader

from nmcfast import open_library
from nmcfast.export.shards import shard_name
from nmcfast.library.library import Library


def plain(library: Library, order: list[int], shape: tuple[int, ...] | None) -> Iterator[np.ndarray]:
    """Labels of particles in an order by zarr-python alone; boxes about the centre as the loader cuts them."""
    opened: dict[int, tuple] = {}
    for index in order:
        number, row = divmod(index - library.numbers.start, library.recipe["shard_size"])
        if number not in opened:
            group = zarr.open_group(library.path / "shards" / shard_name(number), mode="r")
            opened[number] = group["labels"], *(group[f"particles/{n}"][:] for n in ("box_shape", "box_origin"))
        labels, shapes, origins = opened[number]
        box = np.array(shapes[row], int)
        if shape is None:
            low, high = np.zeros(3, int), box
        else:
            corner = np.rint(origins[row][::-1] / library.recipe["voxel_size"]).astype(int)
            low = np.clip(-corner - np.array(shape) // 2, 0, box)
            high = np.clip(-corner - np.array(shape) // 2 + shape, 0, box)
        yield labels[(row, *map(slice, low.tolist(), high.tolist()))]


def timed(run: Callable[[], Iterator]) -> tuple[float, int]:
    """Seconds and voxels of one pass."""
    start, voxels = time.perf_counter(), 0
    for found in run():
        voxels += int(np.prod((found["labels"] if isinstance(found, dict) else found).shape))
    return time.perf_counter() - start, voxels


def rows(library: Library, shape: tuple[int, int, int] | None, passes: int) -> list[str]:
    """Rows of a table: plain reads, the dataset by itself, a DataLoader without and with workers."""
    data = library.torch(["labels"], shape=shape)
    order = [int(sample["index"]) for sample in library.torch(["d_max"])]
    runs: dict[str, Callable[[], Iterator]] = {"plain zarr": lambda: plain(library, order, shape)}
    for workers in (0, 1, 2):
        runs[f"loader, {workers} worker{'s' * (workers != 1)}"] = lambda n=workers: DataLoader(
            data, batch_size=None, num_workers=n
        )
    best = dict.fromkeys(runs, np.inf)
    for _ in range(passes):
        for name, run in runs.items():
            seconds, voxels = timed(run)
            best[name] = min(best[name], seconds)
    what = "whole" if shape is None else "×".join(map(str, shape))
    return [
        f"| {what} | {name} | {len(order) / s:.1f} | {voxels / s / 1e6:.0f} | {best['plain zarr'] / s:.2f} |"
        for name, s in best.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    library = open_library(args.library)
    table = [line for shape in (None, (64, 64, 64)) for line in rows(library, shape, args.passes)]
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    text = [
        "# The torch loader beside plain zarr reads",
        "",
        f"    python {' '.join(sys.argv)}",
        "",
        f"{len(library)} particles, shards of {library.recipe['shard_size']}; torch {torch.__version__}, zarr "
        f"{zarr.__version__}, Python {platform.python_version()}, commit {commit}; two processors that had",
        "other work: the last column, from passes in turn, says more than the rates.",
        "",
        "| labels | read by | particles/s | million voxels/s | rate over plain zarr |",
        "|---|---|---|---|---|",
        *table,
    ]
    print("\n".join(text))
    if args.output:
        args.output.write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
