"""What meshio finds in mesh.inp: python abaqus_meshio.py FOLDER"""

import sys

import meshio
import numpy as np
from measures.arrays import hexahedra, outer_quads, quads, say

mesh = meshio.read(f"{sys.argv[1]}/mesh.inp")
cells = np.concatenate([block.data for block in mesh.cells])
volume = hexahedra(mesh.points[cells])
first = np.cumsum([0] + [len(block) for block in mesh.cells])
grains = {}
for name, members in mesh.cell_sets.items():
    if name.upper().startswith("GRAIN_"):
        rows = np.concatenate([first[b] + np.asarray(m, int) for b, m in enumerate(members) if m is not None])
        grains[int(name[6:])] = float(volume[rows].sum())
outer = outer_quads(cells)
assert np.array_equal(np.sort(mesh.point_sets["OUTER_NODES"]), np.unique(outer)), "OUTER_NODES are not the surface's"
say(f"meshio {meshio.__version__}", "sets GRAIN_i, OUTER_NODES", grains=grains, **quads(mesh.points[outer]))
