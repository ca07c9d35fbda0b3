"""The voxels of a leaf of 4³: who wins among the few candidates that are left, Eq. (8), for `gbpd`.

All are evaluated in float32. Where the two best are closer than the rounding, first by a bound for all of a tile and
then by one for the leaf, float64 decides, from the matrices as they were given.
"""

import math
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
    ERROR,
    LEAF,
    NAME,
    SEED,
    STEP_X,
    STEP_Y,
    R,
    X,
    Y,
    Z,
)
from nmcfast.kernels.gbpd.marks import is_asked, is_every, set_reached
from nmcfast.kernels.vectors.lanes import (
    bits_unless_above,
    first_bit,
    least,
    most,
    multiply_add,
    spread,
    spread_bits,
    sqrt,
    where_less,
)
from nmcfast.kernels.vectors.memory import at, bits_at, load, prefetch, put, put_eight, put_plane, raw, store


class Given(NamedTuple):
    """The seeds as they were given, addresses of (n, 3), (n, 3, 3), (n,) float64; the grid's origin and voxel size."""

    position: Any
    matrices: Any
    offset: Any
    x: float
    y: float
    z: float
    size: float


class Sheet(NamedTuple):
    """Where labels go: the address of a volume, and how far on the next row and the next plane lie."""

    flat: Any
    row: int
    plane: int


class Target(NamedTuple):
    """Where the labels of a leaf go: an address, the place of its first voxel, and how far on the next ones lie."""

    flat: Any
    begin: int
    row: int
    plane: int


@helper
def distance(given, i, x, y, z, squared):
    """d_i(x), Eq. (8), in float64."""
    position, matrices, s, m = given.position, given.matrices, 3 * i, 9 * i
    dx, dy, dz = x - at(position, s), y - at(position, s + 1), z - at(position, s + 2)
    q = at(matrices, m) * dx * dx + at(matrices, m + 4) * dy * dy + at(matrices, m + 8) * dz * dz
    q += 2.0 * (at(matrices, m + 1) * dx * dy + at(matrices, m + 2) * dx * dz + at(matrices, m + 5) * dy * dz)
    q = max(q, 0.0)  # rounding of a singular M
    return (q if squared else math.sqrt(q)) - at(given.offset, i)


@helper
def compete(work, leaf, middle, squared, target):
    """Write the label of the winner at the voxels of a leaf to a target; bits of the close ones, 16 a plane of z.

    A plane of 4 × 4 voxels fills the lanes; u = A (x − s) grows by the last column of A from one plane to the next. All
    distances come first, so that no step has to wait for its own root.
    """
    c, lists, t, scratch, first = work.c, work.lists, work.tangents, work.scratch, leaf.first
    start, count = leaf.start, leaf.length
    out, begin, row, far = target
    lx = np.float32(first[2] + 0.5 - middle[2]) + load(scratch, STEP_X)
    ly = np.float32(first[1] + 0.5 - middle[1]) + load(scratch, STEP_Y)
    z, margin, p = np.float32(first[0] + 0.5 - middle[0]), np.float32(0.0), 0
    for k in range(start, start + count):
        o = np.int64(at(lists, k))
        dx, dy, dz = lx - at(c, o + X), ly - at(c, o + Y), z - at(c, o + Z)
        a02, a12, a22, r = spread(at(c, o + A02)), spread(at(c, o + A12)), at(c, o + A22), at(c, o + R)
        u0 = multiply_add(spread(at(c, o + A00)), dx, multiply_add(spread(at(c, o + A01)), dy, a02 * dz))
        u1, u2 = multiply_add(spread(at(c, o + A11)), dy, a12 * dz), a22 * dz
        d0 = multiply_add(u0, u0, multiply_add(u1, u1, spread(u2 * u2)))
        u0, u1, u2 = u0 + a02, u1 + a12, u2 + a22
        d1 = multiply_add(u0, u0, multiply_add(u1, u1, spread(u2 * u2)))
        u0, u1, u2 = u0 + a02, u1 + a12, u2 + a22
        d2 = multiply_add(u0, u0, multiply_add(u1, u1, spread(u2 * u2)))
        u0, u1, u2 = u0 + a02, u1 + a12, u2 + a22
        d3 = multiply_add(u0, u0, multiply_add(u1, u1, spread(u2 * u2)))
        if not squared:
            d0, d1, d2, d3 = sqrt(d0), sqrt(d1), sqrt(d2), sqrt(d3)
        store(t, p, d0 - r)
        store(t, p + 16, d1 - r)
        store(t, p + 32, d2 - r)
        store(t, p + 48, d3 - r)
        margin, p = max(margin, at(c, o + ERROR)), p + 64
    if squared:
        margin = _rounding(work, leaf, middle, True)
    margin2, near = spread(margin + margin), 0
    for plane in range(0, LEAF, 2):  # of two planes all fits into registers
        p = 16 * plane
        best0, best1 = load(t, p), load(t, p + 16)
        next0 = next1 = spread(np.float32(np.inf))
        name0 = name1 = spread_bits(bits_at(c, at(lists, start) + NAME))
        for k in range(start + 1, start + count):
            p += 64
            d0, d1 = load(t, p), load(t, p + 16)
            name = spread_bits(bits_at(c, at(lists, k) + NAME))
            next0, next1 = least(next0, most(d0, best0)), least(next1, most(d1, best1))
            name0, name1 = where_less(d0, best0, name, name0), where_less(d1, best1, name, name1)
            best0, best1 = least(d0, best0), least(d1, best1)
        put_plane(out, begin + plane * far, row, name0)
        put_plane(out, begin + (plane + 1) * far, row, name1)
        near |= bits_unless_above(next0 - best0, margin2) << 16 * plane
        near |= bits_unless_above(next1 - best1, margin2) << 16 * (plane + 1)
    return near


@helper
def _rounding(work, leaf, middle, squared):
    """Bound of the rounding of d of the candidates of a leaf: ERROR holds in all of a tile, this within the leaf alone.

    2⁻²⁴ of what is rounded: s once, and less than 24 times what grows with |x − s|, see `candidates`. That is the bound
    e of |u| = |A (x − s)|; a square is off by e (2 |u| + e) at most, and rounded once more with r.
    """
    c, first, bound = work.c, leaf.first, np.float32(0.0)
    for k in range(leaf.start, leaf.start + leaf.length):
        o = np.int64(at(work.lists, k))
        norm = np.float32(0.0)
        for row in range(A00, R):
            norm += at(c, o + row) * at(c, o + row)
        norm = np.sqrt(norm)
        far = abs(first[2] + 2 - middle[2] - at(c, o + X)) + abs(first[1] + 2 - middle[1] - at(c, o + Y))
        far += abs(first[0] + 2 - middle[0] - at(c, o + Z)) + 6
        place = abs(at(c, o + X)) + abs(at(c, o + Y)) + abs(at(c, o + Z))
        e, r = norm * (place + 24 * far), abs(at(c, o + R))
        if squared:
            e = e * (2 * norm * far + e * 2.0**-24) + (norm * far) ** 2
        bound = max(bound, np.float32(e + 4 * r))
    return bound * np.float32(2.0**-24) + np.float32(2.0**-40)


@helper
def _lead(t, count, voxel):
    """How far the lowest d of a leaf's voxel lies below the next."""
    best, second = np.float32(np.inf), np.float32(np.inf)
    for k in range(count):
        d = at(t, 64 * k + voxel)
        second, best = min(second, max(d, best)), min(d, best)
    return second - best


@helper
def settle(work, leaf, scene, given, lut, near, target):
    """Decide the close voxels of a leaf, in float64 where float32 leaves a doubt; return how many these are."""
    first, squared, total, doubt = leaf.first, scene.squared, 0, np.float32(np.inf)
    if not squared:
        doubt = np.float32(2.0) * _rounding(work, leaf, scene.tile.middle, False)
    while near:
        k = first_bit(near)
        near &= near - 1
        if not squared and _lead(work.tangents, leaf.length, k) > doubt:
            continue
        x = given.x + (first[2] + (k & 3) + 0.5) * given.size
        y = given.y + (first[1] + (k >> 2 & 3) + 0.5) * given.size
        z = given.z + (first[0] + (k >> 4) + 0.5) * given.size
        lowest, winner = np.inf, -1
        for slot in range(leaf.start, leaf.start + leaf.length):
            i = bits_at(work.c, at(work.lists, slot) + SEED)
            d = distance(given, i, x, y, z, squared)
            if d < lowest or (d == lowest and i < winner):
                lowest, winner = d, i
        place = target.begin + (k >> 4) * target.plane + (k >> 2 & 3) * target.row + (k & 3)
        put(target.flat, place, at(lut, winner))
        total += 1
    return total


@helper
def fill_leaf(target, label):
    """Make all voxels of a leaf have one label."""
    for plane in range(LEAF):
        put_plane(target.flat, target.begin + plane * target.plane, target.row, spread_bits(label))


@helper
def sheet_of(out):
    """The sheet of a volume, which must outlive it."""
    return Sheet(raw(out), out.shape[2], out.shape[1] * out.shape[2])


@helper
def given_of(tables):
    """What `settle` takes of the seeds, which must outlive it."""
    frame = tables.frame
    given = raw(tables.position), raw(tables.matrices), raw(tables.offset)
    return Given(*given, frame[0], frame[1], frame[2], frame[3])


@helper
def _fill(sheet, first, last, value):
    """Make all voxels of a box have one label."""
    flat, row, plane = sheet
    begin, width = first[0] * plane + first[1] * row + first[2], last[2] - first[2]
    for z in range(last[0] - first[0]):
        for y in range(last[1] - first[1]):
            start = begin + z * plane + y * row
            for x in range(0, width - 7, 8):
                put_eight(flat, start + x, value)
            for x in range(width & -8, width):
                put(flat, start + x, value)


@helper
def fill_asked(sheet, box, value, asked, reached):
    """Make the voxels of a box that are asked for, in blocks of 8³ or all of them, have one label."""
    first, last = box.first, box.last
    if is_every(asked):
        _fill(sheet, first, last, value)
        return
    for z in range(first[0], last[0], BLOCK_EDGE):
        for y in range(first[1], last[1], BLOCK_EDGE):
            for x in range(first[2], last[2], BLOCK_EDGE):
                if is_asked(asked, (z, y, x), BLOCK_EDGE):
                    end = min(z + BLOCK_EDGE, last[0]), min(y + BLOCK_EDGE, last[1]), min(x + BLOCK_EDGE, last[2])
                    _fill(sheet, (z, y, x), end, value)
                    set_reached(reached, (z, y, x))


@helper
def prefetch_box(sheet, box):
    """Fetch the memory of a box's voxels, which will be written: rows far apart, that else hold up what follows."""
    flat, row, plane = sheet
    first, last = box.first, box.last
    begin = first[0] * plane + first[1] * row + first[2]
    for z in range(last[0] - first[0]):
        for y in range(last[1] - first[1]):
            prefetch(flat, begin + z * plane + y * row)


@helper
def is_whole(leaf):
    """Whether a leaf lies in the volume with all of its voxels."""
    first, last = leaf.first, leaf.last
    return last[0] - first[0] == LEAF and last[1] - first[1] == LEAF and last[2] - first[2] == LEAF


@helper
def target_of(sheet, first, whole, patch):
    """Where the labels of a leaf are written: where they belong, or in a patch (64,) if it is not whole."""
    if whole:
        begin = first[0] * sheet.plane + first[1] * sheet.row + first[2]
        return Target(sheet.flat, begin, sheet.row, sheet.plane)
    return Target(patch, 0, LEAF, LEAF * LEAF)


@helper
def copy_patch(sheet, leaf, patch):
    """Write what lies in the volume of a leaf that was labelled in a patch."""
    flat, row, plane = sheet
    first, last = leaf.first, leaf.last
    begin = first[0] * plane + first[1] * row + first[2]
    for z in range(last[0] - first[0]):
        for y in range(last[1] - first[1]):
            for x in range(last[2] - first[2]):
                put(flat, begin + z * plane + y * row + x, at(patch, (z * LEAF + y) * LEAF + x))
