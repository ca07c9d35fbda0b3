"""Bruker's HDF5 (.h5 of Esprit), as its readers describe it, section 4.4: degrees, µm.

Bruker publishes no specification; names of groups and columns are those that other programs' readers agree on. The
crystal's x axis is taken along a, as in EDAX's files: our choice.
"""

import numpy as np

from nmcfast.ebsd.assemble import Columns
from nmcfast.ebsd.h5 import Group
from nmcfast.ebsd.h5_header import places, positive, promise_of, rows_of
from nmcfast.ebsd.map import Phase
from nmcfast.ebsd.symmetry import laue_of, laue_of_space_group

_OPTIONAL = {"fit": "MAD", "bands": "NIndexedBands", "quality": "RadonQuality"}


def is_bruker(data: Group) -> bool:
    return all(name in data for name in ("phi1", "PHI", "phi2", "Phase"))


def read_bruker(ebsd: Group, name: str) -> Columns:
    """Columns of one scan; phase 0 is unindexed."""
    data, header = ebsd.group("Data"), ebsd.group("Header")
    phase = data.column("Phase")
    count = len(phase)
    euler = {key: data.column(name, count) for key, name in (("phi1", "phi1"), ("Phi", "PHI"), ("phi2", "phi2"))}
    cells = positive(header, "NCOLS", whole=True), positive(header, "NROWS", whole=True)
    step = positive(header, "XSTEP"), positive(header, "YSTEP")
    promise = promise_of(cells, step, "square")  # "isometric"
    if "X SAMPLE" in data and "Y SAMPLE" in data:
        x, y = places(data, ("X SAMPLE", "Y SAMPLE"), count, promise)
    else:
        x, y = places(data, ("X BEAM", "Y BEAM"), count, promise)
        if "X BEAM" in data and step[0] and step[1] and (np.diff(np.unique(x)) == 1).all():
            x, y = x * step[0], y * step[1]  # the beam's places are counted, not measured
    columns = {**euler, "x": x, "y": y, "phase": phase}
    columns |= {key: data.column(name, count) for key, name in _OPTIONAL.items() if name in data}
    return Columns(rows_of(data), columns, _phases(header), promise, "degrees", zero_is_none=True)


def _phases(header: Group) -> dict[int, Phase]:
    group = header.group("Phases")
    numbers = sorted(int(name) for name in group.names() if name.isascii() and name.isdecimal() and len(name) < 4)
    if not numbers:
        group.refuse("1", "is missing; expected a group for each phase")
    return {number: _phase(group.group(str(number))) for number in numbers}


def _phase(group: Group) -> Phase:
    number, symbol = group.value("IT"), group.value("SpaceGroup")
    found = laue_of_space_group(int(number)) if number and number.isdecimal() else laue_of(symbol or "")
    return Phase(group.value("Name") or group.name, found, said=f"{group.name}: IT is {number}, SpaceGroup {symbol}")
