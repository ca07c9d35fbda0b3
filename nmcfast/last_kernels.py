"""The kernels of a particle compiled from the last to the first: what a second process does while the first draws one.

Where they meet, each loads what the other has stored. Nothing depends on it but the time.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from nmcfast.kernels import runs
from nmcfast.model import load_model
from nmcfast.overlay import draw_seeds
from nmcfast.particle import label_dtype
from nmcfast.region import Region
from nmcfast.shell import Shell
from nmcfast.tessellation import Field, Seeds, grid_over


def start() -> "subprocess.Popen[bytes] | None":
    """Such a process; None where there is no interpreter to run it."""
    if not sys.executable:
        return None
    places = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    said = "from nmcfast.last_kernels import compile_backwards; compile_backwards()"
    command = [sys.executable, "-P", "-c", said]  # -P: not what happens to lie in the working folder
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": places}, stderr=subprocess.DEVNULL)


def compile_backwards() -> None:
    """Prune, measure, then draw the seeds of a sphere of one micron: toys with the types of a real particle."""
    law = load_model("nmc811").grains
    shell = Shell(np.array([np.sqrt(4.0 * np.pi)]))
    region = Region(shell, law.pixel_um)
    grid = grid_over(shell.bounds(), law.pixel_um)
    rng = np.random.default_rng(0)
    seeds = Seeds(rng.uniform(-1.0, 1.0, (9, 3)), np.full((9, 3), 9.0), np.zeros(9), np.zeros(9))
    field, near = Field(seeds, grid, region.depths(grid)[1] >= 0.0, law.norm), np.ones((1, 1, 1), bool)
    field.bounding(np.arange(9) < 4, near)
    names = np.array([0, 1], label_dtype(1))
    found = runs.find_runs(names[rng.integers(0, 2, grid.shape)])
    renamed = runs.renamed(*found, names)
    runs.write(*renamed, grid.shape[1], np.zeros(3, int), np.empty(grid.shape, names.dtype))
    runs.count_parts(*renamed, grid.shape[1], np.empty(2, np.int64))
    runs.measure(*found, grid.shape[1], np.empty((2, 4), np.int64), np.empty((2, 6), np.int64))
    draw_seeds(law, shell, law.pixel_um, 0, 0)
