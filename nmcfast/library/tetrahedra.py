"""Particles of a library as conforming tetrahedra, for the writers of meshes."""

import numpy as np

from nmcfast.export.tetrahedra import TetDeck
from nmcfast.library.library import Library


def tet_deck_of(library: Library, index: int, size: float, threads: int = 1) -> TetDeck:
    """A particle of a library as tetrahedra of about a size µm; errors as `Particle.mesh`."""
    particle = library[index]
    mesh = particle.mesh(size, threads=threads)
    volume = np.zeros(len(particle.grains))
    volume[: len(mesh.volume)] = mesh.volume
    report = {"size": size, "grains": len(particle.grains), "grains_without_tetrahedra": (mesh.missing + 1).tolist()}
    return TetDeck(
        index=index,
        points=mesh.points,
        cells=mesh.cells,
        grain=mesh.grain + 1,
        facets=mesh.facets,
        facet_grains=mesh.facet_grains + 1,
        volume=volume,
        centroid=particle.grains.centroid,
        orientation=particle.grains.orientation,
        size=size,
        report={**report, **mesh.quality.to_dict()},
    )
