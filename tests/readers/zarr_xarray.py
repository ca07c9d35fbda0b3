"""What xarray finds of a particle, in its shard: python zarr_xarray.py LIBRARY INDEX"""

import sys
import warnings
from pathlib import Path

import xarray
from measures.arrays import image, say

index = int(sys.argv[2])
for shard in sorted((Path(sys.argv[1]) / "shards").iterdir()):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # manifest.json is no Zarr object
        tree = xarray.open_datatree(shard, engine="zarr", consolidated=False)
    numbers = tree["particles/index"].values.tolist()
    if index in numbers:
        break
row = numbers.index(index)
assert tree["labels"].dims == ("p", "z", "y", "x")
box = tree["particles/box_shape"].values[row].tolist()
labels = tree["labels"][(row, *map(slice, box))].values
size, unit = tree["labels"].attrs["dimension_units"][3].split()
assert unit == "nm"
first, last = tree["particles/grain_start"].values[row : row + 2].tolist()
turns = tree["grains/orientation"].values[first:last].tolist()
say(
    f"xarray {xarray.__version__}",
    "labels, 0 outside; names, units",
    **image(labels, float(size) / 1000),
    orientation=dict(enumerate(turns, 1)),
)
