"""The k nearest seeds of seeds, on a grid of cells: of any seeds, or of seeds that were drawn cell by cell.

n seeds, m queries, k neighbours.
"""

import math

import numpy as np
from numba import prange

from nmcfast.kernels._cache import helper, kernel, twins
from nmcfast.kernels.vectors.doubles import bits_not_above8, item, load8, put, spread8, store8, where_less8
from nmcfast.kernels.vectors.lanes import bits_unless_above, first_bit, load, spread

_PER_CELL = 4.0  # seeds in a cell: 27 cells then hold the 12 nearest of most seeds
_GUESS = 1.5 / (_PER_CELL * 4.0 / 3.0 * math.pi)  # cells³ a neighbour: a ball of 1.5 k seeds holds k of them, mostly


@helper
def _cell_of(value, low, side, cells):
    return min(max(int((value - low) / side), 0), cells - 1)


@helper
def _sort_into_cells(points, low, side, cells):
    """First seed of each cell (cells + 1,) and the seeds in order of cells (n,)."""
    n = points.shape[0]
    home = np.empty(n, np.int64)
    first = np.zeros(cells[0] * cells[1] * cells[2] + 1, np.int64)
    for i in range(n):
        home[i] = _cell_of(points[i, 0], low[0], side, cells[0])
        home[i] = home[i] * cells[1] + _cell_of(points[i, 1], low[1], side, cells[1])
        home[i] = home[i] * cells[2] + _cell_of(points[i, 2], low[2], side, cells[2])
        first[home[i] + 1] += 1
    for c in range(first.size - 1):
        first[c + 1] += first[c]
    place = first[:-1].copy()
    order = np.empty(n, np.int64)
    for i in range(n):
        order[place[home[i]]] = i
        place[home[i]] += 1
    return first, order


@helper
def insert(index, square, i, q):
    """Put seed i at squared distance q into lists that are sorted by (distance, index); the last falls out."""
    k = index.size - 1
    while k > 0 and (q < square[k - 1] or (q == square[k - 1] and i < index[k - 1])):
        index[k] = index[k - 1]
        square[k] = square[k - 1]
        k -= 1
    index[k] = i
    square[k] = q


@helper
def _scan(i, points, place, sorted_place, slack, order, start, stop, bound, index, square):
    """Put the seeds start to stop of the order of cells that are nearer than `bound`, a square, into the lists.

    place (3,) and sorted_place, rows x, y, z of n + 16, are float32 coordinates from the corner of the cells. Sixteen
    at a time they say which seeds cannot be nearer, by more than their rounding, slack; float64 decides on the others.
    """
    last = square.size - 1
    worst = min(square[last], bound)
    limit = spread(_limit(worst, slack))
    row = sorted_place.size // 3
    x0, y0, z0 = place
    for p in range(start, stop, 16):
        dx, dy = load(sorted_place, p) - x0, load(sorted_place, row + p) - y0
        dz = load(sorted_place, 2 * row + p) - z0
        bits = bits_unless_above(dx * dx + dy * dy + dz * dz, limit)
        if stop - p < 16:
            bits &= (1 << (stop - p)) - 1
        while bits:
            j = order[p + first_bit(bits)]
            bits &= bits - 1
            x, y, z = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1], points[j, 2] - points[i, 2]
            q = x * x + y * y + z * z
            if j != i and (q < worst or (q == worst and j < index[last])):
                insert(index, square, j, q)
                worst = min(square[last], bound)


@helper
def _limit(worst, slack):
    """Square of a distance in float32 above which a seed is certainly farther away than the root of `worst`."""
    reach = math.sqrt(worst) + slack
    return np.float32(reach * reach * (1.0 + 1e-6))


@helper
def _search(i, points, sorted_place, slack, first, order, low, side, cells, index, square):
    """Fill index (k,) and square (k,) with the nearest seeds of seed i, cube of cells by cube of cells.

    Cells along z follow each other in the order, so a row of them is one run of seeds.
    """
    index[:] = -1
    square[:] = np.inf
    place = (np.float32(points[i, 0] - low[0]), np.float32(points[i, 1] - low[1]), np.float32(points[i, 2] - low[2]))
    cx = _cell_of(points[i, 0], low[0], side, cells[0])
    cy = _cell_of(points[i, 1], low[1], side, cells[1])
    cz = _cell_of(points[i, 2], low[2], side, cells[2])
    inset = np.inf
    for axis in range(3):
        inside = points[i, axis] - low[axis] - (cx, cy, cz)[axis] * side
        inset = min(inset, inside, side - inside)
    bound = side * side * (_GUESS * square.size) ** (2.0 / 3.0)
    ring = 1
    while ring <= max(cells[0], cells[1], cells[2]):
        z0, z1 = max(cz - ring, 0), min(cz + ring, cells[2] - 1)
        for ax in range(max(cx - ring, 0), min(cx + ring + 1, cells[0])):
            for ay in range(max(cy - ring, 0), min(cy + ring + 1, cells[1])):
                row = (ax * cells[1] + ay) * cells[2]
                if ring == 1 or abs(ax - cx) == ring or abs(ay - cy) == ring:
                    start, stop = first[row + z0], first[row + z1 + 1]
                    _scan(i, points, place, sorted_place, slack, order, start, stop, bound, index, square)
                    continue
                for az in (cz - ring, cz + ring):
                    if 0 <= az < cells[2]:
                        start, stop = first[row + az], first[row + az + 1]
                        _scan(i, points, place, sorted_place, slack, order, start, stop, bound, index, square)
        if index[square.size - 1] < 0 and bound < np.inf:  # fewer than k within the guess: look again without it
            bound = np.inf
            index[:] = -1
            square[:] = np.inf
            continue
        covered = ring * side + inset  # nothing that was not looked at is nearer
        if covered > 0.0 and square[square.size - 1] < covered * covered * (1.0 - 1e-12):
            break
        ring += 1


def _nearest(points, queries, k):
    n = points.shape[0]
    low = np.empty(3)
    extent = 0.0
    volume = 1.0
    for axis in range(3):
        low[axis] = points[:, axis].min()
        span = points[:, axis].max() - low[axis]
        extent = max(extent, span)
        volume *= max(span, 1e-300)
    side = max((volume * _PER_CELL / n) ** (1.0 / 3.0), extent / 512.0, 1e-300)
    cells = np.empty(3, np.int64)
    for axis in range(3):
        cells[axis] = int((points[:, axis].max() - low[axis]) / side) + 1
    first, order = _sort_into_cells(points, low, side, cells)
    row = n + 16
    place = np.zeros(3 * row, np.float32)
    for p in range(n):
        for axis in range(3):
            place[axis * row + p] = points[order[p], axis] - low[axis]
    slack = extent * 2.0**-20 + 1e-18  # four times what rounding moves a distance; squares stay above float32's least
    index = np.empty((queries.size, k), np.int64)
    distance = np.empty((queries.size, k))
    for m in prange(queries.size):
        i = queries[m]
        _search(i, points, place, slack, first, order, low, side, cells, index[m], distance[m])
        for j in range(k):
            distance[m, j] = math.sqrt(distance[m, j])
    return index, distance


nearest_serial, nearest_parallel = twins(_nearest, "nearest")


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
    """
    row, size = near.size // 3, name.size
    far = spread8(np.inf)
    for i in range(own):
        me = first + i
        x, y, z = item(near, me), item(near, row + me), item(near, 2 * row + me)
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
                    put(square, end, item(all_squares, j))
                    put(chosen, end, item(name, j))
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
        at, end, total = i * size, i * size + found[i], 0.0
        for p in range(at, end, 8):
            mine, nearer = load8(square, p), zero
            for j in range(at, end):
                nearer = nearer + where_less8(spread8(item(square, j)), mine, one, zero)
            store8(rank, p - at, nearer)
        for j in range(found[i]):
            r = item(rank, j)
            total += r
            put(ranked, np.int64(r), item(chosen, at + j))
        if total != 0.5 * found[i] * (found[i] - 1.0):
            _sort(square[at:end], chosen[at:end])
            for j in range(found[i]):
                put(ranked, j, item(chosen, at + j))
        for j in range(k):
            neighbour[m + i, j] = item(ranked, j)


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
