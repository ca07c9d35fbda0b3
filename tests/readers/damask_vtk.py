"""What VTK finds in particle.vti: python damask_vtk.py FOLDER"""

import json
import sys

import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOXML import vtkXMLImageDataReader

reader = vtkXMLImageDataReader()
reader.SetFileName(f"{sys.argv[1]}/particle.vti")
reader.Update()
image = reader.GetOutput()
count = np.bincount(vtk_to_numpy(image.GetCellData().GetArray("material"))).tolist()
voxel = float(np.prod(image.GetSpacing()))
print(json.dumps({"grains": {k: n * voxel for k, n in enumerate(count) if k and n}, "origin": image.GetOrigin()}))
