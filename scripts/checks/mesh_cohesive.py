"""Energy balance of a particle with cohesive elements, by CalculiX.

    python scripts/checks/mesh_cohesive.py --output docs/results/mesh_cohesive.md

The files of `--to abaqus --mesh tet --cohesive all`, whose COH3D6 CalculiX does not have: each becomes springs at its
three pairs of nodes, of a third of its area times the stiffness, the same in every direction (nodal quadrature). A
stress pulls at the surface OUTER, three nodes hold the rest, and the work of the forces must be the energy of grains
and boundaries. Forces and not displacements are given: CalculiX 2.20 does not carry these through springs.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nmcfast import generate_particle, load_model
from nmcfast.export.tetrahedra import SIDES
from nmcfast.export.tets import files
from nmcfast.library.tetrahedra import TetOptions, deck_of_mesh

SEED, INDEX = 1, 3  # a particle of 293 grains
STRESS = np.array([(100.0, 20.0, 0.0), (20.0, -30.0, 10.0), (0.0, 10.0, 40.0)])  # MPa
BOND = 1e6  # MPa/µm
CLASSES = 60  # of springs: a spring has the stiffness of the class next to it
HELD = """\
*NSET, NSET=HELD
HELD_1, HELD_2, HELD_3
*BOUNDARY
HELD_1, 1, 3
HELD_2, 2, 3
HELD_3, 3, 3
*STEP
*STATIC
*CLOAD
"""
ASKED = """\
*NODE PRINT, NSET=ALL_NODES
U
*NODE PRINT, NSET=HELD
RF
*EL PRINT, ELSET=GRAINS, TOTALS=ONLY
ELSE
*END STEP
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--across", type=float, default=2.5)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    head = ["# Energy balance with cohesive elements", "", f"    python {' '.join(sys.argv)}", ""]
    text = "\n".join([*head, f"Commit {commit.strip()}.", "", *balance(options.across), ""])
    print(text)
    if options.output:
        options.output.write_text(text)


def balance(across: float) -> list[str]:
    particle = generate_particle(load_model("nmc811"), SEED, INDEX, surface="shell")
    deck = deck_of_mesh(INDEX, particle, particle.mesh(across=across), TetOptions(f"{across}x", cohesive="all"))
    folder = Path(tempfile.mkdtemp())
    files.write(deck, folder, "abaqus")
    text = (folder / "mesh.inp").read_text()
    nodes = numbers(re.search(r"NSET=ALL_NODES\n((?:\d.*\n)+)", text)[1])[:, 1:]
    wedges = np.concatenate([numbers(part) for part in re.findall(r"TYPE=COH3D6.*\n((?:\d.*\n)+)", text)])
    cells = np.concatenate([numbers(part) for part in re.findall(r"TYPE=C3D4.*\n((?:\d.*\n)+)", text)])[:, 1:].astype(
        int
    )
    outer = numbers(re.search(r"NAME=OUTER.*\n((?:\d.*\n)+)", text)[1].replace(" S", "")).astype(int)
    pairs, stiffness = springs(wedges[:, 1:].astype(int) - 1, nodes)
    classes = np.exp(np.linspace(np.log(stiffness.min()), np.log(stiffness.max()), CLASSES))
    kind = np.abs(np.log(stiffness)[:, None] - np.log(classes)).argmin(axis=1)
    bonds = r"\*ELEMENT, TYPE=COH3D6.*\n(?:\d.*\n)+|\*ELSET, ELSET=COHESIVE\n(?:COH.*\n)+"
    (folder / "solid.inp").write_text(re.sub(bonds, "", text))
    materials = (
        (folder / "materials.inp").read_text().split("** THE NUMBERS ARE A CHOICE: put in your own. Stiffness")[0]
    )
    pull = loads(nodes, cells[outer[:, 0] - 1][np.arange(len(outer))[:, None], SIDES[outer[:, 1] - 1]] - 1)
    given = (f"{n + 1}, {k + 1}, {pull[n, k]:.12e}\n" for n, k in np.argwhere(pull).tolist())
    cards = spring_cards(pairs, kind, classes, len(deck.cells) + 1)
    job = ["*INCLUDE, INPUT=solid.inp\n", materials, *cards, HELD, *given, ASKED]
    (folder / "job.inp").write_text("".join(job))
    start = time.monotonic()
    done = subprocess.run(["ccx", "job"], cwd=folder, capture_output=True, text=True, check=False)
    if "Job finished" not in done.stdout or "*ERROR" in done.stdout:
        raise SystemExit(done.stdout[-3000:])
    seconds = time.monotonic() - start
    work, solid, bond, opening, held = energies((folder / "job.dat").read_text(), pull, pairs, classes[kind])
    return [
        f"Particle {INDEX}, {len(deck.groups)} grains: {len(deck.cells):,} C3D4, {len(deck.cohesive):,} COH3D6 in "
        f"{len(deck.pairs):,} sets, {len(nodes):,} nodes. CalculiX: {seconds:.0f} s.",
        "",
        "| | µN µm |",
        "|---|---|",
        f"| work of the forces on the surface, ½ Σ F·u | {work:.8g} |",
        f"| elastic energy of the grains (ELSE) | {solid:.8g} |",
        f"| energy of the boundaries, ½ Σ k δ² | {bond:.8g} |",
        f"| balance, (work − energies) / work | {(work - solid - bond) / work:.1e} |",
        "",
        f"Largest opening of a boundary: {1e3 * opening:.3g} nm. Largest force of the three held nodes over the "
        f"largest load of a node: {held:.1e}.",
    ]


def numbers(text: str) -> np.ndarray:
    """Rows of numbers with commas between them."""
    return np.array([line.split(",") for line in text.splitlines()], float)


def springs(wedges: np.ndarray, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of nodes (s, 2) that wedges (k, 6) join, and the stiffness (s,) µN/µm of each."""
    a, b, c = (nodes[wedges[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2.0
    every = np.concatenate([wedges[:, [k, k + 3]] for k in range(3)])
    pairs, row = np.unique(every, axis=0, return_inverse=True)
    return pairs, np.bincount(row.ravel(), np.tile(area, 3) / 3.0 * BOND)


def spring_cards(pairs: np.ndarray, kind: np.ndarray, classes: np.ndarray, first: int) -> Iterator[str]:
    number = first
    for k, value in enumerate(classes.tolist()):
        for axis in (1, 2, 3):
            some = pairs[kind == k] + 1
            if len(some):
                yield f"*ELEMENT, TYPE=SPRING2, ELSET=S{k}_{axis}\n"
                yield "".join(f"{number + j}, {a}, {b}\n" for j, (a, b) in enumerate(some.tolist()))
                yield f"*SPRING, ELSET=S{k}_{axis}\n{axis}, {axis}\n{value:.12e}\n"
                number += len(some)


def loads(nodes: np.ndarray, facets: np.ndarray) -> np.ndarray:
    """The forces (p, 3) µN at nodes that STRESS makes on facets (f, 3) of the outer surface."""
    a, b, c = (nodes[corner] for corner in facets.T)
    share = np.cross(b - a, c - a) @ STRESS / 6.0
    out = np.zeros_like(nodes)
    np.add.at(out, facets, share[:, None, :])
    return out


def energies(
    text: str, pull: np.ndarray, pairs: np.ndarray, stiffness: np.ndarray
) -> tuple[float, float, float, float, float]:
    """Work of the loads, energy of the solid and of the springs, largest opening, force of the held nodes."""
    u = np.zeros_like(pull)
    shifts, forces = (table(text, name) for name in ("displacements", "forces"))
    u[shifts[:, 0].astype(int) - 1] = shifts[:, 1:]
    solid = float(re.search(r"total internal energy.*\n\s*\n?\s*([-+.\dE]+)", text)[1])
    opening = u[pairs[:, 0]] - u[pairs[:, 1]]
    bond = 0.5 * float((stiffness[:, None] * opening**2).sum())
    held = np.abs(forces[:, 1:] - pull[forces[:, 0].astype(int) - 1]).max() / np.abs(pull).max()
    return 0.5 * float((pull * u).sum()), solid, bond, float(np.linalg.norm(opening, axis=1).max()), float(held)


def table(text: str, name: str) -> np.ndarray:
    """The rows below the heading that begins with a name: node and three components."""
    rows = re.search(rf"^ ?{name} .*\n\s*\n((?:\s+\d+(?:\s+[-+.\dE]+){{3}}\n)+)", text, re.M)[1]
    return np.array([line.split() for line in rows.strip().split("\n")], float)


if __name__ == "__main__":
    main()
