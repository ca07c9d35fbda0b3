"""EBSD maps of planar sections: files in, grain labels out, sections 2.2 and 4.4.

    m = read_map("section.ang")
    g = segment_grains(m, angle=5.0)

This module is the entry; `formats` tells files apart, one module reads each format, `assemble` makes the map.
"""

from nmcfast.ebsd.formats import map_names, read_map
from nmcfast.ebsd.grains import Watershed, segment_grains
from nmcfast.ebsd.map import EbsdMap, Phase
from nmcfast.ebsd.notes import Note
from nmcfast.ebsd.options import ReadOptions
from nmcfast.sections.grain_map import GrainMap, read_labels

__all__ = [
    "EbsdMap",
    "GrainMap",
    "Note",
    "Phase",
    "ReadOptions",
    "Watershed",
    "map_names",
    "read_labels",
    "read_map",
    "segment_grains",
]
