"""What VTK finds in particle.vti: python damask_vtk.py FOLDER"""

import sys

from measures.arrays import image, say
from measures.image_vtk import labels_of
from vtkmodules.vtkCommonCore import vtkVersion

labels, size, origin = labels_of(f"{sys.argv[1]}/particle.vti", "material")
say(f"VTK {vtkVersion().GetVTKVersion()}", "material = label, 0 outside", **image(labels, size), origin=origin)
