"""What zarr-python finds of a particle: python zarr_zarr.py LIBRARY INDEX"""

import sys

import numpy as np
import zarr
from measures.arrays import image, say

library, index = zarr.open_group(sys.argv[1], mode="r"), int(sys.argv[2])
size = library.attrs["recipe"]["voxel_size"]
for _, shard in sorted(library["shards"].groups()):
    numbers = shard["particles/index"][:]
    if index in numbers:
        row = int(np.flatnonzero(numbers == index)[0])
        break
box = shard["particles/box_shape"][row]
labels = shard["labels"][(row, *map(slice, box.tolist()))]
first, last = shard["particles/grain_start"][row : row + 2]
turns = shard["grains/orientation"][int(first) : int(last)].tolist()
say(
    f"zarr-python {zarr.__version__}",
    "labels, 0 outside; names, units",
    **image(labels, size),
    orientation=dict(enumerate(turns, 1)),
    origin=shard["particles/box_origin"][row].tolist(),
)
