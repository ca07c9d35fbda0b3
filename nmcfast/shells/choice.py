"""Shells by what they are like: tables of their descriptors, Eqs. (17)–(20), and draws until a condition holds.

A shell costs microseconds, the grains in it a ten thousand times as much: so sizes and shapes are chosen before there
are grains. A condition speaks of the numbers that the table of a library holds, rounded as they are there.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from nmcfast.errors import InputError
from nmcfast.expression import matching, names_in
from nmcfast.kernels.shells.harmonics import star_volume_area
from nmcfast.shells.descriptors import HULL_LEVEL, LEVEL, aspect_ratio, compactness, d_max, d_min, sphericity
from nmcfast.shells.harmonics import grid_radii, icosphere
from nmcfast.shells.law import Law
from nmcfast.shells.shell import REASONS, Shell, draw_shells, faults

Columns = dict[str, np.ndarray]

FAST = ("d_max", "d_min", "aspect_ratio", "sphericity", "shell_volume_um3", "shell_surface_um2")
HULL = "compactness"  # takes a convex hull, 2 ms a shell: only where it is asked for
COLUMNS = (*FAST, HULL)
MOST_DRAWS = 1_000_000  # attempts until a condition is given up
_CHUNK = 1024  # shells whose radii are in memory at a time
_SINGLE = ("d_max", "aspect_ratio", "sphericity", HULL)  # stored in float32


def describe(coefficients: np.ndarray, names: set[str] | frozenset[str] = frozenset(FAST)) -> Columns:
    """Descriptors (n,) by name of accepted shells (n, 100) µm, Eqs. (17)–(20), as the table of a library holds them.

    d_max, d_min µm, shell_volume_um3, shell_surface_um2; "compactness" only when names have it.
    """
    parts = [
        _described(coefficients[k : k + _CHUNK], HULL in names) for k in range(0, max(len(coefficients), 1), _CHUNK)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _described(coefficients: np.ndarray, hull: bool) -> Columns:
    radius = grid_radii(coefficients, LEVEL)
    volume, area = star_volume_area(radius, *icosphere(LEVEL))
    found = {
        "d_max": d_max(radius),
        "d_min": d_min(radius),
        "aspect_ratio": aspect_ratio(radius),
        "sphericity": np.asarray(sphericity(volume, area)),
        "shell_volume_um3": volume,
        "shell_surface_um2": area,
    }
    if hull:
        coarse, grid = grid_radii(coefficients, HULL_LEVEL), icosphere(HULL_LEVEL)
        found[HULL] = np.array([compactness(row, *grid) for row in coarse])
    return {name: values.astype(np.float32) if name in _SINGLE else values for name, values in found.items()}


def check_condition(where: str) -> None:
    """InputError when a condition cannot be read or speaks of anything but descriptors of the shell."""
    for name in sorted(names_in(where) - set(COLUMNS)):
        raise InputError(
            f"--where {where!r}: no {name!r} before there are grains, expected some of {', '.join(COLUMNS)}"
        )
    matching(where, dict.fromkeys(COLUMNS, np.zeros(1)), 1)


def meets(coefficients: np.ndarray, where: str) -> np.ndarray:
    """Which accepted shells (n, 100) µm meet a condition on their descriptors -> (n,) bool."""
    return matching(where, describe(coefficients, names_in(where)), len(coefficients))


def draw_chosen(law: Law, seed: int, index: int, where: str, *, first: int = 0) -> tuple[Shell, dict[str, int]]:
    """The shell of one particle: the first attempt, from number `first` on, that is a particle and meets a condition.

    A pure function of (law, seed, index, where, first). Returns the shell and the attempts before it by why they were
    not taken: those of `draw_shell`, and "where". InputError, with what the last were like, when a million do not.
    """
    rejected, size, seen = dict.fromkeys((*REASONS, "where"), 0), 1, np.empty((0, 0))
    while sum(rejected.values()) < MOST_DRAWS:
        begin = first + sum(rejected.values())
        drawn = law.draw_many(seed, np.full(size, index, np.uint64), np.arange(begin, begin + size))
        fault = faults(law, drawn)
        good = np.flatnonzero(fault < 0)
        fits = good[meets(drawn[good], where)] if len(good) else good
        end = int(fits[0]) if len(fits) else size
        for number, reason in enumerate(REASONS):
            rejected[reason] += int(np.count_nonzero(fault[:end] == number))
        rejected["where"] += int(np.count_nonzero(good < end))
        if len(fits):
            return Shell(drawn[end]), rejected
        seen, size = drawn[good] if len(good) else seen, min(4 * size, _CHUNK)
    raise InputError(f"--where {where!r}: none of {MOST_DRAWS} shells of particle {index} meets it; {_said(seen)}")


def _said(coefficients: np.ndarray) -> str:
    """What some shells are like, in one line."""
    if not coefficients.size:
        return "none of them is a particle"
    found = describe(coefficients)
    said = (f"{name} {found[name].min():.3g} to {found[name].max():.3g}" for name in FAST)
    return f"the last {len(coefficients)} have {', '.join(said)}"


def shell_table(
    law: Law, seed: int, count: int, *, hull: bool = False, where: str = "", threads: int = 1
) -> tuple[Columns, int]:
    """The table of the shells of particles 0 … count − 1, or of those that meet a condition; and attempts rejected.

    Columns index and those of `describe`, a row a shell: that which the particle of this index has without a condition.
    """

    def part(first: int) -> tuple[np.ndarray, Columns, int]:
        indices = np.arange(first, min(first + _CHUNK, count), dtype=np.uint64)
        coefficients, rejected = draw_shells(law, seed, indices)
        found = describe(coefficients, {HULL} if hull or HULL in (names_in(where) if where else ()) else set())
        chosen = matching(where, found, len(indices)) if where else np.ones(len(indices), bool)
        return indices[chosen], {name: values[chosen] for name, values in found.items()}, int(rejected.sum())

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(part, range(0, count, _CHUNK)))
    table = {name: np.concatenate([columns[name] for _, columns, _ in parts]) for name in parts[0][1]}
    return {"index": np.concatenate([indices for indices, _, _ in parts]), **table}, sum(n for *_, n in parts)
