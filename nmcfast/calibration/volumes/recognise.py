"""Whether a file is a CT volume, by its content and without reading its values."""

from pathlib import Path

SMALLEST = 8  # voxels along each axis of a volume


def is_volume(path: str | Path) -> bool:
    """True of what holds an array of three dimensions and is no EBSD map: of folders of slices, headers, HDF5, TIFF."""
    from nmcfast.calibration.volumes.read import split_path

    name, inner = split_path(str(path))
    if inner or name.suffix.lower() in (".npy", ".mhd", ".mha", ".nrrd", ".nhdr", ".mat", ".nxs", ".zarr"):
        return True
    try:
        return _holds_volume(name)
    except Exception:  # a broken file is for those who read it to refuse
        return False


def _holds_volume(name: Path) -> bool:
    from nmcfast.calibration.volumes import slices, tiff

    if name.is_dir():
        return slices.holds(name)
    start = name.open("rb").read(8)
    if start[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        with tiff.library().TiffFile(name) as file:
            return any(tiff.is_stack(one) for one in file.series) or len(file.series) >= SMALLEST
    return start == b"\x89HDF\r\n\x1a\n" and _hdf5_volume(name)


def _hdf5_volume(name: Path) -> bool:
    import h5py

    found = []
    with h5py.File(name, "r") as file:
        file.visititems(lambda path, node: found.append((path, getattr(node, "shape", ()))))
    if any("ebsd" in path.lower() for path, _ in found):
        return False
    return any(len(shape) >= 3 and sum(size >= SMALLEST for size in shape) >= 3 for _, shape in found)
