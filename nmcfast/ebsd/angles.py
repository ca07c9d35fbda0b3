"""Degrees or radians: the one place that decides the unit of a map's Euler angles, by the values."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcfast.ebsd.grid import Grid, neighbour_pairs
from nmcfast.ebsd.notes import Note, Rows
from nmcfast.misorientation import misorientation, quaternions

Array = NDArray[np.float64]
Index = NDArray[np.int64]

ALIKE = np.deg2rad(5.0)  # neighbours nearer than this are of one grain
GRAINS = 0.25  # share of neighbours alike from which a reading makes grains; noise gives a few per cent
MOST_PAIRS = 20_000
FEWEST_PAIRS = 8
MOST_DAMAGED = 0.02  # share of angles out of range that is damage, not another unit
NOISE = np.deg2rad([0.02, 3.0])  # what neighbours within a grain differ by in measurements, in the median
OPTION = {"degrees": "--angles radians", "radians": "--angles degrees"}


@dataclass(frozen=True)
class Reading:
    """Angles between neighbours, and between random pairs, if angles are in one unit; rad."""

    near: Array
    far: Array

    @property
    def makes_grains(self) -> bool:
        return len(self.near) >= FEWEST_PAIRS and float((self.near <= ALIKE).mean()) >= GRAINS

    @property
    def noise(self) -> float:
        """Median misorientation of neighbours within grains."""
        return float(np.median(self.near[self.near <= ALIKE]))


def decide_unit(
    euler: Array,
    measured: NDArray[np.bool_],
    phase: NDArray[np.int32],
    layout: Grid,
    operators: Array,
    claim: str | None,
    rows: Rows,
) -> tuple[str, list[Note]]:
    """ "degrees" or "radians" for the angles of a map, section 4.4, and what was decided against the format.

    euler (n, 3) as written; measured (n,); operators: of the commonest phase; claim: the format's unit, None where it
    has none. Values beyond 4π are degrees. Otherwise the reading counts in which neighbours are alike: degrees read
    as radians are noise, and radians read as degrees are alike beyond what a measurement can be. Raises InputError,
    with the option that decides, where that tells nothing, and for angles that are in no unit.
    """
    if not measured.any():
        return claim or "radians", []
    largest = np.abs(euler[measured]).max(axis=0)
    out = measured & (np.abs(euler) > 4 * np.pi + 1e-3).any(axis=1)
    _refuse_impossible(euler, measured, rows)
    if out.any():
        return _beyond_radians(euler, measured & ~out, out, phase, layout, operators, claim, rows)
    usual = bool((largest <= np.array([2, 1, 2]) * np.pi * (1 + 1e-3)).all())
    radians = compare(euler, measured, phase, layout, operators)
    if claim == "radians":
        if radians.makes_grains or len(radians.near) < FEWEST_PAIRS or (usual and not _hides_grains(radians)):
            return "radians", []
        return _ask(rows, "make no grains in radians, and are small for degrees")
    if not usual or (claim == "degrees" and not radians.makes_grains):
        return "degrees", [] if claim else [Note("angles are taken for degrees: their values are none of radians")]
    degrees = compare(np.deg2rad(euler), measured, phase, layout, operators)
    if claim and _same(radians, degrees):
        return claim, []
    if radians.makes_grains and degrees.noise < NOISE[0] <= radians.noise <= NOISE[1]:
        text = f"angles are taken for radians: as degrees, neighbours would differ by {np.rad2deg(degrees.noise):.2g}°"
        return "radians", [Note(text, OPTION["radians"])]
    return _ask(rows, "make grains in radians and in degrees" if radians.makes_grains else "make no grains in radians")


def compare(
    euler: Array, measured: NDArray[np.bool_], phase: NDArray[np.int32], layout: Grid, operators: Array
) -> Reading:
    """Misorientations of some neighbours of one phase, and of as many random pairs; euler (n, 3) rad."""
    rng = np.random.default_rng(0)
    first, second = neighbour_pairs(layout)
    kept = np.flatnonzero(measured[first] & measured[second] & (phase[first] == phase[second]))
    kept = kept[np.linspace(0, len(kept) - 1, min(len(kept), MOST_PAIRS)).astype(int)] if len(kept) else kept
    first, second = first[kept], second[kept]
    other = rng.permutation(second)

    def between(a: Index, b: Index) -> Array:
        return misorientation(quaternions(euler[a]), quaternions(euler[b]), operators)

    return Reading(between(first, second), between(first, other))


def _same(one: Reading, other: Reading) -> bool:
    """Whether two readings join the same neighbours, so that nothing hangs on the unit."""
    return bool(((one.near <= ALIKE) == (other.near <= ALIKE)).all())


def _hides_grains(radians: Reading) -> bool:
    """Whether neighbours that are not alike are still more alike than random pairs, or all within 45°.

    Noise of a fraction of a degree becomes that; a map of nothing but noise is neither.
    """
    near, far = np.median(radians.near), np.median(radians.far)
    return bool(near < 0.6 * far or far < np.pi / 4)


def _beyond_radians(
    euler: Array,
    rest: NDArray[np.bool_],
    out: NDArray[np.bool_],
    phase: NDArray[np.int32],
    layout: Grid,
    operators: Array,
    claim: str | None,
    rows: Rows,
) -> tuple[str, list[Note]]:
    if claim == "degrees":
        return "degrees", []
    few = out.sum() <= MOST_DAMAGED * (out | rest).sum()
    if few and compare(euler, rest, phase, layout, operators).makes_grains:
        worst = np.abs(euler[out]).max()
        rows.refuse(
            int(np.argmax(out)),
            f"an angle is {worst:g}, all others are radians; expected at most 4π, or --angles degrees",
        )
    share = out.sum() / (out | rest).sum()
    text = f"angles are taken for degrees: {share:.0%} of the points have one beyond 4π"
    if claim:
        text += ", where the format says radians"
    return "degrees", [Note(text, OPTION["degrees"])]


def _refuse_impossible(euler: Array, measured: NDArray[np.bool_], rows: Rows) -> None:
    bad = measured & (np.abs(euler) > 720.1).any(axis=1)
    if bad.any():
        k = int(np.argmax(bad))
        rows.refuse(k, f"angle {np.abs(euler[k]).max():g} is neither radians nor degrees; expected at most 720")


def _ask(rows: Rows, why: str) -> tuple[str, list[Note]]:
    rows.refuse(
        0, f"from here on Euler angles {why}: their unit is not clear; say --angles degrees or --angles radians"
    )
