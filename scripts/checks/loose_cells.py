"""Particles of a library at several voxel sizes: voxels that no face joins to the rest, and hinges, before mending.

    nmcfast generate shells200.zarr --count 200 --seed 2 --no-labels --shard-size 10 --where "shell_volume_um3 < 100"
    python scripts/checks/loose_cells.py shells200.zarr --output docs/results/loose_cells.md

Parts are counted by scipy.ndimage, hinges node by node (export/hinges.py); what `export` does to the voxels stands
beside. With surface = "shell" no voxel may be left out, and every voxel whose centre lies in the shell has a label but
for parts that labelling itself takes away; these are counted by the shell alone.
"""

import argparse
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import ndimage

from nmcfast import open_library
from nmcfast.export.hinges import hinges, mend
from nmcfast.library.convert import deck_of
from nmcfast.library.library import Library
from nmcfast.shells.shell import Shell


@dataclass
class Counts:
    """Of all particles at one voxel size; unlabelled, hinged: numbers of particles, and voxels or nodes of each."""

    voxels: int = 0
    unlabelled: dict[int, int] = field(default_factory=dict)
    more_parts: list[int] = field(default_factory=list)
    loose: int = 0
    filled: int = 0
    hinged: dict[int, int] = field(default_factory=dict)
    left: int = 0


def count(library: Library, size: float, chosen: range) -> Counts:
    """The counts of particles at a voxel size in µm."""
    found = Counts()
    for index in chosen:
        labels = deck_of(library, index, size).labels
        if unlabelled := voxels_in_shell(library[index].shell, size) - int(np.count_nonzero(labels)):
            found.unlabelled[index] = unlabelled
        parts, nodes = ndimage.label(labels > 0)[1], hinges(labels > 0)
        mended, done = mend(labels)
        found.voxels += int(np.count_nonzero(labels))
        found.loose += done.loose_voxels
        found.filled += done.filled_voxels
        found.left += hinges(mended > 0) + ndimage.label(mended > 0)[1] - 1
        if parts > 1:
            found.more_parts.append(index)
        if nodes:
            found.hinged[index] = nodes
    return found


def voxels_in_shell(shell: Shell, size: float) -> int:
    """How many voxels of a size in µm, on a grid with a corner at the centre, have their centre in a shell."""
    low, high = np.floor(shell.bounds() / size).astype(int)
    x, y, z = (size * (np.arange(a, b + 1) + 0.5) for a, b in zip(low, high, strict=True))
    layers = (np.stack(np.broadcast_arrays(x[None, :], y[:, None], height), axis=-1).reshape(-1, 3) for height in z)
    return sum(int(np.count_nonzero(shell.contains(points))) for points in layers)


def row(size: float, found: Counts) -> str:
    filled = f"{found.filled} ({found.filled / found.voxels:.1e})"
    numbers = [
        found.voxels,
        sum(found.unlabelled.values()),
        len(found.more_parts),
        found.loose,
        len(found.hinged),
        sum(found.hinged.values()),
    ]
    return f"| {size} | {' | '.join(f'{n:,}' for n in numbers)} | {filled} | {found.left} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("--voxel-sizes", type=float, nargs="+", default=[0.1, 0.2, 0.4], help="µm (0.1 0.2 0.4)")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    library = open_library(args.library)
    lines, told = [], []
    for size in args.voxel_sizes:
        found = count(library, size, library.numbers)
        lines.append(row(size, found))
        print(lines[-1], flush=True)
        if found.hinged:
            most = sorted(found.hinged, key=found.hinged.__getitem__)[-8:][::-1]
            said = ", ".join(f"{k} ({found.hinged[k]})" for k in most)
            told.append(f"{size} µm: particles with most nodes on hinges: {said}.")
        if found.unlabelled:
            said = ", ".join(f"{k} ({n})" for k, n in found.unlabelled.items())
            told.append(
                f"{size} µm: particles with voxels of the shell that no face joins, taken away by labelling: {said}."
            )
        if found.more_parts:
            told.append(f"{size} µm: **particles in more than one part: {', '.join(map(str, found.more_parts))}**.")
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    recipe = library.recipe
    chosen = f" ({recipe['where']})" if recipe.get("where") else ""
    text = [
        "# What a mesh of voxels leaves out or fills",
        "",
        f"    python {' '.join(sys.argv)}",
        "",
        f"{len(library)} particles{chosen} of the model {recipe['model_name']}, seed {recipe['seed']}, surface "
        f"{recipe['surface']}, {int(library.table['grains'].sum()):,} grains, commit {commit}.",
        "Hinge: a node about which voxels meet at an edge or a corner and are not joined by faces.",
        "",
        "| voxel, µm | voxels | of the shell, unlabelled | particles in parts | voxels left out "
        "| particles with a hinge | nodes on hinges | voxels filled (share) | hinges and parts after |",
        "|---|---|---|---|---|---|---|---|---|",
        *lines,
        "",
        *told,
    ]
    if args.output:
        args.output.write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
