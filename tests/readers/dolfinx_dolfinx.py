"""What DOLFINx finds in particle.xdmf: python dolfinx_dolfinx.py FOLDER"""

import json
import sys
from pathlib import Path

import numpy as np
import ufl
from dolfinx import fem, io
from mpi4py import MPI

with io.XDMFFile(MPI.COMM_WORLD, str(Path(sys.argv[1], "particle.xdmf")), "r") as file:
    mesh = file.read_mesh(name="mesh")
    grains = file.read_meshtags(mesh, name="grains")
    mesh.topology.create_connectivity(2, 3)
    facets = file.read_meshtags(mesh, name="facets")
space = fem.FunctionSpace(mesh, ("DG", 0))
volumes = fem.petsc.assemble_vector(fem.form(ufl.TestFunction(space) * ufl.dx)).array
assert len(grains.indices) == len(volumes), "a cell has no grain, or more than one"
cell_volumes = volumes[[space.dofmap.cell_dofs(cell)[0] for cell in grains.indices]]
sums = np.bincount(grains.values, cell_volumes)
surface = fem.assemble_scalar(fem.form(fem.Constant(mesh, 1.0) * ufl.ds(subdomain_data=facets)(1)))
whole = fem.assemble_scalar(fem.form(fem.Constant(mesh, 1.0) * ufl.ds(mesh)))
assert abs(whole - surface) < 1e-9 * whole, "the tagged facets are not all of the surface"
print(json.dumps({"grains": {k: v for k, v in enumerate(sums.tolist()) if v}, "surface": surface}))
