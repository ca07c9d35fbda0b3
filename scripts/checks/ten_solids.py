"""Ten particles of surface "shell" in every format of `export`, read back: one connected solid, the right volumes.

python scripts/checks/ten_solids.py --output docs/results/ten_solids.md

One reader a format, the first of those of `solver_readers.py` that is installed. What is exported is one face-connected
solid of connected grains by scipy.ndimage; that the files hold the same solid is said by the readers: volume of each
grain, area of the outer surface, and the volume that it encloses.
"""

import argparse
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy import ndimage

from nmcfast import export_library, generate_library, load_model, open_library
from nmcfast.export.deck import Deck
from nmcfast.export.formats import BULK, DECKS, any_module
from nmcfast.library.convert import deck_of
from nmcfast.library.library import Library

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from solver_readers import NEEDS, python_with, read_with

verdict = runpy.run_path(str(Path(__file__).with_name("solver_readers.py")))["verdict"]
MODELS, EACH, SEED, SIZE, LARGEST = ("nmc811", "nmc-ct"), 5, 1, 0.2, "shell_volume_um3 < 100"
FIRST = ("abaqus_meshio", "damask_parser", "exodus_vtk", "gmsh_gmsh", "hdf5_h5py", "tiff_tifffile", "vtu_meshio")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rows: dict[str, list[str]] = {}
    solids, grains = [], []
    with tempfile.TemporaryDirectory() as folder:
        for model in MODELS:
            path = Path(folder, model)
            generate_library(path, load_model(model), count=EACH, seed=SEED, where=LARGEST, labels=False)
            library = open_library(path)
            for index in range(EACH):
                deck = deck_of(library, index, SIZE)
                solids.append(ndimage.label(deck.labels > 0)[1])
                grains.append((connected(deck.labels), len(np.unique(deck.labels)) - 1))
                for reader, said in read_all(library, deck):
                    rows.setdefault(reader, []).append(said)
                    print(model, index, reader, said, flush=True)
    text = report(rows, solids, grains)
    if options.output:
        options.output.write_text(text)
    print(text)


def connected(labels: np.ndarray) -> int:
    """How many grains are one face-connected part."""
    boxes = enumerate(ndimage.find_objects(labels), 1)
    return sum(box is not None and ndimage.label(labels[box] == grain)[1] == 1 for grain, box in boxes)


def readers_of(name: str) -> list[str]:
    """The reader of a format, if there is one here."""
    there = [r for r in sorted(NEEDS, key=lambda r: (r not in FIRST, r)) if r.split("_")[0] == name]
    return [r for r in there if python_with(NEEDS[r]) is not None][:1]


def read_all(library: Library, deck: Deck) -> list[tuple[str, str]]:
    """What the reader of each format says of a particle: "" when all is as it should be."""
    said = []
    for name in sorted({*BULK, *DECKS}):
        if name not in BULK and not hasattr(any_module(name), "write"):
            continue  # tables of particles: they hold no solid
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "lib")
            if name in BULK:
                one = range(deck.index, deck.index + 1)
                export_library(library, path, to=name, particles=one, voxel_size=deck.voxel_size)
            else:
                path.mkdir()
                any_module(name).write(deck, path)
            for reader in readers_of(name):
                more = str(deck.index) if name in BULK else "real"
                cells = verdict(deck, read_with(reader, path, more))
                said.append((reader, " ".join(cell for cell in cells if "**" in cell)))
    return said


def report(rows: dict[str, list[str]], solids: list[int], grains: list[tuple[int, int]]) -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    whole, all_ = (sum(pair[k] for pair in grains) for k in range(2))
    unread = sorted({n for n in DECKS if hasattr(any_module(n), "write")} - {reader.split("_")[0] for reader in rows})
    lines = [
        "# Ten solid particles in every format",
        "",
        "    python scripts/checks/ten_solids.py --output docs/results/ten_solids.md",
        "",
        f"Commit {commit.stdout.strip()}. The first {EACH} particles of each of {', '.join(MODELS)}, seed {SEED}, with",
        f"`{LARGEST}`, surface `shell`, voxels of {SIZE} µm: {solids.count(1)} of {len(solids)} are one face-connected",
        f"solid; {whole:,} of {all_:,} grains are one face-connected part. Right: the reader finds each grain with its",
        "volume, the outer surface with its area, and inside of it the volume of the particle, to 1e-5.",
        "",
        "| format | reader | right | what was wrong |",
        "|---|---|---|---|",
    ]
    for reader, said in rows.items():
        wrong = "; ".join(sorted({text for text in said if text}))
        name, program = reader.split("_", 1)
        lines.append(f"| {name} | {program} | {said.count('')} of {len(said)} | {wrong or '–'} |")
    lines += ["", f"Without a reader on this machine: {', '.join(unread) or 'none'}.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
