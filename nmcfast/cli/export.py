"""nmcfast export: particles in another format, at any voxel size."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmcfast.cli.bars import ParticleBar
from nmcfast.cli.common import command, counted, local, number_range, say

if TYPE_CHECKING:
    from nmcfast.export.hinges import Mended
    from nmcfast.library.tetrahedra import Meshed


def add(commands: Any) -> None:
    from nmcfast.export.formats import BULK, DECKS, LOOSE, SURFACES, TETRAHEDRA

    parser = command(
        commands,
        "export",
        run,
        "write particles of a library in another format, at any voxel size",
        "nmcfast export lib.zarr --particles 0:10 --to vtu --output lib.vtu",
    )
    parser.add_argument("library", metavar="LIBRARY", help="a path, or a URL that fsspec knows")
    parser.add_argument("--particles", metavar="I:J", help="particles I to J − 1 (all)")
    text = f"a library: {', '.join(BULK)}; input of a program: {', '.join(sorted(DECKS))}"
    parser.add_argument("--to", required=True, metavar="FORMAT", help=text)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="library or folder to write")
    text = "edge of a voxel, µm; labels are made again from the grains (that of the library)"
    parser.add_argument("--voxel-size", type=float, metavar="H", help=text)
    text = f"voxels of meshes that no face joins to the rest, and hinges: {' or '.join(LOOSE)} them ({LOOSE[0]})"
    parser.add_argument("--loose", choices=LOOSE, default=LOOSE[0], help=text)
    text = "conforming tetrahedra (tet) or the boundaries of grains as triangles (surface), see docs/meshes.md; tet: "
    text += f"{', '.join(sorted(TETRAHEDRA))}; surface: {', '.join(sorted(SURFACES))}"
    parser.add_argument("--mesh", choices=("voxels", "tet", "surface"), default="voxels", help=text)
    text = "of tetrahedra, µm (0.1), or so many across the mean grain: 6x"
    parser.add_argument("--size", metavar="H", help=text)
    text = "of tetrahedra far from the boundaries, µm or as 2x (that of the others)"
    parser.add_argument("--size-inside", metavar="H", help=text)
    text = "2: tetrahedra of ten nodes, those of edges on the boundaries (1)"
    parser.add_argument("--order", type=int, choices=(1, 2), default=1, help=text)
    text = "split nodes and put elements without thickness between grains: all, or pairs of labels, 3-7,4-9"
    parser.add_argument("--cohesive", metavar="PAIRS", default="", help=text)
    text = "tetrahedra that a grain must have, or it goes to a neighbour (1)"
    parser.add_argument("--smallest-grain", type=int, metavar="N", default=1, help=text)
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier export at DIR")


def run(options: argparse.Namespace) -> int:
    from nmcfast.library.convert import export_library
    from nmcfast.library.open import open_library

    output = local(options.output)
    library = open_library(options.library)
    particles = number_range("--particles", "particle", options.particles)
    with ParticleBar(options, len(library) if particles is None else len(particles), "exporting") as bar:
        done = export_library(
            library,
            output,
            to=options.to,
            particles=particles,
            voxel_size=options.voxel_size,
            loose=options.loose,
            mesh=options.mesh,
            size=options.size,
            order=options.order,
            cohesive=options.cohesive,
            smallest_grain=options.smallest_grain,
            size_inside=options.size_inside,
            overwrite=options.overwrite,
            progress=lambda index: bar(index, 0),
        )
    result = {
        "path": str(done.path),
        "format": done.format,
        "made": done.made,
        "particles": done.present,
        "root_sha256": done.root_sha256,
    }
    if done.cells is not None:
        result["cells"] = asdict(done.cells)
    if done.meshes is not None:
        result["meshes"] = asdict(done.meshes)
    seal = f", complete, root hash {done.root_sha256}" if done.root_sha256 else ""
    said = f"{done.path}: {counted(done.made, 'particle')} written, {done.present} there{seal}"
    say(options, result, said + _mended(done.cells) + _meshed(done.meshes))
    return 0


def _mended(cells: "Mended | None") -> str:
    """What was done to the voxels of a mesh, where there was something to do."""
    if cells is None or not (cells.loose_voxels or cells.filled_voxels):
        return ""
    left_out = f"{counted(cells.loose_voxels, 'voxel')} left out that no face joins to the rest"
    filled = f"{cells.filled_voxels} filled at hinges"
    return f"\nof {counted(cells.voxels, 'voxel')}: {left_out}, {filled} (all as they are: --loose keep)"


def _meshed(meshes: "Meshed | None") -> str:
    """What tetrahedra came out, and how many grains got none."""
    if meshes is None:
        return ""
    lost = f"{meshes.without} without tetrahedra, named in quality.json" if meshes.without else "all with tetrahedra"
    least = f"smallest dihedral angle {meshes.smallest_dihedral:.1f}°"
    return f"\n{meshes.tetrahedra} tetrahedra, {least}; {counted(meshes.grains, 'grain')}, {lost}"
