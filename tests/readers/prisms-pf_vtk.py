"""What VTK finds in particle.vtk: python prisms-pf_vtk.py FOLDER"""

import sys

import numpy as np
from measures.arrays import image, say
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkVersion
from vtkmodules.vtkIOLegacy import vtkRectilinearGridReader

reader = vtkRectilinearGridReader()
reader.SetFileName(f"{sys.argv[1]}/particle.vtk")
reader.Update()
grid = reader.GetOutput()
steps = [
    np.diff(vtk_to_numpy(c)).mean() for c in (grid.GetXCoordinates(), grid.GetYCoordinates(), grid.GetZCoordinates())
]
x, y, z = grid.GetDimensions()
labels = vtk_to_numpy(grid.GetPointData().GetArray("FeatureIds")).reshape(z, y, x)
say(f"VTK {vtkVersion().GetVTKVersion()}", "FeatureIds, 0 outside", **image(labels, float(np.mean(steps))))
