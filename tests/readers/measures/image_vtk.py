"""Reading VTK's images, for the readers of several formats."""

from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOXML import vtkXMLImageDataReader


def labels_of(path, name):
    """The cell array of an image (nz, ny, nx), size of its voxels, lower corner."""
    reader = vtkXMLImageDataReader()
    reader.SetFileName(path)
    reader.Update()
    found = reader.GetOutput()
    x, y, z = found.GetDimensions()
    labels = vtk_to_numpy(found.GetCellData().GetArray(name)).reshape(z - 1, y - 1, x - 1)
    assert len(set(found.GetSpacing())) == 1
    return labels, found.GetSpacing()[0], list(found.GetOrigin())
