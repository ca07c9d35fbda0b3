"""What ParaView finds in particle.vti: pvpython vti_paraview.py FOLDER"""

import sys

from measures.arrays import say
from measures.paraview_data import at_time, of_image, version
from paraview import simple

source = simple.OpenDataFile(f"{sys.argv[1]}/particle.vti")
say(version, "grain_id, 0 outside", **of_image(at_time(source)))
