"""What meshio finds in particle.e, block by block; it leaves out side sets: python exodus_meshio.py FOLDER"""

import sys

import meshio
import netCDF4
import numpy as np
from measures.arrays import hexahedra, outer_quads, quads, say

path = f"{sys.argv[1]}/particle.e"
mesh = meshio.read(path)
with netCDF4.Dataset(path) as file:
    numbers = file["eb_prop1"][:].tolist()
    labels = [numbers[int(name[7:]) - 1] for name in file.variables if name.startswith("connect")]  # meshio's order
grains = {
    label: float(hexahedra(mesh.points[block.data]).sum()) for label, block in zip(labels, mesh.cells, strict=True)
}
outer = outer_quads(np.concatenate([block.data for block in mesh.cells]))
say(f"meshio {meshio.__version__}", "blocks; it reads no side sets", grains=grains, **quads(mesh.points[outer]))
