"""The kernels of a particle compiled from the last to the first: what a second process does while the first draws one.

Where they meet, each loads what the other has stored. Nothing depends on it but the time.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from nmcfast.filling import connect, fill, label_dtype
from nmcfast.inside import Inside
from nmcfast.kernels import runs
from nmcfast.model import load_model
from nmcfast.overlay import draw_seeds
from nmcfast.shells.shell import Shell
from nmcfast.tessellation import Grid, Seeds


def start() -> "subprocess.Popen[bytes] | None":
    """Such a process; None where there is no interpreter to run it."""
    if not sys.executable:
        return None
    places = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    said = "from nmcfast.compilation import compile_backwards; compile_backwards()"
    command = [sys.executable, "-P", "-c", said]  # -P: not what happens to lie in the working folder
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": places}, stderr=subprocess.DEVNULL)


def compile_backwards() -> None:
    """Mend, measure, fill a sphere, then draw its seeds: toys with the types of a real particle of surface "shell"."""
    law = load_model("nmc811").grains
    shell = Shell(np.array([np.sqrt(4.0 * np.pi)]))
    grid, blocks = Grid((-8, -8, -8), (16, 16, 16), law.pixel_um), np.ones((2, 2, 2), bool)
    rng = np.random.default_rng(0)
    seeds = Seeds(rng.uniform(-0.4, 0.4, (9, 3)), np.full((9, 3), 9.0), np.zeros(9), np.zeros(9))
    found, _ = connect(rng.integers(0, 2, grid.shape).astype(label_dtype(1)), blocks, 1)
    runs.measure(*found, grid.shape[1], np.empty((2, 4), np.int64), np.empty((2, 6), np.int64))
    fill(seeds, Inside(shell), grid, law.norm)
    draw_seeds(law, shell, law.pixel_um, 0, 0)
