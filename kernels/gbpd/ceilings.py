"""Caps of boxes: values that the smallest d of Eq. (8) stays below in all of a box, for `candidates`.

Cells of a few seeds each find two seeds that are low at their centre: their own, then those that their neighbours
found, in one sweep forward and one backward over the cells that are asked for. The largest of the corner values of a
seed bounds it in the cell, since d is convex. Caps of larger boxes are the largest of their cells'. Whichever seeds are
found, the caps are valid.

A pyramid of caps holds the cells first, z y x, then boxes of twice the edge, and so on up to the tile.
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
    CAP,
    ERROR,
    FAR,
    INF,
    KNOWN,
    RECORD,
    SX,
    SY,
    SZ,
    TILE,
    R,
    X,
    Y,
    Z,
    seed_count,
)
from nmcfast.kernels.gbpd.marks import is_asked, is_mine
from nmcfast.kernels.vectors.lanes import (
    at,
    bits_at,
    halves,
    load,
    lower_peak,
    multiply_add,
    put,
    raw,
    spread,
    sqrt,
    store,
)

_SEEDS_PER_CELL = 0.5  # at least, on average


class Ceiling(NamedTuple):
    """The caps of a tile: their address, the edge of the cells, voxels, the tile's first voxel, cells along z, y, x."""

    caps: Any
    edge: int
    low: Any
    cells: Any


class _Lattice(NamedTuple):
    """The cells of a tile: how many along z, y, x, their edge, and where the tile begins from its middle, z y x."""

    cells: Any
    edge: int
    offset: Any


class _Low(NamedTuple):
    """Addresses of two candidates of each cell that are low at its centre, −1 for none, and of their values there."""

    who: Any
    value: Any


@helper
def ceiling_of(caps, scene):
    """The ceiling of caps of a tile, which must outlive it."""
    return Ceiling(raw(caps), scene.edge, scene.tile.low, _cells_of(scene.tile, scene.edge))


@helper
def _cells_of(tile, edge):
    low, high = tile.low, tile.high
    return (-(-(high[0] - low[0]) // edge), -(-(high[1] - low[1]) // edge), -(-(high[2] - low[2]) // edge))


@helper
def _is_due(asked, share, first, size):
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
def _centre(z, y, x, lattice):
    """Centre of a cell, z y x float32."""
    offset, edge = lattice.offset, lattice.edge
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
        _offer(c, low, (z * ny + y) * nx + x, candidate, _centre(z, y, x, lattice), squared)
        count += 1
    return count


@helper
def _offer_neighbours(c, low, cell, z, y, x, step, lattice, squared):
    """Offer a cell, number `cell`, at (z, y, x), what its neighbours behind it have found, step 1, or before it, −1."""
    (nz, ny, nx), centre = lattice.cells, _centre(z, y, x, lattice)
    for k in range(2):
        if 0 <= x - step < nx:
            _offer(c, low, cell, np.int64(at(low.who, 2 * (cell - step) + k)), centre, squared)
        if 0 <= y - step < ny:
            _offer(c, low, cell, np.int64(at(low.who, 2 * (cell - step * nx) + k)), centre, squared)
        if 0 <= z - step < nz:
            _offer(c, low, cell, np.int64(at(low.who, 2 * (cell - step * nx * ny) + k)), centre, squared)


@helper
def _low_seeds(c, scene, lattice, asked, share, known):
    """Two candidates of each cell that are low at its centre, (cells, 2) int32; −1 for none. known 1: KNOWN ones."""
    (nz, ny, nx), edge, first = lattice.cells, lattice.edge, scene.tile.low
    found, values = np.full(nz * ny * nx * 2, -1, np.int32), np.full(nz * ny * nx * 2, INF, np.float32)
    flat, n, low, squared = raw(c), seed_count(c), _Low(raw(found), raw(values)), scene.squared
    if _offer_own(flat, n, low, lattice, squared, known, 1) == 0:
        _offer_own(flat, n, low, lattice, squared, known, 2**62)
    for step in (1, -1):
        for a in range(nz):
            z = a if step == 1 else nz - 1 - a
            for b in range(ny):
                y = b if step == 1 else ny - 1 - b
                for d in range(nx):
                    x = d if step == 1 else nx - 1 - d
                    if _is_due(asked, share, (first[0] + z * edge, first[1] + y * edge, first[2] + x * edge), edge):
                        _offer_neighbours(flat, low, (z * ny + y) * nx + x, z, y, x, step, lattice, squared)
    return found, values  # values must live as long as their address is in use


@helper
def _peak(c, i, j, centre, half, squared, scratch):
    """The highest value of i at the corners of a box or that of j, whichever is lower, with its rounding."""
    dx = multiply_add(load(scratch, SX), spread(half[2]), halves(centre[2] - c[i + X], centre[2] - c[j + X]))
    dy = multiply_add(load(scratch, SY), spread(half[1]), halves(centre[1] - c[i + Y], centre[1] - c[j + Y]))
    dz = multiply_add(load(scratch, SZ), spread(half[0]), halves(centre[0] - c[i + Z], centre[0] - c[j + Z]))
    u0 = multiply_add(halves(c[i + A01], c[j + A01]), dy, halves(c[i + A02], c[j + A02]) * dz)
    u0 = multiply_add(halves(c[i + A00], c[j + A00]), dx, u0)
    u1 = multiply_add(halves(c[i + A11], c[j + A11]), dy, halves(c[i + A12], c[j + A12]) * dz)
    u2 = halves(c[i + A22], c[j + A22]) * dz
    q = multiply_add(u0, u0, multiply_add(u1, u1, u2 * u2))
    return lower_peak((q if squared else sqrt(q)) - halves(c[i + R] - c[i + ERROR], c[j + R] - c[j + ERROR]))


@helper
def cap_pyramid(c, scene, asked, share, scratch, known):
    """Caps of the cells of a tile, and of larger boxes; −3e38 where none is asked for.

    Those of larger boxes hold for the cells that are this worker's share alone.
    Boxes reach from face to face. known 1: caps among the candidates that are KNOWN alone, at least one.
    """
    low, middle, edge = scene.tile.low, scene.tile.middle, scene.edge
    cells = _cells_of(scene.tile, edge)
    lattice = _Lattice(cells, edge, (low[0] - middle[0], low[1] - middle[1], low[2] - middle[2]))
    seeds, _ = _low_seeds(c, scene, lattice, asked, share, known)
    caps = np.full(_level(cells, 9)[0], FAR, np.float32)
    for z in range(cells[0]):
        for y in range(cells[1]):
            for x in range(cells[2]):
                first = (low[0] + z * edge, low[1] + y * edge, low[2] + x * edge)
                if _is_due(asked, share, first, edge):
                    p = (z * cells[1] + y) * cells[2] + x
                    i, j = np.int64(seeds[2 * p]), np.int64(seeds[2 * p + 1])
                    caps[p] = _cap_of(c, i, i if j < 0 else j, first, scene, scratch)
    _fill_upper_levels(caps, cells)
    return caps


@helper
def _cap_of(c, i, j, first, scene, scratch):
    """The cap of the cell at voxel first from two seeds."""
    (_, high, middle), edge = scene.tile, scene.edge
    last, h = (min(first[0] + edge, high[0]), min(first[1] + edge, high[1]), min(first[2] + edge, high[2])), 0.5
    centre = (
        np.float32((first[0] + last[0]) * h - middle[0]),
        np.float32((first[1] + last[1]) * h - middle[1]),
        np.float32((first[2] + last[2]) * h - middle[2]),
    )
    half = (
        np.float32((last[0] - first[0]) * h),
        np.float32((last[1] - first[1]) * h),
        np.float32((last[2] - first[2]) * h),
    )
    return _peak(c, i, j, centre, half, scene.squared, scratch)


@helper
def _fill_upper_levels(caps, cells):
    """The caps of boxes of two, four, … cells an edge: the largest of their halves'."""
    nz, ny, nx = cells
    for level in range(1, 9):
        below, wide, deep = _level(cells, level - 1)
        begin, _, _ = _level(cells, level)
        for z in range(nz):
            for y in range(ny):
                for x in range(nx):
                    place = begin + ((z >> 1) * ((wide + 1) >> 1) + (y >> 1)) * ((deep + 1) >> 1) + (x >> 1)
                    caps[place] = max(caps[place], caps[below + (z * wide + y) * deep + x])
        nz, ny, nx = (nz + 1) >> 1, (ny + 1) >> 1, (nx + 1) >> 1


@helper
def _level(cells, level):
    """Where the boxes of a level begin in the pyramid, and how many there are along y and x."""
    begin, nz, ny, nx = 0, cells[0], cells[1], cells[2]
    for _ in range(level):
        begin += nz * ny * nx
        nz, ny, nx = (nz + 1) >> 1, (ny + 1) >> 1, (nx + 1) >> 1
    return begin, ny, nx


@helper
def set_caps(scratch, ceiling, first, half, children):
    """Set the caps of the children, `half` wide, of the box at voxel first: if less than a cell, the cell's."""
    low, level, size = ceiling.low, 0, ceiling.edge
    while size < half:
        level, size = level + 1, 2 * size
    begin, ny, nx = _level(ceiling.cells, level)
    for k in range(8):
        if children >> k & 1:
            z, y = (first[0] + (k >> 2) * half - low[0]) // size, (first[1] + (k >> 1 & 1) * half - low[1]) // size
            cap = at(ceiling.caps, begin + (z * ny + y) * nx + (first[2] + (k & 1) * half - low[2]) // size)
            put(scratch, CAP + k, cap)
            put(scratch, CAP + 8 + k, cap)


@helper
def set_caps_to(scratch, cap):
    """Set the caps of all children to one."""
    store(scratch, CAP, spread(cap))


@helper
def cap_at(ceiling, voxel):
    """The cap of the cell of a voxel, z y x."""
    (_, ny, nx), low, edge = ceiling.cells, ceiling.low, ceiling.edge
    z, y, x = (voxel[0] - low[0]) // edge, (voxel[1] - low[1]) // edge, (voxel[2] - low[2]) // edge
    return at(ceiling.caps, (z * ny + y) * nx + x)
