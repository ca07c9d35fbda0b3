"""Particles of a library as conforming tetrahedra: a folder of files each."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nmcfast.errors import InputError
from nmcfast.export import files, formats
from nmcfast.export.tetrahedra import TetDeck
from nmcfast.export.tets.files import write
from nmcfast.library.export_folder import SETTINGS, claimed, whole_folder
from nmcfast.library.library import Library
from nmcfast.meshes.mesh import Mesh
from nmcfast.particle import Particle

Progress = Callable[[int], None]  # called with the number of each particle that is finished


@dataclass(frozen=True)
class Meshed:
    """Tetrahedra of an export: how many, of how many grains, those of them that got none, the smallest angle (°)."""

    tetrahedra: int
    grains: int
    without: int
    smallest_dihedral: float


@dataclass(frozen=True)
class TetOptions:
    """How particles are meshed: see docs/meshes.md.

    size: µm, or "6x": six across the mean grain of each particle; size_inside: the same, of tetrahedra far from the
    boundaries, None for those of the size too. order: 2 for nodes on edges. cohesive: "" for none,
    "all", or pairs of labels, "3-7,4-9". smallest_grain: grains of fewer tetrahedra go to a neighbour.
    """

    size: float | str = 0.1
    order: int = 1
    cohesive: str = ""
    smallest_grain: int = 1
    size_inside: float | str | None = None

    def __post_init__(self) -> None:
        self.lengths(1.0)
        if self.order not in (1, 2):
            raise InputError(f"--order: found {self.order}, expected 1 or 2")
        if self.order == 2 and self.cohesive:
            raise InputError("--cohesive: is for --order 1; elements without thickness have no nodes on edges")
        if self.smallest_grain < 1:
            raise InputError(f"--smallest-grain: found {self.smallest_grain}, expected 1 tetrahedron or more")
        self.pairs()

    def lengths(self, diameter: float) -> tuple[float, float | None]:
        """The size and that inside, µm, where this is the diameter of the mean grain."""
        inside = None if self.size_inside is None else _length("--size-inside", self.size_inside, diameter)
        return _length("--size", self.size, diameter), inside

    def pairs(self) -> list[tuple[int, int]] | None:
        """Rows of the two grains of each boundary that nodes are split along, None for all."""
        if self.cohesive in ("", "all"):
            return None
        if not re.fullmatch(r"[1-9]\d*-[1-9]\d*(,[1-9]\d*-[1-9]\d*)*", self.cohesive):
            raise InputError(f"--cohesive: found {self.cohesive!r}, expected all, or pairs of labels such as 3-7,4-9")
        labels = (pair.split("-") for pair in self.cohesive.split(","))
        return [(int(a) - 1, int(b) - 1) for a, b in labels]


def _length(name: str, length: float | str, diameter: float) -> float:
    """A length in µm, given as that or, 6x, by how many a diameter has. Raises InputError for anything else."""
    text = str(length)
    try:
        return diameter / float(text[:-1]) if text.endswith("x") else float(text)
    except (ValueError, ZeroDivisionError):
        raise InputError(f"{name}: found {text!r}, expected µm (0.1), or elements across a grain (6x)") from None


def export_tetrahedra(
    library: Library,
    output: Path,
    settings: dict[str, Any],
    chosen: range,
    options: TetOptions,
    overwrite: bool,
    progress: Progress | None,
) -> tuple[int, Meshed]:
    """Write the meshes that settings name, a folder a particle: how many now, and what all of them are.

    InputError for what the format of the settings cannot hold.
    """
    to, mesh = settings["format"], settings["mesh"]
    known = formats.TETRAHEDRA if mesh == "tet" else formats.SURFACES
    if to not in known:
        raise InputError(f"--to: {to} has no --mesh {mesh}, expected one of {', '.join(sorted(known))}")
    if options.cohesive and to not in formats.COHESIVE:
        allowed = ", ".join(sorted(formats.COHESIVE))
        raise InputError(f"--cohesive: {to} has no elements without thickness, expected one of {allowed}")
    if mesh == "surface" and options.order != 1:
        raise InputError("--order: triangles of --mesh surface are straight: leave it out")
    made = 0
    with claimed(output, settings, overwrite):
        for index in chosen:
            folder = output / f"{index:06d}"
            if not folder.is_dir():
                with whole_folder(folder) as draft:
                    write(tet_deck_of(library, index, options), draft, to)
                made += 1
            if progress is not None:
                progress(index)
    return made, _count_meshes(output, settings, chosen)


def _count_meshes(output: Path, settings: dict[str, Any], chosen: range) -> Meshed:
    """What the meshes of all particles of a finished export are, also written to its export.json."""
    each = [files.read_json(output / f"{index:06d}" / "quality.json") for index in chosen]
    total = Meshed(
        tetrahedra=sum(report["tetrahedra"] for report in each),
        grains=sum(report["grains"] for report in each),
        without=sum(len(report["grains_without_tetrahedra"]) for report in each),
        smallest_dihedral=min(report["smallest_dihedral"] for report in each),
    )
    files.write_file(output / SETTINGS, files.json_bytes({**settings, "meshes": asdict(total)}))
    return total


def tet_deck_of(library: Library, index: int, options: TetOptions, threads: int = 1) -> TetDeck:
    """A particle of a library as tetrahedra; errors as `Particle.mesh` and `Mesh.split`."""
    particle = library[index]
    size, inside = options.lengths(particle.mean_diameter)
    mesh = particle.mesh(size, inside=inside, smallest_grain=options.smallest_grain, threads=threads)
    return deck_of_mesh(index, particle, mesh, options)


def deck_of_mesh(index: int, particle: Particle, mesh: Mesh, options: TetOptions) -> TetDeck:
    """A mesh as writers take it: cells grain by grain, labels instead of rows."""
    order = np.argsort(mesh.grain, kind="stable")
    volume = np.zeros(len(particle.grains))
    volume[: len(mesh.volume)] = mesh.volume
    points, cells, facets, bonds = mesh.points, mesh.cells, mesh.facets, {}
    report = {
        "size": mesh.size,
        "grains": len(particle.grains),
        "grains_without_tetrahedra": (mesh.missing + 1).tolist(),
        "their_place_has": (mesh.heirs + 1).tolist(),
        "of_them_left_out": (mesh.left_out + 1).tolist(),
        **mesh.quality.to_dict(),
    }
    if options.order == 2:
        curved = mesh.quadratic()
        points, cells, facets = curved.points, curved.cells, curved.facets
        report |= {"curved_edges": curved.curved, "of_them_straight": curved.unplaced, "of_them_eased": curved.eased}
        report |= {"least_jacobian": curved.least}
    if options.cohesive:
        parted = mesh.split(options.pairs())
        points, cells, facets = parted.points, parted.cells, parted.facets
        bonds = {"cohesive": parted.wedges, "cohesive_grains": parted.wedge_grains + 1}
        report |= {"cohesive_elements": len(parted.wedges), "chosen_facets_left_whole": parted.whole}
    return TetDeck(
        index=index,
        points=points,
        cells=cells[order],
        grain=mesh.grain[order] + 1,
        facets=facets,
        facet_grains=mesh.facet_grains + 1,
        volume=volume,
        centroid=particle.grains.centroid,
        orientation=particle.grains.orientation,
        angle=mesh.quality.smallest[order],
        report=report,
        **bonds,
    )
