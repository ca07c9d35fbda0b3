"""What meshio finds in particle.msh: python gmsh_meshio.py FOLDER"""

import json
import sys

import meshio
import numpy as np

mesh = meshio.read(f"{sys.argv[1]}/particle.msh")
groups = {int(tag): name for name, (tag, dim) in mesh.field_data.items() if dim == 3}
grains, surface = dict.fromkeys(groups, 0.0), 0.0
for block, tags in zip(mesh.cells, mesh.cell_data["gmsh:physical"], strict=True):
    p = mesh.points[block.data]
    edges = [p[:, k] - p[:, 0] for k in ((1, 3, 4) if block.type == "hexahedron" else (1, 3))]
    if block.type == "quad":
        surface += float(np.linalg.norm(np.cross(*edges), axis=1).sum())
    else:
        assert groups[int(tags[0])] == f"grain_{tags[0]}" and (tags == tags[0]).all()
        grains[int(tags[0])] += float(np.linalg.det(np.stack(edges, axis=1)).sum())
print(json.dumps({"grains": grains, "surface": surface}))
