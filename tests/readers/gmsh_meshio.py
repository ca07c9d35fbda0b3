"""What meshio finds in particle.msh: python gmsh_meshio.py FOLDER"""

import sys

import meshio
import numpy as np
from measures.arrays import hexahedra, quads, say

mesh = meshio.read(f"{sys.argv[1]}/particle.msh")
groups = {int(tag): name for name, (tag, dim) in mesh.field_data.items() if dim == 3}
grains, outer = dict.fromkeys(groups, 0.0), []
for block, tags in zip(mesh.cells, mesh.cell_data["gmsh:physical"], strict=True):
    p = mesh.points[block.data]
    if block.type == "quad":
        assert (tags == mesh.field_data["surface"][0]).all()
        outer.append(p)
    else:
        assert groups[int(tags[0])] == f"grain_{tags[0]}" and (tags == tags[0]).all()
        grains[int(tags[0])] += float(hexahedra(p).sum())
say(f"meshio {meshio.__version__}", "grain_i, surface", grains=grains, **quads(np.concatenate(outer)))
