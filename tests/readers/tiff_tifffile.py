"""What tifffile finds in labels.tif: python tiff_tifffile.py FOLDER"""

import json
import sys

import numpy as np
import tifffile

with tifffile.TiffFile(f"{sys.argv[1]}/labels.tif") as file:
    labels, told, page = file.asarray(), file.imagej_metadata, file.pages[0]
    assert told["unit"] in ("um", "µm", "micron", "\\u00B5m"), told
    step = page.tags["XResolution"].value
    size = step[1] / step[0]
assert abs(told["spacing"] - size) < 1e-6 * size
count = np.bincount(labels.ravel())
print(json.dumps({"grains": {k: n * told["spacing"] ** 3 for k, n in enumerate(count.tolist()) if k and n}}))
