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
    return [path, write_angles(deck.orientation, folder), write_grain_table(deck, folder)]


def write_angles(orientation: np.ndarray, folder: Path) -> Path:
    """euler_deg.txt: Bunge's angles in degrees, a line for each label."""
    angles = rows("%.7f %.7f %.7f\n", np.degrees(bunge_angles(orientation)))
    return write_text(folder / "euler_deg.txt", angles)


def write_head(file: Any, points: np.ndarray, elements: int, blocks: int, side_sets: int) -> None:
    """Attributes, dimensions and nodes (p, 3), and that all blocks and side sets are there."""
    file.title = "particle of nmcfast, um"
    file.api_version, file.version = np.float32(8.03), np.float32(8.03)
    file.floating_point_word_size, file.file_size = np.int32(8), np.int32(1)
    sizes = {
        "len_string": _NAME,
        "len_line": 81,
        "four": 4,
        "len_name": _NAME,
        "num_dim": 3,
        "num_nodes": len(points),
        "num_elem": elements,
        "num_el_blk": blocks,
        "num_side_sets": side_sets,
    }
    file.createDimension("time_step", None)
    for name, size in sizes.items():
        file.createDimension(name, size)
    file.createVariable("time_whole", "f8", ("time_step",))
    for name, column in zip("xyz", points.T, strict=True):
        put(file, f"coord{name}", column, "num_nodes")
    put(file, "coor_names", names("xyz"), "num_dim", "len_name")
    put(file, "eb_status", np.ones(blocks, np.int32), "num_el_blk")
    put(file, "ss_status", np.ones(side_sets, np.int32), "num_side_sets")


def _fill(file: Any, mesh: HexMesh, groups: np.ndarray) -> None:
    cell, side = mesh.outer
    write_head(file, mesh.points, len(mesh.cells), len(groups), 1)
    file.createDimension("num_side_ss1", len(cell))
    put(file, "eb_prop1", groups.astype(np.int32), "num_el_blk").name = "ID"
    put(file, "eb_names", names([f"grain_{g}" for g in groups]), "num_el_blk", "len_name")
    order = np.argsort(mesh.grain, kind="stable")  # elements are numbered block by block
    number = np.empty(len(order), np.int32)
    number[order] = np.arange(1, len(order) + 1)
    for k, grain in enumerate(groups, 1):
        cells = mesh.cells[mesh.grain == grain] + 1
        file.createDimension(f"num_el_in_blk{k}", len(cells))
        file.createDimension(f"num_nod_per_el{k}", 8)
        put(file, f"connect{k}", cells, f"num_el_in_blk{k}", f"num_nod_per_el{k}").elem_type = "HEX8"
    put(file, "ss_prop1", np.array([OUTER], np.int32), "num_side_sets").name = "ID"
    put(file, "ss_names", names(["outer"]), "num_side_sets", "len_name")
    put(file, "elem_ss1", number[cell], "num_side_ss1")
    put(file, "side_ss1", side.astype(np.int32) + 1, "num_side_ss1")


def put(file: Any, name: str, values: np.ndarray, *dimensions: str) -> Any:
    """The variable of a name that holds these values."""
    variable = file.createVariable(name, values.dtype.newbyteorder(">"), dimensions)
    variable[:] = values
    return variable


def names(given: Sequence[str]) -> np.ndarray:
    """Names as rows of single characters, closed by zeros."""
    return np.array([list(name.ljust(_NAME, "\0")) for name in given], "S1")
