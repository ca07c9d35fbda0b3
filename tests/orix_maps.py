"""Reads and writes EBSD maps with orix (GPL: in an environment of its own), called by tests/test_ebsd_orix.py.

python orix_maps.py write MAP.npz MAP.ang       arrays euler (n, 3) rad, x, y, phase; phases "name:group,..."
python orix_maps.py read MAP.ang MAP.npz        rotations (n, 4) crystal to sample, x, y, phase_id, groups
"""

import sys

import numpy as np
from orix import io
from orix.crystal_map import CrystalMap, Phase, PhaseList
from orix.quaternion import Rotation


def write(source: str, target: str) -> None:
    data = np.load(source)
    phases = [part.split(":") for part in str(data["phases"]).split(",")]
    names = PhaseList([Phase(name=name, point_group=group) for name, group in phases])
    names = PhaseList(ids=list(range(1, len(phases) + 1)), names=names.names, point_groups=[g for _, g in phases])
    rotations = Rotation.from_euler(data["euler"])
    xmap = CrystalMap(rotations=rotations, phase_id=data["phase"], x=data["x"], y=data["y"], phase_list=names)
    io.save(target, xmap)


def read(source: str, target: str) -> None:
    xmap = io.load(source)
    groups = ",".join(str(phase.point_group.laue.name) for number, phase in xmap.phases if number >= 0)
    turn = (~xmap.rotations[:, 0] if xmap.rotations.ndim > 1 else ~xmap.rotations).data.reshape(-1, 4)
    np.savez(target, turn=turn, x=xmap.x, y=xmap.y, phase=xmap.phase_id, groups=groups)


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](*sys.argv[2:])
