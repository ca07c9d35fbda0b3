"""Oxford's .h5oina, by its open specification (versions 1 to 8), section 4.4: radians, µm, crystal x along a*."""

import numpy as np
from numpy.typing import NDArray

from nmcfast.ebsd.assemble import Columns
from nmcfast.ebsd.h5 import Group
from nmcfast.ebsd.h5_header import places, positive, promise_of, rows_of
from nmcfast.ebsd.map import Phase
from nmcfast.ebsd.symmetry import OXFORD_NUMBERS, laue_of, laue_of_space_group

SOLVED = (1, 7)  # error codes Success and Replaced; 0 is NotAnalyzed here, where a .ctf has it for success
_OPTIONAL = {"bands": "Bands", "quality": "Band Contrast"}


def is_oxford(data: Group) -> bool:
    return "Euler" in data and "Phase" in data


def read_oxford(ebsd: Group, name: str) -> Columns:
    """Columns of one slice; phase 0 is unindexed, and so are codes other than Success and Replaced."""
    data, header = ebsd.group("Data"), ebsd.group("Header")
    phase = data.column("Phase")
    count = len(phase)
    euler = data.column("Euler", count, 3)
    cells = tuple(positive(header, f"{axis} Cells", whole=True) for axis in "XY")
    step = tuple(positive(header, f"{axis} Step") for axis in "XY")
    promise = promise_of(cells, step, "square")  # it knows no other
    x, y = places(data, ("X", "Y"), count, promise)
    columns = {"phi1": euler[:, 0], "Phi": euler[:, 1], "phi2": euler[:, 2], "x": x, "y": y, "phase": phase}
    columns |= {key: data.column(name, count) for key, name in _OPTIONAL.items() if name in data}
    if "Mean Angular Deviation" in data:
        columns["fit"] = np.rad2deg(data.column("Mean Angular Deviation", count))
    failed = _failed(data.column("Error", count), phase) if "Error" in data else None
    phases = _phases(header.group("Phases"))
    return Columns(rows_of(data), columns, phases, promise, "radians", failed=failed, zero_is_none=True)


def _failed(code: NDArray[np.float64], phase: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Points whose code is none of `SOLVED`; a column in which no point of a phase has such a code is not filled in."""
    solved = np.isin(code, SOLVED)
    return ~solved if solved[phase > 0].any() else np.zeros(len(code), dtype=np.bool_)


def _phases(group: Group) -> dict[int, Phase]:
    numbers = sorted(int(name) for name in group.names() if name.isascii() and name.isdecimal() and len(name) < 4)
    if not numbers:
        group.refuse("1", "is missing; expected a group for each phase")
    return {number: _phase(group.group(str(number))) for number in numbers}


def _phase(group: Group) -> Phase:
    laue, space = group.value("Laue Group"), group.value("Space Group")
    found = OXFORD_NUMBERS.get(laue or "") or laue_of(group.symbol("Laue Group") or "")
    if found is None and space and space.isdecimal():
        found = laue_of_space_group(int(space))
    return Phase(group.value("Phase Name") or group.name, found, "a*", f"{group.name}: Laue Group is {laue}")
