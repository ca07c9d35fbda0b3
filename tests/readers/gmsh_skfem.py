"""What scikit-fem finds in particle.msh, and solves on it: python gmsh_skfem.py FOLDER"""

import sys

import numpy as np
import skfem
from measures.arrays import say
from skfem.models.poisson import laplace, unit_load

mesh = skfem.MeshHex.load(f"{sys.argv[1]}/particle.msh")


@skfem.Functional
def one(w):
    return 1.0 + 0.0 * w.x[0]


@skfem.Functional
def outward(w):
    return sum(w.x[k] * w.n[k] for k in range(3)) / 3


volumes = one.elemental(skfem.CellBasis(mesh, skfem.ElementHex1()))
grains = {
    int(name[6:]): float(volumes[cells].sum()) for name, cells in mesh.subdomains.items() if name.startswith("grain_")
}
facets = np.asarray(mesh.boundaries["surface"])
assert sorted(facets) == sorted(mesh.boundary_facets()), "the tagged facets are not the surface"
outer = skfem.FacetBasis(mesh, skfem.ElementHex1(), facets=facets)
basis = skfem.CellBasis(mesh, skfem.ElementHex1())
load = unit_load.assemble(basis)
held = basis.get_dofs(facets)
u = skfem.solve(*skfem.condense(laplace.assemble(basis), load, D=held))
say(
    f"scikit-fem {skfem.__version__}",
    "grain_i, surface",
    grains=grains,
    surface=float(one.assemble(outer)),
    enclosed=float(outward.assemble(outer)),
    poisson=float(load @ u),
)
