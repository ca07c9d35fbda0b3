"""Which phase each point has, where header and points may number phases differently."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmcfast.ebsd.map import Phase
from nmcfast.ebsd.notes import Note, Rows
from nmcfast.ebsd.options import ReadOptions

MOST_SHIFTED = 0.01  # the same, where the points' numbers are the header's but for a shift by one
MOST_STRAY = 0.2  # share of measured points that may have a number the header does not name; more is another numbering
LARGEST = 255


@dataclass
class Numbered:
    """Phase number of each point, as the header numbers; points of no phase by what they say; remarks."""

    number: NDArray[np.int32]
    without: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def number_phases(
    written: NDArray[np.float64] | None,
    phases: dict[int, Phase],
    measured: NDArray[np.bool_],
    rows: Rows,
    options: ReadOptions,
    none: bool = False,
) -> Numbered:
    """Phases of points, section 4.4.

    written (n,) as in the file, None without such a column; measured: points that no other mark calls unindexed; none:
    the format says that 0 is no phase. Negative numbers are unindexed, and so is 0 where the header has no phase 0.
    Otherwise a single phase takes the points of number 0 or 1, where measured points have no other. Raises InputError,
    with the option that decides, where more than a fifth of the measured points have numbers that the header does not
    name, or a hundredth where they are the header's but for a shift by one.
    """
    if written is None:
        written = np.full(len(measured), min(phases) if len(phases) == 1 else 0.0)
    if len(phases) == 1 and _is_no_phase(written):
        found = Numbered(np.full(len(written), min(phases), dtype=np.int32))
        found.notes.append(Note("the column of phases holds other numbers and is left out: the header names one phase"))
        return found
    number = _whole(written, rows)
    if options.phases:
        number = _renumbered(number, options.phases)
    used = np.unique(number[measured & (number >= 0)])
    if len(phases) == 1 and used.tolist() in ([[1]] if none else [[0], [1]]) and not options.phases:
        number = np.where(number == used[0], min(phases), number)
        used = np.array([min(phases)])
    _refuse_other_numbering(number, phases, measured, used, rows)
    found = Numbered(number)
    for text, points in (
        ("phase −1", number < 0),
        ("phase 0", (number == 0) & (0 not in phases)),
        ("a phase the header does not name", (number > 0) & ~np.isin(number, list(phases))),
    ):
        if points.any():
            found.without[text] = points
    _remark(found, measured)
    return found


def _is_no_phase(written: NDArray[np.float64]) -> bool:
    """Old files of one phase have another quantity in that place: fractions, or more numbers than phases can be."""
    known = written[np.isfinite(written)]
    return bool((known % 1 != 0).any() or (known > LARGEST).any())


def _whole(written: NDArray[np.float64], rows: Rows) -> NDArray[np.int32]:
    written = np.where(np.isnan(written), -1, written)
    bad = ~(np.abs(written) <= 2**31 - 1)  # infinite ones too
    bad |= np.where(bad, 0.0, written) % 1 != 0
    if bad.any():
        k = int(np.argmax(bad))
        rows.refuse(k, f"phase {written[k]:g}; expected a small whole number (--columns says which column is which)")
    return written.astype(np.int32)


def _renumbered(number: NDArray[np.int32], wanted: dict[int, int | None]) -> NDArray[np.int32]:
    found = number.copy()
    for point, header in wanted.items():
        found[number == point] = -1 if header is None else header
    return found


def _refuse_other_numbering(
    number: NDArray[np.int32],
    phases: dict[int, Phase],
    measured: NDArray[np.bool_],
    used: NDArray[np.int32],
    rows: Rows,
) -> None:
    """Refuse numbers that fit the header's only when shifted, or that it lacks for too many points."""
    stray = measured & (number >= 0) & ~np.isin(number, list(phases))
    if not stray.any():
        return
    shifted = set((used + 1).tolist()) <= set(phases) or set((used - 1).tolist()) <= set(phases)
    if stray.sum() <= (MOST_SHIFTED if shifted else MOST_STRAY) * measured.sum():
        return
    shift = (1 if set((used + 1).tolist()) <= set(phases) else -1) if shifted else 0
    pairs = ((k, k + shift if shifted else min(phases) if k not in phases else k) for k in used.tolist())
    known, points = (", ".join(map(str, sorted(numbers))) for numbers in (phases, used.tolist()))
    rows.refuse(
        int(np.argmax(stray)),
        f"measured points have phase {points}, the header numbers {known}: {stray.sum():,} of {measured.sum():,}"
        f" would be left out; say which is which with --phases {','.join(f'{a}={b}' for a, b in pairs)}"
        f" (none for unindexed: --phases {int(number[np.argmax(stray)])}=none)",
    )


def _remark(found: Numbered, measured: NDArray[np.bool_]) -> None:
    for text, points in found.without.items():
        if lost := int((points & measured).sum()):
            if text.startswith("a phase"):
                text = f"{lost:,} points of a phase that the header does not name are taken as unindexed"
            else:
                text = f"{lost:,} points of {text} have an orientation and are taken as unindexed"
            found.notes.append(Note(text, "--phases"))
