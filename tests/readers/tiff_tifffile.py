"""What tifffile finds in labels.tif: python tiff_tifffile.py FOLDER"""

import sys

import tifffile
from measures.arrays import image, say

with tifffile.TiffFile(f"{sys.argv[1]}/labels.tif") as file:
    labels, told, page = file.asarray(), file.imagej_metadata, file.pages[0]
    assert told["unit"] in ("um", "µm", "micron", "\\u00B5m"), told
    step = page.tags["XResolution"].value
    size = step[1] / step[0]
assert abs(told["spacing"] - size) < 1e-6 * size
say(f"tifffile {tifffile.__version__}", "labels, 0 outside; voxel size", **image(labels, told["spacing"]))
