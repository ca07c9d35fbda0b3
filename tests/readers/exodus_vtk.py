"""What VTK finds in particle.e: python exodus_vtk.py FOLDER"""

import sys

from measures.arrays import quads, say
from measures.mesh_vtk import corners, volumes
from vtkmodules.vtkCommonCore import vtkVersion
from vtkmodules.vtkIOExodus import vtkExodusIIReader

BLOCK, SIDE_SET = vtkExodusIIReader.ELEM_BLOCK, vtkExodusIIReader.SIDE_SET
reader = vtkExodusIIReader()
reader.SetFileName(f"{sys.argv[1]}/particle.e")
reader.UpdateInformation()
reader.SetObjectStatus(SIDE_SET, 0, 1)
reader.Update()
blocks, sides = reader.GetOutput().GetBlock(0), reader.GetOutput().GetBlock(4)
grains = {}
for k in range(reader.GetNumberOfObjects(BLOCK)):
    label = reader.GetObjectId(BLOCK, k)
    assert reader.GetObjectName(BLOCK, k).startswith(f"grain_{label}")
    grains[label] = float(volumes(blocks.GetBlock(k)).sum())
assert reader.GetNumberOfObjects(SIDE_SET) == 1 and reader.GetObjectName(SIDE_SET, 0).startswith("outer")
say(
    f"VTK {vtkVersion().GetVTKVersion()}",
    "blocks grain_i, side set outer",
    grains=grains,
    **quads(corners(sides.GetBlock(0), 4)),
)
