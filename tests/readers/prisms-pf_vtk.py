"""What VTK finds in particle.vtk: python prisms-pf_vtk.py FOLDER"""

import json
import sys

import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOLegacy import vtkRectilinearGridReader

reader = vtkRectilinearGridReader()
reader.SetFileName(f"{sys.argv[1]}/particle.vtk")
reader.Update()
grid = reader.GetOutput()
steps = [
    np.diff(vtk_to_numpy(c)).mean() for c in (grid.GetXCoordinates(), grid.GetYCoordinates(), grid.GetZCoordinates())
]
counts = np.bincount(vtk_to_numpy(grid.GetPointData().GetArray("FeatureIds"))).tolist()
print(json.dumps({"grains": {k: n * float(np.prod(steps)) for k, n in enumerate(counts) if k and n}}))
