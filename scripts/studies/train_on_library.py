"""Trains a small 3D network on a library for one epoch: the median grain volume from the boundaries in a cube.

    nmcfast generate train.zarr --count 64 --seed 2 --shard-size 8
    python scripts/studies/train_on_library.py train.zarr --workers 2

Then it measures the loader alone, beside a plain Dataset that reads the same cubes from one .npy file each. Best of
three passes, wall seconds; the cubes were read before, so both come from the cache of the system.
"""

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from nmcfast import open_library
from nmcfast.library.library import Library


class Cubes(Dataset):
    """The bare alternative: one .npy file a particle."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> torch.Tensor:
        return torch.from_numpy(np.load(self.paths[row]))


def network() -> nn.Module:
    """(b, 1, n, n, n) -> (b, 1)"""
    widths, layers = (1, 8, 16, 32), list[nn.Module]()
    for narrow, wide in pairwise(widths):
        layers += [nn.Conv3d(narrow, wide, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(widths[-1], 1))


def boundaries(labels: torch.Tensor) -> torch.Tensor:
    """Voxels (b, n, n, n) whose neighbour along x has another label, as the image (b, 1, n, n, n) of a network."""
    return (labels != labels.roll(1, dims=-1)).float()[:, None]


def train(library: Library, size: int, batch: int, workers: int) -> tuple[list[float], float]:
    """Loss of each batch of one epoch, and its seconds."""
    index = library.index()
    log = np.log(index["grain_volume_median"])
    target = dict(zip(index["index"].tolist(), ((log - log.mean()) / log.std()).tolist(), strict=True))
    torch.manual_seed(0)
    model = network()
    optimiser, losses, start = torch.optim.Adam(model.parameters(), 3e-3), [], time.perf_counter()
    data = library.torch(["labels"], shape=(size,) * 3)
    for sample in DataLoader(data, batch_size=batch, num_workers=workers):
        wanted = torch.tensor([target[int(i)] for i in sample["index"]])
        loss = nn.functional.mse_loss(model(boundaries(sample["labels"]))[:, 0], wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses, time.perf_counter() - start


def seconds_of(loader: Iterable) -> float:
    """Of the fastest of three passes."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        for _ in loader:
            pass
        times.append(time.perf_counter() - start)
    return min(times)


def compare(library: Library, size: int, workers: int) -> list[str]:
    """Rows of a table: particles a second through the library, and from .npy files of the same cubes."""
    data = library.torch(["labels"], shape=(size,) * 3)
    with tempfile.TemporaryDirectory() as scratch:
        paths = []
        for sample in data:
            paths.append(Path(scratch) / f"{int(sample['index'])}.npy")
            np.save(paths[-1], sample["labels"].numpy())
        rows, count = [], len(paths)
        for number in sorted({0, workers}):
            for name, source in (("library", data), (".npy", Cubes(paths))):
                seconds = seconds_of(DataLoader(source, batch_size=None, num_workers=number))
                rate, volume = count / seconds, count * size**3 * 4 / seconds / 1e6
                rows.append(f"| {name} | {number} | {rate:.0f} | {volume:.0f} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("--size", type=int, default=64, help="voxels of a cube's edge (64)")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    library = open_library(options.library)
    losses, seconds = train(library, options.size, options.batch, options.workers)
    half = max(1, len(losses) // 2)
    lines = [
        "# Training on a library",
        "",
        f"    python {' '.join(sys.argv)}",
        "",
        f"{len(library)} particles, cubes of {options.size}³ voxels, {library.recipe['format']} shards of "
        f"{library.recipe['shard_size']}; torch {torch.__version__}, Python {platform.python_version()}.",
        f"One epoch took {seconds:.1f} s; mean loss {np.mean(losses[:half]):.3f} in the first half of its batches, "
        f"{np.mean(losses[half:] or losses):.3f} in the second (1 is the variance of the target).",
        "",
        "| loader | workers | cubes/s | MB/s |",
        "|---|---|---|---|",
        *compare(library, options.size, options.workers),
        "",
        "A cube about a particle's centre crosses up to eight chunks of 64³ labels, and the loader checks and "
        "decompresses\neach whole; each pass also opens every shard anew. Bare .npy files hold the cubes ready, "
        f"without checksums, at {options.size**3 * 4 / 1e6:.1f} MB each.",
    ]
    print("\n".join(lines))
    if options.output:
        options.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
