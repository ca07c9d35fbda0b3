"""What NGSolve finds in particle_v2.msh: python gmsh_ngsolve.py FOLDER"""

import json
import sys

import ngsolve
from netgen.read_gmsh import ReadGmsh

mesh = ngsolve.Mesh(ReadGmsh(f"{sys.argv[1]}/particle_v2.msh"))
volumes = ngsolve.Integrate(ngsolve.CF(1.0), mesh, region_wise=True)
grains = {int(name.removeprefix("grain_")): volumes[k] for k, name in enumerate(mesh.GetMaterials())}
surface = ngsolve.Integrate(ngsolve.CF(1.0), mesh, definedon=mesh.Boundaries("surface"))
print(json.dumps({"grains": grains, "surface": surface}))
