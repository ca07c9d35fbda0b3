"""Which points are unindexed: the one place that knows every vendor's marks, and counts by which mark."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmcfast.ebsd.notes import Note
from nmcfast.ebsd.options import ReadOptions

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

NEAR = 1e-3  # rad: angles are printed with 3 to 5 decimals
CONSTANT = 0.1  # distinct orientations a point: below it a map is made up of constant grains, zeros may be one

# What a person reads for each mark of `options.MARKS`.
NAMES = {
    "nan": "angles that are no numbers",
    "4pi": "an angle of 4π",
    "ci": "confidence −1",
    "fit": "fit 180",
    "mad": "negative angular deviation",
    "error": "an error code",
    "zeros": "angles of zero and no quality",
    "filled": "no bands, orientation filled in",
}
LATE = (NAMES["zeros"], NAMES["filled"])  # what is said of points that no code and no phase calls unindexed


@dataclass
class Marks:
    """Points by mark, each point under the first that it has; in the order of `NAMES`, then phases."""

    unindexed: Flags
    points: dict[str, Flags] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def add(self, name: str, points: Flags) -> None:
        new = points & ~self.unindexed
        if new.any():
            self.points[name] = new
        self.unindexed = self.unindexed | points

    @property
    def counts(self) -> dict[str, int]:
        return {name: int(points.sum()) for name, points in self.points.items()}


def find_marks(data: Mapping[str, Array], failed: Flags, degrees: bool | None, options: ReadOptions) -> Marks:
    """Points that a mark other than the phase calls unindexed, section 4.4.

    data: columns by name, absent ones left out, angles as written; failed: points whose error code says so; degrees:
    unit of the angles, None while it is not known.
    """
    euler = np.stack([data[name] for name in ("phi1", "Phi", "phi2")], axis=1)
    marks = Marks(np.zeros(len(euler), dtype=np.bool_))
    zeros = (euler == 0).all(axis=1)
    filled = ~zeros & (_column(data, "bands") == 0)
    found = {
        "nan": ~np.isfinite(euler).all(axis=1),
        "4pi": _impossible(euler, degrees),
        "ci": _column(data, "confidence") < -0.5,
        "fit": _column(data, "fit") >= 180 - NEAR,
        "mad": _column(data, "fit") < 0,
        "error": failed & ~filled & ~zeros,
        "zeros": zeros & _no_quality(data, zeros, failed, euler),
        "filled": filled,
    }
    for mark, points in found.items():
        wanted = mark in options.unindexed or (mark != "filled" and mark not in options.measured)
        if wanted or mark == "nan":
            everywhere = zeros if mark == "zeros" and mark in options.unindexed else points
            marks.add(NAMES[mark], everywhere)
    marks.notes += _remarks(zeros & ~marks.unindexed, filled & ~marks.unindexed)
    return marks


def _column(data: Mapping[str, Array], name: str) -> Array:
    """A column, NaN where the file has none, so that every comparison is false."""
    return data[name] if name in data else np.full(len(data["phi1"]), np.nan)


def _impossible(euler: Array, degrees: bool | None) -> Flags:
    """Angles that only an unindexed point has: any of 4π, a Φ of 2π; φ1 = 2π alone is an orientation."""
    turn = 2 * np.pi
    radians = (np.abs(euler[:, 1] - turn) < NEAR) | (np.abs(euler - 2 * turn) < NEAR).any(axis=1)
    whole = (np.abs(euler - 2 * turn) < NEAR).all(axis=1)  # in radians, also in a file of degrees
    turned = (np.abs(euler[:, 1] - 360) < 0.1) | (np.abs(euler - 720) < 0.1).any(axis=1)
    return whole | turned if degrees else radians | (turned if degrees is None else False)


def _no_quality(data: Mapping[str, Array], zeros: Flags, failed: Flags, euler: Array) -> Flags:
    """Whether what else is known of points with zero angles says that they failed.

    A column speaks where it tells these points from others: a confidence, quality, deviation or number of bands of 0
    that all points have says nothing. Where no column speaks, angles of exactly zero are a mark unless the map is
    made up of grains of constant orientation.
    """
    others = ~zeros
    speaks = False
    said = np.zeros(len(zeros), dtype=np.bool_)
    columns = [_column(data, name) <= 0 for name in ("confidence", "quality", "fit", "bands") if name in data]
    for low in (*columns, failed):
        if not others.any() or not low[others].all():
            said |= low
            speaks |= bool(low.any()) or low is not failed
    if speaks or not others.any():
        return said
    distinct = len(np.unique(euler[others], axis=0))
    return np.full(len(zeros), distinct > CONSTANT * others.sum())


def decided(marks: Marks) -> list[Note]:
    """What no vendor's code says but this module concludes."""
    notes = []
    for mark in ("nan", "zeros"):
        if (points := marks.points.get(NAMES[mark])) is not None:
            option = "" if mark == "nan" else f"--measured {mark}"
            notes.append(Note(f"{points.sum():,} points are taken as unindexed: {NAMES[mark]}", option))
    return notes


def _remarks(zeros: Flags, filled: Flags) -> list[Note]:
    notes = []
    if zeros.any() and not zeros.all():
        text = f"{zeros.sum():,} points have angles of exactly 0 0 0 but no other mark and are taken as measured"
        notes.append(Note(text, "--unindexed zeros"))
    if filled.any():
        text = f"{filled.sum():,} indexed points have no bands: orientations filled in by the vendor's clean-up"
        notes.append(Note(text, "--unindexed filled"))
    return notes
