"""What meshio finds in mesh.inp: python abaqus_meshio.py FOLDER"""

import json
import sys

import meshio
import numpy as np

mesh = meshio.read(f"{sys.argv[1]}/mesh.inp")
volume = np.concatenate([
    np.linalg.det(np.stack([p[:, k] - p[:, 0] for k in (1, 3, 4)], axis=1))
    for p in (mesh.points[block.data] for block in mesh.cells)
])  # fmt: skip
first = np.cumsum([0] + [len(block) for block in mesh.cells])
grains = {}
for name, members in mesh.cell_sets.items():
    if name.upper().startswith("GRAIN_"):
        rows = np.concatenate([first[b] + np.asarray(m, int) for b, m in enumerate(members) if m is not None])
        grains[int(name[6:])] = float(volume[rows].sum())
print(json.dumps({"grains": grains}))
