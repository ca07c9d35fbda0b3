"""What ParaView finds of a particle through the XDMF file of its shard: pvpython hdf5_paraview.py LIBRARY INDEX"""

import sys
from pathlib import Path

from measures.arrays import say
from measures.paraview_data import at_time, of_image, version
from paraview import simple

for path in sorted(Path(sys.argv[1]).glob("shards/*/shard.xmf")):
    source = simple.OpenDataFile(str(path))
    if float(sys.argv[2]) in list(source.TimestepValues):
        break
say(version, "grain_id, 0 outside; time = particle", **of_image(at_time(source, float(sys.argv[2]))))
