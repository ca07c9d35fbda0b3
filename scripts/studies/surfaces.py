"""Which surface, and whose are the crumbs: final particles of both surfaces beside the shells they came from.

python scripts/studies/surfaces.py --output docs/results/surfaces.md --picture docs/results/surfaces.png

On the model grid: volume outside the shell, share of the shell that is empty, solid parts, grains of several parts. At
128 nm, the voxel of the paper's CT, the particle goes through the CT pipeline of section 2.1 (parting, cleaning,
star shape, harmonics; without noise and smoothing), and its descriptors, Eqs. (17)-(20), are set beside the shell's.
"""

import argparse
import subprocess
import time
from pathlib import Path

import matplotlib
import numpy as np

from nmcfast import generate_particle, load_model
from nmcfast.calibration.shells.star_shapes import star_shapes
from nmcfast.calibration.shells.tomography import segment
from nmcfast.errors import InputError
from nmcfast.inside import Inside
from nmcfast.parameters import VOXEL_UM
from nmcfast.particle import Particle, Volume
from nmcfast.shells.descriptors import shell_descriptors
from nmcfast.tessellation import Grid, grid_over

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SEED, SURFACES = 1, ("grains", "shell")
DESCRIPTORS = ("d_max", "compactness", "aspect_ratio", "sphericity")
PAD = 8  # voxels around a particle: it must not touch the border of the volume
CRUMBS_OF = 8  # particles for the two rules: distances to all grains of a particle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="nmc811")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=300.0, help="no new particle after that")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    model, start = load_model(options.model), time.monotonic()
    rows: dict[str, list[dict[str, float]]] = {surface: [] for surface in SURFACES}
    given: list[tuple[int, int, int, int]] = []
    for index in range(options.count):
        if time.monotonic() - start > options.seconds:
            break
        made = {s: generate_particle(model, SEED, index, surface=s) for s in SURFACES}
        seen = {s: measured(made[s]) for s in SURFACES}
        for surface in SURFACES:
            rows[surface].append(seen[surface])
        if index < CRUMBS_OF:
            given.append(crumb_rules(*(generate_particle(model, SEED, index, parts=p) for p in ("keep", "merge"))))
    text = report(options, rows, given)
    if options.output:
        options.output.write_text(text)
    print(text)
    if options.picture:
        draw(model, options.picture)


def measured(particle: Particle) -> dict[str, float]:
    """What a particle is on the model grid, and what CT sees of it."""
    volume = particle.voxelize(0.05)
    inside = inside_of(particle, grid_of(volume))
    solid, cell = volume.labels > 0, volume.voxel_size**3
    of_shell = np.count_nonzero(inside_of(particle, grid_over(particle.shell.bounds(), 0.05)))
    owner, described = volume.split()[1], particle.shell.descriptors()
    found = {
        "outside": np.count_nonzero(solid & ~inside) / of_shell,
        "empty": 1.0 - np.count_nonzero(solid & inside) / of_shell,
        "rounding": abs(of_shell * cell / described["volume"] - 1.0),
        "solid parts": len(Volume(solid.astype(np.uint8), volume.origin, 0.05).split()[1]),
        "disconnected": float((np.bincount(owner) > 1).sum()),
        "grains": len(particle.grains),
        "voxels": float(np.count_nonzero(solid)),
    }
    found |= {name: particle.facts[name] for name in ("crumbs", "crumb_voxels", "loose_voxels", "small_grains")}
    return found | {f"shell {name}": described[name] for name in DESCRIPTORS} | seen_by_ct(particle)


def grid_of(volume: Volume) -> Grid:
    x, y, z = (round(k) for k in volume.origin / volume.voxel_size)
    nz, ny, nx = volume.labels.shape
    return Grid((x, y, z), (nz, ny, nx), volume.voxel_size)


def inside_of(particle: Particle, grid: Grid) -> np.ndarray:
    """Whether voxel centres lie in the shell, bool (nz, ny, nx)."""
    inside, marks = Inside(particle.shell), np.ones(grid.shape, np.uint16)
    inside.clip(marks, grid, *inside.blocks(grid))
    return marks > 0


def centres(volume: Volume) -> np.ndarray:
    """Voxel centres (n, 3) µm in the order of the labels."""
    z, y, x = (np.arange(n) + 0.5 for n in volume.labels.shape)
    grid = np.stack(np.broadcast_arrays(x[None, None], y[None, :, None], z[:, None, None]), axis=-1)
    return grid.reshape(-1, 3) * volume.voxel_size + volume.origin


def seen_by_ct(particle: Particle) -> dict[str, float]:
    """Descriptors of the largest particle that the pipeline finds at 128 nm, and how many it finds; NaN for none."""
    mask = np.pad(particle.voxelize(VOXEL_UM).labels > 0, PAD).astype(np.uint8)
    nothing = dict.fromkeys(DESCRIPTORS, np.nan) | {"found": 0.0}
    try:
        shapes = star_shapes(segment(mask, phase=1)[0])
    except InputError:
        return nothing
    if not len(shapes.volume):
        return nothing
    largest = int(np.argmax(shapes.volume))
    described = shell_descriptors(shapes.coefficients[largest] * VOXEL_UM)
    return {name: described[name] for name in DESCRIPTORS} | {"found": float(len(shapes.volume))}


def crumb_rules(particle: Particle, mended: Particle) -> tuple[int, int, int, int]:
    """Crumbs of a particle with and without, those for which both rules name the same grain, grains disconnected
    after either rule (faces, next)."""
    volume = particle.voxelize(0.05)
    apart, owner = volume.split()
    count = len(particle.grains)
    by_faces = mended.voxelize(0.05).labels
    by_next, points, same = volume.labels.copy(), centres(volume), 0
    order = np.argsort(apart.labels.ravel(), kind="stable")
    edges = np.searchsorted(apart.labels.ravel()[order], np.arange(len(owner) + 2))
    for part in range(count + 1, len(owner) + 1):
        voxels = order[edges[part] : edges[part + 1]]
        offset = points[voxels][:, None] - particle.grains.position
        d = np.sqrt(np.einsum("pni,nij,pnj->pn", offset, particle.grains.metric, offset)) - particle.grains.offset
        following = np.argsort(d, axis=1)[:, 1] + 1
        choice = np.bincount(following).argmax()
        by_next.ravel()[voxels] = choice
        same += int((by_faces.ravel()[voxels] == choice).all())
    left = [int((np.bincount(Volume(v, volume.origin, 0.05).split()[1]) > 1).sum()) for v in (by_faces, by_next)]
    return len(owner) - count, same, left[0], left[1]


def lines(t: dict[str, np.ndarray]) -> dict[str, str]:
    """What is said of the particles of one surface."""
    parts, crumbs = t["solid parts"], t["crumbs"].sum() / t["grains"].sum()
    return {
        "volume outside the shell, of the shell's": f"{100 * t['outside'].mean():.2f} %",
        "share of the shell that is empty": f"{100 * t['empty'].mean():.2f} %",
        "face-connected solid parts, median (most)": f"{np.median(parts):.0f} ({parts.max():.0f})",
        "grains of several parts, of all": f"{100 * t['disconnected'].sum() / t['grains'].sum():.1f} %",
        "crumbs given away, a grain": f"{crumbs:.3f}",
        "their voxels, of all": f"{100 * t['crumb_voxels'].sum() / t['voxels'].sum():.3f} %",
        "loose voxels taken away": f"{t['loose_voxels'].sum():.0f}",
        "kept grains without a voxel": f"{t['small_grains'].sum():.0f}",
        "particles in which CT sees one particle": f"{100 * (t['found'] == 1).mean():.0f} %",
        **{f"{d}, CT over shell: median (5 %, 95 %)": ratio(t, d) for d in DESCRIPTORS},
        **{f"{d}, the same where CT sees one particle": ratio(t, d, t["found"] == 1) for d in DESCRIPTORS},
        **{f"{d}, median of CT, of the shells": medians(t, d) for d in DESCRIPTORS},
        **{f"{d}, Wasserstein distance": distance(t, d) for d in DESCRIPTORS},
    }


def report(
    options: argparse.Namespace, rows: dict[str, list[dict[str, float]]], given: list[tuple[int, int, int, int]]
) -> str:
    """The page: the table, and what the two rules for crumbs do."""
    tables = {s: {k: np.array([row[k] for row in rows[s]]) for k in rows[s][0]} for s in SURFACES}
    grains, shell = (lines(tables[s]) for s in SURFACES)
    rounding = 100 * tables["shell"]["rounding"]
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    picture = options.picture.name if options.picture else "none"
    crumbs, same, by_faces, by_next = (sum(g[k] for g in given) for k in range(4))
    return f"""# Two surfaces

    python scripts/studies/surfaces.py --model {options.model} \\
        --count {options.count} --seconds {options.seconds:.0f} \\
        --output {options.output} --picture {options.picture}

Particles 0 to {len(rows["shell"]) - 1} of `{options.model}`, seed {SEED}, at commit {commit}. `grains` is section
2.6 as printed, `shell` the inside of the shell shared out among the same grains; the first rows on the model grid of
50 nm.

| | grains | shell |
|---|---|---|
{chr(10).join(f"| {text} | {grains[text]} | {shell[text]} |" for text in grains)}

A voxel lies in the shell when its centre does. Counted so, shells have their volume to {np.median(rounding):.2f} %
in the median, {rounding.max():.2f} % at worst; the volume in the table of a library is that of a polyhedron, some
0.4 % below. CT parts rough shells at their necks and takes the largest piece, and it expands a particle about its
centre of mass instead of the star point of its shell, from voxels of {VOXEL_UM} µm in 642 directions: so it differs
in the column `shell`, where particle and shell are the same voxels.

## Whose are the crumbs

{crumbs} crumbs of {len(given)} particles. The grain with most common faces and the one that comes next by Eq. (8) at
most of a crumb's voxels are the same for {100 * same / max(crumbs, 1):.1f} %. Given by faces, {by_faces} grains stay
disconnected; given to the next, {by_next}: the next by Eq. (8) need not touch the crumb. So faces decide.

![Sections z = 0 of particles 0 to 7 of both surfaces, with the lines of their shells]({picture})
"""


def medians(t: dict[str, np.ndarray], name: str) -> str:
    return f"{np.nanmedian(t[name]):.3f}, {np.median(t[f'shell {name}']):.3f}"


def ratio(t: dict[str, np.ndarray], name: str, chosen: np.ndarray | bool = True) -> str:
    seen = np.isfinite(t[name]) & chosen
    if not seen.any():
        return "–"
    low, middle, high = np.quantile(t[name][seen] / t[f"shell {name}"][seen], (0.05, 0.5, 0.95))
    return f"{middle:.3f} ({low:.3f}, {high:.3f})"


def distance(t: dict[str, np.ndarray], name: str) -> str:
    """Of the two samples of equal size: the mean difference of their sorted values."""
    seen = np.isfinite(t[name])
    return f"{np.abs(np.sort(t[name][seen]) - np.sort(t[f'shell {name}'][seen])).mean():.3f}"


def draw(model, path: Path) -> None:
    """Sections z = 0 of particles 0 to 7 of both surfaces, a column a particle, with the line of the shell."""
    angle = np.linspace(0.0, 2.0 * np.pi, 721)
    circle = np.stack([np.cos(angle), np.sin(angle), 0.0 * angle], axis=1)
    figure, axes = plt.subplots(4, 4, figsize=(10, 10), dpi=80)
    for index in range(8):
        for k, surface in enumerate(SURFACES):
            particle = generate_particle(model, SEED, index, surface=surface)
            panel = axes[2 * (index // 4) + k, index % 4]
            section = particle.section(0.0, 0.03)
            colours = np.random.default_rng(0).uniform(0.25, 1.0, (len(particle.grains) + 1, 3))
            colours[0] = 1.0
            (x, y), (ny, nx) = section.origin, section.labels.shape
            extent = (x, x + nx * 0.03, y, y + ny * 0.03)
            panel.imshow(colours[section.labels], origin="lower", extent=extent, interpolation="nearest")
            line = particle.shell.radius(circle)[:, None] * circle
            panel.plot(line[:, 0], line[:, 1], "k-", lw=0.8)
            panel.set_title(f"{index}, {surface}", fontsize=8)
            panel.tick_params(labelsize=6)
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    main()
