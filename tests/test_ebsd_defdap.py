"""Oxford's .h5oina read by DefDAP, an independent program: the same grid, phases and turns, point by point.

No program that can be installed here writes the format, so this is one half of a round trip. DefDAP knows hexagonal and
cubic phases alone, and pins old libraries: NMCFAST_DEFDAP names a Python that has it
(python -m venv ENV; ENV/bin/pip install defdap; NMCFAST_DEFDAP=ENV/bin/python).
"""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from test_ebsd_orix import IDENTITY, quarters

from nmcfast.ebsd import Phase, read_map
from nmcfast.ebsd.write_h5 import write_h5oina
from nmcfast.misorientation import misorientation, quaternions

PYTHON = os.environ.get("NMCFAST_DEFDAP", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="NMCFAST_DEFDAP names no Python with DefDAP")
PROGRAM = """
import pathlib, sys
import numpy as np
from defdap.file_readers import EBSDDataLoader
path = pathlib.Path(sys.argv[1])
loader = EBSDDataLoader.get_loader(None, path)
loader.load(path)
data, said = loader.loaded_data, loader.loaded_metadata
names = ",".join(phase.name for phase in said["phases"])
grid = {"shape": said["shape"], "step": said["step_size"]}
np.savez(sys.argv[2], euler=data.euler_angle, phase=data.phase, names=names, **grid)
"""


@pytest.mark.parametrize("phases", [1, 2])
def test_defdap_reads_the_map_that_we_read(tmp_path: Path, phases: int) -> None:
    named = {0: Phase("Zn", "6/mmm"), 1: Phase("Ni", "m-3m")}
    written = replace(quarters(phases, unindexed=0.05), phases={k: named[k] for k in range(phases)})
    write_h5oina(written, tmp_path / "a.h5oina")
    with h5py.File(tmp_path / "a.h5oina", "a") as file:
        file.create_group("1/Data Processing")  # empty: it asks for the group first
    command = [PYTHON, "-c", PROGRAM, str(tmp_path / "a.h5oina"), str(tmp_path / "b.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs, ours = np.load(tmp_path / "b.npz"), read_map(tmp_path / "a.h5oina")
    assert tuple(theirs["shape"]) == ours.layout.shape and float(theirs["step"]) == pytest.approx(ours.step[0])
    assert str(theirs["names"]).split(",") == [ours.phases[number].name for number in sorted(ours.phases)]
    euler, phase = theirs["euler"].reshape(3, -1).T, theirs["phase"].ravel()
    assert np.array_equal(phase > 0, ours.indexed) and 0 < np.count_nonzero(phase == 0) < len(phase) // 10
    assert np.array_equal(phase[ours.indexed], ours.phase[ours.indexed])
    turned = misorientation(quaternions(euler), quaternions(ours.euler), IDENTITY)
    assert turned[ours.indexed].max() < 1e-4
