"""What VTK finds in particle.vti: python vti_vtk.py FOLDER"""

import sys

from measures.arrays import image, say
from measures.image_vtk import labels_of
from vtkmodules.vtkCommonCore import vtkVersion

labels, size, origin = labels_of(f"{sys.argv[1]}/particle.vti", "grain_id")
say(f"VTK {vtkVersion().GetVTKVersion()}", "grain_id, 0 outside", **image(labels, size), origin=origin)
