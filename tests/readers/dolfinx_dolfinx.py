"""What DOLFINx finds in particle.xdmf, and solves on it: python dolfinx_dolfinx.py FOLDER"""

import sys
from pathlib import Path

import dolfinx
import ufl
from dolfinx import fem, io
from measures.arrays import say, sums
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
tagged = ufl.ds(subdomain_data=facets)(1)
surface = fem.assemble_scalar(fem.form(fem.Constant(mesh, 1.0) * tagged))
whole = fem.assemble_scalar(fem.form(fem.Constant(mesh, 1.0) * ufl.ds(mesh)))
assert abs(whole - surface) < 1e-9 * whole, "the tagged facets are not all of the surface"
enclosed = fem.assemble_scalar(fem.form(ufl.dot(ufl.SpatialCoordinate(mesh), ufl.FacetNormal(mesh)) / 3 * tagged))
linear = fem.FunctionSpace(mesh, ("CG", 1))
u, v, zero = ufl.TrialFunction(linear), ufl.TestFunction(linear), fem.Constant(mesh, 0.0)
held = fem.locate_dofs_topological(linear, 2, facets.indices[facets.values == 1])
problem = fem.petsc.LinearProblem(
    ufl.inner(ufl.grad(u), ufl.grad(v)) * ufl.dx,
    v * ufl.dx,
    bcs=[fem.dirichletbc(zero, held, linear)],
    petsc_options={"ksp_type": "preonly", "pc_type": "lu"},
)
solved = fem.assemble_scalar(fem.form(problem.solve() * ufl.dx))
say(
    f"DOLFINx {dolfinx.__version__}",
    "cell tags = labels, facet tag 1",
    grains=sums(grains.values, cell_volumes),
    surface=surface,
    enclosed=enclosed,
    poisson=solved,
)
