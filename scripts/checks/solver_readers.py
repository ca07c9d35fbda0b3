"""A particle of a library in every format of `export`, opened by every reader that is there: what each found.

nmcfast generate lib.zarr --count 32 --seed 1
python scripts/checks/solver_readers.py lib.zarr --particle 24 --output docs/results/solver_readers.md

Writers and readers are those of tests/test_decks.py; here the particle is a real one. Readers live in environments of
their own: `NMCFAST_READERS=/a/bin/python:/b/bin/python`, see tests/solver_readers.py. CalculiX on one deck beside
scikit-fem: scripts/checks/deck_mechanics.py.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from nmcfast import export_library, open_library
from nmcfast.export.deck import Deck
from nmcfast.export.formats import BULK, DECKS, any_module
from nmcfast.export.orientations import bunge_angles, matrices
from nmcfast.library.convert import deck_of
from nmcfast.library.library import Library

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from deck_toys import grain_volumes, outer_area, poisson, poisson_by_volumes
from solver_readers import NEEDS, python_with, read_with

SOLVED = {"poisson": poisson, "poisson_by_volumes": poisson_by_volumes}
TOLERANCE = 1e-5  # relative; VTK, ParaView and taufactor compute with single precision
HEAD = "| format | reader | grains | volumes | surface | closed | orientations | −∇²u = 1 | names and tags | s |"
COLUMNS = HEAD.count("|") - 1
# Programs that no package brings here: what their files are checked against, and by what.
BY_RULE = """\
| abaqus | Abaqus | its keywords, as CalculiX reads them | CalculiX, meshio |
| damask | DAMASK_grid 3.0 | VTI.f90 of DAMASK 3.0 (error 844) | damask_parser.py, damask |
| dream3d | DREAM.3D 6 | attributes of HDF5 objects of file version 7.0 | tests/test_decks.py, damask |
| exodus | MOOSE, finite elements | block and side-set numbers and names, by the Exodus library | exodus_helper, VTK |
| moose-ebsd | MOOSE, phase field, from 2020 on | EBSDMesh.C, EBSDReader.C, its examples | moose-ebsd_parser.py |
| nastran | COMSOL | cards of NASTRAN | pyNastran |
| prisms-pf | PRISMS-PF 2.2 to 2.4 | Body::read_RL_vtk, Mesh.hh of 2.4 | prisms-pf_parser.py, VTK |
| tiff | MATBOX, Fiji | tags of ImageJ, a page a plane | tifffile |"""
ABOUT = """\
Numbers are the largest relative differences from what was counted from the labels: volume of each grain, area of the
outer surface, volume that this surface encloses by the divergence theorem (closed, normals outward); of orientations,
the largest difference of a component or angle. −∇²u = 1: ∫u with u = 0 on the tagged surface, solved by the program
and, on its own matrix, by SciPy here: trilinear elements, in FiPy finite volumes. – : the program does not read it, or
was not asked. `parser` is one of our own, by the rules named below. Bulk formats hold the particle and its
two neighbours, and it is found by its number. What is not as it should be stands in bold."""


def orientation_error(deck: Deck, found: dict) -> float | None:
    """Largest difference of a component of a quaternion, a crystal axis or a Bunge angle; None when none was read."""
    axes = matrices(deck.orientation)
    truth = {"a": axes[:, :, 0], "c": axes[:, :, 2], "bunge": bunge_angles(deck.orientation)}
    pairs = [(value, truth[name][k - 1]) for k, said in found.get("axes", {}).items() for name, value in said.items()]
    pairs += [(value, deck.orientation[k - 1]) for k, value in found.get("orientation", {}).items()]
    return max((float(np.abs(np.subtract(*pair)).max()) for pair in pairs), default=None)


def verdict(deck: Deck, found: dict) -> list[str]:
    """Cells of a row: grains found, and how far volumes, surface, the volume it encloses and orientations are off."""
    wanted = grain_volumes(deck)
    if found["grains"].keys() != wanted.keys():
        return [f"**{len(found['grains'])}**, not {len(wanted)}", *[""] * 5, found["tags"]]
    whole = sum(wanted.values())
    errors = [
        max(abs(found["grains"][k] / v - 1) for k, v in wanted.items()),
        abs(found["surface"] / outer_area(deck) - 1),
        abs(found["enclosed"] / whole - 1) if "enclosed" in found else None,
        orientation_error(deck, found),
        *([abs(found[n] / f(deck) - 1) for n, f in SOLVED.items() if n in found] or [None]),
    ]
    cells = ["–" if e is None else f"{e:.0e}" if e <= TOLERANCE else f"**{e:.0e}**" for e in errors]
    return [str(len(wanted)), *cells, found["tags"]]


def read(reader: str, deck: Deck, folder: Path, *more: str) -> str:
    """A row of the table: what a reader found, that it failed, or that it is not there."""
    name, short = reader.split("_", 1)
    if python_with(NEEDS[reader]) is None:
        return row(name, short, "**not installed here**")
    start = time.perf_counter()
    try:
        found = read_with(reader, folder, *more)
    except AssertionError as error:
        return row(name, short, f"**FAILED**: {str(error).strip().splitlines()[-1]}")
    cells = [name, found["program"], *verdict(deck, found), f"{time.perf_counter() - start:.1f}"]
    return row(*cells)


def row(*cells: str) -> str:
    return f"| {' | '.join([*cells, *[''] * (COLUMNS - len(cells))])} |"


def bulk_rows(library: Library, deck: Deck, only: list[str]) -> list[str]:
    """The particle and its neighbours exported as a library of each bulk format, and read from it by number."""
    rows, index = [], deck.index
    for name in (n for n in sorted(BULK) if n in only):
        with tempfile.TemporaryDirectory() as scratch:
            held = library.numbers
            chosen = range(max(held.start, index - 1), min(held.stop, index + 2))
            path = Path(scratch) / f"lib.{name}"
            export_library(library, path, to=name, particles=chosen, voxel_size=deck.voxel_size)
            for reader in (r for r in sorted(NEEDS) if r.split("_")[0] == name):
                rows.append(read(reader, deck, path, str(index)))
                print(rows[-1], flush=True)
    return rows


def deck_rows(deck: Deck, only: list[str]) -> list[str]:
    rows = []
    for name in (n for n in sorted(DECKS) if n in only and hasattr(any_module(n), "write")):
        with tempfile.TemporaryDirectory() as folder:
            any_module(name).write(deck, Path(folder))
            for reader in (r for r in sorted(NEEDS) if r.split("_")[0] == name):
                rows.append(read(reader, deck, Path(folder), "real"))
                print(rows[-1], flush=True)
    return rows


def table_rows(library: Library) -> list[str]:
    """Formats of tables of particles: Parquet read by pyarrow, and the example that PyBaMM runs."""
    import pyarrow.parquet

    rows, wanted = [], library.index()
    with tempfile.TemporaryDirectory() as scratch:
        export_library(library, Path(scratch, "index"), to="parquet")
        table = pyarrow.parquet.read_table(Path(scratch, "index", "index.parquet"))
        same = all(table[n].to_pylist() == wanted[n].tolist() for n in wanted.dtype.names)
        said = f"{table.num_rows} particles, {table.num_columns} columns, {'all equal' if same else '**they differ**'}"
        rows.append(f"| parquet | pyarrow {pyarrow.__version__} | {said} |")
        rows += [other_table(Path(scratch, "index"), name, int((wanted["grains"] < 400).sum())) for name in SQL]
        export_library(library, Path(scratch, "sizes"), to="pybamm")
        python = python_with("pybamm")
        if python is None:
            return [*rows, "| pybamm | PyBaMM | **not installed here** |"]
        code = "import pybamm; print(pybamm.__version__); exec(open('run_mpm.py').read())"
        command = [python, "-c", code]
        done = subprocess.run(command, cwd=Path(scratch, "sizes"), capture_output=True, text=True, check=False)
        radius = np.cbrt(3 / (4 * np.pi) * wanted["volume_um3"].astype(float))
        mean = (radius**3).sum() / (radius**2).sum()
        said = done.stdout.strip().splitlines() or ["", done.stderr.strip().splitlines()[-1]]
        version, words = said[0], "; ".join(said[1:])
        off = abs(float(said[1].split()[3]) * 1e6 / mean - 1) if not done.returncode else np.nan
        rows.append(f"| pybamm | PyBaMM {version} | {words}; mean radius off by {off:.0e} |")
    return rows


# Other programs that read the table: each prints its version and how many particles have fewer than 400 grains.
SQL = {
    "duckdb": "import duckdb; print(duckdb.__version__, "
    "len(duckdb.sql(\"SELECT index FROM 'index.parquet' WHERE grains < 400\").fetchall()))",
    "polars": "import polars; print(polars.__version__, "
    "polars.scan_parquet('index.parquet').filter(polars.col('grains') < 400).collect().height)",
}


def other_table(folder: Path, name: str, wanted: int) -> str:
    """A row of the table: what another program finds in index.parquet."""
    python = python_with(name)
    if python is None:
        return f"| parquet | {name} | **not installed here** |"
    done = subprocess.run([python, "-c", SQL[name]], cwd=folder, capture_output=True, text=True, check=True)
    version, count = done.stdout.split()
    found = count if count == str(wanted) else f"**{count}, not {wanted}**"
    return f"| parquet | {name} {version} | {found} particles of fewer than 400 grains |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("--particle", type=int, default=0)
    parser.add_argument("--voxel-size", type=float, default=0.2)
    parser.add_argument("--only", nargs="*", default=[*BULK, *DECKS], help="formats")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    library = open_library(args.library)
    deck = deck_of(library, args.particle, args.voxel_size)
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    model, seed = deck.source["model_sha256"][:12], deck.source["seed"]
    said = (
        f"Commit {commit}. Particle {args.particle} of seed {seed} of the model {deck.source['model_name']} ({model}): "
        f"{deck.grains} grains, {np.count_nonzero(deck.labels)} voxels of {args.voxel_size} µm, "
        f"{len(grain_volumes(deck))} grains with a voxel."
    )
    lines = ["# Who opened what", "", f"    {' '.join(['python', *sys.argv])}", "", said, ABOUT, ""]
    lines += [HEAD, "|---" * COLUMNS + "|"]
    lines += [*bulk_rows(library, deck, args.only), *deck_rows(deck, args.only)]
    if {"parquet", "pybamm"} & set(args.only):
        rows = table_rows(library)
        print("\n".join(rows))
        lines += [
            "",
            f"Tables of all {len(library)} particles:",
            "",
            "| format | reader | found |",
            "|---|---|---|",
            *rows,
        ]
    lines += ["", "## Not run here", "", "No package brings these. What their files are checked against:", ""]
    lines += ["| format | program | rule | checked by |", "|---|---|---|---|"]
    lines += [line for line in BY_RULE.splitlines() if line.split()[1] in args.only]
    if args.output:
        args.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
