"""What MFEM finds in particle.msh: python gmsh_mfem.py FOLDER"""

import json
import sys
from collections import defaultdict

import mfem.ser as mfem

mesh = mfem.Mesh(f"{sys.argv[1]}/particle.msh")
grains = defaultdict(float)
for k in range(mesh.GetNE()):
    grains[mesh.GetAttribute(k)] += mesh.GetElementVolume(k)
assert list(mesh.bdr_attributes.ToList()) == [1000001]
one = mfem.ConstantCoefficient(1.0)
space = mfem.FiniteElementSpace(mesh, mfem.H1_FECollection(1, 3))
form = mfem.LinearForm(space)
form.AddBoundaryIntegrator(mfem.BoundaryLFIntegrator(one))
form.Assemble()
print(json.dumps({"grains": grains, "surface": form.Sum()}))
