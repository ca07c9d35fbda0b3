"""The law that training starts from: a plain law of markers, and parts that widen it. Not the paper's.

A plain law has six numbers. Its parts are seeds that keep away from each other (`regularity`), elongation and density
that change with |s| (`elongation`, `density`), and grains of a second kind (`kinds`). n seeds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import hadamard
from scipy.special import expit, ndtri

from nmcfast.arrangement import Arrangement, Profile
from nmcfast.calibration.grains.reference import MEAN_DISTANCE
from nmcfast.parameters import KAPPA, NOISES

Array = NDArray[np.float64]
WIDEST = 3.0  # the intensity may be this many times more or less than the first guess


@dataclass(frozen=True)
class Number:
    """A number of a law: its range, the step of differences that stand for a slope, centre and width of its prior.

    log μ's range is about a first guess; an infinite width is no prior.
    """

    low: float
    high: float
    step: float
    guess: float
    width: float = math.inf


# What sections hardly tell stays near a plain guess: the spread of r and its coupling, place and width of a change.
NUMBERS = {
    "shape": Number(-2.0, 2.0, 0.05, 0.0),
    "spread_first": Number(0.0, 1.0, 0.05, 0.2),
    "spread_across": Number(0.0, 1.0, 0.05, 0.2),
    "spread_offset": Number(0.0, 2.5, 0.2, 1.0, 1.0),
    "coupling": Number(-12.0, 12.0, 0.5, 2.0, 2.0),
    "log_mu": Number(-math.log(WIDEST), math.log(WIDEST), 0.04, 0.0),
}
_PLACE, _WIDTH = Number(0.0, 1.0, 0.1, 0.5, 0.4), Number(0.05, 2.0, 0.15, 0.6, 0.6)
# And the parts: the first number of each says how much of it there is, 0 for none.
PARTS = {
    "regularity": {"regularity": Number(0.0, 1.3, 0.1, 0.0)},
    "elongation": {"core_shape": Number(-2.0, 2.0, 0.1, 0.0), "shape_place": _PLACE, "shape_width": _WIDTH},
    "density": {"core_density": Number(-2.0, 2.0, 0.1, 0.0), "density_place": _PLACE, "density_width": _WIDTH},
    "kinds": {
        "share": Number(0.0, 0.5, 0.05, 0.0),
        "other_shape": Number(-2.5, 2.5, 0.1, 0.0, 1.0),
        "other_offset": Number(-3.0, 3.0, 0.3, 0.0, 1.0),
    },
}
ALL = NUMBERS | {name: number for part in PARTS.values() for name, number in part.items()}
# Where a part is looked for: its numbers at places far enough from none to be seen
CHANGES = ((0.5, 1.0), (1 / 3, 0.1), (2 / 3, 0.1))  # place and width: a ramp, a step near the core, one near the rim
TRIALS: dict[str, tuple[dict[str, float], ...]] = {
    "regularity": ({"regularity": 0.25},),
    "elongation": tuple({"core_shape": 0.3, "shape_place": p, "shape_width": w} for p, w in CHANGES),
    "density": tuple({"core_density": 0.3, "density_place": p, "density_width": w} for p, w in CHANGES),
    "kinds": tuple({"share": 0.25, "other_shape": s, "other_offset": 0.0} for s in (-0.6, 0.6)),
}


@dataclass(frozen=True)
class PlainLaw:
    """A law of markers without a net: log D₁, log D₂, log D₃ and r independent and normal, plus what room adds to r.

    shape, half the mean of log(D₂/D₁) and of log(D₃/D₁): e^shape is the radial elongation; spread_first, spread_across:
    standard deviations of log D₁, and of log D₂ and log D₃, alike since γ is uniform; spread_offset of r; coupling of r
    to the mean distance of the 12 nearest seeds, per mean seed spacing; mu px⁻³; size px⁻², geometric mean of D;
    offset, mean of r. No label tells size from the scale of r, nor r from r plus a constant. A share of the grains, 0
    by default, is of a second kind, whose shape is other_shape more and whose r is other_offset larger.
    """

    shape: float
    spread_first: float
    spread_across: float
    spread_offset: float
    coupling: float
    mu: float
    size: float
    offset: float
    share: float = 0.0
    other_shape: float = 0.0
    other_offset: float = 0.0

    def __call__(self, inputs: NDArray[np.float32]) -> tuple[Array, Array]:
        """D (n, 3) px⁻² and r (n,) of inputs (n, 60) of G_net, Algorithm 1 line 6: a function of them, as G_net is."""
        by_neighbour = inputs.reshape(len(inputs), KAPPA, 3 + NOISES).astype(np.float64)
        room = np.linalg.norm(by_neighbour[:, :, :3], axis=2).mean(axis=1) * self.mu ** (1 / 3) - MEAN_DISTANCE
        return self.markers(normals(by_neighbour[:, :, 3:]), room)

    def markers(self, number: Array, room: Array) -> tuple[Array, Array]:
        """D (n, 3) px⁻² and r (n,) of five normal numbers (5, n) a seed and of its room (n,), 0 on average."""
        first, second, third, offset, kind = number
        other = kind < ndtri(self.share)  # never for a share of 0
        shape = self.shape + self.other_shape * other
        centre = math.log(self.size) + 2 / 3 * shape  # of log D₂ and log D₃
        log = np.empty((len(room), 3))
        log[:, 0] = centre - 2 * shape + self.spread_first * first
        log[:, 1] = centre + self.spread_across * second
        log[:, 2] = centre + self.spread_across * third
        r = self.offset + self.spread_offset * offset + self.coupling * room + self.other_offset * other
        return np.exp(log), r


def normals(noise: Array) -> Array:
    """Five independent, nearly normal numbers (5, n) of the noises (n, 12, 2) of a seed's neighbours.

    Sums of all 24 with signs that are orthogonal and half of them negative: a neighbour that two grains share has
    another rank in each, so that their numbers do not correlate.
    """
    signs = np.tile(hadamard(8)[1:6], 3)  # (5, 24)
    flat = noise.transpose(0, 2, 1).reshape(len(noise), -1) - 0.5
    return signs @ flat.T * math.sqrt(12.0 / signs.shape[1])


def rise(place: float, width: float, radius: int) -> Array:
    """From 0 in the centre to 1 at `radius` px, a logistic step of a place and a width in radii -> (radius + 1,)."""
    step = expit(4.0 * (np.arange(radius + 1) / radius - place) / width)
    return (step - step[0]) / (step[-1] - step[0])


def plain_law(numbers: Mapping[str, float], size: float, offset: float) -> PlainLaw:
    """The plain law, its second kind included, that numbers say; log_mu is that of the rim."""
    own = {name: numbers[name] for name in (*NUMBERS, *PARTS["kinds"]) if name in numbers and name != "log_mu"}
    return PlainLaw(**own, mu=math.exp(numbers["log_mu"]), size=size, offset=offset)


def arrangement(numbers: Mapping[str, float], radius: int) -> Arrangement:
    """What numbers say beyond the plain law: regularity, and a profile out to a radius, px, of whole sections."""
    changes = []
    for core, name in (("core_shape", "shape"), ("core_density", "density")):
        if core in numbers:
            inwards = 1.0 - rise(numbers[f"{name}_place"], numbers[f"{name}_width"], radius)
            changes.append(numbers[core] * inwards)
        else:
            changes.append(np.zeros(radius + 1))
    if not ("core_shape" in numbers or "core_density" in numbers):
        return Arrangement(float(numbers.get("regularity", 0.0)))
    shape, density = changes
    columns = (np.exp(x).astype(np.float32) for x in (density, -4 / 3 * shape, 2 / 3 * shape))
    return Arrangement(float(numbers.get("regularity", 0.0)), Profile(float(radius), *columns))


def in_words(parts: Mapping[str, Mapping[str, float]], error: Mapping[str, float]) -> str:
    """The parts that a plain law has not, with their standard errors; nothing for a plain law.

    A change with |s| is said as the centre's over the rim's.
    """
    said = []
    for part, own in parts.items():
        amount = next(iter(PARTS[part]))
        value, times = own[amount], math.exp(own[amount])
        if part == "regularity":
            said.append(f"seeds keep apart, regularity {value:.2f} ± {error[amount]:.2f}")
        elif part == "kinds":
            other = math.exp(own["other_shape"])
            said.append(f"{value:.0%} ± {error[amount]:.0%} of the grains are {other:.2f} times as long")
        else:
            said.append(f"{part} in the centre {times:.2f} ± {times * error[amount]:.2f} times that of the rim")
    return "; ".join(said)
