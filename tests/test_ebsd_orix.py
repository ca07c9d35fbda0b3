"""Round trips with orix, an independent program: what it writes is read, what is written it reads, turn by turn.

orix is under the GPL and no requirement of this project: NMCFAST_ORIX names a Python that has it
(python -m venv ENV; ENV/bin/pip install orix; NMCFAST_ORIX=ENV/bin/python).
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from nmcfast.ebsd import EbsdMap, Phase, read_map, segment_grains
from nmcfast.ebsd.write import simulate_map, write_ang, write_ctf
from nmcfast.misorientation import misorientation, quaternions, symmetry_operators

PYTHON = os.environ.get("NMCFAST_ORIX", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="NMCFAST_ORIX names no Python with orix (GPL, not a requirement)")
PROGRAM = Path(__file__).parent / "orix_maps.py"
QUARTERS = np.repeat(np.repeat([[1, 2], [3, 4]], 10, 0), 10, 1)
IDENTITY = symmetry_operators("-1")


def orix(*arguments: object) -> None:
    done = subprocess.run([PYTHON, str(PROGRAM), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def quarters(phases: int, unindexed: float = 0.0) -> EbsdMap:
    m = simulate_map(QUARTERS, 0.1, np.random.default_rng(4), "square", 0.1, unindexed)
    if phases == 1:
        return m
    two = {"phases": {0: Phase("NMC", "-3m"), 1: Phase("Ni", "m-3m")}, "phase": (m.y > 1).astype(np.int32)}
    return EbsdMap(**{**m.__dict__, **two})


@pytest.mark.parametrize("phases", [1, 2])
def test_what_orix_writes_is_read(tmp_path: Path, phases: int) -> None:
    m = quarters(phases)
    names = "NMC:-3m,Ni:m-3m" if phases == 2 else "NMC:-3m"
    np.savez(tmp_path / "a.npz", euler=m.euler, x=m.x, y=m.y, phase=m.phase + 1, phases=names)
    orix("write", tmp_path / "a.npz", tmp_path / "a.ang")
    got = read_map(tmp_path / "a.ang")
    assert got.indexed.all() and got.layout.shape == m.layout.shape and got.step == pytest.approx(m.step)
    assert [got.phases[number].laue for number in sorted(got.phases)] == ["-3m", "m-3m"][:phases]
    np.testing.assert_array_equal(np.unique(got.phase, return_inverse=True)[1], m.phase)
    assert misorientation(quaternions(got.euler), quaternions(m.euler), IDENTITY).max() < 1e-4
    assert segment_grains(got).grains == 4


WRITERS = {"ang": (write_ang, 1), "two.ang": (write_ang, 2), "ctf": (write_ctf, 1)}


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_written_orix_reads(tmp_path: Path, name: str) -> None:
    write, phases = WRITERS[name]
    m = quarters(phases)
    write(m, tmp_path / f"a.{name}")
    orix("read", tmp_path / f"a.{name}", tmp_path / "b.npz")
    got = np.load(tmp_path / "b.npz")
    assert str(got["groups"]).split(",") == ["-3m", "m-3m"][:phases]
    order = np.lexsort((got["x"], got["y"]))
    assert misorientation(got["turn"][order], quaternions(m.euler), IDENTITY).max() < 1e-4
    np.testing.assert_array_equal(np.unique(got["phase"][order], return_inverse=True)[1], m.phase)
