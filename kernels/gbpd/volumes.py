"""Exact labels of a generalised balanced power diagram, Eq. (8), by pruning boxes of voxels.

The seeds of a tile of 256³ voxels are pruned by `candidates` to boxes of 128, 64, 32, 16, 8 and 4 voxels, where those
that are left (about four) are evaluated at every voxel in float32, see `leaves`. What is dropped loses beyond the
rounding; voxels whose two best candidates are closer than that are decided in float64. The labels are thus those of a
float64 brute force, with ties to the lower index, whatever the machine.
"""

import math

import numpy as np
from numba import njit, prange

from nmcfast.kernels._cache import helper, kernel, twins
from nmcfast.kernels.gbpd.candidates import place_seeds
from nmcfast.kernels.gbpd.ceilings import cap_pyramid, ceiling_of
from nmcfast.kernels.gbpd.cells import cell_edge
from nmcfast.kernels.gbpd.descent import list_all, memory_for, root_box, tile_at
from nmcfast.kernels.gbpd.label_box import Labelling, label_box
from nmcfast.kernels.gbpd.layout import LEAF, TILE, Scene, ask_for, records_of, seed_count, set_names
from nmcfast.kernels.gbpd.leaves import Given, distance, given_of, sheet_of
from nmcfast.kernels.gbpd.marks import marks_of, share_of
from nmcfast.kernels.vectors.memory import raw


@kernel
def factors(matrices, scale, out):
    """Fill out (6, n) float32 with the upper triangular A, AᵀA = scale² M, rows A00 A01 A02 A11 A12 A22.

    1e-13 of the trace is added to the diagonal: it keeps the factor stable for singular M and moves a distance by
    less than 4e-7 |A| |x − s|, which the rounding bound covers.
    """
    for i in range(matrices.shape[0]):
        m = matrices[i]
        floor = 1e-13 * (m[0, 0] + m[1, 1] + m[2, 2]) + 1e-300
        a00 = math.sqrt(max(m[0, 0], 0.0) + floor)
        a01 = m[0, 1] / a00
        a02 = m[0, 2] / a00
        a11 = math.sqrt(max(m[1, 1] - a01 * a01, 0.0) + floor)
        a12 = (m[1, 2] - a01 * a02) / a11
        a22 = math.sqrt(max(m[2, 2] - a02 * a02 - a12 * a12, 0.0) + floor)
        out[0, i], out[1, i], out[2, i] = a00 * scale, a01 * scale, a02 * scale
        out[3, i], out[4, i], out[5, i] = a11 * scale, a12 * scale, a22 * scale


@kernel
def first_indefinite(matrices):
    """Index of the first of matrices (n, 3, 3) with an eigenvalue below −5e-14 of its trace, or −1."""
    for i in range(matrices.shape[0]):
        m = matrices[i]
        trace = m[0, 0] + m[1, 1] + m[2, 2]
        floor = 5e-14 * trace + 1e-300
        p0 = m[0, 0] + floor
        if not (trace >= 0.0 and p0 > 0.0):
            return i
        p1 = m[1, 1] + floor - m[0, 1] * m[0, 1] / p0
        if not p1 > 0.0:
            return i
        s12 = m[1, 2] - m[0, 1] * m[0, 2] / p0
        if not m[2, 2] + floor - m[0, 2] * m[0, 2] / p0 - s12 * s12 / p1 > 0.0:
            return i
    return -1


@helper
def _label_share(out, names, tables, blocks, counts, share):
    """One worker's share of the labels, tile by tile; adds to counts (4,)."""
    c, lut, nothing = records_of(tables.factor, tables.shift), names.lut, np.empty((0, 0, 0), np.bool_)
    memory, patch, n = memory_for(c), np.empty(LEAF**3, out.dtype), seed_count(c)
    given, asked, reached = given_of(tables), marks_of(blocks), marks_of(nothing)
    ask_for(c, names.relevant)
    set_names(c, lut)
    sheet, beyond = sheet_of(out), np.int64(lut[n])
    for z in range(0, out.shape[0], TILE):
        for y in range(0, out.shape[1], TILE):
            for x in range(0, out.shape[2], TILE):
                tile = tile_at((z, y, x), out.shape)
                place_seeds(c, tables.place, tile.middle, tables.squared)
                scene = Scene(tile, cell_edge(c, tile), tables.squared, 1)
                caps = cap_pyramid(c, scene, asked, share, memory.scratch, 0)
                list_all(memory.lists, n)
                job = Labelling(
                    ceiling_of(caps, scene),
                    sheet,
                    raw(lut),
                    beyond,
                    given,
                    asked,
                    reached,
                    share,
                    raw(patch),
                    raw(counts),
                )
                _, memory = label_box(job, memory, root_box(scene, tile.low, TILE, n), caps, scene)
    return nothing, patch  # they must live as long as their address is in use


def _label_volume(out, names, tables, blocks, workers):
    """Fill out (z, y, x), C-contiguous of any integer type, with labels; counts (workers, 4), see COUNTS.

    names, tables: see `layout`; boxes that no relevant seed can reach get the last label.
    blocks (z, y, x) bool, of 8³ voxels: what is asked for; boxes without any stay as they are. An empty array asks for
    all.
    """
    counts = np.zeros((workers, 4), np.int64)
    for worker in prange(workers):
        _label_share(out, names, tables, blocks, counts[worker], share_of(out.shape, worker, workers))
    return counts


label_volume_serial, label_volume_parallel = twins(_label_volume, "label_volume")


@njit(cache=True, nogil=True, parallel=True)
def label_points_parallel(out, points, position, matrices, offset, squared):
    """Fill out (p,) with the index of the smallest d at points (p, 3), Eq. (8), in float64."""
    given = Given(raw(position), raw(matrices), raw(offset), 0.0, 0.0, 0.0, 1.0)
    for k in prange(out.size):
        lowest, winner = np.inf, 0
        for i in range(offset.size):
            d = distance(given, i, points[k, 0], points[k, 1], points[k, 2], squared)
            if d < lowest:
                lowest, winner = d, i
        out[k] = winner
