"""Eq. (8) as slow, readable code: every seed at every point, float64."""

import numpy as np


def distances(position, matrices, offset, points, squared=False):
    """d_i(x) = |x − s_i|_M_i − r_i, Eq. (8): n seeds, p points -> (p, n)."""
    d = points[:, None] - position
    q = np.einsum("pna,nab,pnb->pn", d, matrices, d)
    q = np.maximum(q, 0.0)  # rounding of a singular M
    return (q if squared else np.sqrt(q)) - offset


def labels(position, matrices, offset, points, squared=False):
    """The argmin of Eq. (8), lowest index on ties, and by how much the runner-up loses: (p,) and (p,)."""
    label, lead = np.empty(len(points), int), np.full(len(points), np.inf)
    step = max(1, 200_000 // len(offset))
    for start in range(0, len(points), step):
        part = slice(start, start + step)
        d = distances(position, matrices, offset, points[part], squared)
        label[part] = d.argmin(1)
        if len(offset) > 1:
            two = np.partition(d, 1, axis=1)
            lead[part] = two[:, 1] - two[:, 0]
    return label, lead


def voxel_centres(shape, origin, voxel_size):
    """Centres origin + (k + 0.5) h of the voxels of a (nz, ny, nx) grid in C order: (p, 3) x, y, z."""
    z, y, x = np.meshgrid(*(np.arange(k) + 0.5 for k in shape), indexing="ij")
    return np.asarray(origin) + np.stack([x, y, z], -1).reshape(-1, 3) * voxel_size


def metrics(rng, n, eigenvalues):
    """Matrices Qᵀ D Q with random rotations Q and D drawn from eigenvalues(n, 3): (n, 3, 3)."""
    q = np.linalg.qr(rng.normal(size=(n, 3, 3)))[0]
    m = np.einsum("nka,nk,nkb->nab", q, eigenvalues, q)
    return (m + m.transpose(0, 2, 1)) / 2
