"""A function on a lattice of points, linear along each axis in between: over blocks of voxels, as the rim of labels.

lattice (z, y, x) float64, the first of it at `corner` and `step` apart; voxels of `size` whose first ends at `origin`;
corner and origin (3,) are in x, y, z order. Points beyond the lattice take the values of its faces.
"""

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.vectors.memory import at, put, raw


@helper
def _place(value, corner, step, count):
    """The lattice cell of a coordinate, and how far in it lies, 0 … 1."""
    s = min(max((value - corner) / step, 0.0), count - 1.0)
    k = min(int(s), count - 2)
    return k, s - k


@helper
def value_at(lattice, corner, step, x, y, z):
    """The value at a point."""
    k, w = _place(z, corner[2], step, lattice.shape[0])
    j, v = _place(y, corner[1], step, lattice.shape[1])
    i, u = _place(x, corner[0], step, lattice.shape[2])
    total = 0.0
    for a in range(2):
        for b in range(2):
            weight = (w if a else 1.0 - w) * (v if b else 1.0 - v)
            total += weight * ((1.0 - u) * lattice[k + a, j + b, i] + u * lattice[k + a, j + b, i + 1])
    return total


@kernel
def values_at(lattice, corner, step, points, out):
    """Fill out (n,) with the values at points (n, 3)."""
    for n in range(out.size):
        out[n] = value_at(lattice, corner, step, points[n, 0], points[n, 1], points[n, 2])


@helper
def _breaks(first, last, corner, step, out):
    """Where a linear function between first and last can have its extremes: both, and the lattice planes between."""
    out[0], out[1], count = first, last, 2
    k = int(np.floor((first - corner) / step)) + 1
    while corner + k * step < last:
        out[count] = corner + k * step
        k, count = k + 1, count + 1
    return count


@helper
def _fill_line(lattice, k, w, j, v, line):
    """Fill line (nx,) with the values w into cell k along z and v into cell j along y, at the lattice places of x."""
    a, b, c, d = (1.0 - w) * (1.0 - v), (1.0 - w) * v, w * (1.0 - v), w * v
    for i in range(lattice.shape[2]):
        line[i] = (
            a * lattice[k, j, i] + b * lattice[k, j + 1, i] + c * lattice[k + 1, j, i] + d * lattice[k + 1, j + 1, i]
        )


@helper
def _block_places(axis, blocks, edge, voxels, origin, size, corner, step, count):
    """Cells and shares where blocks can have their extremes along an axis, 0 for x; those of block b from first[b].

    Nine arguments: an axis of the blocks and one of the lattice, four numbers each.
    """
    room = int(edge * size / step) + 4
    places, first = np.empty(room), np.zeros(blocks + 1, np.int64)
    cell, share = np.empty(blocks * room, np.int64), np.empty(blocks * room)
    for b in range(blocks):
        low, high = b * edge + 0.5, min((b + 1) * edge, voxels) - 0.5
        n = _breaks(origin[axis] + low * size, origin[axis] + high * size, corner[axis], step, places)
        first[b + 1] = first[b] + n
        for i in range(n):
            cell[first[b] + i], share[first[b] + i] = _place(places[i], corner[axis], step, count)
    return cell[: first[blocks]], share[: first[blocks]], first


@helper
def _reach(line, cell, share, least, most):
    """Let least and most (n,) reach the values of a line at n cells and shares."""
    for m in range(cell.size):
        value = line[cell[m]] + share[m] * (line[cell[m] + 1] - line[cell[m]])
        least[m], most[m] = min(least[m], value), max(most[m], value)


@kernel
def block_range(lattice, corner, step, origin, size, shape, edge, low, high):
    """Fill low and high (z, y, x) with the least and largest value in the box of the voxel centres of each block.

    Nine arguments: three of the lattice, four of the voxels, and two arrays to fill.
    """
    bz, by, bx = low.shape
    kz, wz, first_z = _block_places(2, bz, edge, shape[0], origin, size, corner, step, lattice.shape[0])
    ky, wy, first_y = _block_places(1, by, edge, shape[1], origin, size, corner, step, lattice.shape[1])
    kx, wx, first_x = _block_places(0, bx, edge, shape[2], origin, size, corner, step, lattice.shape[2])
    line, least, most = np.empty(lattice.shape[2]), np.empty(kx.size), np.empty(kx.size)
    for z in range(bz):
        for y in range(by):
            least[:], most[:] = np.inf, -np.inf
            for k in range(first_z[z], first_z[z + 1]):
                for j in range(first_y[y], first_y[y + 1]):
                    _fill_line(lattice, kz[k], wz[k], ky[j], wy[j], line)
                    _reach(line, kx, wx, least, most)
            for x in range(bx):
                low[z, y, x], high[z, y, x] = np.inf, -np.inf
                for i in range(first_x[x], first_x[x + 1]):
                    low[z, y, x], high[z, y, x] = min(low[z, y, x], least[i]), max(high[z, y, x], most[i])


@helper
def _voxel_places(axis, voxels, origin, size, corner, step, count):
    """Lattice cells (voxels,) of voxel centres along an axis, 0 for x, and how far in they lie."""
    cell, share = np.empty(voxels, np.int64), np.empty(voxels)
    for k in range(voxels):
        cell[k], share[k] = _place(origin[axis] + (k + 0.5) * size, corner[axis], step, count)
    return cell, share


@helper
def _places_of(shape, origin, size, lattice, corner, step):
    """The same along z, y and x for voxels (nz, ny, nx) on a lattice of a shape."""
    return (
        _voxel_places(2, shape[0], origin, size, corner, step, lattice[0]),
        _voxel_places(1, shape[1], origin, size, corner, step, lattice[1]),
        _voxel_places(0, shape[2], origin, size, corner, step, lattice[2]),
    )


@helper
def _asked(blocks, columns):
    """The places of those of some blocks (n,) bool that are asked for, in columns; how many there are."""
    count = 0
    for b in range(blocks.size):
        columns[count] = b
        count += blocks[b]
    return count


@helper
def _all_zero(labels, begin, count):
    """Whether labels begin … begin + count − 1 are 0; eight of them, as most are, without a loop."""
    bits = 0
    if count == 8:
        for x in range(8):
            bits |= np.int64(at(labels, begin + x))
    else:
        for x in range(count):
            bits |= np.int64(at(labels, begin + x))
    return bits == 0


@kernel
def mark_above(tags, x0, x1, first, shape, lattice, corner, step, origin, size, bound, present):
    """Set present (n,) bool for those of labels 0 … n − 1 with a voxel of at least `bound`; runs as in `runs`.

    Twelve arguments: runs are four arrays, the lattice three, the voxels three.
    """
    (kz, wz), (ky, wy), (kx, wx) = _places_of(shape, origin, size, lattice.shape, corner, step)
    line, ny = np.empty(lattice.shape[2]), shape[1]
    for row in range(first.size - 1):
        filled, z, y = False, row // ny, row % ny
        for k in range(first[row], first[row + 1]):
            label = tags[k]
            if present[label]:
                continue
            if not filled:
                _fill_line(lattice, kz[z], wz[z], ky[y], wy[y], line)
                filled = True
            x, end = x0[k], x1[k]
            while x < end and not present[label]:
                present[label] = line[kx[x]] + wx[x] * (line[kx[x] + 1] - line[kx[x]]) >= bound
                x += 1


@kernel
def clip(labels, blocks, edge, lattice, corner, step, origin, size, least):
    """Set labels (nz, ny, nx) to 0 where the value is below 0, in some blocks (z, y, x) bool of edge³ voxels each.

    least (n,), for labels 0 … n − 1, falls to the lowest value at a voxel that is left; 0 is left out.

    Nine arguments: labels and their blocks are three, the lattice three, the voxels two.
    """
    nz, ny, nx = labels.shape
    (kz, wz), (ky, wy), (kx, wx) = _places_of(labels.shape, origin, size, lattice.shape, corner, step)
    line, columns, count, flat = np.empty(lattice.shape[2]), np.empty(blocks.shape[2], np.int64), 0, raw(labels)
    for by in range(blocks.shape[1]):
        for z in range(nz):
            if z % edge == 0:
                count = _asked(blocks[z // edge, by], columns)
            for y in range(by * edge, min((by + 1) * edge, ny)):
                filled, row = False, (z * ny + y) * nx
                for b in range(count):
                    begin, end = columns[b] * edge, min((columns[b] + 1) * edge, nx)
                    if _all_zero(flat, row + begin, end - begin):
                        continue
                    if not filled:
                        _fill_line(lattice, kz[z], wz[z], ky[y], wy[y], line)
                        filled = True
                    for x in range(begin, end):
                        label = np.int64(at(flat, row + x))
                        if label == 0:
                            continue
                        i = kx[x]
                        value = line[i] + wx[x] * (line[i + 1] - line[i])
                        if value < 0.0:
                            put(flat, row + x, 0)
                        elif value < least[label]:
                            least[label] = value
