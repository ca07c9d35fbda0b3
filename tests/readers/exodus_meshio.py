"""What meshio finds in particle.e, block by block: python exodus_meshio.py FOLDER"""

import json
import sys

import meshio
import netCDF4
import numpy as np

path = f"{sys.argv[1]}/particle.e"
mesh = meshio.read(path)
with netCDF4.Dataset(path) as file:
    numbers = file["eb_prop1"][:].tolist()
    labels = [numbers[int(name[7:]) - 1] for name in file.variables if name.startswith("connect")]  # meshio's order
grains = {}
for label, block in zip(labels, mesh.cells, strict=True):
    p = mesh.points[block.data]
    grains[label] = float(np.linalg.det(np.stack([p[:, k] - p[:, 0] for k in (1, 3, 4)], axis=1)).sum())
print(json.dumps({"grains": grains}))
