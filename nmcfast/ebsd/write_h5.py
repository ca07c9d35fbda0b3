"""HDF5 files of known maps, by Oxford's specification and after the readers of EDAX's and Bruker's, for tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nmcfast.ebsd.map import EbsdMap
from nmcfast.ebsd.symmetry import EDAX_CODES, OXFORD_NUMBERS

_OXFORD = {laue: int(number) for number, laue in OXFORD_NUMBERS.items()}
_LATTICES = {"-3m": (2.87, 2.87, 14.2, 90, 90, 120), "m-3m": (3.52, 3.52, 3.52, 90, 90, 90)}  # NMC, nickel; Å, °
_EDAX = {laue: int(code) for code, laue in reversed(list(EDAX_CODES.items()))}


def write_h5oina(m: EbsdMap, path: str | Path, name: str = "1", mode: str = "w") -> None:
    """Oxford .h5oina of a map, its only slice or one more; unindexed points have phase 0, zeros and NoSolution."""
    number = _numbers(m)
    zero = m.indexed.astype(np.float64)
    data = {
        "Phase": np.where(m.indexed, number, 0).astype(np.uint8)[:, None],
        "X": m.x.astype(np.float32)[:, None],
        "Y": m.y.astype(np.float32)[:, None],
        "Euler": (m.euler * zero[:, None]).astype(np.float32),
        "Bands": np.where(m.indexed, 8, 0).astype(np.uint8)[:, None],
        "Error": np.where(m.indexed, 1, 2).astype(np.uint8)[:, None],
        "Mean Angular Deviation": np.deg2rad(m.fit * zero).astype(np.float32)[:, None],
        "Band Contrast": np.clip(m.quality / 4, 0, 255).astype(np.uint8)[:, None],
    }
    rows, columns = m.layout.shape
    header: dict[str, Any] = {"X Cells": np.array([columns], np.int32), "Y Cells": np.array([rows], np.int32)}
    header |= {"X Step": np.array([m.step[0]], np.float32), "Y Step": np.array([m.step[1]], np.float32)}
    header["Specimen Orientation Euler"] = np.zeros((1, 3), np.float32)
    for k, phase in enumerate(m.phases.values(), 1):
        place = f"Phases/{k}"
        header |= {f"{place}/Phase Name": [phase.name], f"{place}/Reference": [""]}
        header[f"{place}/Laue Group"] = np.array([_OXFORD[phase.laue or "-1"]], np.int32)
        lattice = np.array(_LATTICES.get(phase.laue or "-1", (1, 1, 1, 90, 90, 90)), np.float32)
        header[f"{place}/Space Group"] = np.array([0], np.int32)
        header[f"{place}/Lattice Dimensions"] = lattice[None, :3]
        header[f"{place}/Lattice Angles"] = np.deg2rad(lattice[None, 3:])
    with h5py.File(path, mode) as file:
        if mode == "w":
            file["Manufacturer"], file["Format Version"], file["Index"] = ["Oxford Instruments"], ["5.0"], [name]
        _put(file, f"{name}/EBSD/Data", data)
        _put(file, f"{name}/EBSD/Header", header)
        for k, phase in enumerate(m.phases.values(), 1):
            file[f"{name}/EBSD/Header/Phases/{k}/Laue Group"].attrs["Symbol"] = phase.laue or "-1"


def write_oh5(m: EbsdMap, path: str | Path, name: str = "Scan 1") -> None:
    """EDAX .oh5 of a map; a single phase is numbered 0 in the points, as OIM does."""
    number = _numbers(m) - (len(m.phases) == 1)
    data = {
        "Phi1": m.euler[:, 0].astype(np.float32),
        "Phi": m.euler[:, 1].astype(np.float32),
        "Phi2": m.euler[:, 2].astype(np.float32),
        "X Position": m.x.astype(np.float32),
        "Y Position": m.y.astype(np.float32),
        "IQ": m.quality.astype(np.float32),
        "CI": m.confidence.astype(np.float32),
        "Fit": m.fit.astype(np.float32),
        "Phase": number.astype(np.uint8),
    }
    rows, columns = m.layout.shape
    header: dict[str, Any] = {"Grid Type": ["SqrGrid" if m.grid == "square" else "HexGrid"]}
    header |= {"nColumns": np.array([columns], np.int32), "nRows": np.array([rows], np.int32)}
    header |= {"Step X": np.array([m.step[0]], np.float32), "Step Y": np.array([m.step[1]], np.float32)}
    for k, phase in enumerate(m.phases.values(), 1):
        header |= {
            f"Phase/{k}/MaterialName": [phase.name],
            f"Phase/{k}/Symmetry": np.array([_EDAX[phase.laue or "-1"]], np.int32),
        }
    with h5py.File(path, "w") as file:
        file["Manufacturer"], file["Version"] = ["EDAX"], ["OIM Analysis 8.6"]
        _put(file, f"{name}/EBSD/Data", data)
        _put(file, f"{name}/EBSD/Header", header)


def write_bruker(m: EbsdMap, path: str | Path, space_group: int = 166) -> None:
    """Bruker .h5 of a map of one phase; degrees, unindexed points have phase 0 and zeros."""
    zero = m.indexed.astype(np.float64)
    euler = np.rad2deg(m.euler) * zero[:, None]
    data = {
        "phi1": euler[:, 0],
        "PHI": euler[:, 1],
        "phi2": euler[:, 2],
        "X SAMPLE": m.x,
        "Y SAMPLE": m.y,
        "Phase": m.indexed.astype(np.int32),
        "MAD": m.fit * zero,
        "NIndexedBands": (8 * zero).astype(np.int32),
        "RadonQuality": m.quality / 1000,
    }
    rows, columns = m.layout.shape
    header: dict[str, Any] = {"NCOLS": columns, "NROWS": rows, "XSTEP": m.step[0], "YSTEP": m.step[1]}
    header |= {
        "Grid Type": "isometric",
        "Phases/1/Name": next(iter(m.phases.values())).name,
        "Phases/1/IT": space_group,
    }
    with h5py.File(path, "w") as file:
        file["Manufacturer"], file["Version"] = "Bruker Nano", "Esprit 2.X"
        _put(file, "Scan 0/EBSD/Data", data)
        _put(file, "Scan 0/EBSD/Header", header)


def _numbers(m: EbsdMap) -> np.ndarray:
    """Phase of each point, counted from 1."""
    return np.searchsorted(sorted(m.phases), m.phase) + 1


def _put(file: h5py.File, group: str, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        file[f"{group}/{name}"] = value
