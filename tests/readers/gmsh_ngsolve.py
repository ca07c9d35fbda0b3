"""What NGSolve finds in particle_v2.msh: python gmsh_ngsolve.py FOLDER"""

import sys

import ngsolve
from measures.arrays import say
from netgen.read_gmsh import ReadGmsh
from ngsolve import CF, Integrate, specialcf, x, y, z

mesh = ngsolve.Mesh(ReadGmsh(f"{sys.argv[1]}/particle_v2.msh"))
volumes = Integrate(CF(1.0), mesh, region_wise=True)
grains = {int(name.removeprefix("grain_")): volumes[k] for k, name in enumerate(mesh.GetMaterials())}
outer = mesh.Boundaries("surface")
surface = Integrate(CF(1.0), mesh, definedon=outer)
enclosed = Integrate(CF((x, y, z)) * specialcf.normal(3) / 3, mesh, definedon=outer)
say(f"NGSolve {ngsolve.__version__}", "grain_i, surface", grains=grains, surface=surface, enclosed=enclosed)
