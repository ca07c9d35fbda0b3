"""Rates and bytes of particles of both surfaces, the code of another checkout and this one in turn.

python scripts/bench/surfaces.py --old ../before --output docs/results/surface_rates.md

Every task is a process of its own that makes a library of the same particles on one thread: those of seed 0 whose
shells are nearest the median and nearest the mean volume of the model. Processor time, the least of the rounds, so
that what else runs on the machine counts little. Kernels are compiled and loaded by a library of one particle before.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
CASES = (("old", "grains"), ("new", "grains"), ("new", "shell"))
CHILD = """if True:
    import json, sys, tempfile, time
    from dataclasses import replace
    from pathlib import Path
    import nmcfast
    from nmcfast import generate
    task = json.loads(sys.argv[1])
    model, chosen, grow = nmcfast.load_model("nmc811"), task["indices"], generate._grow
    def grow_chosen(model, seed, index, *more, **options):
        made, found = grow(model, seed, chosen[index], *more, **options)
        return replace(made, index=index), found
    generate._grow = grow_chosen
    how = {} if task["code"] == "old" else {"surface": task["surface"]}
    with tempfile.TemporaryDirectory() as folder:
        nmcfast.generate_library(folder + "/warm", model, count=1, labels=task["labels"], **how)
        begin = time.process_time()
        nmcfast.generate_library(folder + "/lib", model, count=len(chosen), labels=task["labels"], **how)
        spent = time.process_time() - begin
        files = [p for p in Path(folder, "lib", "shards").rglob("*") if p.is_file()]
        size = sum(p.stat().st_size for p in files)
        grains = nmcfast.open_library(folder + "/lib").table["grains"].mean()
    print(json.dumps({"seconds": spent / len(chosen), "bytes": size / len(chosen), "grains": float(grains)}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--old", type=Path, required=True, help="a checkout of the earlier code")
    parser.add_argument("--particles", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    chosen, volumes = particles(options.particles)
    found: dict[tuple[str, str, str], list[dict[str, float]]] = {}
    for _ in range(options.rounds):
        for size, indices in chosen.items():
            for labels in (True, False):
                for code, surface in CASES:
                    task = {"code": code, "surface": surface, "indices": indices, "labels": labels}
                    said = run(options.old if code == "old" else HERE, task)
                    name = f"{size}, {'labels' if labels else 'no labels'}"
                    found.setdefault((name, code, surface), []).append(said)
    text = report(found, volumes, options)
    if options.output:
        options.output.write_text(text)
    print(text)


def particles(count: int) -> tuple[dict[str, list[int]], dict[str, float]]:
    """Numbers of the particles of seed 0 nearest the median and the mean volume of 400 shells, and these volumes."""
    import numpy as np

    from nmcfast import load_model
    from nmcfast.shells.shell import Shell, draw_shells

    coefficients, _ = draw_shells(load_model("nmc811").shell, 0, np.arange(400, dtype=np.uint64))
    volume = np.array([Shell(c).descriptors()["volume"] for c in coefficients])
    wanted = {"median": float(np.median(volume)), "mean": float(volume.mean())}
    nearest = {k: np.argsort(np.abs(volume - v), kind="stable")[:count].tolist() for k, v in wanted.items()}
    return nearest, wanted


def run(tree: Path, task: dict) -> dict[str, float]:
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CHILD, json.dumps(task)]
    done = subprocess.run(command, env=environment, cwd=tree, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def report(found: dict, volumes: dict[str, float], options: argparse.Namespace) -> str:
    """The table of all tasks, each beside the old code's."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    new, old = (
        subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False).stdout.strip() or "no git"
        for tree in (HERE, options.old)
    )
    said = [
        "# Rates of the two surfaces",
        "",
        f"    python scripts/bench/surfaces.py --old ../before --particles {options.particles} "
        f"--rounds {options.rounds} --output docs/results/surface_rates.md",
        "",
        f"{options.particles} particles of `nmc811` nearest the median ({volumes['median']:.0f} µm³) of 400 shells of",
        f"seed 0, and as many nearest the mean ({volumes['mean']:.0f} µm³), generated and stored as Zarr on one",
        f"thread; least processor time of {options.rounds} rounds in turn, old {old}, new {new}. A second on 2 cores:",
        "twice one.",
        "",
        "| particles | code, surface | grains | ms a particle | times as fast | a second on 2 cores | kB a particle |",
        "|---|---|---|---|---|---|---|",
    ]
    for (name, code, surface), rows in sorted(found.items(), key=lambda item: (item[0][0], item[0][1] == "new")):
        least = min(row["seconds"] for row in rows)
        before = min(row["seconds"] for row in found[name, "old", "grains"])
        said.append(
            f"| {name} | {code}, {surface} | {rows[0]['grains']:.0f} | {1e3 * least:.1f} | {before / least:.2f} "
            f"| {2 / least:.1f} | {rows[0]['bytes'] / 1e3:.0f} |"
        )
    return "\n".join([*said, ""])


if __name__ == "__main__":
    main()
