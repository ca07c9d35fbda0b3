"""What one core can do at best: limits.c, compiled and run."""

import subprocess
from pathlib import Path
from typing import Any

from compiled import program

VOXELS = {
    "write16": "write uint16, warm memory",
    "write32": "write int32, warm memory",
    "touch16": "write uint16, first touch",
    "touch32": "write int32, first touch",
    "gbpd1": "Eq. (8) with 1 candidate a voxel",
    "gbpd2": "Eq. (8) with 2 candidates a voxel",
    "gbpd4": "Eq. (8) with 4 candidates a voxel",
    "gbpd8": "Eq. (8) with 8 candidates a voxel",
    "gbpd16": "Eq. (8) with 16 candidates a voxel",
    "squared4": "squared norm with 4 candidates a voxel",
}
OPERATIONS = {"multiply_add": "float32 multiply and add (2 a pair)", "square_root": "float32 square roots"}
SIZE, MILLIONS = 256, 1000


def run(folder: Path, repeat: int) -> list[dict[str, Any]]:
    """One row a limit: seconds of each repetition, for so many voxels or operations."""
    limits, rows = program("limits.c", folder), []
    for name, who in (VOXELS | OPERATIONS).items():
        size = SIZE if name in VOXELS else MILLIONS
        said = subprocess.run([limits, name, str(size), str(repeat)], stdout=subprocess.PIPE, text=True, check=True)
        times = [[float(word) for word in line.split()] for line in said.stdout.splitlines()]
        amount = {"voxels": SIZE**3} if name in VOXELS else {"operations": MILLIONS * 10**6}
        wall, cpu = [t[0] for t in times], [t[1] for t in times]
        rows.append({"group": "limits", "name": name, "who": who, **amount, "wall_s": wall, "cpu_s": cpu})
    return rows
