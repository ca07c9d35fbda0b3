"""DOLFINx: XDMF with HDF5 (mesh, cell tags, facet tags), and the Gmsh file that newer versions read as well."""

from pathlib import Path

import numpy as np

from nmcfast.errors import MissingExtraError
from nmcfast.export.decks.dolfinx import OUTER, STORE, write_xdmf
from nmcfast.export.tetrahedra import FIRST_PAIR, TetDeck
from nmcfast.export.tets import gmsh


def write(deck: TetDeck, folder: Path) -> list[Path]:
    """particle.xdmf and .h5, µm: grids `mesh`, `grains` (tag = label), `facets`: 1 outer, 1000004 … the pairs' tags."""
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("format 'dolfinx' needs h5py: pip install 'nmcfast[solvers]'") from None
    store = folder / STORE
    with h5py.File(store, "w") as file:
        file["points"] = deck.points
        file["cells"], file["triangles"] = deck.cells.astype(np.int64), deck.facets.astype(np.int64)
        file["grains"] = deck.grain.astype(np.int32)[:, None]
        file["facets"] = facet_tags(deck)[:, None]
    more = "_10" if deck.quadratic else ""
    cells = (f"Tetrahedron{more}", deck.cells.shape[1], len(deck.cells), "cells")
    sides = f"Triangle{'_6' if deck.quadratic else ''}", deck.facets.shape[1], len(deck.facets), "triangles"
    return [
        write_xdmf(folder, (("mesh", *cells), ("grains", *cells), ("facets", *sides)), len(deck.points)),
        store,
        *gmsh.write(deck, folder),
    ]


def facet_tags(deck: TetDeck) -> np.ndarray:
    """The tag (f,) int32 of each facet: of the outer surface, or that of its two grains in pairs.csv."""
    tags = np.full(len(deck.facets), OUTER, np.int32)
    for k, (_, _, part) in enumerate(deck.facets_of_pairs()):
        tags[part] = FIRST_PAIR + k
    return tags
