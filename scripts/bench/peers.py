"""Other programs on the same seeds: their environments, made once in a folder, and their runs.

Nothing of this is part of nmcfast: some peers are under the AGPL, and are only run.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from cases import Case, Region
from compiled import HERE, program

# torch is pinned by itself and first: a range takes the CUDA build, many times as large
ENVIRONMENTS = {
    "main": [
        ["torch==2.13.0"],
        [
            "numpy==2.4.6",
            "scipy==1.17.1",
            "numba==0.68.1",
            "pykeops==2.3",
            "pyapd==0.2.0",
            "damask==3.1.0",
        ],
    ],
    "microstructpy": [["microstructpy==1.6.1"]],
}
VORO = "voro++-dev"  # Debian's package: unpacked beside the environments, not installed
NAMES = {
    "voro": "Voro++",
    "ckdtree": "SciPy cKDTree",
    "damask": "DAMASK grid",
    "microstructpy": "MicroStructPy RasterMesh, equal radii",
    "brute_numba": "brute force, Numba float32",
    "brute_numpy": "brute force, NumPy in chunks",
    "keops": "PyKeOps argmin",
    "pyapd": "PyAPD (squared norm: another model at the same cost)",
    "nearest16": "16 nearest of cKDTree, then the best in Numba (not exact)",
}


def install(folder: Path) -> None:
    """Environments and Voro++ in the folder, as far as they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, steps in ENVIRONMENTS.items():
        done = folder / f"{name}.installed"
        if done.exists() and json.loads(done.read_text()) == steps:
            continue
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder / name], check=True)
        for packages in steps:
            subprocess.run([_python(folder, name), "-m", "pip", "install", "--quiet", *packages], check=True)
        done.write_text(json.dumps(steps))
    if not (folder / "voro").exists():
        subprocess.run(["apt-get", "download", "--quiet", VORO], cwd=folder, check=True)
        (package,) = folder.glob(f"{VORO}_*.deb")
        subprocess.run(["dpkg-deb", "--extract", package, folder / "voro"], check=True)


def _python(folder: Path, name: str) -> Path:
    return folder / name / "bin" / "python"


def _voro(folder: Path) -> Path:
    (library,) = folder.glob("voro/usr/lib/*/libvoro++.a")
    return program("voro.cpp", folder / "programs", f"-I{folder}/voro/usr/include", str(library), compiler="g++")


def run(
    folder: Path, name: str, case: Case, region: Region, *, least: int, seconds: float, threads: int
) -> tuple[dict[str, Any], np.ndarray]:
    """Times of one peer on a region of a case, and its labels (z, y, x) there."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    if name == "voro":
        return _run_voro(folder, case, region, least)
    path, labels = work / "case.npz", work / "labels.npy"
    case.save(path)
    python = _python(folder, name if name in ENVIRONMENTS else "main")
    command = [python, HERE / "peer_programs.py", name, path, f"{region.z0},{region.z1},{region.y0},{region.y1}"]
    command += [labels, least, seconds, threads]
    threads_of = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(threads_of, str(threads))}
    environment.pop("PYTHONPATH", None)
    ended = subprocess.run([str(w) for w in command], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(ended.stdout.splitlines()[-1]), np.load(labels)


def _run_voro(folder: Path, case: Case, region: Region, least: int) -> tuple[dict[str, Any], np.ndarray]:
    seeds, labels = folder / "work" / "seeds.bin", folder / "work" / "labels.bin"
    np.column_stack([case.position, np.sqrt(case.offset)]).tofile(seeds)
    numbers = [len(case.offset), case.size, region.z0, region.z1, region.y0, region.y1, least]
    command = [_voro(folder), case.kind, seeds, *numbers, labels]
    ended = subprocess.run([str(w) for w in command], stdout=subprocess.PIPE, text=True, check=True)
    times = [[float(word) for word in line.split()] for line in ended.stdout.splitlines()]
    package = next(folder.glob(f"{VORO}_*.deb")).name.split("_")[1]
    shape = (region.z1 - region.z0, region.y1 - region.y0, case.size)
    timed = {"wall_s": [t[0] for t in times], "cpu_s": [t[1] for t in times], "versions": {"voro++": package}}
    return timed, np.fromfile(labels, np.int32).reshape(shape)
