"""Shells, analytic grains, whole particles and libraries: what the paper times, and what a user waits for."""

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from compiled import HERE
from timing import measure

from nmcfast import generate_particle, load_model, parameters
from nmcfast.kernels.shells.harmonics import real_harmonics
from nmcfast.markers import frames, metrics
from nmcfast.overlay import overlay
from nmcfast.seeds import draw_pattern
from nmcfast.shells.harmonics import grid_radii, icosphere
from nmcfast.shells.shell import draw_shell, draw_shells

PAPER_GRAIN_S, PAPER_SHELL_S = 7.06e-6, 2.37e-3  # section 2.10, 12 cores and a GPU; coefficients only
SEED, SHELLS = 0, 4000  # shells: of the stream, for their mean volume
_WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def row(group: str, name: str, count: float, timed: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One line of the results; `count` is how many shells, grains, … each run makes."""
    return {"group": group, "name": name, "count": count, **timed, **more}


def shells(count: int) -> list[dict[str, Any]]:
    """Shells of the shipped model in 642 directions, and NumPy's draw of the paper's law with a matrix product."""
    law, indices = load_model("nmc811").shell, np.arange(count, dtype=np.uint64)
    basis = real_harmonics(icosphere(3)[0], parameters.ORDER)
    drawn, single = law.draw_many(SEED, indices, 0), np.ascontiguousarray(basis.T, np.float32)
    works = {
        "coefficients": lambda: law.draw_many(SEED, indices, 0),
        "radii in 642 directions": lambda: grid_radii(drawn, 3),
        "accepted shell: draws, checks, redraws": lambda: draw_shells(law, SEED, indices),
        "the same, one by one": lambda: [draw_shell(law, SEED, i) for i in range(count)],
        "NumPy: draws and a matrix product": lambda: _numpy_shells(count, single),
    }
    return [row("shells", name, count, measure(work, seconds=1.0)) for name, work in works.items()]


def _numpy_shells(count: int, basis: np.ndarray) -> np.ndarray:
    """Radii (count, 642) of Table 1's law, order by order, nothing refused: what NumPy's own generators make of it."""
    rng, orders = np.random.default_rng(SEED), range(1, parameters.ORDER + 1)
    parts = [rng.lognormal(np.log(parameters.SIZE_SCALE), parameters.SIZE_SHAPE, (count, 1)) + parameters.SIZE_LOCATION]
    parts += [parameters.TAU[k - 1] * rng.standard_t(parameters.NU[k - 1], (count, 2 * k + 1)) for k in orders]
    return np.concatenate(parts, axis=1).astype(np.float32) @ basis


def grains() -> list[dict[str, Any]]:
    """The steps of an analytic grain: seeds and their 12 nearest in [-128, 128]³ pixels, G_net, metric."""
    law, mask, first = load_model("nmc811").grains, np.ones((16, 16, 16), bool), np.full(3, -8)

    def pattern():
        return draw_pattern(mask, first, law.mu, law.pixel_um, SEED, 0, parameters.KAPPA)

    drawn = pattern()
    diagonal, _ = law.net.mark(drawn, law.pixel_um)
    place, angle = drawn.position[drawn.inner], drawn.angle[drawn.inner]

    def everything():
        found = pattern()
        marked, _ = law.net.mark(found, law.pixel_um)
        metrics(frames(found.position[found.inner], found.angle[found.inner]), marked)

    works = {
        "seeds and their 12 nearest": pattern,
        "G_net with its inputs": lambda: law.net.mark(drawn, law.pixel_um),
        "frames and metrics": lambda: metrics(frames(place, angle), diagonal),
        "analytic grain, all steps": everything,
    }
    return [row("grains", name, len(drawn.inner), measure(work, seconds=1.0)) for name, work in works.items()]


def median_indices(count: int, drawn: int = 400) -> tuple[list[int], float, float]:
    """Of the first particles of seed 0 the `count` whose shell volume is nearest the median; median and mean, µm³."""
    law = load_model("nmc811").shell
    volume = np.array([draw_shell(law, SEED, i)[0].descriptors()["volume"] for i in range(drawn)])
    nearest = np.argsort(np.abs(volume - np.median(volume)), kind="stable")[:count]
    return sorted(int(i) for i in nearest), float(np.median(volume)), float(volume.mean())


def particle() -> list[dict[str, Any]]:
    """The particle of median volume alone, on one thread."""
    model = load_model("nmc811")
    (index,), _, _ = median_indices(1)
    shell, _ = draw_shell(model.shell, SEED, index)
    made = generate_particle(model, SEED, index)
    about = {"index": index, "grains": len(made.grains), "box_voxels": int(made.voxelize(0.05).labels.size)}
    works = {
        "overlay": lambda: overlay(model.grains, shell, SEED, index),
        "whole particle": lambda: generate_particle(model, SEED, index),
        "voxelize at 50 nm": lambda: made.voxelize(0.05),
        "voxelize at 25 nm": lambda: made.voxelize(0.025),
        "voxelize at 12.5 nm": lambda: made.voxelize(0.0125),
    }
    return [row("particle", name, 1, measure(work, seconds=1.0, most=5), **about) for name, work in works.items()]


def libraries(count: int, processes: int) -> list[dict[str, Any]]:
    """Libraries of the first particles of the stream, made by `generate_library` with and without labels."""
    _, median, mean = median_indices(1, SHELLS)
    about, rows = {"shells": SHELLS, "median_um3": median, "mean_um3": mean}, []
    for workers in sorted({1, processes}):
        for labels in (True, False):
            task = {"what": "stream", "count": count, "labels": labels, "workers": workers}
            (found,) = _run([task])
            name = f"library of {count}, {'with' if labels else 'without'} labels"
            rows.append(row("libraries", name, count, _timed(found), workers=workers, **_facts(found), **about))
    return rows


def median_library(count: int, processes: int) -> list[dict[str, Any]]:
    """Particles of about the median volume, drawn, pruned, labelled at 50 nm and written by some processes at once."""
    chosen, median, mean = median_indices(count)
    rows = []
    for labels in (True, False):
        tasks = [
            {"what": "chosen", "indices": chosen[k::processes], "labels": labels, "workers": 1}
            for k in range(processes)
        ]
        found = _run(tasks)
        wall = max(f["end"] for f in found) - min(f["start"] for f in found)
        timed = {"wall_s": [wall], "cpu_s": [sum(f["cpu_s"] for f in found)]}
        volume = np.concatenate([f["volume_um3"] for f in found])
        facts = {
            "grains": float(np.mean(np.concatenate([f["grains"] for f in found]))),
            "box_voxels": float(np.mean(np.concatenate([f["voxels"] for f in found]))),
            "volumes_um3": [float(volume.min()), float(volume.max())],
            "median_um3": median,
            "mean_um3": mean,
            "bytes": sum(f["bytes"] for f in found),
        }
        name = f"{count} particles of about median volume, {'with' if labels else 'without'} labels"
        rows.append(row("median", name, count, timed, workers=processes, **facts))
    return rows


def _timed(found: dict[str, Any]) -> dict[str, Any]:
    return {"wall_s": [found["end"] - found["start"]], "cpu_s": [found["cpu_s"]]}


def _facts(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "grains": float(np.mean(found["grains"])),
        "box_voxels": float(np.mean(found["voxels"])),
        "volume_um3": float(np.mean(found["volume_um3"])),
        "bytes": found["bytes"],
        "peak_mib": found["peak_mib"],
        "relative_error": found["relative_error"],
    }


def _run(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each task in a process of its own, which warms up, then waits for the others, so that all start at once."""
    command = [sys.executable, str(HERE / "whole.py")]
    running = [
        subprocess.Popen([*command, json.dumps(task)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for task in tasks
    ]
    try:
        for process in running:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError(f"{' '.join(command)}: ended before it was ready")
        for process in running:
            process.stdin.write("go\n")
            process.stdin.flush()
        found = [json.loads(process.stdout.read()) for process in running]
    finally:
        for process in running:
            process.stdin.close()
            if process.wait() != 0:
                raise RuntimeError(f"{' '.join(command)}: failed with exit code {process.returncode}")
    return found


def _instead(chosen: list[int]) -> None:
    """From now on particle k of a library is number chosen[k] of the stream, stored as number k."""
    from nmcfast import generate

    grow = generate._grow

    def grow_chosen(model, seed, index, *more, **options):
        made, found = grow(model, seed, chosen[index], *more, **options)
        return replace(made, index=index), found

    generate._grow = grow_chosen


def child(task: dict[str, Any]) -> None:
    """Make one library; prints when it began and ended, and what it holds. Its peak memory is that of the process."""
    from nmcfast import generate_library, open_library

    model, labels, count = load_model("nmc811"), task["labels"], task.get("count", len(task.get("indices", [])))
    with tempfile.TemporaryDirectory() as folder:
        generate_library(Path(folder) / "warm", model, count=1, seed=SEED, labels=labels)
        shard_size = count if task["what"] == "chosen" else max(1, count // (2 * task["workers"]))
        if task["what"] == "chosen":
            _instead(task["indices"])
        print("ready", flush=True)
        sys.stdin.readline()
        path = Path(folder) / "library"
        start, busy = time.time(), _busy()
        generate_library(
            path, model, count=count, seed=SEED, labels=labels, shard_size=shard_size, workers=task["workers"]
        )
        end, cpu = time.time(), _busy() - busy
        table = open_library(path).table
        found = {
            "start": start,
            "end": end,
            "cpu_s": cpu,
            "grains": table["grains"].tolist(),
            "voxels": table["box_shape"].prod(axis=1).astype(float).tolist(),
            "volume_um3": table["shell_volume_um3"].tolist(),
            "bytes": sum(f.stat().st_size for f in path.rglob("*") if f.is_file()),
            "peak_mib": max(_own_peak_kib(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024,
            "relative_error": float(np.std(table["grains"]) / np.mean(table["grains"]) / np.sqrt(count)),
        }
        print(json.dumps(found), flush=True)


def _own_peak_kib() -> float:
    """Of this program: ru_maxrss also counts the process that it was started from."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return float(lines["VmHWM"].split()[0])


def _busy() -> float:
    used = [resource.getrusage(who) for who in _WHO]
    return sum(u.ru_utime + u.ru_stime for u in used)


if __name__ == "__main__":
    child(json.loads(sys.argv[1]))
