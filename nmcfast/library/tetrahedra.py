"""Particles of a library as conforming tetrahedra, for the writers of meshes."""

import re
from dataclasses import dataclass

import numpy as np

from nmcfast.errors import InputError
from nmcfast.export.tetrahedra import TetDeck
from nmcfast.library.library import Library
from nmcfast.meshes.mesh import Mesh
from nmcfast.particle import Particle


@dataclass(frozen=True)
class TetOptions:
    """How particles are meshed: see docs/meshes.md.

    size: µm, or "6x": six across the mean grain of each particle. order: 2 for nodes on edges. cohesive: "" for none,
    "all", or pairs of labels, "3-7,4-9".
    """

    size: float | str = 0.1
    order: int = 1
    cohesive: str = ""

    def __post_init__(self) -> None:
        self.measure()
        if self.order not in (1, 2):
            raise InputError(f"--order: found {self.order}, expected 1 or 2")
        if self.order == 2 and self.cohesive:
            raise InputError("--cohesive: is for --order 1; elements without thickness have no nodes on edges")
        self.pairs()

    def measure(self) -> dict[str, float]:
        """What `Particle.mesh` takes: a size in µm, or how many across the mean grain."""
        text = str(self.size)
        try:
            return {"across": float(text[:-1])} if text.endswith("x") else {"size": float(text)}
        except ValueError:
            raise InputError(f"--size: found {text!r}, expected µm (0.1), or elements across a grain (6x)") from None

    def pairs(self) -> list[tuple[int, int]] | None:
        """Rows of the two grains of each boundary that nodes are split along, None for all."""
        if self.cohesive in ("", "all"):
            return None
        if not re.fullmatch(r"[1-9]\d*-[1-9]\d*(,[1-9]\d*-[1-9]\d*)*", self.cohesive):
            raise InputError(f"--cohesive: found {self.cohesive!r}, expected all, or pairs of labels such as 3-7,4-9")
        labels = (pair.split("-") for pair in self.cohesive.split(","))
        return [(int(a) - 1, int(b) - 1) for a, b in labels]


def tet_deck_of(library: Library, index: int, options: TetOptions, threads: int = 1) -> TetDeck:
    """A particle of a library as tetrahedra; errors as `Particle.mesh` and `Mesh.split`."""
    particle = library[index]
    return deck_of_mesh(index, particle, particle.mesh(**options.measure(), threads=threads), options)


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
        **mesh.quality.to_dict(),
    }
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
