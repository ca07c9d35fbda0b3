"""Programs that open what `export` writes. Each is tests/readers/FORMAT_READER.py FOLDER and prints what it found.

Readers need not be installed beside nmcfast (some want another NumPy, some come with the system): the first Python that
has one is taken, of this one, those named in NMCFAST_READERS, the system's, and environments in /opt.
"""

import functools
import glob
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "readers"
# What each script needs: modules of Python, or a program.
NEEDS = {
    "numpy_numpy": "numpy", "tiff_tifffile": "tifffile", "gmsh_gmsh": "gmsh", "gmsh_meshio": "meshio",
    "damask_damask": "damask", "damask_vtk": "vtkmodules", "abaqus_meshio": "meshio", "abaqus_ccx": "program ccx",
    "dolfinx_dolfinx": "dolfinx", "gmsh_skfem": "skfem", "nastran_pyNastran": "pyNastran", "moose-ebsd_parser": "numpy",
    "prisms-pf_parser": "numpy", "prisms-pf_vtk": "vtkmodules", "dream3d_damask": "damask", "exodus_vtk": "vtkmodules",
    "gmsh_mfem": "mfem", "gmsh_ngsolve": "ngsolve", "gmsh_fipy": "fipy", "tiff_porespy": "porespy",
    "exodus_meshio": "meshio netCDF4", "exodus_exodus_helper": "exodus_helper",
}  # fmt: skip


@functools.cache
def python_with(need: str) -> str | None:
    """A Python that has the modules; this one for a program that is there; None without."""
    if need.startswith("program "):
        return sys.executable if shutil.which(need.removeprefix("program ")) else None
    named = os.environ.get("NMCFAST_READERS", "").split(os.pathsep)
    for python in (sys.executable, *filter(None, named), "/usr/bin/python3", *sorted(glob.glob("/opt/*/bin/python"))):
        code = f"from importlib.util import find_spec; raise SystemExit(not all(map(find_spec, {need.split()})))"
        if Path(python).exists() and subprocess.run([python, "-c", code], check=False).returncode == 0:
            return python
    return None


def read_with(reader: str, folder: Path, *more: str) -> dict[str, Any]:
    """What a reader found in a folder; labels are whole numbers again. AssertionError with its words when it fails."""
    python = python_with(NEEDS[reader])
    assert python, f"{reader}: {NEEDS[reader]} is not installed"
    command = [python, str(FOLDER / f"{reader}.py"), str(folder), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.strip().splitlines()[-1])
    by_label = {"grains", "orientation", "axes"}
    return {k: {int(n): v for n, v in value.items()} if k in by_label else value for k, value in found.items()}
