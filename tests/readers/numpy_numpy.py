"""What NumPy finds in particle.npz: python numpy_numpy.py FOLDER"""

import sys

import numpy as np
from measures.arrays import image, say

with np.load(f"{sys.argv[1]}/particle.npz") as file:
    labels, size, orientation = file["labels"], float(file["voxel_size"]), file["orientation"]
    assert file["sphericity"] == 1.5 or sys.argv[2:], "a descriptor is missing"
turns = {k + 1: q for k, q in enumerate(orientation.tolist())}
say(f"NumPy {np.__version__}", "labels, 0 outside", **image(labels, size), orientation=turns)
