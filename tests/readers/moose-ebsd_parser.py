"""What MOOSE would find in particle.ebsd.txt: python moose-ebsd_parser.py FOLDER

Written from the published EBSDMesh.C and EBSDReader.C: header lines start with #, the third word of the line that holds
a label is its value; data lines are placed by their coordinates; a feature must have one phase and one symmetry.
"""

import json
import math
import sys

LABELS = ("X_step", "X_Dim", "Y_step", "Y_Dim", "Z_step", "Z_Dim", "X_Min", "Y_Min", "Z_Min")
value, features, filled = dict.fromkeys(LABELS, 0.0), {}, set()
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
        filled.add((k * size[1] + j) * size[0] + i)
        known = features.setdefault(feature, [phase, symmetry, angles, 0])
        assert known[:2] == [phase, symmetry], "an EBSD feature needs a uniform phase and symmetry"
        assert known[2] == angles
        known[3] += 1
assert len(filled) == math.prod(size), "not every cell has a point"
assert features[0][0] == 0 and all(f[0] == 1 for n, f in features.items() if n), "phases"
voxel = math.prod(step)
print(json.dumps({
    "grains": {n: f[3] * voxel for n, f in features.items() if n}, "origin": low,
    "axes": {n: {"bunge": f[2]} for n, f in features.items() if n},
}))  # fmt: skip
