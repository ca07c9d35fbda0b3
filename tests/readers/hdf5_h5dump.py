"""What the tools of HDF5 1.10 find of a particle, through filters and checksums: python hdf5_h5dump.py LIBRARY INDEX"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from measures.arrays import image, say

index = int(sys.argv[2])


def told(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


for path in sorted(Path(sys.argv[1]).glob("shards/*/shard.h5")):
    listing = told("h5ls", "-r", str(path))
    found = re.search(rf"^/view/{index:06d}\s+Dataset \{{(\d+), (\d+), (\d+)\}}", listing, re.M)
    if found:
        break
shape = [int(n) for n in found.groups()]
with tempfile.TemporaryDirectory() as scratch:
    told("h5dump", "-d", f"/view/{index:06d}", "-b", "LE", "-o", f"{scratch}/labels", str(path))
    kind = np.dtype(
        {"U16LE": "<u2", "U32LE": "<u4"}[
            re.search(r"H5T_STD_(\w+)", told("h5dump", "-H", "-d", "/labels", str(path)))[1]
        ]
    )
    labels = np.fromfile(f"{scratch}/labels", kind).reshape(shape)
recipe = re.search(r"\(0\): \"(.*)\"\s*\}", told("h5dump", "-w", "0", "-a", "/recipe", str(path)), re.S)[1]
size = json.loads(recipe.replace('\\"', '"'))["voxel_size"]
version = told("h5dump", "-V").split()[-1]
say(f"h5dump and h5ls {version}", "/view/i, 0 outside", **image(labels, size))
