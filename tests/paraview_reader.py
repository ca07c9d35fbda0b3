"""What ParaView sees of a file at each time, as JSON: pvpython paraview_reader.py FILE."""

import json
import sys

from paraview import servermanager, simple
from vtk.util.numpy_support import vtk_to_numpy


def seen(reader, time):
    simple.UpdatePipeline(time, reader)
    data = servermanager.Fetch(reader)
    while data.IsA("vtkMultiBlockDataSet"):
        data = data.GetBlock(0)
    found = {"bounds": data.GetBounds(), "grain_id": vtk_to_numpy(data.GetCellData().GetArray("grain_id")).tolist()}
    return {**found, "dimensions": data.GetDimensions()} if hasattr(data, "GetDimensions") else found


source = simple.OpenDataFile(sys.argv[1])
json.dump({str(int(time)): seen(source, time) for time in source.TimestepValues}, sys.stdout)
