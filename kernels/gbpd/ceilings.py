"""Caps of boxes: values that the smallest d of Eq. (8) stays below in all of a box, for `candidates`.

Cells of a few seeds each find two seeds that are low at their centre: their own, then those that their neighbours
found, in one sweep forward and one backward over the cells that are asked for, or over all where those have none. The
largest of the corner values of a seed bounds it in the cell, since d is convex. Caps of larger boxes are the largest of
their cells'. Whichever seeds are found, the caps are valid.

A pyramid of caps holds the cells first, z y x, then boxes of twice the edge, and so on up to the tile.
"""

import numpy as np

from nmcfast.kernels._cache import helper
from nmcfast.kernels.gbpd.candidates import (
    A00,
    A01,
    A02,
    A11,
    A12,
    A22,
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
    set_cap,
)
from nmcfast.kernels.gbpd.descent import is_mine
from nmcfast.kernels.vectors.lanes import at, bits_at, halves, load, lower_peak, multiply_add, put, raw, spread, sqrt

BLOCK_EDGE = 8  # voxels of an edge of the blocks that are asked for or not, and of the smallest cell
_SEEDS_PER_CELL = 0.5  # at least, on average


@helper
def grid_of(entries):
    """Address and shape of entries (z, y, x), each for a cube of voxels: what the functions below take."""
    return raw(entries), entries.shape[0], entries.shape[1], entries.shape[2]


@helper
def part_of(grid, first, size, edge):
    """First and end entry, z y x, of a box of voxels, of a grid with an entry for each edge³ of them."""
    z, y, x, n = first[0] // edge, first[1] // edge, first[2] // edge, max(size // edge, 1)
    return (z, y, x), (min(z + n, grid[1]), min(y + n, grid[2]), min(x + n, grid[3]))


@helper
def any_in(grid, first, size, edge):
    """Whether an entry of a box is set, of a grid of bool with an entry for each edge³ voxels."""
    a, b = part_of(grid, first, size, edge)
    for z in range(a[0], b[0]):
        for y in range(a[1], b[1]):
            for x in range(a[2], b[2]):
                if at(grid[0], (z * grid[2] + y) * grid[3] + x):
                    return True
    return False


@helper
def is_every(asked):
    """Whether everything is asked for: by no blocks at all."""
    return asked[1] * asked[2] * asked[3] == 0


@helper
def is_asked(asked, z, y, x, size):
    """Whether any part of a box is asked for, by blocks of 8³ voxels."""
    return is_every(asked) or any_in(asked, (z, y, x), size, BLOCK_EDGE)


@helper
def _is_due(asked, share, first, size):
    """Whether some of a box is asked for, of this worker."""
    return is_mine(share, first, size) and is_asked(asked, first[0], first[1], first[2], size)


@helper
def cell_edge(c, n, tile):
    """Edge of the cells, voxels: 8 · 2ᵏ, so that those of a tile (see `descent.tile_at`) hold enough seeds."""
    low, high, middle = tile
    inside, volume = 0, 1.0
    for axis in range(3):
        volume *= high[axis] - low[axis]
    for o in range(0, n * RECORD, RECORD):
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
def _offer(c, who, value, k, candidate, centre, squared):
    """Let a candidate be one of the two of a cell, who[k : k + 2], where it is low enough; −1 is none."""
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
def _centre(z, y, x, edge, offset):
    """Centre of a cell, z y x float32; offset (3,): the lower corner of the tile."""
    return (
        np.float32(offset[0] + (z + 0.5) * edge),
        np.float32(offset[1] + (y + 0.5) * edge),
        np.float32(offset[2] + (x + 0.5) * edge),
    )


@helper
def _offer_own(c, n, who, value, cells, edge, offset, squared, known, beyond):
    """Offer each cell the seeds in it; a seed `beyond` cells or less outside goes to the nearest. How many there were.

    known 1: KNOWN ones only.
    """
    nz, ny, nx = cells
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
        _offer(c, who, value, ((z * ny + y) * nx + x) * 2, candidate, _centre(z, y, x, edge, offset), squared)
        count += 1
    return count


@helper
def _sweep(c, who, value, cells, edge, low, offset, asked, share, squared):
    """Offer each cell that is asked for what its neighbours found, forward and backward. How many have none still."""
    nz, ny, nx = cells
    bare = 0
    for step in (1, -1):
        for a in range(nz):
            z = a if step == 1 else nz - 1 - a
            for b in range(ny):
                y = b if step == 1 else ny - 1 - b
                for d in range(nx):
                    x = d if step == 1 else nx - 1 - d
                    if not _is_due(asked, share, (low[0] + z * edge, low[1] + y * edge, low[2] + x * edge), edge):
                        continue
                    p, centre = (z * ny + y) * nx + x, _centre(z, y, x, edge, offset)
                    for k in range(2):
                        if 0 <= x - step < nx:
                            _offer(c, who, value, 2 * p, np.int64(at(who, 2 * (p - step) + k)), centre, squared)
                        if 0 <= y - step < ny:
                            _offer(c, who, value, 2 * p, np.int64(at(who, 2 * (p - step * nx) + k)), centre, squared)
                        if 0 <= z - step < nz:
                            _offer(
                                c, who, value, 2 * p, np.int64(at(who, 2 * (p - step * nx * ny) + k)), centre, squared
                            )
                    bare += step == -1 and at(who, 2 * p) < 0
    return bare


@helper
def _low_seeds(c, n, cells, edge, low, offset, asked, share, squared, known):
    """Two candidates of each cell that are low at its centre, (cells, 2) int32; −1 for none. known 1: KNOWN ones.

    Each cell that is due has one: where none of the seeds lies in or next to a run of such cells, all cells pass on.
    """
    nz, ny, nx = cells
    found, values = np.full(nz * ny * nx * 2, -1, np.int32), np.full(nz * ny * nx * 2, INF, np.float32)
    who, value = raw(found), raw(values)
    if _offer_own(c, n, who, value, cells, edge, offset, squared, known, 1) == 0:
        _offer_own(c, n, who, value, cells, edge, offset, squared, known, 2**62)
    if _sweep(c, who, value, cells, edge, low, offset, asked, share, squared):
        every, everybody = (asked[0], 0, 0, 0), (0, 1, share[2], share[3])
        _sweep(c, who, value, cells, edge, low, offset, every, everybody, squared)
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
def cap_pyramid(c, n, tile, edge, asked, share, squared, scratch, known):
    """Caps of the cells of a tile (see `descent.tile_at`), and of larger boxes; −3e38 where none is asked for.

    Those of larger boxes hold for the cells that are this worker's (`descent.shared_among`) alone.
    Boxes reach from face to face. known 1: caps among the candidates that are KNOWN alone, at least one.
    """
    low, high, middle = tile
    cells = (-(-(high[0] - low[0]) // edge), -(-(high[1] - low[1]) // edge), -(-(high[2] - low[2]) // edge))
    offset = (low[0] - middle[0], low[1] - middle[1], low[2] - middle[2])
    seeds, _ = _low_seeds(raw(c), n, cells, edge, low, offset, asked, share, squared, known)
    caps = np.full(_level(cells, 9)[0], FAR, np.float32)
    for z in range(cells[0]):
        for y in range(cells[1]):
            for x in range(cells[2]):
                first = (low[0] + z * edge, low[1] + y * edge, low[2] + x * edge)
                if _is_due(asked, share, first, edge):
                    p = (z * cells[1] + y) * cells[2] + x
                    i, j = np.int64(seeds[2 * p]), np.int64(seeds[2 * p + 1])
                    caps[p] = _cap_of(c, i, i if j < 0 else j, first, high, middle, edge, squared, scratch)
    _fill_upper_levels(caps, cells)
    return caps


@helper
def _cap_of(c, i, j, first, high, middle, edge, squared, scratch):
    """The cap of the cell at voxel first from two seeds."""
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
    return _peak(c, i, j, centre, half, squared, scratch)


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
def set_caps(scratch, caps, edge, tile, first, half, children):
    """Set the caps of the children, `half` wide, of the box at voxel first: if less than a cell, the cell's."""
    low, high, _ = tile
    cells = (-(-(high[0] - low[0]) // edge), -(-(high[1] - low[1]) // edge), -(-(high[2] - low[2]) // edge))
    level, size = 0, edge
    while size < half:
        level, size = level + 1, 2 * size
    begin, ny, nx = _level(cells, level)
    for k in range(8):
        if children >> k & 1:
            z, y = (first[0] + (k >> 2) * half - low[0]) // size, (first[1] + (k >> 1 & 1) * half - low[1]) // size
            set_cap(scratch, k, caps[begin + (z * ny + y) * nx + (first[2] + (k & 1) * half - low[2]) // size])
