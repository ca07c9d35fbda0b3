"""What VTK finds in the mesh of a particle: python vtu_vtk.py LIBRARY INDEX"""

import sys
from pathlib import Path

from measures.arrays import quads, say, sums
from measures.mesh_vtk import surface, volumes
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkVersion
from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridReader

(path,) = Path(sys.argv[1]).glob(f"shards/*/{int(sys.argv[2]):06d}.vtu")
reader = vtkXMLUnstructuredGridReader()
reader.SetFileName(str(path))
reader.Update()
mesh = reader.GetOutput()
cells = {n: vtk_to_numpy(mesh.GetCellData().GetArray(n)) for n in ("grain_id", "material", "orientation")}
assert (cells["grain_id"] == cells["material"]).all()
orientation = dict(zip(cells["grain_id"].tolist(), cells["orientation"].tolist(), strict=True))
say(
    f"VTK {vtkVersion().GetVTKVersion()}",
    "grain_id, material",
    grains=sums(cells["grain_id"], volumes(mesh)),
    **quads(surface(mesh)),
    orientation=orientation,
)
