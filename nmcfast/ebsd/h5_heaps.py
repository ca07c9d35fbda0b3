"""Are the heaps of an HDF5 file whole? Some versions of the library run in circles on one that is damaged.

Texts of variable length lie in collections that begin with GCOL: version, size of the collection, then objects with
their number and size, each padded to 8 bytes (HDF5 File Format Specification, III.E). An object of no length, or one
that leaves its collection, ends the walk of the library never or elsewhere.
"""

import mmap
from pathlib import Path

from nmcfast.errors import InputError

HEADER = 16  # bytes of a collection's header, and of an object's
MOST = 1_000_000  # objects that are looked at


def check_heaps(path: Path) -> None:
    """InputError for a file with a collection that cannot be walked from its first object to its last."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        seen, start = 0, data.find(b"GCOL")
        while start >= 0 and seen < MOST:
            seen += _walk(path, data, start)
            start = data.find(b"GCOL", start + 4)


def _walk(path: Path, data: mmap.mmap, start: int) -> int:
    """Number of objects of the collection at `start`."""
    end = start + int.from_bytes(data[start + 8 : start + 16], "little")
    if data[start + 4] != 1 or end > len(data):
        raise InputError(f"{path}, byte {start}: a damaged heap of an HDF5 file; export the map again")
    place, count = start + HEADER, 0
    while place + HEADER <= end:
        number = int.from_bytes(data[place : place + 2], "little")
        size = int.from_bytes(data[place + 8 : place + 16], "little")
        length = size if number == 0 else HEADER + (size + 7) // 8 * 8  # number 0 is the free space, with its header
        if length < HEADER or place + length > end:
            raise InputError(f"{path}, byte {place}: a damaged heap of an HDF5 file; export the map again")
        place, count = place + length, count + 1
    return count
