"""The k nearest seeds of seeds that were drawn cell by cell, with their cells as they are.

n seeds, m queries, k neighbours.
"""

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.vectors.doubles import bits_not_above8, load8, spread8, store8, where_less8
from nmcfast.kernels.vectors.lanes import first_bit
from nmcfast.kernels.vectors.memory import at, put


@kernel
def dilated(mask, out):
    """Fill out (nx + 2, ny + 2, nz + 2) bool with the cells of a mask (nx, ny, nz) and those that touch one of them."""
    out[:] = False
    for x in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            for z in range(mask.shape[2]):
                if mask[x, y, z]:
                    out[x : x + 3, y : y + 3, z : z + 3] = True


@helper
def _collect(place, start, cell, ny, nz, near, name):
    """Copy the seeds of the 27 cells around a cell: coordinates to near (3 rows), rows of the table to name.

    place: three rows of n + 8 coordinates. Cells along z follow each other, so three of them are one run. Returns the
    number of seeds and the number of the cell's own first one.
    """
    whole, row = place.size // 3, near.size // 3
    count, own = 0, 0
    for x in range(-1, 2):
        for y in range(-1, 2):
            middle = cell + (x * ny + y) * nz
            first, length = start[middle - 1], start[middle + 2] - start[middle - 1]
            if x == 0 and y == 0:
                own = count + start[cell] - first
            for j in range(0, length, 8):
                store8(near, count + j, load8(place, first + j))
                store8(near, row + count + j, load8(place, whole + first + j))
                store8(near, 2 * row + count + j, load8(place, 2 * whole + first + j))
            for j in range(length):
                put(name, count + j, first + j)
            count += length
    return count, own


@helper
def _select(near, name, count, first, own, low, side, guess, k, all_squares, square, chosen, found):
    """The seeds near each of the `own` seeds of a cell, numbers first … of the `count` copied ones.

    Row i of square and chosen, each `name.size` long, gets the squared distances and names of found[i] seeds, which are
    all within a distance and at least k, or −1 of them where the 27 cells do not hold so many for certain. low (3,) is
    the corner of the cell.

    Thirteen arguments: it is called for every cell, and its arrays are the caller's, so that none is made here.
    """
    row, size = near.size // 3, name.size
    far = spread8(np.inf)
    for i in range(own):
        me = first + i
        x, y, z = at(near, me), at(near, row + me), at(near, 2 * row + me)
        for p in range(0, count, 8):
            dx, dy, dz = load8(near, p) - x, load8(near, row + p) - y, load8(near, 2 * row + p) - z
            store8(all_squares, p, dx * dx + dy * dy + dz * dz)
        for p in range(count, count + 64, 8):
            store8(all_squares, p, far)
        put(all_squares, me, np.inf)
        inset = min(x - low[0], y - low[1], z - low[2])
        inset = min(inset, side - (x - low[0]), side - (y - low[1]), side - (z - low[2]))
        covered = (0.9999 * side + inset) ** 2  # rounding to float32 moves seeds by 3·10⁻⁵ cells at most
        bound, end = min(guess, covered), i * size
        while True:
            limit = spread8(bound)
            for p in range(0, count, 64):
                bits = 0
                for b in range(0, 64, 8):
                    bits |= bits_not_above8(load8(all_squares, p + b), limit) << b
                while bits:
                    j = p + first_bit(bits)
                    bits &= bits - 1
                    put(square, end, at(all_squares, j))
                    put(chosen, end, at(name, j))
                    end += 1
            if end - i * size >= k or bound == covered:
                break
            bound, end = covered, i * size
        store8(square, end, far)
        found[i] = end - i * size if end - i * size >= k else -1


@helper
def _rank(square, chosen, found, own, rank, ranked, neighbour, m):
    """Fill neighbour from row m on with the names of the nearest of the seeds that `_select` found for `own` seeds.

    The rank of a seed by (distance, name) is the number of those that are nearer, found without a branch that could be
    mispredicted. Equal distances show as ranks that are not those of a permutation; then a sort decides.
    """
    size, k = ranked.size, neighbour.shape[1]
    zero, one = spread8(0.0), spread8(1.0)
    for i in range(own):
        if found[i] < 0:
            neighbour[m + i, 0] = -1
            continue
        begin, end, total = i * size, i * size + found[i], 0.0
        for p in range(begin, end, 8):
            mine, nearer = load8(square, p), zero
            for j in range(begin, end):
                nearer = nearer + where_less8(spread8(at(square, j)), mine, one, zero)
            store8(rank, p - begin, nearer)
        for j in range(found[i]):
            r = at(rank, j)
            total += r
            put(ranked, np.int64(r), at(chosen, begin + j))
        if total != 0.5 * found[i] * (found[i] - 1.0):
            _sort(square[begin:end], chosen[begin:end])
            for j in range(found[i]):
                put(ranked, j, at(chosen, begin + j))
        for j in range(k):
            neighbour[m + i, j] = at(ranked, j)


@helper
def _sort(square, name):
    """Sort by distance; equal ones stay in the order they are in, that of their names."""
    for i in range(1, square.size):
        q, j, k = square[i], name[i], i
        while k > 0 and q < square[k - 1]:
            square[k], name[k] = square[k - 1], name[k - 1]
            k -= 1
        square[k], name[k] = q, j


@kernel
def nearest_in_cells(table, start, mask, corner, side, guess, inner, neighbour):
    """Fill inner (m,) with the rows of the seeds in the cells of a mask, neighbour (m, k) int32 with their nearest.

    table (n, 8) float32 and start as `philox.draw_seeds` and `count_seeds` have them; mask (nx, ny, nz) bool, nothing
    at the faces of the box, all cells around those of the mask drawn. guess: a squared distance within which k seeds
    lie, mostly. Where the 27 cells around a seed do not hold its k nearest with certainty its first neighbour is −1.
    """
    nx, ny, nz = mask.shape
    n, most = table.shape[0], 0
    for cell in range(start.size - 1):
        most = max(most, start[cell + 1] - start[cell])
    place = np.zeros(3 * (n + 8))
    for j in range(n):
        for axis in range(3):
            place[axis * (n + 8) + j] = table[j, axis]
    size = 27 * most + 72
    near, name, found = np.zeros(3 * size), np.empty(size, np.int32), np.empty(most, np.int64)
    square, chosen = np.empty(most * size), np.empty(most * size, np.int32)
    all_squares, rank, ranked = np.empty(size), np.empty(size), np.empty(size, np.int32)
    m = 0
    for x in range(1, nx - 1):
        for y in range(1, ny - 1):
            for z in range(1, nz - 1):
                cell = (x * ny + y) * nz + z
                own = start[cell + 1] - start[cell]
                if own == 0 or not mask[x, y, z]:
                    continue
                count, first = _collect(place, start, cell, ny, nz, near, name)
                low = ((corner[0] + x) * side, (corner[1] + y) * side, (corner[2] + z) * side)
                _select(
                    near,
                    name,
                    count,
                    first,
                    own,
                    low,
                    side,
                    guess,
                    neighbour.shape[1],
                    all_squares,
                    square,
                    chosen,
                    found,
                )
                _rank(square, chosen, found, own, rank, ranked, neighbour, m)
                for i in range(own):
                    inner[m + i] = start[cell] + i
                m += own
