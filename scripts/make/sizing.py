"""Writes docs/sizing.md: what libraries take in hours, gigabytes and files, from rates measured here.

    python scripts/make/sizing.py --particles 48

Some libraries of few particles are made by one process, and their processor time and bytes divided by the volume of
their shells: time and bytes of a particle grow with its volume, and few particles need not be as large as the mean of
many, which is known from shells alone. So what the mean particle takes is what is measured times its volume.
"""

import argparse
import platform
import resource
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nmcfast import load_model, open_library
from nmcfast.export import formats, schema
from nmcfast.shells.choice import describe
from nmcfast.shells.shell import draw_shells
from nmcfast.sizes import bytes_each, particles_of_shard

PAGE = Path(__file__).parents[2] / "docs" / "sizing.md"
SHELLS = 8192  # of which the mean volume is taken
COUNTS = (10**3, 10**5, 10**6, 10**8)
KINDS: dict[str, dict[str, Any]] = {
    "zarr, no labels": {"format": "zarr", "labels": False, "voxel_size": 0.05},
    "zarr, labels of 0.05 µm": {"format": "zarr", "labels": True, "voxel_size": 0.05},
    "zarr, labels of 0.1 µm": {"format": "zarr", "labels": True, "voxel_size": 0.1},
    "hdf5, labels of 0.05 µm": {"format": "hdf5", "labels": True, "voxel_size": 0.05},
}


@dataclass(frozen=True)
class Measured:
    """What the mean particle takes: processor seconds, bytes, bytes foreseen; particles and files of a shard."""

    seconds: float
    bytes: float
    foreseen: float
    shard_size: int
    files: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nmc811")
    parser.add_argument("--particles", type=int, default=48)
    options = parser.parse_args()
    model = load_model(options.model)
    shells, _ = draw_shells(model.shell, 0, np.arange(SHELLS, dtype=np.uint64))
    mean = float(describe(shells)["shell_volume_um3"].mean())
    measured = {name: measure(options.model, options.particles, mean, kind) for name, kind in KINDS.items()}
    PAGE.write_text(page(options.model, options.particles, mean, measured))
    print(PAGE.read_text())


def measure(model: str, count: int, mean: float, kind: dict[str, Any]) -> Measured:
    """Processor time of a program that makes a library without that of one particle, in which everything starts."""
    with tempfile.TemporaryDirectory() as temporary:
        seconds = [_run(model, Path(temporary) / str(n), n, kind) for n in (1, count)]
        path = Path(temporary) / str(count)
        volumes = open_library(path).table["shell_volume_um3"]
        stored = sum(p.stat().st_size for p in (path / "shards").rglob("*/*") if p.is_file())
    law = load_model(model)
    files = formats.bulk_module(kind["format"]).shard_files({"labels": kind["labels"]}, range(1))
    return Measured(
        (seconds[1] - seconds[0]) / float(volumes[1:].sum()) * mean,
        stored / float(volumes.sum()) * mean,
        bytes_each(law, **kind),
        particles_of_shard(law, 10**9, **kind, where=""),
        len(files) + 1,
    )


def _run(model: str, path: Path, count: int, kind: dict[str, Any]) -> float:
    options = ["--count", str(count), "--model", model, "--format", kind["format"], "--shard-size", str(count)]
    options += ["--voxel-size", str(kind["voxel_size"])] + ["--no-labels"] * (not kind["labels"])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "nmcfast", "generate", str(path), "--quiet", *options], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()


def page(model: str, count: int, mean: float, measured: dict[str, Measured]) -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    command = shlex.join(["python", "scripts/make/sizing.py", *sys.argv[1:]])
    parts = [
        "# How large a library gets",
        f"    {command}",
        f"Made by the code of commit {commit.strip()} on {processor()}. Of model {model}, {count} particles "
        "of each kind were made by one process; processor time and bytes were divided by the volume of their shells, "
        f"and multiplied by the mean of {SHELLS} shells, {mean:.0f} µm³. Other work on the machine makes times longer.",
        "\n".join(_each(measured)),
        "Without `--shard-size` a shard takes so many particles as are foreseen to need 64 MB: from the model alone, "
        "so the same for every job, but at most an eighth of a small library.",
        "\n".join(_whole(measured)),
        "## 10⁸ particles",
        *_largest(measured["zarr, no labels"], measured["zarr, labels of 0.05 µm"]),
        "What is asked of a whole library afterwards: `info` and the table read one file, `table.npy`, of "
        f"{schema.table_dtype().itemsize} bytes a particle; `verify --workers N --checksums` reads every byte once, "
        "about as fast as `sha256sum`.",
    ]
    return "\n\n".join(parts) + "\n"


def _each(measured: dict[str, Measured]) -> list[str]:
    rows = [
        "| of a particle | processor s | kB | kB foreseen | particles of a shard | MB of a shard | files of a shard |"
    ]
    rows.append("|---|---|---|---|---|---|---|")
    for name, m in measured.items():
        size = f"{m.bytes / 1e3:.0f} | {m.foreseen / 1e3:.0f} | {m.shard_size} | {m.shard_size * m.bytes / 1e6:.0f}"
        rows.append(f"| {name} | {m.seconds:.2f} | {size} | {m.files} |")
    return rows


def _whole(measured: dict[str, Measured]) -> list[str]:
    rows = ["| library | particles | hours of a core | of 2 | of 1000 | GB | shards | files |"]
    rows.append("|---|---|---|---|---|---|---|---|")
    for name, m in measured.items():
        for particles in COUNTS:
            hours, shards = particles * m.seconds / 3600, -(-particles // min(m.shard_size, -(-particles // 8)))
            told = f"{hours:,.1f} | {hours / 2:,.1f} | {hours / 1000:,.2f} | {particles * m.bytes / 1e9:,.1f}"
            rows.append(f"| {name} | {_power(particles)} | {told} | {shards:,} | {shards * m.files + 5:,} |")
    return rows


def _largest(bare: Measured, labelled: Measured) -> list[str]:
    """What 10⁸ particles take, and what to do about it."""
    days, shards = 1e8 * bare.seconds / 86400, -(-(10**8) // bare.shard_size)
    fewer, minutes = -(-shards // 8), 8 * bare.shard_size * bare.seconds / 60
    files = len(formats.bulk_module("hdf5").shard_files({"labels": False}, range(1))) + 1
    return [
        f"Without labels: {days:,.0f} days of one core, {days / 1000:,.1f} days of 1000, "
        f"{1e8 * bare.bytes / 1e12:,.1f} TB. "
        f"In Zarr that is a folder of {shards:,} shards and {shards * bare.files:,} files, more than file systems of "
        "clusters are glad of. So",
        f"- take `--format hdf5`, {files} files a shard, with `--shard-size {8 * bare.shard_size}`: {fewer:,} shards "
        f"and {fewer * files:,} files. A job that is killed loses at most its shard, {minutes:,.0f} minutes of a "
        "core;\n"
        "- or make several libraries, each with its own `--seed`: each is sealed, verified, released and repaired by "
        "itself;\n"
        "- leave labels out: `particle.voxelize(size)` makes them again from the grains, at any voxel size. Of 0.05 µm "
        f"they are {1e8 * (labelled.bytes - bare.bytes) / 1e12:,.0f} TB.",
    ]


def _power(count: int) -> str:
    return "10" + str(len(str(count)) - 1).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


if __name__ == "__main__":
    main()
