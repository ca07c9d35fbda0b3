"""What PoreSpy finds in labels.tif: python tiff_porespy.py FOLDER"""

import json
import sys

import porespy
import tifffile

with tifffile.TiffFile(f"{sys.argv[1]}/labels.tif") as file:
    labels, size = file.asarray().astype(int), file.imagej_metadata["spacing"]
regions = porespy.metrics.regionprops_3D(labels)
print(json.dumps({"grains": {int(r.label): int(r.volume) * size**3 for r in regions}}))
