"""A function on a lattice of points, linear along each axis in between: over blocks of voxels, as the rim of labels.

lattice (z, y, x) float64, the first of it at `corner` and `step` apart; voxels of `size` whose first ends at `origin`;
corner and origin (3,) are in x, y, z order. Points beyond the lattice take the values of its faces.
"""

import numpy as np

from nmcfast.kernels._cache import helper, kernel


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
def _fill_line(lattice, corner, step, y, z, line):
    """Fill line (nx,) with the values at y, z and the places of the lattice along x."""
    k, w = _place(z, corner[2], step, lattice.shape[0])
    j, v = _place(y, corner[1], step, lattice.shape[1])
    a, b, c, d = (1.0 - w) * (1.0 - v), (1.0 - w) * v, w * (1.0 - v), w * v
    for i in range(lattice.shape[2]):
        line[i] = (
            a * lattice[k, j, i] + b * lattice[k, j + 1, i] + c * lattice[k + 1, j, i] + d * lattice[k + 1, j + 1, i]
        )


@kernel
def block_range(lattice, corner, step, origin, size, shape, edge, low, high):
    """Fill low and high (z, y, x) with the least and largest value in the box of the voxel centres of each block."""
    room = int(edge * size / step) + 4
    xs, ys, zs, line = np.empty(room), np.empty(room), np.empty(room), np.empty(lattice.shape[2])
    low[:], high[:] = np.inf, -np.inf
    for bz in range(low.shape[0]):
        nz = _centres(zs, bz, edge, shape[0], origin[2], size, corner[2], step)
        for by in range(low.shape[1]):
            ny = _centres(ys, by, edge, shape[1], origin[1], size, corner[1], step)
            for k in range(nz):
                for j in range(ny):
                    _fill_line(lattice, corner, step, ys[j], zs[k], line)
                    for bx in range(low.shape[2]):
                        nx = _centres(xs, bx, edge, shape[2], origin[0], size, corner[0], step)
                        for i in range(nx):
                            a, u = _place(xs[i], corner[0], step, line.size)
                            value = line[a] + u * (line[a + 1] - line[a])
                            low[bz, by, bx] = min(low[bz, by, bx], value)
                            high[bz, by, bx] = max(high[bz, by, bx], value)


@helper
def _centres(out, block, edge, voxels, origin, size, corner, step):
    first, last = block * edge + 0.5, min((block + 1) * edge, voxels) - 0.5
    return _breaks(origin + first * size, origin + last * size, corner, step, out)


@helper
def _cells_along_x(origin, size, corner, step, count, cell, share):
    """Fill cell and share (nx,) with the lattice cells of voxel centres along x, and how far in they lie."""
    for x in range(cell.size):
        cell[x], share[x] = _place(origin + (x + 0.5) * size, corner, step, count)


@kernel
def mark_above(labels, blocks, edge, lattice, corner, step, origin, size, bound, present):
    """Set present (n,) bool for the labels 1 … n − 1 with a voxel of at least `bound` in some blocks (z, y, x) bool."""
    nz, ny, nx = labels.shape
    line, cell, share = np.empty(lattice.shape[2]), np.empty(nx, np.int64), np.empty(nx)
    _cells_along_x(origin[0], size, corner[0], step, line.size, cell, share)
    for z in range(nz):
        for y in range(ny):
            filled = False
            for b in range(blocks.shape[2]):
                if not blocks[z // edge, y // edge, b]:
                    continue
                for x in range(b * edge, min((b + 1) * edge, nx)):
                    label = labels[z, y, x]
                    if label == 0 or present[label]:
                        continue
                    if not filled:
                        y_um, z_um = origin[1] + (y + 0.5) * size, origin[2] + (z + 0.5) * size
                        _fill_line(lattice, corner, step, y_um, z_um, line)
                        filled = True
                    i = cell[x]
                    present[label] = line[i] + share[x] * (line[i + 1] - line[i]) >= bound


@kernel
def clip(labels, blocks, edge, lattice, corner, step, origin, size, least):
    """Set labels (nz, ny, nx) to 0 where the value is below 0, in some blocks (z, y, x) bool of edge³ voxels each.

    least (n,), for labels 0 … n − 1, falls to the lowest value at a voxel that is left; 0 is left out.
    """
    nz, ny, nx = labels.shape
    line, cell, share = np.empty(lattice.shape[2]), np.empty(nx, np.int64), np.empty(nx)
    _cells_along_x(origin[0], size, corner[0], step, line.size, cell, share)
    for z in range(nz):
        for y in range(ny):
            filled = False
            for b in range(blocks.shape[2]):
                if not blocks[z // edge, y // edge, b]:
                    continue
                for x in range(b * edge, min((b + 1) * edge, nx)):
                    label = labels[z, y, x]
                    if label == 0:
                        continue
                    if not filled:
                        y_um, z_um = origin[1] + (y + 0.5) * size, origin[2] + (z + 0.5) * size
                        _fill_line(lattice, corner, step, y_um, z_um, line)
                        filled = True
                    i = cell[x]
                    value = line[i] + share[x] * (line[i + 1] - line[i])
                    if value < 0.0:
                        labels[z, y, x] = 0
                    elif value < least[label]:
                        least[label] = value
