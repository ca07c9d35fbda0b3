"""What VTK finds of a particle in the VTKHDF group of its shard: python hdf5_vtk.py LIBRARY INDEX"""

import sys
from pathlib import Path

from measures.arrays import image, say
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkVersion
from vtkmodules.vtkIOHDF import vtkHDFReader

for path in sorted(Path(sys.argv[1]).glob("shards/*/shard.h5")):
    reader = vtkHDFReader()
    reader.SetFileName(str(path))
    reader.UpdateInformation()
    reader.SetStep(0)
    reader.Update()
    first = int(reader.GetTimeValue())
    if first <= int(sys.argv[2]) < first + reader.GetNumberOfSteps():
        break
reader.SetStep(int(sys.argv[2]) - first)
reader.Update()
assert reader.GetTimeValue() == int(sys.argv[2])
found = reader.GetOutput()
x, y, z = found.GetDimensions()
labels = vtk_to_numpy(found.GetCellData().GetArray("grain_id")).reshape(z - 1, y - 1, x - 1)
origin = vtk_to_numpy(found.GetFieldData().GetArray("box_origin"))[0].tolist()
said = "grain_id, 0 outside; time = particle"
say(f"VTK {vtkVersion().GetVTKVersion()}", said, **image(labels, found.GetSpacing()[0]), origin=origin)
