"""EDAX's HDF5 (.oh5, .h5 of OIM), as its readers describe it, section 4.4: radians, µm, crystal x along a.

EDAX publishes no specification; names of groups and columns are those that other programs' readers agree on.
"""

from nmcfast.ebsd.assemble import Columns
from nmcfast.ebsd.h5 import Group
from nmcfast.ebsd.h5_header import places, positive, promise_of, rows_of
from nmcfast.ebsd.map import Phase
from nmcfast.ebsd.symmetry import EDAX_CODES, laue_of, laue_of_space_group

_OPTIONAL = {"quality": "IQ", "confidence": "CI", "fit": "Fit", "phase": "Phase"}
_GRIDS = {"sqrgrid": "square", "hexgrid": "hexagonal"}


def is_edax(data: Group) -> bool:
    return all(name in data for name in ("Phi1", "Phi", "Phi2"))


def read_edax(ebsd: Group, name: str) -> Columns:
    """Columns of one map."""
    data, header = ebsd.group("Data"), ebsd.group("Header")
    columns = {"phi1": data.column("Phi1")}
    count = len(columns["phi1"])
    columns |= {"Phi": data.column("Phi", count), "phi2": data.column("Phi2", count)}
    cells = positive(header, "nColumns", whole=True), positive(header, "nRows", whole=True)
    step = positive(header, "Step X"), positive(header, "Step Y")
    kind = _GRIDS.get((header.value("Grid Type") or "").strip().lower())
    promise = promise_of(cells, step, kind)
    columns["x"], columns["y"] = places(data, ("X Position", "Y Position"), count, promise)
    columns |= {key: data.column(name, count) for key, name in _OPTIONAL.items() if name in data}
    if kind == "hexagonal":  # every other row has one point less; the header does not say which
        promise = promise_of((None, cells[1]), step, kind)
    return Columns(rows_of(data), columns, _phases(header), promise, "radians")


def _phases(header: Group) -> dict[int, Phase]:
    if "Phase" not in header:
        return {0: Phase("unnamed", said=f"{header.name} names no phase")}
    group = header.group("Phase")
    numbers = sorted(int(name) for name in group.names() if name.isascii() and name.isdecimal() and len(name) < 4)
    return {number: _phase(group.group(str(number))) for number in numbers} or {0: Phase("unnamed")}


def _phase(group: Group) -> Phase:
    """A phase by its Laue code, its point group, or its space group's number, the first that is known."""
    code, point, space = group.value("Symmetry"), group.value("Point Group"), group.value("SpaceGroupNumber")
    found = EDAX_CODES.get(code or group.value("LGsymID") or "") or laue_of(point or "")
    if found is None and space and space.isdecimal():
        found = laue_of_space_group(int(space))
    name = group.value("MaterialName") or group.value("Material Name") or group.name
    return Phase(name, found, said=f"{group.name}: Symmetry is {code}, Point Group {point}")
