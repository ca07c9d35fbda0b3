"""A particle of a library in every format of `export`, opened by every reader that is there: what each found.

nmcfast generate lib.zarr --count 1 --seed 1 --no-labels
python scripts/solver_readers.py lib.zarr --output docs/results/solver_readers.md

Writers and readers are those of tests/test_decks.py; here the particle is a real one.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from nmcfast import open_library
from nmcfast.convert import deck_of
from nmcfast.export.deck import Deck
from nmcfast.export.formats import DECKS, any_module
from nmcfast.export.orientations import bunge_angles, matrices

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from deck_toys import grain_volumes, outer_area
from solver_readers import NEEDS, python_with, read_with

TOLERANCE = 1e-5  # relative; VTK computes with single precision


def verdict(deck: Deck, found: dict) -> str:
    """What agrees, or the first thing that does not."""
    wanted, agree = grain_volumes(deck), []
    if found["grains"].keys() != wanted.keys():
        return f"{len(found['grains'])} grains, expected {len(wanted)}"
    worst = max(abs(found["grains"][k] / v - 1) for k, v in wanted.items())
    agree.append(f"{len(wanted)} grains, volumes to {worst:.0e}")
    if "surface" in found:
        error = abs(found["surface"] / outer_area(deck) - 1)
        worst = max(worst, error)
        agree.append(f"surface to {error:.0e}")
    axes = matrices(deck.orientation)
    truth = {"a": axes[:, :, 0], "c": axes[:, :, 2], "bunge": bunge_angles(deck.orientation)}
    pairs = [(value, truth[name][k - 1]) for k, said in found.get("axes", {}).items() for name, value in said.items()]
    pairs += [(value, deck.orientation[k - 1]) for k, value in found.get("orientation", {}).items()]
    if pairs:
        error = max(float(np.abs(np.subtract(*pair)).max()) for pair in pairs)
        worst = max(worst, error)
        agree.append(f"orientations to {error:.0e}")
    if "stress" in found:
        agree.append(f"{found['stressed']} elements with stresses")
    return f"{'agrees' if worst <= TOLERANCE else 'DIFFERS'}: {', '.join(agree)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("--particle", type=int, default=0)
    parser.add_argument("--voxel-size", type=float, default=0.2)
    parser.add_argument("--only", nargs="*", help="formats")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    deck = deck_of(open_library(args.library), args.particle, args.voxel_size)
    model, seed = deck.source["model_sha256"][:12], deck.source["seed"]
    lines = [
        "# Who opened what", "", f"    {' '.join(['python', *sys.argv])}", "",
        f"Particle {args.particle} of seed {seed} of the model {model}: {deck.grains} grains,"
        f" {np.count_nonzero(deck.labels)} voxels of {args.voxel_size} µm. The volume of every grain and the outer area"
        " are compared with those counted from the labels; `parser` is a parser of our own, written from the published"
        " description.", "",
        "| format | reader | found | MB | write, s | read, s |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name in args.only or sorted(DECKS):
        with tempfile.TemporaryDirectory() as folder:
            module, start = any_module(name), time.perf_counter()
            if not hasattr(module, "write"):
                continue  # a format of tables of particles
            files = module.write(deck, Path(folder))
            spent, size = time.perf_counter() - start, sum(f.stat().st_size for f in files) / 1e6
            for reader in (r for r in sorted(NEEDS) if r.split("_")[0] == name):
                start = time.perf_counter()
                there = python_with(NEEDS[reader])
                try:
                    said = verdict(deck, read_with(reader, Path(folder), "real")) if there else "not installed"
                except AssertionError as error:
                    said = "FAILED: " + str(error).strip().splitlines()[-1]
                row = f"| {name} | {reader.split('_', 1)[1]} | {said} | {size:.1f} | {spent:.2f} |"
                lines.append(f"{row} {time.perf_counter() - start:.1f} |")
                print(lines[-1], flush=True)
    if args.output:
        args.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
