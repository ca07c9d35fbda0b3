"""What MOOSE would find in particle.ebsd.txt: python moose-ebsd_parser.py FOLDER

Written from the published EBSDMesh.C and EBSDReader.C: header lines start with #, the third word of the line that holds
a label is its value; data lines are placed by their coordinates; a feature must have one phase and one symmetry.
"""

import math
import sys

import numpy as np
from measures.arrays import image, say

LABELS = ("X_step", "X_Dim", "Y_step", "Y_Dim", "Z_step", "Z_Dim", "X_Min", "Y_Min", "Z_Min")
value, features, filled = dict.fromkeys(LABELS, 0.0), {}, {}
header = True
with open(f"{sys.argv[1]}/particle.ebsd.txt") as file:
    for line in file:
        if line.startswith("#"):
            label = next((name for name in LABELS if name in line), None)
            if header and label:
                value[label] = float(line.split()[2])
            continue
        header = False
        words = line.split()
        angles, place = [float(w) for w in words[:3]], [float(w) for w in words[3:6]]
        feature, phase, symmetry = (int(w) for w in words[6:9])
        size = [int(value[f"{axis}_Dim"]) for axis in "XYZ"]
        step, low = [value[f"{axis}_step"] for axis in "XYZ"], [value[f"{axis}_Min"] for axis in "XYZ"]
        for p, first, h, n in zip(place, low, step, size, strict=True):
            assert first <= p <= first + n * h, "EBSD data outside of the domain declared in the header"
            assert abs((p - first) / h % 1 - 0.5) < 1e-4, "points are not at the centres of cells"
        i, j, k = (int((p - first) / h) for p, first, h in zip(place, low, step, strict=True))
        filled[(k * size[1] + j) * size[0] + i] = feature
        known = features.setdefault(feature, [phase, symmetry, angles])
        assert known[:2] == [phase, symmetry], "an EBSD feature needs a uniform phase and symmetry"
        assert known[2] == angles
assert len(filled) == math.prod(size), "not every cell has a point"
assert features[0][0] == 0 and all(f[0] == 1 for n, f in features.items() if n), "phases"
labels = np.array([filled[n] for n in range(len(filled))]).reshape(size[::-1])
axes = {n: {"bunge": f[2]} for n, f in features.items() if n}
say("parser", "feature = label, phases 0 and 1", **image(labels, step[0]), origin=low, axes=axes)
