"""What FiPy finds in particle_v2.msh: python gmsh_fipy.py FOLDER"""

import json
import sys

sys.argv, folder = sys.argv[:1], sys.argv[1]  # FiPy reads the command line itself

import fipy  # noqa: E402
import numpy as np  # noqa: E402

mesh = fipy.Gmsh3D(f"{folder}/particle_v2.msh")
volume = np.asarray(mesh.cellVolumes)
grains = {int(name[6:]): float(volume[np.asarray(inside)].sum())
          for name, inside in mesh.physicalCells.items() if name.startswith("grain_")}  # fmt: skip
print(json.dumps({"grains": grains}))
