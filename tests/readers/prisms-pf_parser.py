"""What PRISMS-PF would find in particle.vtk: python prisms-pf_parser.py FOLDER

Written from its published Body::read_RL_vtk and Mesh.hh: lines are told by their first letter and keyword, the number
of points of an axis follows the keyword, its coordinates follow the line; the scalars follow the line after SCALARS.
"""

import sys

import numpy as np
from measures.arrays import image, say

with open(f"{sys.argv[1]}/particle.vtk") as file:
    words = file.read().split("\n")
count, place, values = {}, {}, []
at = 0
while at < len(words):
    head = words[at].split()
    at += 1
    if not head:
        continue
    if head[0] in ("X_COORDINATES", "Y_COORDINATES", "Z_COORDINATES"):
        axis, numbers = head[0][0], []
        count[axis] = int(head[1])
        while len(numbers) < count[axis]:
            numbers += [float(w) for w in words[at].split()]
            at += 1
        place[axis] = np.array(numbers)
    elif head[0] == "SCALARS":
        name = head[1]
        assert words[at].startswith("LOOKUP_TABLE")
        values = [float(w) for line in words[at + 1 :] for w in line.split()]
        break
with open(f"{sys.argv[1]}/grains.prm") as file:
    said = dict(line[4:].strip().split(" = ") for line in file if line.startswith("set "))
assert said["Grain structure variable name"] == name and said["vtk file type"] == "RECTILINEAR"
assert len(values) == count["X"] * count["Y"] * count["Z"], "as many values as points"
for axis in "XYZ":
    assert place[axis][0] == 0 and abs(place[axis][-1] - float(said[f"Domain size {axis}"])) < 1e-6, "domain from 0"
labels = np.array(values, int).reshape([count[axis] for axis in "ZYX"])
size = float(np.mean([np.diff(place[axis]).mean() for axis in "XYZ"]))
say("parser", "FeatureIds, 0 outside; parameters", **image(labels, size))
