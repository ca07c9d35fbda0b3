"""Meshes of particles of several sizes: figures of quality, distance to the boundaries, grain volumes, CPU time.

OMP_NUM_THREADS=1 python scripts/studies/meshes.py --particles 30 3 --divisions 4 6 --output docs/results/meshes.md

Size: the mean grain's diameter over a division; inside: so many sizes, that of cells far from boundaries. Grain
volumes are compared with voxels of --truth µm.
"""

import argparse
import itertools
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from nmcfast import generate_particle, load_model
from nmcfast.meshes.mesh import Mesh
from nmcfast.particle import Particle

SEED, LARGE = 1, 0.02  # µm³: grains whose volumes are compared
HEAD = (
    "grains",
    "division",
    "inside",
    "tetrahedra",
    "smallest, 1 %, 5 % dihedral",
    "largest",
    "below 8°",
    "within 2 %, 5 %",
    "two, three, four names within 2 %",
    "no cell",
    "whole volume",
    "grains (rms)",
    "worst of > 500",
    "CPU s",
    "per s",
    "bytes a tet",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--particles", type=int, nargs="+", default=[30, 3])
    parser.add_argument("--divisions", type=float, nargs="+", default=[4.0, 6.0, 8.0])
    parser.add_argument("--inside", type=float, nargs="+", default=[1.0])
    parser.add_argument("--truth", type=float, default=0.0125, help="voxel, µm")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    model = load_model("nmc811")
    generate_particle(model, SEED, 30, surface="shell").mesh(0.2)  # compiles
    rows = []
    for index in options.particles:
        particle = generate_particle(model, SEED, index, surface="shell")
        labels = replace(particle, parts="merge").voxelize(options.truth).labels
        truth = np.bincount(labels.ravel(), minlength=len(particle.grains) + 1)[1:]
        for division, inside in itertools.product(options.divisions, options.inside):
            row = measured(particle, truth * options.truth**3, division, inside)
            print(row, flush=True)
            rows.append(row)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    options.output.write_text(page(rows, options.truth, commit.strip()))


def measured(particle: Particle, truth: np.ndarray, division: float, coarser: float) -> list[str]:
    """One row of the table."""
    size = particle.mean_diameter / division
    before, start = peak(), time.process_time()
    mesh = particle.mesh(size, inside=coarser * size if coarser > 1.0 else None)
    seconds, grown = time.process_time() - start, peak() - before
    q, count = mesh.quality, len(mesh.cells)
    figures = q.to_dict()
    parts = (figures[f"nodes_of_{name}_within_2_percent"] for name in ("two", "three", "four"))
    return [
        str(len(particle.grains)),
        f"{division:g}",
        f"{coarser:g}",
        f"{count}",
        " ".join(f"{v:.1f}" for v in (q.smallest.min(), *np.percentile(q.smallest, [1, 5]))),
        f"{q.largest.max():.0f}",
        str(int((q.smallest < 8.0).sum())),
        f"{100 * q.within(0.02):.1f}, {100 * q.within(0.05):.1f} %",
        ", ".join(f"{100 * part:.1f}" for part in parts) + " %",
        str(len(mesh.missing)),
        f"{100 * (mesh.volume.sum() / inside(particle) - 1):+.2f} %",
        f"{100 * volume_error(mesh, truth):.2f} %",
        f"{100 * worst_of_large(mesh, truth):.1f} %",
        f"{seconds:.1f}",
        f"{count / seconds:.0f}",
        f"{grown / count:.0f}" if grown else "–",
    ]


def peak() -> int:
    """The most memory that the process had so far, bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def inside(particle: Particle) -> float:
    """Volume of |x| ≤ X(u), µm³: ∫ X³ / 3 over the sphere, by Gauss and the trapezoidal rule."""
    z, weight = np.polynomial.legendre.leggauss(40)
    angle = 2.0 * np.pi * np.arange(80) / 80
    rho = np.sqrt(1.0 - z**2)[:, None]
    u = np.stack(np.broadcast_arrays(rho * np.cos(angle), rho * np.sin(angle), z[:, None]), axis=-1)
    radius = particle.shell.radius(u.reshape(-1, 3)).reshape(len(z), -1)
    return float((weight[:, None] * radius**3).sum() / 3.0 * 2.0 * np.pi / 80)


def volume_error(mesh: Mesh, truth: np.ndarray) -> float:
    """Relative error of the volumes of grains above LARGE, rms."""
    volume = np.zeros(len(truth))
    volume[: len(mesh.volume)] = mesh.volume
    large = truth > LARGE
    return float(np.sqrt(np.mean((volume[large] / truth[large] - 1.0) ** 2)))


def worst_of_large(mesh: Mesh, truth: np.ndarray) -> float:
    """The largest relative error of the volume of a grain of more than 500 tetrahedra."""
    large = np.flatnonzero(np.bincount(mesh.grain, minlength=len(truth)) > 500)
    return float(np.abs(mesh.volume[large] / truth[large] - 1.0).max(initial=0.0))


def page(rows: list[list[str]], truth: float, commit: str) -> str:
    """The page of results."""
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in (HEAD, ["---"] * len(HEAD), *rows))
    command = " ".join(["python", *sys.argv])
    return (
        f"# Meshes: quality, accuracy, time\n\nOne thread, a shared machine, CPU time of the process, "
        f"which load on both cores lengthens several times; commit {commit}."
        f"\n\n    {command}\n\n{table}\n\nDivision: mean grain diameter over mesh size h. Inside: the size far from "
        "boundaries, in h; 1 is none of its own. Within: share of boundary nodes nearer to the boundaries that names "
        "about them share than that part of h. Names: outside counts as "
        f"one. Grains: rms error of volumes above {LARGE} µm³ against voxels of {truth} µm, crumbs merged. "
        "Bytes: what the peak of memory grew by, where it did.\n"
    )


if __name__ == "__main__":
    main()
