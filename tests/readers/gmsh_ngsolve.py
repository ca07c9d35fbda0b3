"""What NGSolve finds in particle_v2.msh, and solves on it: python gmsh_ngsolve.py FOLDER"""

import sys

import ngsolve
from measures.arrays import say
from netgen.read_gmsh import ReadGmsh
from ngsolve import CF, H1, BilinearForm, GridFunction, Integrate, LinearForm, dx, grad, specialcf, x, y, z

mesh = ngsolve.Mesh(ReadGmsh(f"{sys.argv[1]}/particle_v2.msh"))
volumes = Integrate(CF(1.0), mesh, region_wise=True)
grains = {int(name.removeprefix("grain_")): volumes[k] for k, name in enumerate(mesh.GetMaterials())}
outer = mesh.Boundaries("surface")
surface = Integrate(CF(1.0), mesh, definedon=outer)
enclosed = Integrate(CF((x, y, z)) * specialcf.normal(3) / 3, mesh, definedon=outer)
space = H1(mesh, order=1, dirichlet="surface")
u, v = space.TnT()
matrix, load, solution = BilinearForm(grad(u) * grad(v) * dx), LinearForm(v * dx), GridFunction(space)
inverse = matrix.Assemble().mat.Inverse(space.FreeDofs(), inverse="sparsecholesky")
solution.vec.data = inverse * load.Assemble().vec
say(
    f"NGSolve {ngsolve.__version__}",
    "grain_i, surface",
    grains=grains,
    surface=surface,
    enclosed=enclosed,
    poisson=Integrate(solution, mesh),
)
