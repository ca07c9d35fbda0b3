"""What taufactor finds in labels.tif, by its own measures and its solver: python tiff_taufactor.py FOLDER"""

import sys
import warnings
from importlib.metadata import version

import numpy as np
import taufactor
import tifffile
from measures.arrays import image, say

warnings.simplefilter("ignore")  # there is no graphics card
with tifffile.TiffFile(f"{sys.argv[1]}/labels.tif") as file:
    labels, size = file.asarray().astype(np.int32), file.imagej_metadata["spacing"]
fractions = taufactor.metrics.volume_fraction(labels)
box = labels.size * size**3
grains = {int(k): v * box for k, v in fractions.items() if int(k)}
# Conduction along z through six planes about the middle: there is a way, and none is shorter than straight.
middle = labels.shape[0] // 2
slab = (labels > 0)[middle - 3 : middle + 3]
solver = taufactor.Solver(slab, device="cpu")
solver.solve(verbose=False)
assert solver.tau[0] > 1.0 and abs(solver.VF[0] - slab.mean()) < 1e-6, (solver.tau, solver.VF)
pairs = taufactor.metrics.interfacial_areas(np.pad(labels > 0, 1).astype(np.int32), normalize=False, device="cpu")
found = {**image(labels, size), "grains": grains, "surface": pairs[0, 1] * size**2}
say(f"taufactor {version('taufactor')}", "phases = labels; solved", **found)
