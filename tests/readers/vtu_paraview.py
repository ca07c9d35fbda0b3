"""What ParaView finds of a particle in the index of all meshes: pvpython vtu_paraview.py LIBRARY INDEX"""

import sys

from measures.arrays import say
from measures.paraview_data import at_time, of_mesh, version
from paraview import simple

source = simple.OpenDataFile(f"{sys.argv[1]}/library.pvd")
say(version, "grain_id; time = particle", **of_mesh(at_time(source, float(sys.argv[2]))))
