"""What scikit-fem finds in particle.msh: python gmsh_skfem.py FOLDER"""

import json
import sys

import skfem

mesh = skfem.MeshHex.load(f"{sys.argv[1]}/particle.msh")


@skfem.Functional
def one(w):
    return 1.0 + 0.0 * w.x[0]


grains = {}
for name, cells in mesh.subdomains.items():
    if name.startswith("grain_"):
        grains[int(name[6:])] = one.assemble(skfem.CellBasis(mesh, skfem.ElementHex1(), elements=cells))
facets = mesh.boundaries["surface"]
assert sorted(facets) == sorted(mesh.boundary_facets()), "the tagged facets are not the surface"
surface = one.assemble(skfem.FacetBasis(mesh, skfem.ElementHex1(), facets=facets))
print(json.dumps({"grains": grains, "surface": surface}))
