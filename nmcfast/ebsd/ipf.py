"""Colours of crystal directions: the inverse-pole-figure key of each Laue group, as EBSD programs use it.

A sector of the sphere that the symmetry repeats has three corners, coloured red, green and blue; a direction within
takes the mixture of which it is made up of them, at full brightness. Sectors end on mirror planes, so that colours do
not jump. Groups without such mirrors (m-3, 6/m, 4/m, -3, 2/m, -1) take the key of the next higher group that has them,
which gives some directions that differ the same colour: our choice.
"""

import numpy as np
from numpy.typing import NDArray

from nmcfast.misorientation import symmetry_operators

Array = NDArray[np.float64]

_MIRRORED = {
    "-1": "mmm",
    "2/m": "mmm",
    "112/m": "mmm",
    "4/m": "4/mmm",
    "-3": "-3m",
    "6/m": "6/mmm",
    "m-3": "m-3m",
}
_AZIMUTHS = {"mmm": (0, 90), "4/mmm": (0, 45), "-3m": (-30, 30), "6/mmm": (0, 30)}  # degrees from the a axis


def corners(laue: str, x_axis: str = "a") -> Array:
    """Red, green and blue corner of a Laue group's sector, rows of (3, 3): c and two directions around it.

    Cubic: [001], [011], [111]. x_axis as in `symmetry_operators`.
    """
    laue = _MIRRORED.get(laue, laue)
    if laue == "m-3m":
        return np.array([[0, 0, 1], [0, 1, 1], [1, 1, 1]]) / np.sqrt([[1], [2], [3]])
    offset = -30 if x_axis == "a*" and laue in ("-3m", "6/mmm") else 0
    angle = np.deg2rad(np.array(_AZIMUTHS[laue]) + offset)
    return np.vstack([[0, 0, 1], np.stack([np.cos(angle), np.sin(angle), [0, 0]], axis=1)])


def ipf_colours(orientation: Array, laue: str, x_axis: str = "a", direction: tuple[float, ...] = (0, 0, 1)) -> Array:
    """Colour (n, 3) in [0, 1] of the crystal direction that lies along a direction of the sample.

    orientation (n, 4) unit quaternions, crystal to sample.
    """
    return key_colours(into_crystal(orientation, np.array(direction, dtype=np.float64)), laue, x_axis)


def into_crystal(orientation: Array, direction: Array) -> Array:
    """Sample directions (3,) or (n, 3) in the frames of crystals, (n, 4) crystal to sample -> (n, 3)."""
    vector = -orientation[:, 1:]
    twice = 2 * np.cross(vector, direction)
    return direction + orientation[:, :1] * twice + np.cross(vector, twice)


def key_colours(crystal: Array, laue: str, x_axis: str = "a") -> Array:
    """Colour (n, 3) of crystal directions (n, 3), brought into the sector by symmetry and inversion."""
    mixing = np.linalg.inv(corners(laue, x_axis).T)
    best = np.full(crystal.shape, -np.inf)
    for operator in symmetry_operators(_MIRRORED.get(laue, laue), x_axis):
        turned = into_crystal(np.tile(operator, (len(crystal), 1)), crystal)
        for equivalent in (turned, -turned):
            share = equivalent @ mixing.T
            better = share.min(axis=1) > best.min(axis=1)
            best[better] = share[better]
    share = np.maximum(best, 0.0)
    return np.sqrt(share / share.max(axis=1, keepdims=True))
