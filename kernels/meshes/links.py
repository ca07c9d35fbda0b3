"""Whether the names about a node make manifolds: of each grain, of the outside, of the interface of each pair.

The link of a node is the surface of its star, a sphere of triangles, one for each cell. All is well when every name has
one disk of it (so that no edge and no node is non-manifold), and every two names touch along one arc. A sphere has
V − E + F = 2, a disk 1; a face-connected part with 1 has neither holes nor pinched corners. Arcs have one corner more
than edges.
"""

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.meshes.stars import others, side_of

MOST = 96  # cells about a node that are looked at: more count as a fault
CORNERS = 64  # of a link
NAMES = 11  # about a node: their pairs fit into 64 bits
FAULTY = 1000  # of what is no sphere, or too large to tell


@helper
def links_for():
    """Scratch of `faults`: corner numbers, edges of the link, parts, bits of names and pairs."""
    return (
        np.empty(CORNERS, np.int64),
        np.full((CORNERS, CORNERS), -1, np.int64),
        np.empty((MOST, 3), np.int64),
        np.empty(MOST, np.int64),
        np.empty(CORNERS, np.int64),
        np.empty(CORNERS, np.int64),
        np.empty(NAMES + 1, np.int64),
        np.empty((3 * MOST, 2), np.int64),
    )


@helper
def is_of_one_name(names, star):
    """Whether all cells of a star have the same name."""
    alike = True
    for m in star:
        alike &= names[m] == names[star[0]]
    return alike


@helper
def _root(parent, k):
    while parent[k] != k:
        parent[k] = parent[parent[k]]
        k = parent[k]
    return k


@helper
def _bit_of(labels, count, name):
    for k in range(count):
        if labels[k] == name:
            return k
    return count


@helper
def _number_corners(cells, star, count, v, corner, triangle):
    """Fill triangle with the link's corners by their number in `corner`; how many, −1 when too many."""
    n = 0
    for t in range(count):
        k = side_of(cells, star[t], v)
        abc = others(cells, star[t], k)
        for s in range(3):
            node = abc[s]
            place = 0
            while place < n and corner[place] != node:
                place += 1
            if place == n:
                if n == CORNERS:
                    return -1
                corner[n] = node
                n += 1
            triangle[t, s] = place
    return n


@helper
def faults(cells, names, star, count, v, links):
    """How far from manifold the names of the cells star (count,) about node v are: 0 when they are."""
    corner, edge, triangle, parent, bits, pairs, labels, pair_edges = links
    if count > MOST:
        return FAULTY
    alike = is_of_one_name(names, star[:count])
    n = _number_corners(cells, star, count, v, corner, triangle)
    if n < 0:
        return FAULTY
    known = 0
    for c in range(n):
        bits[c] = 0
        pairs[c] = 0
    for t in range(count):
        parent[t] = t
        k = _bit_of(labels, known, names[star[t]])
        if k == known:
            if known == NAMES:
                return FAULTY
            labels[known] = names[star[t]]
            known += 1
        for s in range(3):
            bits[triangle[t, s]] |= 1 << k
    found, twice, joined, touching = (
        0,
        0,
        count,
        0,
    )  # edges of one triangle so far or of three; of two; parts; of two names
    for t in range(count):
        for s in range(3):
            i, j = triangle[t, s], triangle[t, (s + 1) % 3]
            if i > j:
                i, j = j, i
            u = edge[i, j]
            if u < 0:
                edge[i, j] = t if u == -1 else -3
                found += 1
                continue
            edge[i, j] = -2
            found -= 1
            twice += 1
            a, b = _bit_of(labels, known, names[star[u]]), _bit_of(labels, known, names[star[t]])
            if a == b:
                ru, rt = _root(parent, u), _root(parent, t)
                if ru != rt:
                    parent[max(ru, rt)] = min(ru, rt)
                    joined -= 1
            else:
                if a > b:
                    a, b = b, a
                p = b * (b - 1) // 2 + a
                pairs[i] |= 1 << p
                pairs[j] |= 1 << p
                pair_edges[touching, 0], pair_edges[touching, 1] = p, 0
                touching += 1
    for t in range(count):
        for s in range(3):
            i, j = triangle[t, s], triangle[t, (s + 1) % 3]
            edge[min(i, j), max(i, j)] = -1
    if found != 0 or n - twice + count != 2:
        return FAULTY
    if alike:
        return FAULTY if joined != 1 else 0
    return _extra_disks(known, n, count, star, names, labels, bits, pairs, pair_edges, touching, joined, twice)


@helper
def _extra_disks(known, n, count, star, names, labels, bits, pairs, pair_edges, touching, joined, twice):
    bad = joined - known
    for k in range(known):
        corners, cells, edges = 0, 0, 0
        for c in range(n):
            corners += bits[c] >> k & 1
        for t in range(count):
            cells += names[star[t]] == labels[k]
        outer = 0
        for e in range(touching):
            p = pair_edges[e, 0]
            b = 1
            while (b + 1) * b // 2 <= p:
                b += 1
            outer += b == k or p - b * (b - 1) // 2 == k
        edges = (3 * cells + outer) // 2
        bad += abs(corners - edges + cells - 1)
    for p in range(known * (known - 1) // 2):
        arcs = 0
        for c in range(n):
            arcs += pairs[c] >> p & 1
        for e in range(touching):
            arcs -= pair_edges[e, 0] == p
        bad += max(arcs - 1, 0)
    return bad


@kernel
def count_faults(cells, names, start, stop, items, balls, bad):
    """Fill bad (n,) with 1 at each node whose star is no ball or whose names are not manifold there; how many.

    balls: that stars are balls is known, as of a lattice, and those of one name need no look.
    """
    links, total = links_for(), 0
    for v in range(stop.size):
        bad[v] = 0
        if stop[v] > start[v]:
            star = items[start[v] : stop[v]]
            if balls and is_of_one_name(names, star):
                continue
            bad[v] = 1 if faults(cells, names, star, star.size, v, links) > 0 else 0
            total += bad[v]
    return total
