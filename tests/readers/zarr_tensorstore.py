"""What tensorstore finds of a particle: python zarr_tensorstore.py LIBRARY INDEX"""

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tensorstore
from measures.arrays import image, say

library, index = Path(sys.argv[1]), int(sys.argv[2])


def opened(path):
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}}
    return tensorstore.open(spec, read=True).result()


for shard in sorted((library / "shards").iterdir()):
    numbers = opened(shard / "particles/index").read().result()
    if index in numbers:
        row = int(np.flatnonzero(numbers == index)[0])
        break
stored = opened(shard / "labels")
assert stored.domain.labels == ("p", "z", "y", "x")
unit = stored.dimension_units[3]
assert unit.base_unit == "nm"
box = opened(shard / "particles/box_shape")[row].read().result()
labels = stored[(row, *map(slice, box.tolist()))].read().result()
first, last = opened(shard / "particles/grain_start")[row : row + 2].read().result().tolist()
turns = opened(shard / "grains/orientation")[first:last].read().result().tolist()
say(
    f"tensorstore {version('tensorstore')}",
    "labels, 0 outside; names, units",
    **image(labels, unit.multiplier / 1000),
    orientation=dict(enumerate(turns, 1)),
)
