"""What MFEM finds in particle.msh, and solves on it: python gmsh_mfem.py FOLDER"""

import sys

from measures.arrays import say
from measures.mesh_mfem import measured, poisson, version

found, boundary = measured(f"{sys.argv[1]}/particle.msh")
assert boundary == [1000001]
say(version, "attribute = label, boundary 1000001", **found, poisson=poisson(f"{sys.argv[1]}/particle.msh"))
