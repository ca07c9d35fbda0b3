"""What Sandia's exodus_helper finds in particle.e: python exodus_exodus_helper.py FOLDER"""

import json
import sys

import exodus_helper
import numpy as np

mesh = exodus_helper.Exodus(f"{sys.argv[1]}/particle.e")
points = np.stack(mesh.get_coords(), axis=1)
SIDES = ((0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7), (0, 3, 2, 1), (4, 5, 6, 7))
grains, cells = {}, []
for label in mesh.get_elem_blk_ids():
    nodes = np.asarray(mesh.get_elem_connectivity(label)[0]).reshape(-1, 8) - 1
    assert mesh.get_elem_blk_name(label) == f"grain_{label}"
    p = points[nodes]
    grains[int(label)] = float(np.linalg.det(np.stack([p[:, k] - p[:, 0] for k in (1, 3, 4)], axis=1)).sum())
    cells.append(nodes)
cells = np.concatenate(cells)
elements, sides = mesh.get_side_set(1)
corners = points[[cells[e - 1][list(SIDES[s - 1])] for e, s in zip(elements, sides, strict=True)]]
normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0])
enclosed = (corners.mean(axis=1) * normals).sum() / 3
found = {"grains": grains, "surface": float(np.linalg.norm(normals, axis=1).sum()), "enclosed": float(enclosed)}
print(json.dumps(found))
