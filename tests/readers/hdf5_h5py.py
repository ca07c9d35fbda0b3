"""What h5py finds of a particle in the file that joins all shards: python hdf5_h5py.py LIBRARY INDEX"""

import json
import sys

import h5py
from measures.arrays import image, say

index = int(sys.argv[2])
with h5py.File(f"{sys.argv[1]}/library.h5") as file:
    row = file["particles/index"][:].tolist().index(index)
    labels = file["labels"][(row, *map(slice, file["particles/box_shape"][row].tolist()))]
    size = json.loads(file.attrs["recipe"])["voxel_size"]
    first, last = file["particles/grain_start"][row : row + 2].tolist()
    turns, origin = file["grains/orientation"][first:last].tolist(), file["particles/box_origin"][row].tolist()
    assert [d.label for d in file["labels"].dims] == ["p", "z", "y", "x"]
say(
    f"h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}",
    "labels, 0 outside; names",
    **image(labels, size),
    orientation=dict(enumerate(turns, 1)),
    origin=origin,
)
