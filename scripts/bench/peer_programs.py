"""What other programs make of the same seeds; runs in the environment of the peers, knows nothing of nmcfast.

    python peer_programs.py NAME CASE.npz REGION LABELS.npy LEAST SECONDS THREADS

REGION is z0,z1,y0,y1 (all x). Prints one JSON object: warm_up_s, wall_s, cpu_s, versions. Labels are written as int32
(z, y, x). Each function takes the case and the threads, and returns one that labels voxel centres on axes z, y, x.

n seeds, p voxels.
"""

import json
import sys
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
from timing import measure

CHUNK = 20_000_000  # products of a voxel and a seed that NumPy's brute force takes at a time: 0.16 GB an array


def centres(axes):
    """Voxel centres (p, 3), x fastest, of axes z, y, x."""
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return np.column_stack([x.ravel(), y.ravel(), z.ravel()])


def ckdtree(case, threads):
    """SciPy: the nearest seed; power diagrams in four dimensions, |x − s|² + (w_max − w)."""
    from scipy.spatial import cKDTree

    lift = np.sqrt(case["offset"].max() - case["offset"])[:, None] if case["kind"] == "power" else np.empty((0, 0))

    def label(axes):
        points, seeds = centres(axes), case["position"]
        if lift.size:
            points, seeds = np.column_stack([points, np.zeros(len(points))]), np.column_stack([seeds, lift])
        return cKDTree(seeds).query(points, workers=threads)[1]

    return label


def damask(case, threads):
    """DAMASK's grid filters: a box whose corner is the origin, all of it or some planes of it."""
    import os

    os.environ["OMP_NUM_THREADS"] = str(threads)  # what DAMASK asks for its number of workers
    from damask import GeomGrid

    def label(axes):
        shape = [len(axis) for axis in axes[::-1]]
        seeds = case["position"] - np.array([axis[0] - 0.5 for axis in axes[::-1]])
        given = {"cells": shape, "size": [float(k) for k in shape], "seeds": seeds, "periodic": False}
        if case["kind"] == "power":
            grid = GeomGrid.from_Laguerre_tessellation(weights=case["offset"], **given)
        else:
            grid = GeomGrid.from_Voronoi_tessellation(**given)
        return grid.material.transpose(2, 1, 0)

    return label


def brute_numba(case, threads):
    """Every seed at every voxel, float32, vectors along x: the best of several forms of the loop."""
    import numba

    numba.set_num_threads(threads)

    @numba.njit(parallel=True)
    def rows(s, m, r, z, y, x, out):
        for line in numba.prange(z.size * y.size):
            best, name = np.full(x.size, np.float32(np.inf)), np.zeros(x.size, np.int32)
            pz, py = z[line // y.size], y[line % y.size]
            for i in range(r.size):
                dz, dy = pz - s[i, 2], py - s[i, 1]
                a, b = m[i, 0], np.float32(2) * (m[i, 1] * dy + m[i, 2] * dz)
                c = m[i, 3] * dy * dy + np.float32(2) * m[i, 4] * dy * dz + m[i, 5] * dz * dz
                for k in range(x.size):
                    dx = x[k] - s[i, 0]
                    d = np.sqrt(dx * (a * dx + b) + c) - r[i]
                    name[k] = np.int32(i) if d < best[k] else name[k]
                    best[k] = min(d, best[k])
            out[line] = name

    s, r = case["position"].astype(np.float32), case["offset"].astype(np.float32)
    m = case["matrices"][:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]].astype(np.float32)

    def label(axes):
        z, y, x = (axis.astype(np.float32) for axis in axes)
        out = np.empty((z.size * y.size, x.size), np.int32)
        rows(s, m, r, z, y, x, out)
        return out

    return label


def brute_numpy(case, threads):
    """Every seed at every voxel as one product of matrices: ten monomials of a voxel times ten of a seed."""
    s, m = case["position"], case["matrices"]
    ms = np.einsum("nij,nj->ni", m, s)
    table = np.column_stack(
        [m[:, 0, 0], m[:, 1, 1], m[:, 2, 2], 2 * m[:, 0, 1], 2 * m[:, 0, 2], 2 * m[:, 1, 2], -2 * ms]
    )
    constant = np.einsum("ni,ni->n", s, ms)

    def label(axes):
        points = centres(axes)
        out = np.empty(len(points), np.int32)
        step = max(1, CHUNK // len(s))
        for first in range(0, len(points), step):
            x, y, z = points[first : first + step].T
            q = np.column_stack([x * x, y * y, z * z, x * y, x * z, y * z, x, y, z]) @ table.T + constant
            out[first : first + step] = (np.sqrt(np.maximum(q, 0)) - case["offset"]).argmin(axis=1)
        return out

    return label


def keops(case, threads):
    """PyKeOps: the same reduction, never stored."""
    import torch
    from pykeops.torch import LazyTensor

    torch.set_num_threads(threads)
    wide = {name: torch.tensor(case[name], dtype=torch.float32) for name in ("position", "matrices", "offset")}
    n = len(wide["offset"])
    s, m = LazyTensor(wide["position"].view(1, n, 3)), LazyTensor(wide["matrices"].reshape(1, n, 9))
    r = LazyTensor(wide["offset"].view(1, n, 1))

    def label(axes):
        points = torch.tensor(centres(axes), dtype=torch.float32)
        d = LazyTensor(points.view(-1, 1, 3)) - s
        return ((d | m.matvecmult(d)).sqrt() - r).argmin(dim=1).numpy()

    return label


def pyapd(case, threads):
    """PyAPD's anisotropic power diagram: squared norm less a weight, not our model but the same cost."""
    import torch
    from PyAPD.apds import apd_system

    torch.set_num_threads(threads)
    wide = {name: torch.tensor(case[name], dtype=torch.float32) for name in ("position", "matrices", "offset")}

    def label(axes):
        system = apd_system(X=wide["position"], As=wide["matrices"], W=wide["offset"] ** 2, pixel_params=(1, 1, 1))
        points = torch.tensor(centres(axes), dtype=torch.float32)
        system.set_pixels(points, torch.ones(len(points)))
        return system.assemble_apd().numpy()

    return label


def nearest16(case, threads):
    """What a good user would write: the 16 nearest seeds of a KD-tree, then the best of them, in numba. Not exact."""
    import numba
    from scipy.spatial import cKDTree

    numba.set_num_threads(threads)

    @numba.njit(parallel=True)
    def pick(points, near, s, m, r, out):
        for p in numba.prange(out.size):
            best = np.inf
            for k in near[p]:
                x, y, z = points[p, 0] - s[k, 0], points[p, 1] - s[k, 1], points[p, 2] - s[k, 2]
                q = m[k, 0, 0] * x * x + m[k, 1, 1] * y * y + m[k, 2, 2] * z * z
                q += 2.0 * (m[k, 0, 1] * x * y + m[k, 0, 2] * x * z + m[k, 1, 2] * y * z)
                d = np.sqrt(max(q, 0.0)) - r[k]
                if d < best or (d == best and k < out[p]):
                    best, out[p] = d, k

    def label(axes):
        points, tree = centres(axes), cKDTree(case["position"])
        out = np.empty(len(points), np.int32)
        for first in range(0, len(points), 2**20):
            part = points[first : first + 2**20]
            near = tree.query(part, k=16, workers=threads)[1]
            pick(part, near, case["position"], case["matrices"], case["offset"], out[first : first + 2**20])
        return out

    return label


def microstructpy(case, threads):
    """MicroStructPy: polyhedra by Voro++, then its raster mesh; equal radii, since it ends where a cell is empty."""
    from microstructpy.geometry import Box, Sphere
    from microstructpy.meshing import PolyMesh, RasterMesh
    from microstructpy.seeding import Seed, SeedList

    def label(axes):
        size = float(len(axes[2]))
        seeds = SeedList([Seed(Sphere(r=1.0), position=s, breakdown=[[*s, 1.0]]) for s in case["position"]])
        cells = PolyMesh.from_seeds(seeds, Box(side_lengths=[size] * 3, center=[0, 0, 0]))
        raster = RasterMesh.from_polymesh(cells, 1.0)
        return np.asarray(raster.element_attributes).reshape([len(axes[2])] * 3).transpose(2, 1, 0)

    return label


PEERS: dict[str, tuple[Callable, tuple[str, ...]]] = {
    "ckdtree": (ckdtree, ("scipy",)),
    "damask": (damask, ("damask", "scipy")),
    "brute_numba": (brute_numba, ("numba", "numpy")),
    "brute_numpy": (brute_numpy, ("numpy",)),
    "keops": (keops, ("pykeops", "torch")),
    "pyapd": (pyapd, ("pyapd", "pykeops", "torch")),
    "nearest16": (nearest16, ("scipy", "numba")),
    "microstructpy": (microstructpy, ("microstructpy", "numpy")),
}


def main(name, path, region, labels, least, seconds, threads):
    case = dict(np.load(path))
    case["kind"] = str(case["kind"])
    size = int(case["size"])
    z0, z1, y0, y1 = (int(k) for k in region.split(","))
    line = np.arange(size) + 0.5 - size / 2
    axes = line[z0:z1], line[y0:y1], line
    prepare, packages = PEERS[name]
    work, found = prepare(case, int(threads)), {}

    def run():
        found["labels"] = work(axes)

    few = axes[0][:1], axes[1][:1], axes[2]  # compiles and loads what a long run needs
    warm = (lambda: work(few)) if name not in ("damask", "microstructpy") else (lambda: None)
    timed = measure(run, least=int(least), most=5, seconds=float(seconds), warm=warm if int(least) == 1 else None)
    np.save(labels, np.asarray(found["labels"]).reshape(z1 - z0, y1 - y0, size).astype(np.int32))
    print(json.dumps({**timed, "versions": {p: version(p) for p in packages}}))


if __name__ == "__main__":
    main(*sys.argv[1:])
