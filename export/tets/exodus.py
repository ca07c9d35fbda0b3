"""Exodus II: a block of tetrahedra a grain, a side set a pair of grains; named as the hexahedra are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.io import netcdf_file

from nmcfast.export.decks.exodus import names, put, write_angles, write_head
from nmcfast.export.tetrahedra import COHESIVE, FIRST_PAIR, INTERFACES, TetDeck

OUTER = 1  # number of the side set
_SIDE = np.array([4, 1, 2, 3])  # what Exodus calls the sides of `tetrahedra.SIDES`


class _SideSet(NamedTuple):
    number: int
    name: str
    facets: np.ndarray


def write(deck: TetDeck, folder: Path) -> list[Path]:
    """particle.e, µm: block i `grain_i` (TETRA4, TETRA10), block 1000003 `cohesive` (WEDGE6); euler_deg.txt.

    Side sets: 1 `outer`, 1000002 `interfaces`, 1000004 … `interface_a_b`: sides of cells of grain a, as in pairs.csv.
    """
    path = folder / "particle.e"
    with netcdf_file(path, "w", version=2) as file:  # 64-bit offsets, the form that every Exodus reader takes
        _fill(file, deck, list(_blocks(deck)), list(_side_sets(deck)))
    return [path, write_angles(deck.orientation, folder)]


def _blocks(deck: TetDeck) -> Iterator[tuple[int, str, np.ndarray, str]]:
    """Number, name, cells and kind of each block, elements in their order."""
    kind = f"TETRA{deck.cells.shape[1]}"
    for grain, part in deck.blocks():
        yield grain, f"grain_{grain}", deck.cells[part], kind
    if len(deck.cohesive):
        yield COHESIVE, "cohesive", deck.cohesive, "WEDGE6"


def _side_sets(deck: TetDeck) -> Iterator[_SideSet]:
    yield _SideSet(OUTER, "outer", np.flatnonzero(deck.outside))
    if len(deck.pairs):
        yield _SideSet(INTERFACES, "interfaces", np.flatnonzero(~deck.outside))
    for k, (a, b, part) in enumerate(deck.facets_of_pairs()):
        yield _SideSet(FIRST_PAIR + k, f"interface_{a}_{b}", part)


def _fill(file: Any, deck: TetDeck, blocks: list[tuple[int, str, np.ndarray, str]], sets: list[_SideSet]) -> None:
    write_head(file, deck.points, len(deck.cells) + len(deck.cohesive), len(blocks), len(sets))
    put(file, "eb_prop1", np.array([number for number, *_ in blocks], np.int32), "num_el_blk").name = "ID"
    put(file, "eb_names", names([name for _, name, *_ in blocks]), "num_el_blk", "len_name")
    for k, (_, _, cells, kind) in enumerate(blocks, 1):
        file.createDimension(f"num_el_in_blk{k}", len(cells))
        file.createDimension(f"num_nod_per_el{k}", cells.shape[1])
        put(file, f"connect{k}", cells + 1, f"num_el_in_blk{k}", f"num_nod_per_el{k}").elem_type = kind
    put(file, "ss_prop1", np.array([s.number for s in sets], np.int32), "num_side_sets").name = "ID"
    put(file, "ss_names", names([s.name for s in sets]), "num_side_sets", "len_name")
    cell, side = deck.sides
    for k, chosen in enumerate(sets, 1):
        file.createDimension(f"num_side_ss{k}", len(chosen.facets))
        put(file, f"elem_ss{k}", cell[chosen.facets].astype(np.int32) + 1, f"num_side_ss{k}")
        put(file, f"side_ss{k}", _SIDE[side[chosen.facets]].astype(np.int32), f"num_side_ss{k}")
