"""All descriptors in one place, for arrays of any origin: nothing here knows particles, libraries or files.

Outer shells, Eqs. (17)–(20), from radii on an icosphere or from coefficients; planar sections, Eqs. (4), (21), chord
lengths and the test of a preferred direction, from labels; grains in 3D, from label volumes. Arguments are never
changed. Lengths are in the unit of the argument, µm in the names and texts.

    from nmcfast import descriptors
    grains = descriptors.measure_volume(labels, voxel_size=0.05, origin=corner)  # .volume µm³, .elongation, .neighbours
"""

from nmcfast.grain_statistics import GrainStatistics, measure_volume
from nmcfast.sections.statistics import (
    CentralTest,
    SectionGrains,
    angle_density,
    angle_to_radius,
    chord_lengths,
    edge_grains,
    is_central,
    measure_grains,
)
from nmcfast.shells.descriptors import (
    aspect_ratio,
    compactness,
    d_max,
    d_min,
    diameters,
    shell_descriptors,
    sphericity,
    volume_area,
)

__all__ = [
    "CentralTest",
    "GrainStatistics",
    "SectionGrains",
    "angle_density",
    "angle_to_radius",
    "aspect_ratio",
    "chord_lengths",
    "compactness",
    "d_max",
    "d_min",
    "diameters",
    "edge_grains",
    "is_central",
    "measure_grains",
    "measure_volume",
    "shell_descriptors",
    "sphericity",
    "volume_area",
]
