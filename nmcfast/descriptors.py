"""All descriptors in one place: shells, Eqs. (17)–(20); sections, Eqs. (4), (21) and chord lengths; grains in 3D."""

from nmcfast.grain_statistics import GrainStatistics, measure_volume
from nmcfast.sections.statistics import (
    SectionGrains,
    angle_density,
    angle_to_radius,
    chord_lengths,
    is_central,
    measure_grains,
)
from nmcfast.shell_descriptors import (
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
    "is_central",
    "measure_grains",
    "measure_volume",
    "shell_descriptors",
    "sphericity",
    "volume_area",
]
