"""What SfePy finds in particle.msh as meshio hands it over, and solves on it: python gmsh_sfepy.py FOLDER"""

import sys

import meshio
import numpy as np
import sfepy
from measures.arrays import hexahedra, outer_quads, quads, say, sums
from sfepy.base.base import output
from sfepy.discrete import Equation, Equations, FieldVariable, Integral, Problem
from sfepy.discrete.conditions import Conditions, EssentialBC
from sfepy.discrete.fem import FEDomain, Field, Mesh
from sfepy.solvers.ls import ScipyDirect
from sfepy.solvers.nls import Newton
from sfepy.terms import Term

output.set_output(quiet=True)
# SfePy's own reading of the file gives hexahedra and quadrangles one numbering, and groups that are no labels.
file = meshio.read(f"{sys.argv[1]}/particle.msh")
corners, labels = file.cells_dict["hexahedron"], file.cell_data_dict["gmsh:physical"]["hexahedron"]
mesh = Mesh.from_data("particle", file.points, None, [corners], [labels], ["3_8"])
domain = FEDomain("particle", mesh)
inside = domain.create_region("inside", "all")
outside = domain.create_region("outside", "vertices of surface", "facet")
field = Field.from_args("u", np.float64, "scalar", inside, approx_order=1)
u = FieldVariable("u", "unknown", field)
v = FieldVariable("v", "test", field, primary_var_name="u")
rule = Integral("rule", order=2)
terms = Term.new("dw_laplace(v, u)", rule, inside, v=v, u=u) - Term.new("dw_volume_integrate(v)", rule, inside, v=v)
problem = Problem("poisson", equations=Equations([Equation("balance", terms)]))
problem.set_bcs(ebcs=Conditions([EssentialBC("held", outside, {"u.0": 0.0})]))
problem.set_solver(Newton({"i_max": 1, "eps_a": 1e-10}, lin_solver=ScipyDirect({})))
problem.solve()
say(
    f"SfePy {sfepy.__version__}",
    "cell groups = labels",
    grains=sums(mesh.cmesh.cell_groups, hexahedra(mesh.coors[mesh.get_conn("3_8")])),
    **quads(mesh.coors[outer_quads(corners)]),
    poisson=float(problem.evaluate("ev_volume_integrate.2.inside(u)", u=u)),
)
