"""What NumPy finds in particle.npz: python numpy_numpy.py FOLDER"""

import json
import sys

import numpy as np

with np.load(f"{sys.argv[1]}/particle.npz") as file:
    labels, size, orientation = file["labels"], float(file["voxel_size"]), file["orientation"]
    assert file["sphericity"] == 1.5 or sys.argv[2:], "a descriptor is missing"
count = np.bincount(labels.ravel()).tolist()
grains = {k: n * size**3 for k, n in enumerate(count) if k and n}
print(json.dumps({"grains": grains, "orientation": {k + 1: q for k, q in enumerate(orientation.tolist())}}))
