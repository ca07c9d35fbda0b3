"""PyBaMM: the size distribution of the chosen particles, and a script that discharges a cell with it."""

from pathlib import Path

import numpy as np

from nmcfast.errors import InputError
from nmcfast.export.decks.text import rows, write_text

_BINS = 20
_EXAMPLE = '''\
"""Many-particle model with the sizes of these particles in the positive electrode: python run_mpm.py"""

import csv

import numpy as np
import pybamm

with open("particle_sizes.csv") as file:
    radius = np.array([float(row["radius_m"]) for row in csv.DictReader(file)])
weight = radius**2 / (radius**2).sum()  # PyBaMM asks for the distribution by area
mean = float((weight * radius).sum())
spread = float(np.sqrt((weight * (radius - mean) ** 2).sum()) / mean)

values = pybamm.ParameterValues("Marquis2019")
values["Positive particle radius [m]"] = mean
values = pybamm.get_size_distribution_parameters(values, R_p_av=mean, sd_p=spread, sd_n=0.3)
simulation = pybamm.Simulation(pybamm.lithium_ion.MPM(), parameter_values=values)
solution = simulation.solve([0, 3000])
print("radius by area:", mean, "m, relative spread:", spread)
print("voltage after 3000 s:", float(solution["Terminal voltage [V]"].entries[-1]))
'''


def write_table(table: np.ndarray, folder: Path) -> list[Path]:
    """particle_sizes.csv, size_distribution.csv and run_mpm.py of a table of particles (docs/format.md), in m.

    A particle's radius is that of the ball of its volume. Raises InputError for fewer than 2 particles.
    """
    if len(table) < 2:
        raise InputError(f"format 'pybamm': {len(table)} particle has no size distribution, choose 2 or more")
    radius = np.cbrt(3.0 / (4.0 * np.pi) * table["volume_um3"].astype(float)) * 1e-6
    edges = np.geomspace(radius.min() * 0.999, radius.max() * 1.001, _BINS + 1)
    by_number, by_area = (np.histogram(radius, edges, weights=radius**k, density=True)[0] for k in (0, 2))
    middle = np.sqrt(edges[1:] * edges[:-1])
    sizes = rows("%d,%.9g\n", table["index"], radius)
    bins = rows("%.9g,%.9g,%.9g,%.9g,%.9g\n", middle, edges[:-1], edges[1:], by_number, by_area)
    head = "radius_m,lower_m,upper_m,density_by_number_per_m,density_by_area_per_m\n"
    return [
        write_text(folder / "particle_sizes.csv", ["index,radius_m\n", *sizes]),
        write_text(folder / "size_distribution.csv", [head, *bins]),
        write_text(folder / "run_mpm.py", [_EXAMPLE]),
    ]
