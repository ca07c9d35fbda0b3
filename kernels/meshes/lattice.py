"""A body-centred cubic lattice of equal tetrahedra: two centres of cells that share a face, and an edge of that face.

A cell of edge a has 12: slot 4 axis + edge belongs to the face between it and the next cell along the axis. Slots are
arrays (12, nz, ny, nx); corners are counted x first, then the centres.
"""

import numpy as np

from nmcfast.kernels._cache import kernel
from nmcfast.kernels.meshes.surfaces import depth_gradient

SLOTS = 12
# Where the middle of a slot lies from the middle of its face, along the two other axes in cyclic order, in edges a.
STEPS = ((0.0, -0.25), (0.25, 0.0), (0.0, 0.25), (-0.25, 0.0))


@kernel
def mark_depths(labels, slot, origin, edge, shape, reach, margin):
    """Set labels (nz, ny, nx) int32 of one slot, middles at origin + edge (x, y, z), to 0 outside a shell, −1 far outside.

    Outside is |x| > X(u), far outside by more than margin µm, to first order, which is less than along the radius. shape: see `surfaces`; reach (2,): least and largest X.
    The last cells along the slot's axis have no neighbour: −1.
    """
    nz, ny, nx = labels.shape
    axis = slot // 4
    for k in range(nz):
        z = origin[2] + k * edge
        for j in range(ny):
            y = origin[1] + j * edge
            for i in range(nx):
                x = origin[0] + i * edge
                last = (i == nx - 1, j == ny - 1, k == nz - 1)[axis]
                r2 = x * x + y * y + z * z
                if last or r2 > (reach[1] + margin) ** 2:
                    labels[k, j, i] = -1
                elif r2 > reach[0] ** 2:
                    deep, gx, gy, gz = depth_gradient(shape, x, y, z)
                    if deep < 0.0:
                        steep = max(np.sqrt(gx * gx + gy * gy + gz * gz), 1.0)
                        labels[k, j, i] = 0 if deep >= -margin * steep else -1


@kernel
def fill_cells(labels, cells, names):
    """Fill cells (m, 4) and names (m,) with the slots of labels (12, nz, ny, nx) that are not negative."""
    _, nz, ny, nx = labels.shape
    corner, centre = (1, nx + 1, (nx + 1) * (ny + 1)), (1, nx, nx * ny)
    first, m = (nx + 1) * (ny + 1) * (nz + 1), 0
    for k in range(nz):
        for j in range(ny):
            for i in range(nx):
                for slot in range(SLOTS):
                    name = labels[slot, k, j, i]
                    if name < 0:
                        continue
                    axis, edge = slot // 4, slot % 4
                    u, w = corner[(axis + 1) % 3], corner[(axis + 2) % 3]
                    inner = first + i + nx * (j + ny * k)
                    outer = i + (nx + 1) * (j + (ny + 1) * k) + corner[axis]
                    cells[m, 0], cells[m, 1] = inner, inner + centre[axis]
                    cells[m, 2] = outer + (u if edge == 1 or edge == 2 else 0) + (w if edge >= 2 else 0)
                    cells[m, 3] = outer + (u if edge <= 1 else 0) + (w if edge == 1 or edge == 2 else 0)
                    names[m] = name
                    m += 1


@kernel
def place_nodes(cells, shape, origin, edge, points):
    """Number the nodes of cells (m, 4) anew in the order of their first use; their points (n, 3); n."""
    nz, ny, nx = shape
    first, n = (nx + 1) * (ny + 1) * (nz + 1), 0
    number = np.full(first + nx * ny * nz, -1, np.int32)
    for m in range(cells.shape[0]):
        for corner in range(4):
            node = cells[m, corner]
            if number[node] < 0:
                wide, tall, rest, half = nx + 1, ny + 1, node, 0.0
                if node >= first:
                    wide, tall, rest, half = nx, ny, node - first, 0.5
                points[n, 0] = origin[0] + (rest % wide + half) * edge
                points[n, 1] = origin[1] + (rest // wide % tall + half) * edge
                points[n, 2] = origin[2] + (rest // wide // tall + half) * edge
                number[node] = n
                n += 1
            cells[m, corner] = number[node]
    return n
