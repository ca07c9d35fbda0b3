"""EBSD maps of planar sections: files in, grain labels out, sections 2.2 and 4.4.

    m = read_map("section.ang")
    g = segment_grains(m, angle=5.0)

This module is the entry; the readers are ebsd_ang and ebsd_ctf, the segmentation is ebsd_grains.
"""

from pathlib import Path

from nmcfast.ebsd.ang import read_ang
from nmcfast.ebsd.ctf import read_ctf
from nmcfast.ebsd.grains import Watershed, segment_grains
from nmcfast.ebsd.map import EbsdMap, Phase
from nmcfast.errors import InputError
from nmcfast.sections.grain_map import GrainMap, read_labels

__all__ = ["EbsdMap", "GrainMap", "Phase", "Watershed", "read_labels", "read_map", "segment_grains"]


def read_map(path: str | Path, incomplete: bool = False) -> EbsdMap:
    """EBSD map of an EDAX .ang, an OIM grain export or an Oxford .ctf, told apart by content, section 4.4.

    incomplete=True reads what there is of a file that was cut short at the end of a line. Raises InputError
    naming file and line for a file that is damaged, cut short, or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected an EBSD map (.ang, .ctf or OIM text export)")
    try:
        with path.open("rb") as stream:
            start = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
            stream.seek(0)
            if start.startswith(b"Channel Text File"):
                return read_ctf(stream, path, incomplete)
            if start[:1] in b"#+-.0123456789" and start:
                return read_ang(stream, path, incomplete)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    raise InputError(f"{path}, line 1: neither '#' (EDAX .ang, OIM export) nor 'Channel Text File' (Oxford .ctf)")
