"""Programs that open what `export` writes. Each is tests/readers/FORMAT_READER.py FOLDER and prints what it found.

Readers need not be installed beside nmcfast (some want another NumPy, some come with the system): the first Python that
has one is taken, of this one, those named in NMCFAST_READERS, the system's, and environments in /opt.
"""

import functools
import glob
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "readers"
# What each script needs: modules of Python, a program, or ParaView's Python.
NEEDS = {
    "abaqus_ccx": "program ccx",
    "abaqus_meshio": "meshio",
    "damask_damask": "damask",
    "damask_parser": "numpy",
    "damask_vtk": "vtkmodules",
    "dolfinx_dolfinx": "dolfinx",
    "dream3d_damask": "damask",
    "exodus_exodus_helper": "exodus_helper",
    "exodus_meshio": "meshio netCDF4",
    "exodus_paraview": "pvpython",
    "exodus_vtk": "vtkmodules",
    "gmsh_fipy": "fipy",
    "gmsh_gmsh": "gmsh",
    "gmsh_meshio": "meshio",
    "gmsh_mfem": "mfem",
    "gmsh_ngsolve": "ngsolve",
    "gmsh_sfepy": "sfepy meshio",
    "gmsh_skfem": "skfem",
    "hdf5_h5dump": "program h5dump",
    "hdf5_h5py": "h5py",
    "hdf5_paraview": "pvpython",
    "hdf5_vtk": "vtkmodules",
    "moose-ebsd_parser": "numpy",
    "nastran_pyNastran": "pyNastran",
    "numpy_numpy": "numpy",
    "prisms-pf_parser": "numpy",
    "prisms-pf_vtk": "vtkmodules",
    "tiff_porespy": "porespy",
    "tiff_taufactor": "taufactor torch",
    "tiff_tifffile": "tifffile",
    "vti_paraview": "pvpython",
    "vti_vtk": "vtkmodules",
    "vtu_meshio": "meshio",
    "vtu_mfem": "mfem",
    "vtu_paraview": "pvpython",
    "vtu_vtk": "vtkmodules",
    "zarr_neuroglancer": "neuroglancer zarr program chromium",
    "zarr_tensorstore": "tensorstore",
    "zarr_xarray": "xarray zarr",
    "zarr_zarr": "zarr",
}


@functools.cache
def python_with(need: str) -> str | None:
    """A Python that has the modules, when the programs are there as well; None without."""
    if need == "pvpython":
        return shutil.which(need)
    if not all(map(shutil.which, re.findall(r"program (\S+)", need))):
        return None
    modules = re.sub(r"program \S+", "", need).split()
    named = os.environ.get("NMCFAST_READERS", "").split(os.pathsep)
    for python in (sys.executable, *filter(None, named), "/usr/bin/python3", *sorted(glob.glob("/opt/*/bin/python"))):
        code = f"from importlib.util import find_spec; raise SystemExit(not all(map(find_spec, {modules})))"
        if Path(python).exists() and subprocess.run([python, "-c", code], check=False).returncode == 0:
            return python
    return None


def read_with(reader: str, folder: Path, *more: str) -> dict[str, Any]:
    """What a reader found in a folder; labels are whole numbers again. AssertionError with its words when it fails."""
    python = python_with(NEEDS[reader])
    assert python, f"{reader}: {NEEDS[reader]} is not installed"
    command = [python, str(FOLDER / f"{reader}.py"), str(folder), *more]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    clean["PATH"] = os.pathsep.join([str(Path(python).parent), clean["PATH"]])  # FiPy calls gmsh
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=clean)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.strip().splitlines()[-1])
    by_label = {"grains", "orientation", "axes"}
    return {k: {int(n): v for n, v in value.items()} if k in by_label else value for k, value in found.items()}
