"""What ParaView finds in particle.e: pvpython exodus_paraview.py FOLDER"""

import sys

from measures.arrays import quads, say
from measures.mesh_vtk import corners, volumes
from measures.paraview_data import version
from paraview import simple

source = simple.OpenDataFile(f"{sys.argv[1]}/particle.e")
source.SideSets = source.SideSets.Available
source.UpdatePipeline()
data = source.GetClientSideObject().GetOutputDataObject(0)  # Fetch cannot bring a collection of this kind
grains, outer = {}, None
for k in range(data.GetNumberOfPartitionedDataSets()):
    name = data.GetMetaData(k).Get(data.NAME())
    piece = data.GetPartitionedDataSet(k).GetPartition(0)
    if name == "outer":
        outer = quads(corners(piece, 4))
    else:
        assert name.startswith("grain_"), name
        grains[int(name.removeprefix("grain_"))] = float(volumes(piece).sum())
say(version, "blocks grain_i, side set outer", grains=grains, **outer)
