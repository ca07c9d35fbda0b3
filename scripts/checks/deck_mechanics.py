"""Free particles have six zero modes, conditioned alike; CalculiX and scikit-fem find the same forces on one mesh.

    nmcfast generate lib.zarr --count 32 --seed 1
    nmcfast generate grains.zarr --count 10 --seed 1 --surface grains --no-labels
    python scripts/checks/deck_mechanics.py forces lib.zarr --particle 18 --output docs/results/deck_forces.md
    python scripts/checks/deck_mechanics.py modes lib.zarr grains.zarr --output docs/results/deck_modes.md

Of nmcfast nothing but the files that `--to abaqus` wrote, read here line by line: nodes, hexahedra, one orientation a
grain, six elastic constants, expansion. Trilinear hexahedra with 2×2×2 Gauss points in scikit-fem, as C3D8 in CalculiX.
Modes: each particle at a voxel size of about a tenth of its length, so that conditions can be compared; stiffness
alone, without masses. Forces: particle.inp as it is, the outer surface held while all grains swell.
"""

import argparse
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy
import skfem
from scipy.sparse import csr_matrix, diags, eye_array
from scipy.sparse.linalg import cg, eigsh
from skfem.helpers import ddot, sym_grad

from nmcfast import export_library, open_library
from nmcfast.library.library import Library

READ = runpy.run_path(str(Path(__file__).parents[1] / "studies" / "physics_elasticity.py"))["read_job"]
VOIGT = {(0, 0): 0, (1, 1): 1, (2, 2): 2, (0, 1): 3, (0, 2): 4, (1, 2): 5}  # the order of Abaqus
# Which corner of a C3D8, counted round the bottom, then round the top, is each of scikit-fem: 000 001 010 100 011 …
SKFEM_CORNERS = [0, 4, 3, 1, 7, 5, 2, 6]
CELLS_ACROSS, ZERO = 9, 1e-9  # cube root of the voxels of a particle; share of the largest eigenvalue


@dataclass
class Deck:
    """A mesh of hexahedra in the order of mesh.inp; stiffness (3, 3, 3, 3, m) MPa and swelling (3, 3, m) of cells."""

    basis: skfem.CellBasis
    stiffness: np.ndarray
    swelling: np.ndarray
    outer: np.ndarray


def read(folder: Path) -> Deck:
    """The deck of --to abaqus as scikit-fem takes it."""
    job = READ(folder)
    text = (folder / "materials.inp").read_text()
    constants = [float(v) for v in re.search(r"TYPE=ANISO\n((?:.*\n){3})", text)[1].replace("\n", ",").split(",") if v]
    swell = np.diag([float(v) for v in re.search(r"\*EXPANSION.*\n(.*)\n", text)[1].split(",")])
    said = re.findall(r"NAME=CRYSTAL_(\d+).*\n(.*)\n", text)
    turn = np.zeros((max(int(n) for n, _ in said) + 1, 3, 3))
    for number, line in said:
        a, b = np.array([float(v) for v in line.split(",")]).reshape(2, 3)
        c = np.cross(a, b)
        turn[int(number)] = np.stack([a / np.linalg.norm(a), np.cross(c, a) / np.linalg.norm(np.cross(c, a)), c], 1)
        turn[int(number), :, 2] /= np.linalg.norm(c)
    r = turn[job.label]
    stiffness = np.einsum("mia,mjb,mkc,mld,abcd->ijklm", r, r, r, r, tensor(constants), optimize=True)
    swelling = np.einsum("mia,ab,mjb->ijm", r, swell, r)
    mesh = skfem.MeshHex(job.points.T, job.cells[:, SKFEM_CORNERS].T.copy())
    basis = skfem.CellBasis(mesh, skfem.ElementVector(skfem.ElementHex1()), intorder=3)
    mesh_text = (folder / "mesh.inp").read_text()
    outer = np.array(re.search(r"NSET=OUTER_NODES\n((?:\d+\n)+)", mesh_text)[1].split(), int) - 1
    return Deck(basis, stiffness, swelling, outer)


def tensor(constants: list[float]) -> np.ndarray:
    """The 21 constants of *ELASTIC, TYPE=ANISO, D1111 D1122 D2222 D1133 …, columns of the upper triangle."""
    voigt = np.zeros((6, 6))
    for value, (row, column) in zip(constants, ((i, j) for j in range(6) for i in range(j + 1)), strict=True):
        voigt[row, column] = voigt[column, row] = value
    out = np.empty((3,) * 4)
    for i, j, k, n in np.ndindex(out.shape):
        out[i, j, k, n] = voigt[VOIGT[min(i, j), max(i, j)], VOIGT[min(k, n), max(k, n)]]
    return out


def assemble(deck: Deck) -> tuple[csr_matrix, np.ndarray]:
    """Stiffness (3p, 3p) µN/µm, and the force (3p,) µN of the stress that held swelling makes."""
    stress = np.einsum("ijklm,klm->ijm", deck.stiffness, deck.swelling)[..., None]

    @skfem.BilinearForm
    def energy(u, v, w):
        return ddot(np.einsum("ijklm,klmq->ijmq", deck.stiffness, sym_grad(u)), sym_grad(v))

    @skfem.LinearForm
    def held(v, w):
        return ddot(stress, sym_grad(v))

    return energy.assemble(deck.basis).tocsr(), held.assemble(deck.basis)


# modes


@dataclass
class Modes:
    """Eigenvalues of a free particle: how many are zero, the first that is not, the largest."""

    zero: int
    largest_zero: float
    first: float
    last: float

    @property
    def condition(self) -> float:
        return self.last / self.first


def modes_of(folder: Path) -> Modes:
    """Eigenvalues of the stiffness around 0, by shift and inversion, and its largest."""
    matrix, _ = assemble(read(folder))
    (last,) = eigsh(matrix, k=1, which="LA", tol=1e-6, return_eigenvectors=False)
    wanted = 40
    low = eigsh(matrix + 1e-6 * last * eye_array(matrix.shape[0]), k=wanted, sigma=0, return_eigenvectors=False)
    low = np.sort(low) - 1e-6 * last
    zero = int(np.count_nonzero(low < ZERO * last))
    assert zero < wanted, "more zero modes than were asked for"
    return Modes(zero, float(np.abs(low[:zero]).max()) / last, float(low[zero]), float(last))


def mode_rows(library: Library, loose: str) -> tuple[list[str], list[Modes]]:
    """A row for each of the first ten particles of a library."""
    rows, found = [], []
    for index in range(10):
        volume = float(library.table["volume_um3"][index])
        size = round(np.cbrt(volume) / CELLS_ACROSS, 3)
        with tempfile.TemporaryDirectory() as scratch:
            out = Path(scratch, "decks")
            cells = export_library(
                library, out, to="abaqus", particles=range(index, index + 1), voxel_size=size, loose=loose
            ).cells
            one = modes_of(out / f"{index:06d}")
        done = f"{cells.loose_voxels} / {cells.filled_voxels}" if cells else "–"
        surface = library.recipe["surface"]
        count = f"{one.zero}" if one.zero == 6 else f"**{one.zero}**"
        rows.append(
            f"| {surface} | {index} | {size} | {loose} | {done} | {count} | {one.largest_zero:.0e} | "
            f"{one.condition:.0f} |"
        )
        print(rows[-1], flush=True)
        found.append(one)
    return rows, found


# forces


def by_calculix(folder: Path, count: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Forces (p, 3) µN at the outer nodes and displacements (p, 3) µm that ccx prints for particle.inp; seconds."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("mesh.inp", "materials.inp"):
            shutil.copy(folder / name, scratch)
        text = (folder / "particle.inp").read_text()
        asked = "*NODE PRINT, NSET=OUTER_NODES\nRF\n*NODE PRINT, NSET=ALL_NODES\nU\n*END STEP\n"
        Path(scratch, "job.inp").write_text(re.sub(r"\*NODE FILE\nU\n\*EL FILE\nS\n\*END STEP\n", asked, text))
        start = time.perf_counter()
        done = subprocess.run(["ccx", "job"], cwd=scratch, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        if "Job finished" not in done.stdout or "*ERROR" in done.stdout:
            raise SystemExit(f"ccx failed:\n{done.stdout[-2000:]}")
        _, forces, moves = re.split(r"\n (?:forces|displacements)[^\n]*\n", "\n" + Path(scratch, "job.dat").read_text())
    out = []
    for block in (forces, moves):
        rows = np.array([line.split() for line in block.splitlines() if line.strip()], float)
        values = np.zeros((count, 3))
        values[rows[:, 0].astype(int) - 1] = rows[:, 1:]
        out.append(values)
    return out[0], out[1], seconds


def by_scikit_fem(deck: Deck) -> tuple[np.ndarray, np.ndarray, float]:
    """The same by scikit-fem, and seconds: conjugate gradients to 1e-13."""
    start = time.perf_counter()
    matrix, load = assemble(deck)
    at = deck.basis.nodal_dofs  # (3, p)
    held = np.zeros(matrix.shape[0], bool)
    held[at[:, deck.outer]] = True
    free, u = ~held, np.zeros(matrix.shape[0])
    inner = matrix[free][:, free]
    u[free], failed = cg(inner, load[free], rtol=1e-13, M=diags(1.0 / inner.diagonal()), maxiter=20_000)
    assert not failed, "the linear solver did not converge"
    force = matrix @ u - load
    return force[at].T, u[at].T, time.perf_counter() - start


def compare(library: Library, index: int, size: float) -> list[str]:
    """Rows of a table: the two programs on one exported particle."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "decks")
        export_library(library, out, to="abaqus", particles=range(index, index + 1), voxel_size=size)
        folder = out / f"{index:06d}"
        deck = read(folder)
        count = deck.basis.mesh.p.shape[1]
        theirs, moved, slow = by_calculix(folder, count)
        ours, u, fast = by_scikit_fem(deck)
    outer, grains = deck.outer, int(library.table["grains"][index])
    there = np.abs(ours[outer])
    off = np.abs(theirs - ours)[outer]
    printed = 0.5e-6 * 10.0 ** np.floor(np.log10(np.maximum(np.abs(theirs[outer]), 1e-300)))
    beyond = int(np.count_nonzero(off > printed + 1e-9 * there.max()))
    cells = deck.basis.mesh.nelements
    return [
        f"Particle {index}: {grains} grains, {cells} voxels of {size} µm, {count} nodes, {len(outer)} of them held. "
        f"CalculiX {slow:.0f} s, scikit-fem {fast:.0f} s on one thread.",
        "",
        "| forces at the held nodes | found |",
        "|---|---|",
        f"| largest component, µN | {there.max():.6g} |",
        f"| largest difference of a component over the largest component | {off.max() / there.max():.1e} |",
        f"| norm of all differences over the norm of all forces | {np.linalg.norm(off) / np.linalg.norm(there):.1e} |",
        f"| components off by more than half of the last digit that ccx prints (7 digits) plus 1e-9 of the largest | "
        f"{beyond} of {off.size} |",
        f"| sum of all forces, over the sum of their sizes: CalculiX, scikit-fem | {balance(theirs[outer]):.1e}, "
        f"{balance(ours[outer]):.1e} |",
        f"| displacements: largest difference over the largest | {np.abs(moved - u).max() / np.abs(u).max():.1e} |",
    ]


def balance(forces: np.ndarray) -> float:
    return float(np.abs(forces.sum(axis=0)).max() / np.abs(forces).sum())


def forces(args: argparse.Namespace) -> list[str]:
    (library,) = map(open_library, args.libraries)
    ccx = subprocess.run(["ccx", "-v"], capture_output=True, text=True, check=False).stdout.split()[-1]
    found = compare(library, args.particle, args.voxel_size)
    return ["# One deck, two programs", f"CalculiX {ccx} and {made_by(library)}", *found]


def modes(args: argparse.Namespace) -> list[str]:
    """Each library with --loose mend; those of surface "grains" also with keep."""
    rows, said = [], []
    for library in map(open_library, args.libraries):
        surface = library.recipe["surface"]
        for loose in ("mend", "keep") if surface == "grains" else ("mend",):
            more, found = mode_rows(library, loose)
            condition, six = [one.condition for one in found], sum(one.zero == 6 for one in found)
            rows += more
            said.append(
                f"Surface {surface}, `--loose {loose}`: six zero modes in {six} of {len(found)}, condition "
                f"{min(condition):.0f} to {max(condition):.0f}."
            )
    return [
        "# Ten free particles",
        f"{made_by(library)} Zero: below {ZERO:.0e} of the largest eigenvalue of the stiffness. Condition: the largest "
        "over the first\nthat is not zero. Left out / filled: voxels that hang by no face, voxels filled at hinges.",
        *said,
        "",
        "| surface | particle | voxel, µm | --loose | left out / filled | zero modes | largest zero | condition |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
    ]


def made_by(library: Library) -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    recipe = library.recipe
    return (
        f"scikit-fem {skfem.__version__}, SciPy {scipy.__version__}; model {recipe['model_name']}, seed "
        f"{recipe['seed']}, commit {commit}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["forces", "modes"])
    parser.add_argument("libraries", nargs="+", type=Path)
    parser.add_argument("--particle", type=int, default=18, help="for forces (18)")
    parser.add_argument("--voxel-size", type=float, default=0.2, help="for forces, µm (0.2)")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    head, about, *lines = {"forces": forces, "modes": modes}[args.what](args)
    text = "\n".join([head, "", f"    python {' '.join(sys.argv)}", "", about, "", *lines, ""])
    print(text)
    if args.output:
        args.output.write_text(text)


if __name__ == "__main__":
    main()
