"""Cells of a tile, a few seeds each, and two seeds that are low at the centre of each: what `ceilings` makes caps from.

Each cell has its own seeds and those that its neighbours found, in one sweep forward and one backward over the cells
that are asked for, or over all where those have none.
"""

from typing import Any, NamedTuple

import numpy as np

from nmcfast.kernels._cache import helper
from nmcfast.kernels.gbpd.layout import (
    A00,
    A01,
    A02,
    A11,
    A12,
    A22,
    BLOCK_EDGE,
    INF,
    KNOWN,
    RECORD,
    TILE,
    R,
    X,
    Y,
    Z,
    seed_count,
)
from nmcfast.kernels.gbpd.marks import Marks, Share, is_asked, is_mine
from nmcfast.kernels.vectors.memory import at, bits_at, put, raw

_SEEDS_PER_CELL = 0.5  # at least, on average


class Lattice(NamedTuple):
    """The cells of a tile: how many along z, y, x, their edge, and where the tile begins from its middle, z y x."""

    cells: Any
    edge: int
    offset: Any


class _Low(NamedTuple):
    """Addresses of two candidates of each cell that are low at its centre, −1 for none, and of their values there."""

    who: Any
    value: Any


@helper
def cells_of(tile, edge):
    """How many cells of an edge a tile has along z, y, x."""
    low, high = tile.low, tile.high
    return (-(-(high[0] - low[0]) // edge), -(-(high[1] - low[1]) // edge), -(-(high[2] - low[2]) // edge))


@helper
def is_due(asked, share, first, size):
    """Whether some of a box is asked for, of this worker."""
    return is_mine(share, first, size) and is_asked(asked, first, size)


@helper
def cell_edge(c, tile):
    """Edge of the cells, voxels: 8 · 2ᵏ, so that those of a tile hold enough seeds."""
    low, high, middle = tile
    inside, volume = 0, 1.0
    for axis in range(3):
        volume *= high[axis] - low[axis]
    for o in range(0, seed_count(c) * RECORD, RECORD):
        inside += (
            abs(c[o + X]) <= high[2] - middle[2]
            and abs(c[o + Y]) <= high[1] - middle[1]
            and abs(c[o + Z]) <= high[0] - middle[0]
        )
    edge = BLOCK_EDGE
    while edge < TILE and inside * edge**3 < _SEEDS_PER_CELL * volume:
        edge *= 2
    return edge


@helper
def _value(c, o, x, y, z, squared):
    """d of a candidate at a point."""
    dx, dy, dz = x - at(c, o + X), y - at(c, o + Y), z - at(c, o + Z)
    u0 = at(c, o + A00) * dx + at(c, o + A01) * dy + at(c, o + A02) * dz
    u1, u2 = at(c, o + A11) * dy + at(c, o + A12) * dz, at(c, o + A22) * dz
    q = u0 * u0 + u1 * u1 + u2 * u2
    return (q if squared else np.sqrt(q)) - at(c, o + R)


@helper
def _offer(c, low, cell, candidate, centre, squared):
    """Let a candidate be one of the two of a cell, where it is low enough; −1 is none."""
    who, value, k = low.who, low.value, 2 * cell
    if candidate < 0 or at(who, k) == candidate or at(who, k + 1) == candidate:
        return
    v = _value(c, candidate, centre[2], centre[1], centre[0], squared)
    if v < at(value, k):
        put(value, k + 1, at(value, k))
        put(who, k + 1, at(who, k))
        put(value, k, v)
        put(who, k, candidate)
    elif v < at(value, k + 1):
        put(value, k + 1, v)
        put(who, k + 1, candidate)


@helper
def _centre(place, lattice):
    """Centre of the cell at a place z, y, x: z y x float32."""
    (z, y, x), offset, edge = place, lattice.offset, lattice.edge
    return (
        np.float32(offset[0] + (z + 0.5) * edge),
        np.float32(offset[1] + (y + 0.5) * edge),
        np.float32(offset[2] + (x + 0.5) * edge),
    )


@helper
def _offer_own(c, n, low, lattice, squared, known, beyond):
    """Offer each cell the seeds in it; a seed `beyond` cells or less outside goes to the nearest. How many there were.

    known 1: KNOWN ones only.
    """
    (nz, ny, nx), edge, offset = lattice
    count = 0
    for candidate in range(0, n * RECORD, RECORD):
        z = int(np.floor((at(c, candidate + Z) - offset[0]) / edge))
        y = int(np.floor((at(c, candidate + Y) - offset[1]) / edge))
        x = int(np.floor((at(c, candidate + X) - offset[2]) / edge))
        if max(-z, -y, -x, z - nz + 1, y - ny + 1, x - nx + 1) > beyond:
            continue
        if known and not bits_at(c, candidate + KNOWN):
            continue
        z, y, x = min(max(z, 0), nz - 1), min(max(y, 0), ny - 1), min(max(x, 0), nx - 1)
        _offer(c, low, (z * ny + y) * nx + x, candidate, _centre((z, y, x), lattice), squared)
        count += 1
    return count


@helper
def _offer_neighbours(c, low, place, cell, step, lattice, squared):
    """Offer a cell, number `cell`, at a place z, y, x, what its neighbours before it have found, or behind, step −1."""
    (nz, ny, nx), (z, y, x), centre = lattice.cells, place, _centre(place, lattice)
    for k in range(2):
        if 0 <= x - step < nx:
            _offer(c, low, cell, np.int64(at(low.who, 2 * (cell - step) + k)), centre, squared)
        if 0 <= y - step < ny:
            _offer(c, low, cell, np.int64(at(low.who, 2 * (cell - step * nx) + k)), centre, squared)
        if 0 <= z - step < nz:
            _offer(c, low, cell, np.int64(at(low.who, 2 * (cell - step * nx * ny) + k)), centre, squared)


@helper
def _sweep(c, low, lattice, tile, asked, share, squared):
    """Offer each cell that is asked for what its neighbours found, forward and backward. How many have none still."""
    (nz, ny, nx), edge, first = lattice.cells, lattice.edge, tile.low
    bare = 0
    for step in (1, -1):
        for a in range(nz):
            z = a if step == 1 else nz - 1 - a
            for b in range(ny):
                y = b if step == 1 else ny - 1 - b
                for d in range(nx):
                    x = d if step == 1 else nx - 1 - d
                    if is_due(asked, share, (first[0] + z * edge, first[1] + y * edge, first[2] + x * edge), edge):
                        cell = (z * ny + y) * nx + x
                        _offer_neighbours(c, low, (z, y, x), cell, step, lattice, squared)
                        bare += step == -1 and at(low.who, 2 * cell) < 0
    return bare


@helper
def low_seeds(c, scene, lattice, asked, share, known):
    """Two candidates of each cell that are low at its centre, (cells, 2) int32; −1 for none. known 1: KNOWN ones.

    Each cell that is due has one: where none of the seeds lies in or next to a run of such cells, all cells pass on.
    """
    nz, ny, nx = lattice.cells
    found, values = np.full(nz * ny * nx * 2, -1, np.int32), np.full(nz * ny * nx * 2, INF, np.float32)
    flat, n, low, squared = raw(c), seed_count(c), _Low(raw(found), raw(values)), scene.squared
    if _offer_own(flat, n, low, lattice, squared, known, 1) == 0:
        _offer_own(flat, n, low, lattice, squared, known, 2**62)
    if _sweep(flat, low, lattice, scene.tile, asked, share, squared):
        every, everybody = Marks(asked.flat, 0, 0, 0), Share(0, 1, share.ny, share.nx)
        _sweep(flat, low, lattice, scene.tile, every, everybody, squared)
    return found, values  # values must live as long as their address is in use
