"""Exodus II, as MOOSE's FileMeshGenerator, Cubit and ParaView read: one block a grain, one side set."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import netcdf_file

from nmcfast.export.deck import Deck
from nmcfast.export.decks.text import grain_groups, rows, write_grain_table, write_text
from nmcfast.export.hexahedra import HexMesh, hex_mesh
from nmcfast.export.orientations import bunge_angles

_NAME = 33  # characters of a name, with the closing zero
OUTER = 1  # number of the side set


def write(deck: Deck, folder: Path) -> list[Path]:
    """particle.e, µm: block i `grain_i`, side set 1 `outer`; euler_deg.txt, a line for each label; grains.csv."""
    mesh = hex_mesh(deck.labels, deck.origin, deck.voxel_size)
    path = folder / "particle.e"
    with netcdf_file(path, "w", version=2) as file:  # 64-bit offsets, the form that every Exodus reader takes
        _fill(file, mesh, grain_groups(deck))
    angles = rows("%.7f %.7f %.7f\n", np.degrees(bunge_angles(deck.orientation)))
    return [path, write_text(folder / "euler_deg.txt", angles), write_grain_table(deck, folder)]


def _fill(file: Any, mesh: HexMesh, groups: np.ndarray) -> None:
    file.title = "particle of nmcfast, um"
    file.api_version, file.version = np.float32(8.03), np.float32(8.03)
    file.floating_point_word_size, file.file_size = np.int32(8), np.int32(1)
    cell, side = mesh.outer
    sizes = {
        "len_string": _NAME,
        "len_line": 81,
        "four": 4,
        "len_name": _NAME,
        "num_dim": 3,
        "num_nodes": len(mesh.points),
        "num_elem": len(mesh.cells),
        "num_el_blk": len(groups),
        "num_side_sets": 1,
        "num_side_ss1": len(cell),
    }
    file.createDimension("time_step", None)
    for name, size in sizes.items():
        file.createDimension(name, size)
    file.createVariable("time_whole", "f8", ("time_step",))
    for name, column in zip("xyz", mesh.points.T, strict=True):
        _put(file, f"coord{name}", column, "num_nodes")
    _put(file, "coor_names", _names("xyz"), "num_dim", "len_name")
    _put(file, "eb_status", np.ones(len(groups), np.int32), "num_el_blk")
    _put(file, "eb_prop1", groups.astype(np.int32), "num_el_blk").name = "ID"
    _put(file, "eb_names", _names([f"grain_{g}" for g in groups]), "num_el_blk", "len_name")
    order = np.argsort(mesh.grain, kind="stable")  # elements are numbered block by block
    number = np.empty(len(order), np.int32)
    number[order] = np.arange(1, len(order) + 1)
    for k, grain in enumerate(groups, 1):
        cells = mesh.cells[mesh.grain == grain] + 1
        file.createDimension(f"num_el_in_blk{k}", len(cells))
        file.createDimension(f"num_nod_per_el{k}", 8)
        _put(file, f"connect{k}", cells, f"num_el_in_blk{k}", f"num_nod_per_el{k}").elem_type = "HEX8"
    _put(file, "ss_status", np.ones(1, np.int32), "num_side_sets")
    _put(file, "ss_prop1", np.array([OUTER], np.int32), "num_side_sets").name = "ID"
    _put(file, "ss_names", _names(["outer"]), "num_side_sets", "len_name")
    _put(file, "elem_ss1", number[cell], "num_side_ss1")
    _put(file, "side_ss1", side.astype(np.int32) + 1, "num_side_ss1")


def _put(file: Any, name: str, values: np.ndarray, *dimensions: str) -> Any:
    variable = file.createVariable(name, values.dtype.newbyteorder(">"), dimensions)
    variable[:] = values
    return variable


def _names(names: Sequence[str]) -> np.ndarray:
    """Names as rows of single characters, closed by zeros."""
    return np.array([list(name.ljust(_NAME, "\0")) for name in names], "S1")
