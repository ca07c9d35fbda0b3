"""Crystal orientations of grains: laws of the c-axis about the radius, draws, and fits to measured ones.

The paper leaves orientations to the future; this is a choice of this project (docs/model_card.md). An orientation is
the unit quaternion (w, x, y, z), w ≥ 0, that turns crystal axes into those of the particle (docs/conventions.md).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from scipy import optimize, special

from nmcfast.errors import InputError
from nmcfast.export.orientations import matrices
from nmcfast.kernels import philox
from nmcfast.kernels import texture as kernels
from nmcfast.misorientation import multiply

STREAM_ORIENTATION = 4  # of philox; 1 to 3 draw shells and seeds
MOST_CONCENTRATED = 1e6  # κ, a spread of 0.04°


@dataclass(frozen=True)
class Texture:
    """Law of the c-axis c of a grain about the radius e through its seed: the small-circle law of Bingham and Mardia
    (1978), density ∝ exp(−κ (|c·e| − cos angle)²) on the sphere, and any turn about the radius and about c.

    kind "uniform" (κ = 0, every orientation alike) or "radial fibre"; angle of c to the radius that is most likely,
    0 to 90°; concentration κ, dimensionless: |c·e| spreads by 1/√(2κ) about cos angle.
    """

    kind: str = "uniform"
    angle: float = 90.0
    concentration: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in ("uniform", "radial fibre"):
            raise InputError(f"texture.kind: found {self.kind!r}, expected 'uniform' or 'radial fibre'")
        if not 0.0 <= self.angle <= 90.0:
            raise InputError(f"texture.angle: found {self.angle}, expected 0 to 90 degrees")
        if not 0.0 <= self.concentration <= MOST_CONCENTRATED:
            raise InputError(f"texture.concentration: found {self.concentration}, expected 0 to {MOST_CONCENTRATED:g}")
        if (self.kind == "uniform") != (self.concentration == 0.0):
            raise InputError(
                f"texture.concentration: found {self.concentration} for kind {self.kind!r}, "
                "expected 0 for uniform and more for radial fibre"
            )

    def to_dict(self) -> dict[str, Any]:
        """The texture as it stands in a model file."""
        if self.kind == "uniform":
            return {"kind": self.kind}
        return {"kind": self.kind, "angle_deg": self.angle, "concentration": self.concentration}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> "Texture":
        """The texture of a model file; KeyError, TypeError or ValueError for one that says too little."""
        if said["kind"] == "uniform":
            return cls()
        return cls(str(said["kind"]), float(said["angle_deg"]), float(said["concentration"]))

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """|c·e| (n,) at probabilities u (n,)."""
        if self.kind == "uniform":
            return u
        law = NormalDist(math.cos(math.radians(self.angle)), 1.0 / math.sqrt(2.0 * self.concentration))
        low, high, out = law.cdf(0.0), law.cdf(1.0), np.empty(len(u))
        kernels.normal_quantiles(low + u * (high - low), law.mean, law.stdev, out)
        return np.clip(out, 0.0, 1.0)


UNIFORM = Texture()
# What nmc811 assumes: radial NMC811 has its basal planes along the radius, so that lithium can run inward. cos of the
# angle between c and the radius then spreads by 0.16, the angle by 9° about 90°.
RADIAL_NMC811 = Texture("radial fibre", 90.0, 20.0)


def draw_orientations(texture: Texture, seed: int, index: int, position: np.ndarray) -> np.ndarray:
    """Orientations (n, 4) of the grains of particle `index`, seeds at position (n, 3) µm; exact in float32.

    Each is a function of the texture, seed, index and its own position, which float32 must hold exactly: no grain's
    depends on the others, nor on the order.
    """
    u = _uniforms(seed, index, position)
    cosine = np.where(u[:, 3] < 0.5, -1.0, 1.0) * texture.quantile(u[:, 0])
    about_radius, about_c = 2.0 * np.pi * u[:, 1], 2.0 * np.pi * u[:, 2]
    upper, lower = np.sqrt((1.0 + cosine) / 2.0), np.sqrt((1.0 - cosine) / 2.0)
    c_sum, s_sum = _cosine_sine((about_radius + about_c) / 2.0)
    c_difference, s_difference = _cosine_sine((about_radius - about_c) / 2.0)
    about = np.stack([upper * c_sum, lower * c_difference, lower * s_difference, upper * s_sum], axis=1)
    return _stored(multiply(_onto(position), about))


def cosines_to_radius(orientation: np.ndarray, position: np.ndarray) -> np.ndarray:
    """|c·e| (n,) of orientations (n, 4) at positions (n, 3) from the centre, any unit but the centre itself."""
    radius = position / np.linalg.norm(position, axis=1, keepdims=True)
    return np.abs((matrices(orientation)[:, :, 2] * radius).sum(axis=1))


def fit_texture(orientation: np.ndarray, position: np.ndarray) -> Texture:
    """The radial fibre of the largest likelihood for measured grains: orientation (n, 4), position (n, 3).

    Positions are from the particle's centre, in the axes of the orientations; a section through the centre has 0 in its
    normal's direction. Raises InputError for fewer than 20 grains or a grain at the centre.
    """
    if len(position) < 20:
        raise InputError(f"texture: found {len(position)} grains with an orientation, expected 20 or more")
    if not np.linalg.norm(position, axis=1).all():
        raise InputError("texture: a grain lies at the centre itself, where there is no radius; leave it out")
    cosine = np.minimum(cosines_to_radius(orientation, position), 1.0)

    def loss(parameters: np.ndarray) -> float:
        angle, root = parameters
        centre = float(np.cos(angle))
        return float(((root * (cosine - centre)) ** 2).mean()) + math.log(_mass(centre, root))

    starts = [(angle, root) for angle in (0.1, 0.8, 1.5) for root in (0.5, 5.0)]
    bounds = [(0.0, np.pi / 2), (1e-3, np.sqrt(MOST_CONCENTRATED))]
    best = min((optimize.minimize(loss, start, bounds=bounds) for start in starts), key=lambda found: found.fun)
    return Texture("radial fibre", float(np.degrees(best.x[0])), float(best.x[1] ** 2))


def _mass(centre: float, root: float) -> float:
    """∫₀¹ exp(−κ (t − centre)²) dt, root = √κ."""
    return math.sqrt(math.pi) / 2.0 / root * float(special.erf(root * (1.0 - centre)) + special.erf(root * centre))


def _uniforms(seed: int, index: int, position: np.ndarray) -> np.ndarray:
    """Four numbers in (0, 1) for each position, (n, 4): a hash of the seed and the position is the key."""
    out = np.empty((len(position), 4))
    place = np.ascontiguousarray(position, np.float32).view(np.uint32)
    philox.uniforms_at(np.uint64(seed), np.uint64(index), STREAM_ORIENTATION, place, out)
    return out


def _cosine_sine(angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By the C library: NumPy's differ in the last bit from one processor to another."""
    cosine, sine = np.empty(len(angle)), np.empty(len(angle))
    kernels.cosines_sines(angle, cosine, sine)
    return cosine, sine


def _onto(position: np.ndarray) -> np.ndarray:
    """The smallest turn that brings z onto the radius (n, 4); none at the centre."""
    x, y, z = position.T
    length = np.sqrt(x * x + y * y + z * z)
    turn = np.stack([length + z, -y, x, np.zeros(len(x))], axis=1)
    turn[turn[:, 0] <= 1e-9 * length] = (0.0, 1.0, 0.0, 0.0)  # onto −z
    turn[length == 0.0] = (1.0, 0.0, 0.0, 0.0)
    w, i, j, _ = turn.T
    return turn / np.sqrt(w * w + i * i + j * j)[:, None]


def _stored(orientation: np.ndarray) -> np.ndarray:
    """With w ≥ 0, as they come back from storage in float32."""
    signed = np.where(orientation[:, :1] < 0.0, -orientation, orientation)
    return signed.astype(np.float32).astype(np.float64)
