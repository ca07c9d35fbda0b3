"""What Gmsh itself finds in particle.msh: python gmsh_gmsh.py FOLDER"""

import json
import sys

import gmsh
import numpy as np

gmsh.initialize(["", "-v", "0"])
gmsh.open(f"{sys.argv[1]}/particle.msh")
tags, flat, _ = gmsh.model.mesh.getNodes()
place = np.empty((int(tags.max()) + 1, 3))
place[tags.astype(int)] = flat.reshape(-1, 3)


def corners(dim, group):
    nodes = []
    for entity in gmsh.model.getEntitiesForPhysicalGroup(dim, group):
        _, _, found = gmsh.model.mesh.getElements(dim, entity)
        nodes += [n.astype(int).reshape(-1, {2: 4, 3: 8}[dim]) for n in found]
    return place[np.concatenate(nodes)]


grains, surface, enclosed = {}, 0.0, 0.0
for dim, group in gmsh.model.getPhysicalGroups():
    name, p = gmsh.model.getPhysicalName(dim, group), corners(dim, group)
    edges = [p[:, k] - p[:, 0] for k in (1, 3, 4)[:dim]]
    if dim == 2:
        assert name == "surface"
        normals = np.cross(*edges)
        surface = float(np.linalg.norm(normals, axis=1).sum())
        enclosed = float((p.mean(axis=1) * normals).sum() / 3)
    else:
        assert name == f"grain_{group}"
        grains[group] = float(np.linalg.det(np.stack(edges, axis=1)).sum())
print(json.dumps({"grains": grains, "surface": surface, "enclosed": enclosed}))
