"""What ParaView finds, for the readers of several formats: cells it shows, volumes and areas it integrates."""

import numpy as np
from paraview import servermanager, simple
from vtkmodules.util.numpy_support import vtk_to_numpy

from measures.arrays import image, quads, sums
from measures.mesh_vtk import surface, volumes

version = f"ParaView {simple.GetParaViewSourceVersion().split()[-1]}"


def at_time(source, time=None):
    """The data set that ParaView shows at a time."""
    if time is not None:
        assert time in list(source.TimestepValues), f"no time {time}"
        simple.UpdatePipeline(time, source)
    data = servermanager.Fetch(source)
    while data.IsA("vtkMultiBlockDataSet"):
        data = data.GetBlock(0)
    return data


def of_image(data):
    x, y, z = data.GetDimensions()
    labels = vtk_to_numpy(data.GetCellData().GetArray("grain_id")).reshape(z - 1, y - 1, x - 1)
    bounds = data.GetBounds()
    return {**image(labels, (bounds[1] - bounds[0]) / (x - 1)), "origin": list(bounds[::2])}


def of_mesh(data):
    labels = vtk_to_numpy(data.GetCellData().GetArray("grain_id"))
    return {"grains": sums(labels, np.asarray(volumes(data))), **quads(surface(data))}
