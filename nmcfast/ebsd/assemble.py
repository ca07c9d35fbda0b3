"""From the columns of any file to a map: grid, phases, unindexed points, unit of angles; what all readers share."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from nmcfast.ebsd.angles import decide_unit
from nmcfast.ebsd.complete import Promise, check_complete
from nmcfast.ebsd.grid import Grid, infer_grid
from nmcfast.ebsd.map import EbsdMap, Phase
from nmcfast.ebsd.notes import Note, Rows
from nmcfast.ebsd.options import UNITS, ReadOptions
from nmcfast.ebsd.phases import number_phases
from nmcfast.ebsd.unindexed import LATE, Marks, decided, find_marks
from nmcfast.misorientation import symmetry_operators

Array = NDArray[np.float64]

NEEDED = ("phi1", "Phi", "phi2", "x", "y")
COLUMNS = (*NEEDED, "phase", "quality", "confidence", "fit", "bands", "error")
LARGE_STEP, LARGE_MAP = 5.0, 1000.0  # µm: steps and maps beyond these are rare in microscopes, and usual in nm


@dataclass
class Columns:
    """What a reader found: columns by name of `COLUMNS` as written, phases and grid of the header, units it claims.

    failed: points whose error code says that no solution was found, None where a file has no codes. angles: the
    format's unit, None where it has none. zero_is_none: phase 0 is that of unindexed points.
    """

    rows: Rows
    data: dict[str, Array]
    phases: dict[int, Phase]
    promise: Promise = field(default_factory=Promise)
    angles: str | None = None
    unit: str = "um"
    failed: NDArray[np.bool_] | None = None
    notes: list[Note] = field(default_factory=list)
    name: str = ""
    zero_is_none: bool = False


def assemble(found: Columns, options: ReadOptions) -> EbsdMap:
    """Map of the columns of a file, section 4.4; InputError names the row that fits no map."""
    data, rows = found.data, found.rows
    layout = infer_grid(data["x"], data["y"], rows, found.promise.step)
    notes = found.notes + check_complete(layout, found.promise, rows, options.incomplete)
    phases = _with_symmetry(found.phases, options)
    failed = found.failed if found.failed is not None else np.zeros(len(data["x"]), dtype=np.bool_)
    likely = ~find_marks(data, failed, _in_degrees(options.angles), options).unindexed
    numbered = number_phases(data.get("phase"), phases, likely, rows, options, found.zero_is_none)
    without = np.zeros(len(likely), dtype=np.bool_)
    for points in numbered.without.values():
        without |= points
    euler = np.stack([data[name] for name in NEEDED[:3]], axis=1)
    euler[~np.isfinite(euler)] = np.nan
    unit, unit_notes = options.angles, list[Note]()
    if unit is None:
        operators = _commonest(phases, numbered.number[likely & ~without])
        unit, unit_notes = decide_unit(euler, likely & ~without, numbered.number, layout, operators, found.angles, rows)
    marks = _all_marks(numbered.without, find_marks(data, failed, unit == "degrees", options))
    factor = UNITS[options.unit or found.unit]
    absent = np.full(len(likely), np.nan)
    layout = _scaled(layout, factor)
    return EbsdMap(
        path=rows.path,
        x=data["x"] * factor,
        y=data["y"] * factor,
        euler=np.deg2rad(euler) if unit == "degrees" else euler,
        indexed=~marks.unindexed,
        phase=numbered.number,
        quality=data.get("quality", absent),
        confidence=data.get("confidence", absent),
        fit=data.get("fit", absent),
        phases=phases,
        layout=layout,
        notes=tuple(notes + unit_notes + numbered.notes + marks.notes + _size_notes(layout, options)),
        unindexed=marks.counts,
        name=found.name,
    )


def _in_degrees(unit: str | None) -> bool | None:
    return None if unit is None else unit == "degrees"


def _all_marks(without: dict[str, NDArray[np.bool_]], other: Marks) -> Marks:
    """Marks of phase and of all else; points of no phase count as that unless they have a code of their own."""
    marks = Marks(np.zeros_like(other.unindexed))
    late = {name: points for name, points in other.points.items() if name in LATE}
    first = {name: points for name, points in other.points.items() if name not in LATE}
    for name, points in (*first.items(), *without.items(), *late.items()):
        marks.add(name, points)
    marks.notes = decided(marks) + other.notes
    return marks


def _with_symmetry(phases: dict[int, Phase], options: ReadOptions) -> dict[int, Phase]:
    wanted = options.symmetry
    return {
        number: replace(phase, laue=wanted.get(number, wanted.get(None, phase.laue)))
        for number, phase in phases.items()
    }


def _commonest(phases: dict[int, Phase], number: NDArray[np.int32]) -> Array:
    """Symmetry operators of the phase that most points have; only the identity where its symmetry is not known."""
    numbers, counts = np.unique(number, return_counts=True)
    phase = phases.get(int(numbers[counts.argmax()])) if len(numbers) else None
    return symmetry_operators(phase.laue, phase.x_axis) if phase and phase.laue else symmetry_operators("-1")


def _scaled(layout: Grid, factor: float) -> Grid:
    if factor == 1:
        return layout
    (dx, dy), (x, y) = layout.step, layout.corner
    return replace(layout, step=(dx * factor, dy * factor), corner=(x * factor, y * factor))


def _size_notes(layout: Grid, options: ReadOptions) -> list[Note]:
    """A remark on a step or a map that is large for µm, unless the unit was given."""
    step = layout.step[0]
    extent = max(layout.shape[1] * layout.step[0], layout.shape[0] * layout.step[1])
    if options.unit or (step < LARGE_STEP and extent < LARGE_MAP):
        return []
    text = f"the map is {extent:.4g} µm across in steps of {step:.4g} µm; ASTAR's maps are in nm and do not say so"
    return [Note(text, "--unit nm")]
