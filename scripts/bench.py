"""The benchmark: shells, analytic grains, labels, whole particles, storage and memory, in one run.

    python scripts/bench.py --output docs/results/bench.md

Times are CPU seconds of this process for single-threaded work (the machine may be shared) and wall seconds where two
threads or processes are compared; each is the best of several repetitions after one that compiles. More sizes of label
volumes: scripts/bench_labels.py.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from bench_labels import best, table

from nmcfast import generate_library, load_model, open_library, parameters
from nmcfast.generate import _grow
from nmcfast.harmonics import grid_basis
from nmcfast.kernels.harmonics import radii
from nmcfast.markers import frames, metrics, net_inputs
from nmcfast.overlay import overlay
from nmcfast.seeds import draw_pattern
from nmcfast.shell import draw_shell

MODEL = load_model("nmc811")
LAW = MODEL.grains
PAPER_GRAIN, PAPER_SHELL = 7.06e-6, 2.37e-3  # s, section 2.10


def bench_shells() -> dict[str, float]:
    count = 300
    basis = grid_basis(3, parameters.ORDER)
    drawn = np.array([MODEL.shell.draw(0, i, 0) for i in range(count)])
    return {
        "draw of coefficients": best(lambda: [MODEL.shell.draw(0, i, 0) for i in range(count)], 3) / count,
        "radii in 642 directions": best(lambda: radii(drawn, basis), 5) / count,
        "accepted shell, checks and redraws": best(lambda: [draw_shell(MODEL.shell, 0, i) for i in range(count)], 3)
        / count,
    }


def bench_grains() -> tuple[int, dict[str, float]]:
    """Seconds a grain of each analytic step: 16³ cells of seeds, [-128, 128]³ pixels."""
    mask, first = np.ones((16, 16, 16), bool), np.full(3, -8)

    def pattern():
        return draw_pattern(mask, first, LAW.mu, LAW.pixel_um, 0, 0, parameters.KAPPA)

    drawn = pattern()
    n = len(drawn.inner)
    inputs = net_inputs(drawn, LAW.net, LAW.pixel_um)
    diagonal, _ = LAW.net(inputs)
    place, angle = drawn.position[drawn.inner], drawn.angle[drawn.inner]
    steps = {
        "seeds and 12 nearest": best(pattern, 5),
        "inputs of G_net": best(lambda: net_inputs(drawn, LAW.net, LAW.pixel_um), 5),
        "G_net": best(lambda: LAW.net(inputs), 5),
        "frames and metrics": best(lambda: metrics(frames(place, angle), diagonal), 5),
    }
    return n, {name: seconds / n for name, seconds in steps.items()}


def median_particle() -> int:
    """Of the first 31 particles the one of median volume."""
    volumes = [draw_shell(MODEL.shell, 0, i)[0].descriptors()["volume"] for i in range(31)]
    return int(np.argsort(volumes)[15])


def bench_particle() -> dict[str, float]:
    index = median_particle()
    shell, _ = draw_shell(MODEL.shell, 0, index)
    particle, volume = _grow(MODEL, 0, index)
    return {
        "index": index,
        "grains": len(particle.grains),
        "voxels in box": float(volume.labels.size),
        "overlay": best(lambda: overlay(LAW, shell, 0, index), 3),
        "whole particle": best(lambda: _grow(MODEL, 0, index), 3),
        "voxelize at 50 nm": best(lambda: particle.voxelize(0.05), 3),
        "voxelize at 25 nm": best(lambda: particle.voxelize(0.025), 2),
    }


def bench_library(count: int, workers: int) -> dict[str, float]:
    """Particles a second end to end, with and without labels, and the bytes they take."""
    found = {}
    for labels in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "lib"
            start = time.perf_counter()
            generate_library(path, MODEL, count=count, seed=0, labels=labels, shard_size=16, workers=workers)
            name = "with labels" if labels else "without labels"
            found[f"particles/s {name}"] = count / (time.perf_counter() - start)
            size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
            found[f"bytes a particle {name}"] = size / count
            found["grains a particle"] = float(open_library(path).table["grains"].mean())
    return found


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.processor())
    import numba

    return f"{model}, Python {platform.python_version()}, numba {numba.__version__}, numpy {np.__version__}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--count", type=int, default=64, help="particles of the end-to-end runs")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:  # a process of its own, so that its peak memory is that of the run
        found = bench_library(options.count, options.child)
        found["peak memory of the process, MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(found))
        return
    shells, (n, grains), particle = bench_shells(), bench_grains(), bench_particle()
    lines = ["# Benchmark", "", "    python scripts/bench.py --output docs/results/bench.md", "", machine(), ""]
    lines += ["| shell | µs |", "|---|---|", *(f"| {k} | {v * 1e6:.1f} |" for k, v in shells.items())]
    lines += [f"| paper, coefficients only | {PAPER_SHELL * 1e6:.0f} |", ""]
    lines += [
        f"| analytic grain, mean of {n} | µs |",
        "|---|---|",
        *(f"| {k} | {v * 1e6:.2f} |" for k, v in grains.items()),
    ]
    lines += [
        f"| **all** | **{sum(grains.values()) * 1e6:.2f}** |",
        f"| paper, 12 cores and a GPU | {PAPER_GRAIN * 1e6:.2f} |",
        "",
        *table([256], 5),
        "",
    ]
    who, size = f"particle {particle.pop('index'):.0f} of seed 0", f"{particle.pop('voxels in box'):.3g} voxels"
    head = f"{who}, {particle.pop('grains'):.0f} grains, {size}"
    lines += [f"| {head} | ms |", "|---|---|", *(f"| {k} | {v * 1e3:.0f} |" for k, v in particle.items()), ""]
    lines += [f"| library of {options.count} particles, wall clock | 1 process | 2 processes |", "|---|---|---|"]
    runs = []
    for workers in (1, 2):
        command = [sys.executable, __file__, "--child", str(workers), "--count", str(options.count)]
        runs.append(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
    lines += [f"| {name} | {runs[0][name]:.4g} | {runs[1][name]:.4g} |" for name in runs[0]]
    text = "\n".join(lines) + "\n"
    print(text)
    if options.output:
        options.output.write_text(text)


if __name__ == "__main__":
    main()
