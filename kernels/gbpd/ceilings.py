"""Caps of boxes: values that the smallest d of Eq. (8) stays below in all of a box, for `candidates`.

Cells of a few seeds each have two seeds that are low at their centre (`cells`). The largest of the corner values of a
seed bounds it in the cell, since d is convex. Caps of larger boxes are the largest of their cells'. Whichever seeds are
found, the caps are valid.

A pyramid of caps holds the cells first, z y x, then boxes of twice the edge, and so on up to the tile.
"""

from typing import Any, NamedTuple

import numpy as np

from nmcfast.kernels._cache import helper
from nmcfast.kernels.gbpd.cells import Lattice, cells_of, is_due, low_seeds
from nmcfast.kernels.gbpd.layout import A00, A01, A02, A11, A12, A22, CAP, ERROR, FAR, SX, SY, SZ, R, X, Y, Z
from nmcfast.kernels.vectors.lanes import halves, lower_peak, multiply_add, spread, sqrt
from nmcfast.kernels.vectors.memory import at, load, put, raw, store


class Ceiling(NamedTuple):
    """The caps of a tile: their address, the edge of the cells, voxels, the tile's first voxel, cells along z, y, x."""

    caps: Any
    edge: int
    low: Any
    cells: Any


@helper
def ceiling_of(caps, scene):
    """The ceiling of caps of a tile, which must outlive it."""
    return Ceiling(raw(caps), scene.edge, scene.tile.low, cells_of(scene.tile, scene.edge))


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
    cells = cells_of(scene.tile, edge)
    lattice = Lattice(cells, edge, (low[0] - middle[0], low[1] - middle[1], low[2] - middle[2]))
    seeds, _ = low_seeds(c, scene, lattice, asked, share, known)
    caps = np.full(_level(cells, 9)[0], FAR, np.float32)
    for z in range(cells[0]):
        for y in range(cells[1]):
            for x in range(cells[2]):
                first = (low[0] + z * edge, low[1] + y * edge, low[2] + x * edge)
                if is_due(asked, share, first, edge):
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
