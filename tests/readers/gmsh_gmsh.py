"""What Gmsh itself finds in particle.msh: python gmsh_gmsh.py FOLDER"""

import sys

import gmsh
import numpy as np
from measures.arrays import hexahedra, quads, say

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


grains, outer = {}, {}
for dim, group in gmsh.model.getPhysicalGroups():
    name, p = gmsh.model.getPhysicalName(dim, group), corners(dim, group)
    if dim == 2:
        assert name == "surface"
        outer = quads(p)
    else:
        assert name == f"grain_{group}"
        grains[group] = float(hexahedra(p).sum())
say(f"Gmsh {gmsh.__version__}", "grain_i, surface", grains=grains, **outer)
