"""What meshio finds in the mesh of a particle: python vtu_meshio.py LIBRARY INDEX"""

import sys
from pathlib import Path

import meshio
from measures.arrays import hexahedra, outer_quads, quads, say, sums

(path,) = Path(sys.argv[1]).glob(f"shards/*/{int(sys.argv[2]):06d}.vtu")
mesh = meshio.read(path)
(block,) = mesh.cells
grain = mesh.cell_data["grain_id"][0]
orientation = dict(zip(grain.tolist(), mesh.cell_data["orientation"][0].tolist(), strict=True))
say(
    f"meshio {meshio.__version__}",
    "grain_id",
    grains=sums(grain, hexahedra(mesh.points[block.data])),
    **quads(mesh.points[outer_quads(block.data)]),
    orientation=orientation,
)
