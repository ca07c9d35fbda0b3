"""Law `joint` of shells beside the paper's two on a CT volume: reach on held-out particles, what is left, pictures.

Each law is fitted to a random half of the particles and simulated against the other half, three times; distances are
Wasserstein's of the four descriptors, in units of the floor, the mean distance of two random halves. Then parts of the
law take the place of the data one by one, which says where the rest comes from. Twelve shells of each law are drawn
beside twelve of the volume. Run from the root of the repository; the star shapes are kept in --keep:

    python scripts/studies/joint_shells.py ../shared/data/ct/nmc-1-cal_generatedCBD_bridge.tif --voxel-size 0.398 \\
        --phase 1 --keep shapes.npy --output docs/results/joint_shells
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

from nmcfast.calibration.shells import tomography
from nmcfast.calibration.shells.compare import (
    COMPARED,
    LAWS,
    LawFit,
    descriptor_table,
    distance_floor,
    distances,
    fit_law,
    simulate,
)
from nmcfast.calibration.shells.joint import sizes_and_energies
from nmcfast.calibration.shells.plots import new_figure
from nmcfast.calibration.shells.star_shapes import star_shapes
from nmcfast.shells.harmonics import degree_of, grid_radii, icosphere
from nmcfast.shells.log_expansion import exponential, logarithm

SEEDS = (0, 1, 2)
DRAWS = 2  # simulations of each halving where many shells are drawn
MANY = 4000  # shells simulated where their own noise is to be small beside that of the particles
SHOWN = 12
PAPERS = LAWS[:2]
Table = dict[str, np.ndarray]


def star_coefficients(options: argparse.Namespace) -> np.ndarray:
    """Coefficients (n, 100) in voxels of the particles of the volume, from the file that keeps them if it is there."""
    if options.keep is not None and options.keep.is_file():
        return np.load(options.keep)
    labels, _ = tomography.segment(tifffile.imread(options.volume), phase=options.phase)
    coefficients = star_shapes(labels, 0).coefficients
    if options.keep is not None:
        np.save(options.keep, coefficients)
    return coefficients


def with_phases(b: np.ndarray, orders: range, rng: np.random.Generator) -> np.ndarray:
    """Logarithms b (n, 100) whose orders point in uniform directions of their spheres, energies as they were."""
    out, degree = b.copy(), degree_of(b.shape[1])
    for order in orders:
        part = degree == order
        fresh = rng.standard_normal((len(b), int(part.sum())))
        out[:, part] = fresh * (np.linalg.norm(b[:, part], axis=1) / np.linalg.norm(fresh, axis=1))[:, None]
    return out


def accepted(coefficients: np.ndarray) -> np.ndarray:
    """Shells of positive radii, as `draw_shell` accepts them."""
    return coefficients[(grid_radii(coefficients, 3) > 0).all(axis=1)]


def ratios(drawn: np.ndarray, data: Table, floor: dict[str, float], unit: float) -> list[float]:
    """Distance of each descriptor of shells (n, 100) in voxels to the data, in floors."""
    apart = distances(descriptor_table(drawn * unit), data)
    return [apart[name] / floor[name] for name in COMPARED]


def drawn_by(law: str, unit: float) -> Callable[[np.ndarray, int, int], np.ndarray]:
    """A function of (particles, number, seed): shells of the law fitted to the particles, in voxels."""
    return lambda half, count, seed: simulate(fit_law(half, law, unit).law, count, seed)[0] / unit


def resampled(half: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The limit of the family: sizes and energies of the particles themselves, directions uniform."""
    rng = np.random.default_rng(seed)
    b = logarithm(half)[0][rng.integers(0, len(half), count)]
    return accepted(exponential(with_phases(b, range(1, 10), rng)))


def reach(coefficients: np.ndarray, unit: float) -> list[str]:
    """Table of held-out distances, three halvings: shells as many as held out, and many, twice, where that is quick."""
    data, count = descriptor_table(coefficients * unit), len(coefficients)
    floor = distance_floor(data, 0)
    makers = {law: drawn_by(law, unit) for law in LAWS} | {"true sizes and energies, directions uniform": resampled}
    lines = [
        "| fitted to a half | shells | d_max | γ | A_R | Ψ | seeds 0, 1, 2; many twice |",
        "|---|---|---|---|---|---|---|",
    ]
    rows: dict[tuple[str, str], list[list[float]]] = {}
    for seed in SEEDS:
        order = np.random.default_rng(seed).permutation(count)
        half, rest = order[: count // 2], order[count // 2 :]
        held = {name: values[rest] for name, values in data.items()}
        other = ratios(coefficients[half], held, floor, unit)
        rows.setdefault(("the half itself", f"{len(half)}"), []).append(other)
        for name, make in makers.items():
            draws = [(len(rest), seed)]
            if name not in PAPERS:
                draws += [(MANY, seed + 100 * draw) for draw in range(DRAWS)]
            for shells, drawn in draws:
                found = ratios(make(coefficients[half], shells, drawn), held, floor, unit)
                rows.setdefault((name, str(shells)), []).append(found)
    for (name, shells), found in rows.items():
        means = " | ".join(f"{value:.2f}" for value in np.mean(found, axis=0))
        single = "; ".join(" ".join(f"{value:.1f}" for value in row) for row in found)
        lines.append(f"| {name} | {shells} | {means} | {single} |")
    return lines


def left(coefficients: np.ndarray, fit: LawFit, unit: float) -> list[str]:
    """Table of what each part of the law changes, on all particles: mean and spread of γ, distances in floors."""
    data = descriptor_table(coefficients * unit)
    floor, rng = distance_floor(data, 0), np.random.default_rng(0)
    chosen = rng.integers(0, len(coefficients), MANY)
    b, _ = logarithm(coefficients)
    cases = {"particles drawn with replacement": coefficients[chosen]}
    cases["their logarithms, expanded again"] = exponential(b)[chosen]
    parts = {"1": range(1, 2), "2": range(2, 3), "3": range(3, 4), "4": range(4, 5), "5 to 9": range(5, 10)}
    for name, orders in (parts | {"2 to 4": range(2, 5), "1 to 9": range(1, 10)}).items():
        cases[f"uniform directions in orders {name}"] = accepted(exponential(with_phases(b[chosen], orders, rng)))
    cases["the law"] = simulate(fit.law, MANY, 0)[0] / unit
    lines = ["| shells | mean γ | deviation of γ | d_max | γ | A_R | Ψ |", "|---|---|---|---|---|---|---|"]
    for name, drawn in cases.items():
        table = descriptor_table(drawn * unit)
        apart = " | ".join(f"{value / floor[key]:.2f}" for key, value in distances(table, data).items())
        gamma = table["compactness"]
        lines.append(f"| {name} | {gamma.mean():.4f} | {gamma.std():.4f} | {apart} |")
    return lines


def law_tables(fits: dict[str, LawFit]) -> list[str]:
    """AIC of the laws; margins of the joint one with standard errors, and its correlations."""
    lines = ["| law | log-likelihood of a_lm | AIC |", "|---|---|---|"]
    lines += [f"| {name} | {fit.log_likelihood:.0f} | {fit.aic:.0f} |" for name, fit in fits.items()]
    law = fits["joint"].law
    lines += ["", "| margin (voxels) | location | scale | skewness | tail |", "|---|---|---|---|---|"]
    for order, margin in enumerate(law.orders):
        errors = margin.standard_error or (float("nan"),) * 4
        shown = (f"{v:.3f} ± {e:.3f}" if e else f"{v:g}" for v, e in zip(margin.parameters, errors, strict=True))
        lines.append(f"| {f'log E_{order}' if order else 'ρ'} | {' | '.join(shown)} |")
    names = ["ρ", *(f"E_{k}" for k in range(1, len(law.orders)))]
    record = law.to_dict()
    lines += ["", f"Correlations, shrunk by {record['shrinkage']:.2%}:", "", f"| | {' | '.join(names)} |"]
    lines.append("|---" * (len(names) + 1) + "|")
    lines += [
        f"| {name} | {' | '.join(f'{value:.2f}' for value in row)} |"
        for name, row in zip(names, record["correlation"], strict=True)
    ]
    return lines


def picture(sets: dict[str, np.ndarray], path: Path) -> None:
    """Rows of shells (n, 100), each as large as its neighbours, lit from the upper left."""
    vertices, faces = icosphere(4)
    figure = new_figure(1.3 * SHOWN, 1.45 * len(sets))
    light = np.array([-0.4, -0.5, 0.77])
    for row, (name, shells) in enumerate(sets.items()):
        for column, radius in enumerate(grid_radii(shells[:SHOWN], 4)):
            corner = (radius / radius.max())[:, None] * vertices
            a, b, c = (corner[faces[:, k]] for k in range(3))
            normal = np.cross(b - a, c - a)
            normal /= np.linalg.norm(normal, axis=1, keepdims=True)
            front = np.argsort((a + b + c)[:, 2])
            front = front[normal[front, 2] > 0]
            axes = figure.add_subplot(len(sets), SHOWN, row * SHOWN + column + 1)
            shade = np.clip(0.25 + 0.75 * normal[front] @ light, 0.0, 1.0)
            axes.tripcolor(corner[:, 0], corner[:, 1], faces[front], facecolors=shade, cmap="gray", vmin=0, vmax=1)
            axes.set(aspect="equal", xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xticks=[], yticks=[])
            axes.set_frame_on(False)
            if column == 0:
                axes.set_ylabel(name, fontsize=9)
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("volume")
    parser.add_argument("--voxel-size", type=float, required=True, help="µm")
    parser.add_argument("--phase", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="file for the star shapes, read where it exists")
    parser.add_argument("--output", type=Path, required=True, help="folder for the page and its picture")
    options = parser.parse_args()
    unit, coefficients = options.voxel_size, star_coefficients(options)
    options.output.mkdir(parents=True, exist_ok=True)
    fits = {law: fit_law(coefficients, law, unit) for law in LAWS}
    chosen = np.random.default_rng(0).choice(len(coefficients), SHOWN, replace=False)
    shown = {"CT": coefficients[chosen]} | {law: simulate(fit.law, SHOWN, 0)[0] for law, fit in fits.items()}
    picture(shown, options.output / "shells.png")
    spread = np.corrcoef(sizes_and_energies(coefficients)[0].T)[0, 1:]
    lines = [
        f"# Three laws of shells on {Path(options.volume).name}",
        "",
        f"    python scripts/studies/joint_shells.py {options.volume} --voxel-size {unit} --phase {options.phase} "
        f"--output {options.output}",
        "",
        f"{len(coefficients)} particles, voxel {unit} µm. Distances are Wasserstein's, in floors: the mean distance of",
        "two random halves of the particles. Correlation of ρ with log E_l:",
        ", ".join(f"{value:.2f}" for value in spread) + ".",
        "",
        "## Fitted to a half, against the other half",
        "",
        *reach(coefficients, unit),
        "",
        "## What is left",
        "",
        *left(coefficients, fits["joint"], unit),
        "",
        "## Fitted to all",
        "",
        *law_tables(fits),
        "",
        "![Twelve shells of the volume and of each law](shells.png)",
    ]
    text = "\n".join(lines) + "\n"
    (options.output / "README.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
