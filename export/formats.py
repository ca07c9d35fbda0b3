"""Every file format the program writes, by the name the command line knows: one line a format."""

from importlib import import_module
from typing import Any

from nmcfast.errors import InputError

# Formats of whole libraries: homes of ShardWriter, ShardReader, shard_files (see records.py).
BULK = {
    "zarr": "nmcfast.export.zarr",
    "hdf5": "nmcfast.export.hdf5",
    "vtu": "nmcfast.export.vtu",
}
# Formats of single particles: homes of write(deck, folder) -> list of the files written (see deck.py).
DECKS = {
    "abaqus": "nmcfast.export.decks.abaqus",
    "damask": "nmcfast.export.decks.damask",
    "dolfinx": "nmcfast.export.decks.dolfinx",
    "dream3d": "nmcfast.export.decks.dream3d",
    "exodus": "nmcfast.export.decks.exodus",
    "gmsh": "nmcfast.export.decks.gmsh",
    "moose-ebsd": "nmcfast.export.decks.moose_ebsd",
    "nastran": "nmcfast.export.decks.nastran",
    "numpy": "nmcfast.export.decks.arrays",
    "parquet": "nmcfast.export.decks.parquet",
    "prisms-pf": "nmcfast.export.decks.prisms_pf",
    "pybamm": "nmcfast.export.decks.pybamm",
    "tiff": "nmcfast.export.decks.tiff",
    "vti": "nmcfast.export.decks.vti",
}
# Those that write a mesh of elements: its voxels must hang together (see hinges.py).
ELEMENTS = frozenset({"abaqus", "dolfinx", "exodus", "gmsh", "nastran"})
LOOSE = ("mend", "keep")  # what becomes of voxels that do not
# Those that conforming tetrahedra are written in, and with nodes split along boundaries: homes of write(deck, folder)
# -> list of the files written (see tetrahedra.py).
TETRAHEDRA = {
    "abaqus": "nmcfast.export.tets.abaqus",
    "dolfinx": "nmcfast.export.tets.dolfinx",
    "exodus": "nmcfast.export.tets.exodus",
    "gmsh": "nmcfast.export.tets.gmsh",
    "nastran": "nmcfast.export.tets.nastran",
    "vtu": "nmcfast.export.tets.vtu",
}
COHESIVE = frozenset({"abaqus", "exodus", "gmsh", "vtu"})
# Those of the boundaries of grains as triangles, likewise.
SURFACES = {
    "gltf": "nmcfast.export.tets.gltf",
    "ply": "nmcfast.export.tets.ply",
    "stl": "nmcfast.export.tets.stl",
    "vtp": "nmcfast.export.tets.vtp",
}


def bulk_module(name: str) -> Any:
    """The module of a format of libraries; InputError with the choices for another name."""
    return _module(name, BULK)


def any_module(name: str) -> Any:
    """The module of any format; InputError with the choices for another name."""
    return _module(name, {**BULK, **DECKS})


def _module(name: str, known: dict[str, str]) -> Any:
    if name not in known:
        raise InputError(f"format {name!r} is not known, expected one of {sorted(known)}")
    return import_module(known[name])
