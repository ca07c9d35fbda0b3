"""Lithium runs into a particle whose grains conduct in their basal planes: scikit-fem on an exported mesh.

    nmcfast generate lib.zarr --count 32 --seed 1
    nmcfast export lib.zarr --to gmsh --particles 24:25 --voxel-size 0.15 --output gmsh_150
    nmcfast export lib.zarr --to gmsh --particles 24:25 --voxel-size 0.1 --output gmsh_100
    python scripts/studies/physics_diffusion.py gmsh_150/000024 gmsh_100/000024 --output docs/results/physics

Needs scikit-fem, meshio, SciPy and matplotlib; of nmcfast nothing but the exported files. ∂u/∂t = ∇·(D∇u), u = 0 at
first and 1 on the outer surface from then on; D = D_c c⊗c + D_ab (1 − c⊗c) with c-axes from grains.csv.
Trilinear hexahedra, lumped mass, and Alexander's two-stage method in time (second order, L-stable), with steps even in
the square root of time. D_ab and D_c are choices.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy
import skfem
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import cg
from skfem.helpers import grad

D_AB, D_C = 0.001, 0.00001  # µm²/s: 1e-11 and 1e-13 cm²/s
GAMMA = 1.0 - np.sqrt(0.5)


@dataclass
class Particle:
    """mesh of hexahedra, µm; label (m,) of each; quaternion (n, 4) w x y z of grains 1 … n, crystal → particle."""

    mesh: skfem.MeshHex
    label: np.ndarray
    quaternion: np.ndarray

    @property
    def c_axes(self) -> np.ndarray:
        return c_axes(self.quaternion)[self.label - 1]


@dataclass
class Uptake:
    """Lithium in the particle over what it holds when full, at times in s; u at the nodes when half of it is in."""

    times: np.ndarray
    fraction: np.ndarray
    half_full: np.ndarray
    imbalance: float
    lowest: float
    highest: float

    def time_of(self, fraction: float) -> float:
        assert self.fraction[-1] > fraction, f"only {self.fraction[-1]:.2f} is in at the end: take a later --end"
        return float(np.interp(fraction, self.fraction, self.times))


def read(folder: Path) -> Particle:
    mesh = skfem.MeshHex.load(folder / "particle.msh")
    label = np.zeros(mesh.nelements, int)
    for name, cells in mesh.subdomains.items():
        if name.startswith("grain_"):
            label[cells] = int(name[6:])
    assert label.all(), "a cell has no grain"
    assert sorted(mesh.boundaries["surface"]) == sorted(mesh.boundary_facets()), "the surface is not all of it"
    table = np.genfromtxt(folder / "grains.csv", delimiter=",", names=True)
    return Particle(mesh, label, np.stack([table[n] for n in ("qw", "qx", "qy", "qz")], axis=1))


def c_axes(quaternion: np.ndarray) -> np.ndarray:
    """The c-axes (n, 3) in the particle's axes: the third columns of the rotations."""
    w, x, y, z = (quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)).T
    return np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], axis=1)


def assemble(mesh: skfem.MeshHex, c: np.ndarray, d_ab: float, d_c: float) -> tuple[csr_matrix, np.ndarray]:
    """Stiffness (p, p) and lumped mass (p,) with the c-axis (m, 3) of each cell."""
    basis = skfem.CellBasis(mesh, skfem.ElementHex1(), intorder=3)
    tensor = d_ab * np.eye(3)[..., None] + (d_c - d_ab) * np.einsum("mi,mj->ijm", c, c)

    @skfem.BilinearForm
    def stiffness(u, v, w):
        return np.einsum("ijm,jmq,imq->mq", tensor, grad(u), grad(v))

    @skfem.LinearForm
    def mass(v, _):
        return 1.0 * v

    return stiffness.assemble(basis).tocsr(), mass.assemble(basis)


def solve(mesh: skfem.MeshHex, c: np.ndarray, d_ab: float, d_c: float, end: float, steps: int = 60) -> Uptake:
    """Lithium that comes in until time `end`; the flow through the surface is integrated beside the contents."""
    matrix, mass = assemble(mesh, c, d_ab, d_c)
    outer = np.zeros(len(mass), bool)
    outer[mesh.facets[:, mesh.boundary_facets()]] = True
    inner = ~outer
    inside, coupling = matrix[inner][:, inner], matrix[inner][:, outer]
    constant, m, u = coupling @ np.ones(outer.sum()), mass[inner], np.zeros(inner.sum())
    times, held, inflow, half, extremes = [0.0], [mass[outer].sum()], [mass[outer].sum()], u, [0.0, 0.0]

    def rate(dt: float, v: np.ndarray, guess: np.ndarray) -> np.ndarray:
        left = diags(m) + GAMMA * dt * inside
        scale = diags(1.0 / left.diagonal())
        k, failed = cg(left, -(inside @ v + constant), x0=guess, rtol=1e-10, M=scale)
        assert not failed, "the linear solver did not converge"
        return k

    k2 = np.zeros_like(u)
    for before, after in zip(*[end * (np.arange(k, steps + k) / steps) ** 2 for k in (0, 1)], strict=True):
        dt = after - before
        k1 = rate(dt, u, k2)
        k2 = rate(dt, u + (1 - GAMMA) * dt * k1, k1)
        stages = [u + GAMMA * dt * k1, u + dt * ((1 - GAMMA) * k1 + GAMMA * k2)]
        # What flows in through the outer nodes, by their rows of the stiffness, at both stages of the method.
        flows = [float((coupling.T @ v).sum() + matrix[outer][:, outer].sum()) for v in stages]
        u = stages[1]
        extremes = [min(extremes[0], u.min()), max(extremes[1], u.max())]
        times.append(after)
        held.append(mass[outer].sum() + m @ u)
        inflow.append(inflow[-1] + dt * ((1 - GAMMA) * flows[0] + GAMMA * flows[1]))
        if held[-1] <= 0.5 * mass.sum():
            half = u
    nodes = np.ones(len(mass))
    nodes[inner] = half
    off = np.abs(np.array(held) - inflow).max() / mass.sum()
    return Uptake(np.array(times), np.array(held) / mass.sum(), nodes, off, *extremes)


# checks


def slab(x: np.ndarray) -> np.ndarray:
    """What is still missing in a slab of thickness a at x = D t / a², both faces held: Crank (1975), Eq. (4.18)."""
    odd = 2 * np.arange(400) + 1
    return (8 / (np.pi * odd) ** 2 * np.exp(-((np.pi * odd) ** 2) * x[:, None])).sum(axis=1)


def ball(x: np.ndarray) -> np.ndarray:
    """What is in a ball of radius R at x = D t / R²: Crank (1975), Eq. (6.20)."""
    n = np.arange(1, 400)
    return 1 - 6 / np.pi**2 * (np.exp(-((np.pi * n) ** 2) * x[:, None]) / n**2).sum(axis=1)


def largest_error(found: Uptake, exact: Callable, over: float) -> float:
    """Largest difference of the fraction once half is in: before, the profile is thinner than a voxel or two."""
    wanted = exact(found.times / over)
    late = wanted > 0.5
    return float(np.abs(found.fraction - wanted)[late].max())


def check_cube(cells: int) -> list[str]:
    """A cube of one crystal with c along one axis and then another, by quaternions, against the product of slabs."""
    mesh = skfem.MeshHex.init_tensor(*[np.linspace(0, 1, cells + 1)] * 3)
    rows, h = [], np.sqrt(0.5)
    turns = {"z": (1.0, 0.0, 0.0, 0.0), "y": (h, -h, 0.0, 0.0), "x": (h, 0.0, h, 0.0)}
    for name, quaternion in turns.items():
        axis = c_axes(np.array([quaternion]))
        assert np.allclose(axis, np.eye(3)[:, "xyz".index(name)])
        c = np.repeat(axis, mesh.nelements, axis=0)
        found = solve(mesh, c, D_AB, 0.1 * D_AB, 0.4 / D_AB)
        error = largest_error(found, lambda x: 1 - slab(x) ** 2 * slab(0.1 * x), 1 / D_AB)
        rows.append(
            f"| cube of {cells}³ voxels, one crystal with c ∥ {name}, D_c = D_ab / 10: largest difference of "
            f"the uptake from the product of slabs | {error:.4f} |"
        )
    return rows


def check_ball(cells: int) -> str:
    """A ball of voxels of random orientations whose D is isotropic, against the series."""
    mesh = skfem.MeshHex.init_tensor(*[np.linspace(-1, 1, cells + 1)] * 3)
    middles = mesh.p[:, mesh.t].mean(axis=1)
    mesh = mesh.restrict(np.flatnonzero((middles**2).sum(axis=0) < 1))
    c = c_axes(np.random.default_rng(0).standard_normal((mesh.nelements, 4)))
    error = largest_error(solve(mesh, c, D_AB, D_AB, 0.5 / D_AB), ball, 1 / D_AB)
    return (
        f"| ball of voxels, {cells} across, random orientations, D_c = D_ab: largest difference of the uptake from "
        f"the series | {error:.4f} |"
    )


def times_quaternion(q: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The rotations p (n, 4) followed by q (4,)."""
    w, v = q[0], q[1:]
    return np.column_stack([w * p[:, 0] - p[:, 1:] @ v, w * p[:, 1:] + p[:, :1] * v + np.cross(v, p[:, 1:])])


def turned(particle: Particle, mesh: bool) -> Particle:
    """Orientations turned by a random rotation, and with them the mesh or not."""
    q = np.random.default_rng(1).standard_normal(4)
    q /= np.linalg.norm(q)
    quaternion = times_quaternion(q, particle.quaternion)
    if not mesh:
        return replace(particle, quaternion=quaternion)
    axes = [
        times_quaternion(times_quaternion(q, p[None])[0], (q * [1, -1, -1, -1])[None])[0, 1:] for p in np.eye(4)[1:]
    ]
    rotated = skfem.MeshHex(np.array(axes).T @ particle.mesh.p, particle.mesh.t)
    return Particle(rotated, particle.label, quaternion)


# the particle


def shuffled(particle: Particle) -> Particle:
    order = np.random.default_rng(0).permutation(len(particle.quaternion))
    return replace(particle, quaternion=particle.quaternion[order])


def picture(particle: Particle, runs: dict[str, Uptake], path: Path) -> None:
    """u in the middle plane when half of the lithium is in, for each run, and the uptakes."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    mesh = particle.mesh
    middle = mesh.p[:, mesh.t].mean(axis=1)
    size = np.ptp(mesh.p[0, mesh.t[:, 0]])
    plane = np.abs(middle[2] - middle[2, np.argmin(np.abs(middle[2]))]) < 1e-6
    low = middle[:2, plane].min(axis=1)
    column, row = np.rint((middle[:2, plane] - low[:, None]) / size).astype(int)
    extent = [v for k in (0, 1) for v in (low[k] - size / 2, middle[k, plane].max() + size / 2)]

    def image(values: np.ndarray) -> np.ndarray:
        out = np.full((row.max() + 1, column.max() + 1), np.nan)
        out[row, column] = values[plane]
        return out

    labels = image(particle.label.astype(float))
    figure, axes = plt.subplots(1, len(runs) + 1, figsize=(4.0 * (len(runs) + 1), 3.8), layout="constrained")
    for axis, (name, run) in zip(axes, runs.items(), strict=False):
        drawn = axis.imshow(image(run.half_full[mesh.t].mean(axis=0)), origin="lower", extent=extent, vmin=0, vmax=1)
        for a, across in ((0, labels[1:] != labels[:-1]), (1, labels[:, 1:] != labels[:, :-1])):
            for j, i in np.argwhere(across):
                x, y = extent[0] + size * (i + (a == 1)), extent[2] + size * (j + (a == 0))
                axis.plot([x, x + size * (a == 0)], [y, y + size * (a == 1)], "w-", lw=0.35)
        axis.set(title=f"{name}\nhalf full after {run.time_of(0.5):.0f} s", xlabel="x / µm", ylabel="y / µm")
    figure.colorbar(drawn, ax=axes[len(runs) - 1], shrink=0.85, label="u")
    for name, run in runs.items():
        axes[-1].plot(np.sqrt(run.times), run.fraction, label=name)
    axes[-1].set(xlabel="√(time / s)", ylabel="lithium over that of the full particle", ylim=(0, 1))
    axes[-1].legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "decks", type=Path, nargs="+", help="folders of one particle that --to gmsh wrote, coarse first"
    )
    parser.add_argument("--end", type=float, default=1500.0, help="s (1500)")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    lines = [
        "# Lithium in a particle of anisotropic grains: scikit-fem",
        "",
        f"    python {' '.join(sys.argv)}",
        "",
        f"scikit-fem {skfem.__version__}, SciPy {scipy.__version__}. D_ab = {D_AB} µm²/s, D_c = {D_C} µm²/s: choices.",
        "",
        "| check | found |",
        "|---|---|",
    ]

    def say(*more: str) -> None:
        lines.extend(more)
        print("\n".join(more), flush=True)

    for cells in (20, 40):
        say(*check_cube(cells), check_ball(cells))
    particle = read(args.decks[0])
    own = solve(particle.mesh, particle.c_axes, D_AB, D_C, args.end)
    for both, name in ((True, "mesh and orientations"), (False, "orientations only")):
        other = turned(particle, both)
        moved = solve(other.mesh, other.c_axes, D_AB, D_C, args.end)
        say(
            f"| {args.decks[0]}, {name} turned by a random rotation: largest change of the uptake | "
            f"{np.abs(moved.fraction - own.fraction).max():.1e} |"
        )
    say(
        "",
        "| voxels | D | half full, s | 90 % full, s | contents against inflow | lowest, highest u; lowest when "
        "half full | seconds |",
        "|---|---|---|---|---|---|---|",
    )
    for folder in args.decks:
        particle, runs = read(folder), {}
        table = np.genfromtxt(folder / "grains.csv", delimiter=",", names=True)
        size = np.cbrt(table["volume_um3"].sum() / particle.mesh.nelements)
        for name, (grains, slow) in {
            "own orientations": (particle, D_C),
            "orientations shuffled": (shuffled(particle), D_C),
            "isotropic, D_ab": (particle, D_AB),
        }.items():
            start = time.process_time()
            run = runs[name] = solve(grains.mesh, grains.c_axes, D_AB, slow, args.end)
            spent = time.process_time() - start
            say(
                f"| {particle.mesh.nelements} of {size:.3g} µm | {name} | {run.time_of(0.5):.1f} | "
                f"{run.time_of(0.9):.1f} | {run.imbalance:.0e} | {run.lowest:.2f}, "
                f"{run.highest:.2f}; {run.half_full.min():.3f} | {spent:.0f} |"
            )
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)
        picture(particle, runs, args.output / "diffusion.png")
        lines += ["", "![u in the middle plane when half of the lithium is in, and the uptakes](diffusion.png)"]
        (args.output / "diffusion.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
