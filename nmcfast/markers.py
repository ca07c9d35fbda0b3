"""G_net, the law of the grains: markers D and r of a seed from its neighbours, Algorithm 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nmcfast.errors import InputError
from nmcfast.kernels import gnet
from nmcfast.parameters import KAPPA, NOISES
from nmcfast.seeds import SeedPattern

LARGEST = 1e6  # of a weight, a bias, a scale or a range: far beyond it sums are no numbers any more

_Array = np.ndarray
_SevenArrays = tuple[_Array, _Array, _Array, _Array, _Array, _Array, _Array]


@dataclass(frozen=True, eq=False)
class MarkerNet:
    """A fully connected net from the neighbours of a seed to its markers D₁ D₂ D₃ r.

    weights: one (in, out) float32 array a layer, biases (out,); ReLU between, a sigmoid scaled to low … high (4,) at
    the end, D in pixel⁻². The first layer sees (input − shift) · scale, shift and scale (w,), w = 60 inputs and, where
    with_radius and with_noise say so, |s| and the seed's own noise (free choices of MODEL.md, off by default).
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    shift: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray
    with_radius: bool = False
    with_noise: bool = False

    def __post_init__(self) -> None:
        widths = self.widths
        if widths[0] != self.shift.size or self.shift.size != self.scale.size:
            raise InputError(f"G_net takes {widths[0]} inputs, shift has {self.shift.size}, scale {self.scale.size}")
        if self.shift.size != input_count(self.with_radius, self.with_noise):
            wanted = input_count(self.with_radius, self.with_noise)
            raise InputError(f"G_net: found {self.shift.size} inputs, expected {wanted}")
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if weight.shape != (widths[k], bias.size):
                raise InputError(f"G_net layer {k}: weights are {weight.shape}, expected {(int(widths[k]), bias.size)}")
        if not self.low.size == self.high.size == widths[-1] == 4:
            raise InputError(f"G_net gives {widths[-1]} outputs, expected 4: D₁ D₂ D₃ r")
        for array in self.arrays():
            if not (np.isfinite(array).all() and np.abs(array).max(initial=0.0) <= LARGEST):
                raise InputError(f"G_net: a weight, bias, scale or range is not a finite number of at most {LARGEST:g}")
        if (self.low[:3] < 0).any() or (self.high < self.low).any():
            raise InputError(f"G_net: range {self.low.tolist()} to {self.high.tolist()}, expected 0 ≤ low ≤ high for D")

    @cached_property
    def widths(self) -> np.ndarray:
        return np.array([self.weights[0].shape[0], *(bias.size for bias in self.biases)])

    def arrays(self) -> Sequence[np.ndarray]:
        """All arrays of the net."""
        return (*self.weights, *self.biases, self.shift, self.scale, self.low, self.high)

    @cached_property
    def _kernel_arrays(self) -> _SevenArrays:
        """shift, scale, widths, weights and biases in blocks of six units, low, high: as `gnet.forward` has them."""
        weights = [_in_blocks(weight).ravel() for weight in self.weights]
        biases = [_in_blocks(bias[None]).ravel() for bias in self.biases]
        return (
            self.shift.astype(np.float32),
            self.scale.astype(np.float32),
            self.widths,
            np.concatenate(weights),
            np.concatenate(biases),
            self.low.astype(np.float64),
            self.high.astype(np.float64),
        )

    def __call__(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Diagonals D (m, 3) pixel⁻² and offsets r (m,), float32, of inputs (m, w), Algorithm 1 line 6."""
        out = np.empty((len(inputs), 4), np.float32)
        gnet.forward(np.ascontiguousarray(inputs, np.float32), *self._kernel_arrays, out)
        return out[:, :3], out[:, 3]

    def mark(self, pattern: SeedPattern, pixel: float) -> tuple[np.ndarray, np.ndarray]:
        """D (m, 3) pixel⁻² and r (m,), float32, of the inner seeds of a pattern, pixel in µm, Algorithm 1 lines 3–6."""
        out = np.empty((len(pattern.inner), 4), np.float32)
        gnet.mark(
            pattern.table,
            pattern.inner,
            pattern.neighbour,
            pixel,
            self.with_radius,
            self.with_noise,
            *self._kernel_arrays,
            out,
        )
        return out[:, :3], out[:, 3]


def _in_blocks(weight: np.ndarray) -> np.ndarray:
    """Weights (in, out) of a layer as (blocks, in, 6) float32, six units a block, zeros in the last one."""
    count = -(-weight.shape[1] // gnet.UNITS)
    padded = np.zeros((weight.shape[0], count * gnet.UNITS), np.float32)
    padded[:, : weight.shape[1]] = weight
    return np.ascontiguousarray(padded.reshape(-1, count, gnet.UNITS).transpose(1, 0, 2))


def input_count(with_radius: bool = False, with_noise: bool = False) -> int:
    """Inputs of G_net: three coordinates and two noises of each of 12 neighbours, and the options."""
    return (3 + NOISES) * KAPPA + with_radius + NOISES * with_noise


def frames(position: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Frames Q of seeds, Eq. (12): rows are the axes, the first along the radius; (n, 3), (n,) -> (n, 3, 3)."""
    out = np.empty((len(angle), 3, 3))
    gnet.frames(np.ascontiguousarray(position, np.float64), np.ascontiguousarray(angle, np.float64), out)
    return out


def metrics(frame: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    """Metrics M = Qᵀ D Q, (n, 3, 3) and (n, 3) -> (n, 3, 3), unit of the diagonal."""
    out = np.empty_like(frame)
    gnet.metrics(frame, np.ascontiguousarray(diagonal, np.float64), out)
    return out
