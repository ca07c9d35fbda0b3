"""Stresses of a free polycrystal whose grains swell along a and shrink along c, by CalculiX from an exported deck.

    nmcfast generate lib.zarr --count 32 --seed 1
    nmcfast export lib.zarr --to abaqus --particles 24:25 --voxel-size 0.1 --output abaqus_100
    python scripts/studies/physics_elasticity.py abaqus_100/000024 --output docs/results/physics

Needs ccx (Debian: calculix-ccx), NumPy and matplotlib; of nmcfast nothing but the exported files. It runs free.inp
three times: with every grain turned alike, which must swell freely as one crystal does; with its own orientations; and
these with a stiffness that is isotropic, to show how much the anisotropy of the stiffness does.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PRINT = "*NODE PRINT, NSET=ALL_NODES, GLOBAL=YES\nU\n*EL PRINT, ELSET=GRAINS, GLOBAL=YES\nS\n*END STEP\n"
NUMBER = r"[-+]?\d+\.\d*(?:[Ee][-+]?\d+)?"


@dataclass
class Job:
    """A deck: points (p, 3) µm, cells (m, 8) rows of points, label (m,), in the order of the file's numbers."""

    folder: Path
    points: np.ndarray
    cells: np.ndarray
    label: np.ndarray

    @property
    def middles(self) -> np.ndarray:
        return self.points[self.cells].mean(axis=1)


@dataclass
class Answer:
    """Displacements (p, 3) µm; stress (m, 6) MPa: xx yy zz xy xz yz, mean of the eight integration points.

    Elements that were taken out have NaN.
    """

    displacement: np.ndarray
    stress: np.ndarray

    @property
    def von_mises(self) -> np.ndarray:
        xx, yy, zz, xy, xz, yz = self.stress.T
        return np.sqrt(0.5 * ((xx - yy) ** 2 + (yy - zz) ** 2 + (zz - xx) ** 2) + 3.0 * (xy**2 + xz**2 + yz**2))

    @property
    def mean_normal(self) -> np.ndarray:
        return self.stress[:, :3].mean(axis=1)


def read_job(folder: Path) -> Job:
    """The mesh of an exported deck, as mesh.inp says it."""
    nodes, cells, labels, grain, where = [], [], [], 0, ""
    for line in (folder / "mesh.inp").read_text().splitlines():
        if line.startswith("*"):
            where, found = line.split(",")[0], re.search(r"ELSET=GRAIN_(\d+)", line)
            grain = int(found[1]) if found else 0
        elif where == "*NODE":
            nodes.append([float(v) for v in line.split(",")])
        elif where == "*ELEMENT":
            cells.append([int(v) for v in line.split(",")])
            labels.append(grain)
    node, cell = np.array(nodes), np.array(cells)
    assert np.array_equal(node[:, 0], np.arange(1, len(node) + 1))
    order = np.argsort(cell[:, 0])
    return Job(folder, node[:, 1:], cell[order, 1:] - 1, np.array(labels)[order])


def run(job: Job, materials: str) -> tuple[Answer, float]:
    """What CalculiX finds for free.inp with these materials, and its seconds."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shutil.copy(job.folder / "mesh.inp", folder)
        (folder / "materials.inp").write_text(materials)
        text = (job.folder / "free.inp").read_text()
        (folder / "job.inp").write_text(re.sub(r"\*NODE FILE\nU\n\*EL FILE\nS\n\*END STEP\n", PRINT, text))
        start = time.perf_counter()
        done = subprocess.run(["ccx", "job"], cwd=folder, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        if "Job finished" not in done.stdout or "*ERROR" in done.stdout:
            raise SystemExit(f"ccx failed:\n{done.stdout[-2000:]}")
        u, s = np.zeros((len(job.points), 3)), np.zeros((len(job.cells), 6))
        count = np.zeros(len(job.cells), int)
        for line in (folder / "job.dat").read_text().splitlines():
            words = line.split()
            if re.fullmatch(rf"\s+\d+(?:\s+{NUMBER}){{3}}\s*", line):
                u[int(words[0]) - 1] = [float(v) for v in words[1:]]
            elif re.fullmatch(rf"\s+\d+\s+\d+(?:\s+{NUMBER}){{6}}\s*", line):
                s[int(words[0]) - 1] += [float(v) for v in words[2:]]
                count[int(words[0]) - 1] += 1
    assert set(count.tolist()) <= {0, 8} and count.any(), "not eight integration points an element"
    return Answer(u, np.where(count[:, None] > 0, s / np.maximum(count, 1)[:, None], np.nan)), seconds


def alike(materials: str) -> tuple[str, np.ndarray]:
    """The materials with every grain turned as the first is, and its axes as columns (3, 3)."""
    first = re.search(r"\*ORIENTATION.*\n(.*)\n", materials)[1]
    a, b = np.array([float(v) for v in first.split(",")]).reshape(2, 3)
    return re.sub(r"(\*ORIENTATION.*\n).*\n", rf"\g<1>{first}\n", materials), np.stack([a, b, np.cross(a, b)], axis=1)


def isotropic(materials: str) -> str:
    """The materials with the isotropic stiffness nearest to theirs (Voigt's mean)."""
    lines = re.search(r"TYPE=ANISO\n(.*)\n(.*)\n(.*)\n", materials)
    c = [float(v) for line in lines.groups() for v in line.split(",") if v.strip()]
    c11, c12, c13, c33, c44, c66 = c[0], c[1], c[3], c[5], c[20], c[9]
    bulk = (2 * (c11 + c12) + c33 + 4 * c13) / 9
    shear = ((2 * c11 + c33) - (c12 + 2 * c13) + 3 * (2 * c44 + c66)) / 15
    young, poisson = 9 * bulk * shear / (3 * bulk + shear), (3 * bulk - 2 * shear) / (6 * bulk + 2 * shear)
    return materials.replace(f"TYPE=ANISO\n{lines[0].split(chr(10), 1)[1]}", f"TYPE=ISO\n{young:.6g}, {poisson:.6g}\n")


def expansion(materials: str) -> np.ndarray:
    return np.array([float(v) for v in re.search(r"\*EXPANSION.*\n(.*)\n", materials)[1].split(",")])


def strain_of(job: Job, answer: Answer) -> tuple[np.ndarray, float]:
    """The uniform strain (3, 3) that fits displacements best, and the largest deviation from it, µm."""
    nodes = np.unique(job.cells[np.isfinite(answer.von_mises)])
    x, u = np.column_stack([job.points[nodes], np.ones(len(nodes))]), answer.displacement[nodes]
    fit, *_ = np.linalg.lstsq(x, u, rcond=None)
    return (fit[:3] + fit[:3].T) / 2, float(np.abs(x @ fit - u).max())


def quantiles(values: np.ndarray) -> str:
    return " / ".join(f"{v:.0f}" for v in np.quantile(values, (0.05, 0.5, 0.95)))


def picture(job: Job, answer: Answer, path: Path) -> None:
    """Grains, von Mises stress and mean normal stress in the plane of voxels that is nearest to the middle."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    middle = job.middles
    plane = np.abs(middle[:, 2] - middle[np.argmin(np.abs(middle[:, 2])), 2]) < 1e-6
    size = np.ptp(job.points[job.cells[0]], axis=0)[0]
    column, row = (np.rint((middle[plane, k] - middle[plane, k].min()) / size).astype(int) for k in (0, 1))
    extent = [v for k in (0, 1) for v in (middle[plane, k].min() - size / 2, middle[plane, k].max() + size / 2)]

    def image(values: np.ndarray) -> np.ndarray:
        out = np.full((row.max() + 1, column.max() + 1), np.nan)
        out[row, column] = values[plane]
        return out

    figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
    shown = (
        ("grains", image((job.label * 0.618) % 1.0), "tab20", None),
        ("von Mises stress / MPa", image(answer.von_mises), "viridis", (0.0, np.nanquantile(answer.von_mises, 0.99))),
        (
            "mean normal stress / MPa",
            image(answer.mean_normal),
            "RdBu_r",
            np.array([-1, 1]) * np.nanquantile(np.abs(answer.mean_normal), 0.99),
        ),
    )
    labels = image(job.label.astype(float))
    for axis, (title, values, colours, limits) in zip(axes, shown, strict=True):
        low, high = limits if limits is not None else (0, 1)
        drawn = axis.imshow(values, origin="lower", extent=extent, cmap=colours, vmin=low, vmax=high)
        if limits is not None:
            figure.colorbar(drawn, ax=axis, shrink=0.9)
            for a, across in ((0, labels[1:] != labels[:-1]), (1, labels[:, 1:] != labels[:, :-1])):
                for j, i in np.argwhere(across & ~np.isnan(values[1:] if a == 0 else values[:, 1:])):
                    x, y = extent[0] + size * (i + (a == 1)), extent[2] + size * (j + (a == 0))
                    axis.plot([x, x + size * (a == 0)], [y, y + size * (a == 1)], "k-", lw=0.35)
        axis.set(title=title, xlabel="x / µm", ylabel="y / µm")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("decks", type=Path, nargs="+", help="folders that --to abaqus wrote; the last one is drawn")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    version = subprocess.run(["ccx", "-v"], capture_output=True, text=True, check=False).stdout.split()[-1]
    lines = ["# Swelling grains in a free particle: CalculiX", "", f"    python {' '.join(sys.argv)}", ""]
    for folder in args.decks:
        job, materials = read_job(folder), (folder / "materials.inp").read_text()
        swell = expansion(materials)
        same, turn = alike(materials)
        patch, _ = run(job, same)
        wanted = turn @ np.diag(swell) @ turn.T
        strain, off = strain_of(job, patch)
        scale = 200e3 * np.abs(swell).max()
        own, seconds = run(job, materials)
        there = np.isfinite(own.von_mises)
        volume = abs(np.linalg.det((job.points[job.cells[0]] - job.points[job.cells[0, 0]])[[1, 3, 4]]))
        mean = np.nanmean(own.stress, axis=0)
        free, _ = strain_of(job, own)
        plain, _ = run(job, isotropic(materials))
        lines += [
            f"## {folder}: {len(np.unique(job.label))} grains, {len(job.cells)} voxels of {np.cbrt(volume):.3g} µm",
            "",
            f"ccx {version}; {np.count_nonzero(~there)} loose voxels left out; {seconds:.0f} s.",
            "",
            "| check | found |",
            "|---|---|",
            f"| all grains turned alike: largest von Mises stress, MPa (a strain of {np.abs(swell).max()} of 200 GPa "
            f"is {scale:.0f}) | {np.nanmax(patch.von_mises):.1e} |",
            f"| the same: strain against that of the turned crystal, largest difference | "
            f"{np.abs(strain - wanted).max():.1e} |",
            f"| the same: largest displacement off a uniform strain, µm | {off:.1e} |",
            f"| own orientations: mean of each stress over the volume (0 in a free body), MPa | "
            f"{np.abs(mean).max():.1e} |",
            "",
            "| own orientations | 5 % / 50 % / 95 % of the volume, MPa | mean, MPa |",
            "|---|---|---|",
            f"| von Mises | {quantiles(own.von_mises[there])} | {own.von_mises[there].mean():.0f} |",
            f"| mean normal stress | {quantiles(own.mean_normal[there])} | {own.mean_normal[there].mean():.1e} |",
            f"| von Mises, isotropic stiffness of the same Voigt mean | {quantiles(plain.von_mises[there])} | "
            f"{plain.von_mises[there].mean():.0f} |",
            "",
            "Strain of the whole particle (least squares), 1e-3: "
            + ", ".join(
                f"{n} {1e3 * free[i, j]:.3f}"
                for n, i, j in (("xx", 0, 0), ("yy", 1, 1), ("zz", 2, 2), ("xy", 0, 1), ("xz", 0, 2), ("yz", 1, 2))
            )
            + ".",
            "",
        ]
        print("\n".join(lines[-14:]), flush=True)
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)
        picture(job, own, args.output / "elasticity.png")
        lines.append("![Grains, von Mises and mean normal stress in the middle plane](elasticity.png)")
        (args.output / "elasticity.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
