"""DOLFINx: XDMF with HDF5 (mesh, cell tags, facet tags), and the Gmsh file that newer versions read as well."""

from pathlib import Path

import numpy as np

from nmcfast.errors import MissingExtraError
from nmcfast.export.deck import Deck
from nmcfast.export.decks import gmsh
from nmcfast.export.decks.text import write_text
from nmcfast.export.hexahedra import hex_mesh

OUTER = 1  # tag of the outer facets
STORE = "particle.h5"

_GRID = """\
    <Grid Name="{name}" GridType="Uniform">
      <Topology TopologyType="{kind}" NumberOfElements="{count}" NodesPerElement="{nodes}">
        <DataItem Dimensions="{count} {nodes}" NumberType="Int" Precision="8" Format="HDF">{store}:/{cells}</DataItem>
      </Topology>
      <Geometry GeometryType="XYZ">
        <DataItem Dimensions="{points} 3" NumberType="Float" Precision="8" Format="HDF">{store}:/points</DataItem>
      </Geometry>
{tags}    </Grid>
"""
_TAGS = """\
      <Attribute Name="{name}" AttributeType="Scalar" Center="Cell">
        <DataItem Dimensions="{count} 1" NumberType="Int" Precision="4" Format="HDF">{store}:/{name}</DataItem>
      </Attribute>
"""


def write(deck: Deck, folder: Path) -> list[Path]:
    """particle.xdmf and .h5, µm: grids `mesh`, `grains` (tag = label) and `facets` (1 = outer); the files of `gmsh`."""
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("format 'dolfinx' needs h5py: pip install 'nmcfast[solvers]'") from None
    mesh = hex_mesh(deck.labels, deck.origin, deck.voxel_size)
    quads = mesh.outer_quads
    store = folder / STORE
    with h5py.File(store, "w") as file:
        file["points"] = mesh.points
        file["cells"], file["quads"] = mesh.cells.astype(np.int64), quads.astype(np.int64)
        file["grains"] = mesh.grain.astype(np.int32)[:, None]
        file["facets"] = np.full((len(quads), 1), OUTER, np.int32)
    hexahedra = ("Hexahedron", 8, len(mesh.cells), "cells")
    grids = (("mesh", *hexahedra), ("grains", *hexahedra), ("facets", "Quadrilateral", 4, len(quads), "quads"))
    return [write_xdmf(folder, grids, len(mesh.points)), store, *gmsh.write(deck, folder)]


def write_xdmf(folder: Path, grids: tuple[tuple[str, str, int, int, str], ...], points: int) -> Path:
    """particle.xdmf: of each grid its name, kind of cell, nodes of one, how many, and their name in the store."""
    head, tail = '<?xml version="1.0"?>\n<Xdmf Version="3.0">\n  <Domain>\n', "  </Domain>\n</Xdmf>\n"
    return write_text(folder / "particle.xdmf", [head, *(_grid(*grid, points) for grid in grids), tail])


def _grid(name: str, kind: str, nodes: int, count: int, cells: str, points: int) -> str:
    tags = "" if name == "mesh" else _TAGS.format(name=name, count=count, store=STORE)
    said = {"name": name, "kind": kind, "count": count, "nodes": nodes, "cells": cells, "points": points}
    return _GRID.format(**said, tags=tags, store=STORE)
