"""What PoreSpy finds in labels.tif: python tiff_porespy.py FOLDER"""

import sys

import porespy
import tifffile
from measures.arrays import image, say

with tifffile.TiffFile(f"{sys.argv[1]}/labels.tif") as file:
    labels, size = file.asarray().astype(int), file.imagej_metadata["spacing"]
regions = porespy.metrics.regionprops_3D(labels)
found = image(labels, size)
found["grains"] = {int(r.label): int(r.volume) * size**3 for r in regions}
say(f"PoreSpy {porespy.__version__}", "regions = labels", **found)
