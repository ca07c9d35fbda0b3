"""What lets viewers open the labels of an HDF5 shard: a VTKHDF group, one view a particle, an XDMF sidecar.

VTK ≥ 9.3 and current ParaView read `/VTKHDF`, with the particle's number as time: one image at a time, its lower corner
at 0; the true one is the field array box_origin. ParaView 5.11 cannot; it reads the XDMF file, which names `/view/…`,
one virtual dataset for each particle. All images of a shard have the shape that its largest particle needs: readers
keep the extent of the first.
"""

import h5py
import numpy as np

from nmcfast.export.hdf5_file import write_virtual
from nmcfast.export.records import Shape
from nmcfast.export.schema import LABELS

GRAIN_ID = "grain_id"  # the name of labels in every viewer


def view_name(index: int) -> str:
    return f"view/{index:06d}"


def add_views(file: h5py.File, origins: np.ndarray, first: int, voxel_size: float) -> None:
    """Add /VTKHDF and the views of the particles from `first` on to a file that holds their labels.

    origins (p, 3) µm: lower corners of their boxes.
    """
    labels = file[LABELS.name]
    if 0 in labels.shape:  # no particle has a voxel
        return
    for row, origin in enumerate(origins):
        layout = h5py.VirtualLayout(labels.shape[1:], labels.dtype)
        layout[...] = h5py.VirtualSource(".", LABELS.name, labels.shape)[row]
        view = write_virtual(file, view_name(first + row), layout)
        view.attrs.update(origin=origin, voxel_size=voxel_size)
    group = file.create_group("VTKHDF")
    z, y, x = labels.shape[1:]
    group.attrs.update(
        Version=np.array([2, 2]),
        Type=np.bytes_("ImageData"),
        WholeExtent=np.array([0, x, 0, y, 0, z]),
        Origin=np.zeros(3),
        Spacing=np.full(3, voxel_size),
        Direction=np.eye(3).ravel(),
    )
    group[f"CellData/{GRAIN_ID}"] = h5py.SoftLink(f"/{LABELS.name}")
    group.create_group("Steps").attrs["NSteps"] = len(origins)
    rows = np.arange(len(origins))
    for name, values in (
        ("FieldData/box_origin", origins),
        ("Steps/Values", (first + rows).astype(float)),
        (f"Steps/CellDataOffsets/{GRAIN_ID}", rows),
        ("Steps/FieldDataOffsets/box_origin", rows),
        ("Steps/FieldDataSizes/box_origin", np.tile([3, 1], (len(rows), 1))),
    ):
        group.create_dataset(name, data=values)  # unlike assignment, it stores no time


def xdmf(data: str, shape: Shape, origins: np.ndarray, first: int, voxel_size: float) -> str:
    """An XDMF file over the views (shape z, y, x) in the HDF5 file `data`; time is the number of the particle.

    Labels are declared as Int of 4 bytes, which HDF5 converts them to: ParaView 5.11 drops arrays of two.
    """
    grids = "".join(_grid(data, shape, first + row, origin, voxel_size) for row, origin in enumerate(origins))
    return (
        '<?xml version="1.0"?>\n<Xdmf Version="3.0"><Domain>\n'
        f'<Grid Name="particles" GridType="Collection" CollectionType="Temporal">\n{grids}</Grid>\n</Domain></Xdmf>\n'
    )


def _grid(data: str, shape: Shape, index: int, origin: np.ndarray, voxel_size: float) -> str:
    nodes, cells = " ".join(str(n + 1) for n in shape), " ".join(map(str, shape))
    corner, spacing = " ".join(repr(float(v)) for v in origin[::-1]), " ".join([repr(voxel_size)] * 3)
    return (
        f'<Grid Name="particle {index}"><Time Value="{index}"/>\n'
        f'<Topology TopologyType="3DCoRectMesh" Dimensions="{nodes}"/>\n<Geometry GeometryType="ORIGIN_DXDYDZ">\n'
        f'<DataItem Dimensions="3" NumberType="Float" Precision="8" Format="XML">{corner}</DataItem>\n'
        f'<DataItem Dimensions="3" NumberType="Float" Precision="8" Format="XML">{spacing}</DataItem>\n'
        f'</Geometry>\n<Attribute Name="{GRAIN_ID}" AttributeType="Scalar" Center="Cell">\n'
        f'<DataItem Dimensions="{cells}" NumberType="Int" Precision="4" Format="HDF">{data}:/{view_name(index)}'
        "</DataItem>\n</Attribute></Grid>\n"
    )
