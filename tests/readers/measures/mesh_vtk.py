"""Measuring VTK's meshes, for the readers of several formats; also for ParaView's own VTK."""

import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkFiltersGeometry import vtkDataSetSurfaceFilter
from vtkmodules.vtkFiltersVerdict import vtkMeshQuality


def cells_of(mesh, corners):
    """The cells (m, corners) of a mesh, rows of its points."""
    cells = mesh.GetPolys() if mesh.IsA("vtkPolyData") else mesh.GetCells()
    assert cells.GetNumberOfCells() * corners == cells.GetNumberOfConnectivityIds(), f"not all have {corners} corners"
    return vtk_to_numpy(cells.GetConnectivityArray()).reshape(-1, corners)


def corners(mesh, count):
    """Corners (m, count, 3) of the cells."""
    return vtk_to_numpy(mesh.GetPoints().GetData()).astype(np.float64)[cells_of(mesh, count)]


def volumes(mesh):
    """Volumes (m,) of hexahedra, as VTK computes them."""
    quality = vtkMeshQuality()
    quality.SetInputData(mesh)
    quality.SetHexQualityMeasureToVolume()
    quality.Update()
    return vtk_to_numpy(quality.GetOutput().GetCellData().GetArray("Quality"))


def surface(mesh):
    """The outer quadrangles as VTK extracts them, corners (f, 4, 3)."""
    extract = vtkDataSetSurfaceFilter()
    extract.SetInputData(mesh)
    extract.Update()
    return corners(extract.GetOutput(), 4)
