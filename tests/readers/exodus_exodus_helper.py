"""What Sandia's exodus_helper finds in particle.e: python exodus_exodus_helper.py FOLDER"""

import sys
from importlib.metadata import version

import exodus_helper
import numpy as np
from measures.arrays import hexahedra, quads, say

mesh = exodus_helper.Exodus(f"{sys.argv[1]}/particle.e")
points = np.stack(mesh.get_coords(), axis=1)
SIDES = ((0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7), (0, 3, 2, 1), (4, 5, 6, 7))
grains, cells = {}, []
for label in mesh.get_elem_blk_ids():
    nodes = np.asarray(mesh.get_elem_connectivity(label)[0]).reshape(-1, 8) - 1
    assert mesh.get_elem_blk_name(label) == f"grain_{label}"
    grains[int(label)] = float(hexahedra(points[nodes]).sum())
    cells.append(nodes)
cells = np.concatenate(cells)
elements, sides = mesh.get_side_set(1)
corners = points[[cells[e - 1][list(SIDES[s - 1])] for e, s in zip(elements, sides, strict=True)]]
say(f"exodus_helper {version('exodus_helper')}", "blocks grain_i, side set 1", grains=grains, **quads(corners))
