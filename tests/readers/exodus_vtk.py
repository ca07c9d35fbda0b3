"""What VTK finds in particle.e: python exodus_vtk.py FOLDER"""

import json
import sys

import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkFiltersVerdict import vtkCellSizeFilter
from vtkmodules.vtkIOExodus import vtkExodusIIReader

BLOCK, SIDE_SET = vtkExodusIIReader.ELEM_BLOCK, vtkExodusIIReader.SIDE_SET
reader = vtkExodusIIReader()
reader.SetFileName(f"{sys.argv[1]}/particle.e")
reader.UpdateInformation()
reader.SetObjectStatus(SIDE_SET, 0, 1)
reader.Update()


def measured(piece, kind):
    sizes = vtkCellSizeFilter()
    sizes.SetInputData(piece)
    sizes.Update()
    return float(np.sum(vtk_to_numpy(sizes.GetOutput().GetCellData().GetArray(kind))))


blocks, sides = reader.GetOutput().GetBlock(0), reader.GetOutput().GetBlock(4)
grains = {}
for k in range(reader.GetNumberOfObjects(BLOCK)):
    label = reader.GetObjectId(BLOCK, k)
    assert reader.GetObjectName(BLOCK, k).startswith(f"grain_{label}")
    grains[label] = measured(blocks.GetBlock(k), "Volume")
assert reader.GetNumberOfObjects(SIDE_SET) == 1 and reader.GetObjectName(SIDE_SET, 0).startswith("outer")
print(json.dumps({"grains": grains, "surface": measured(sides.GetBlock(0), "Area")}))
