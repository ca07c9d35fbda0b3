"""The nets of the stereological GAN in torch, Fig. 5, and the step from markers to images with its gradient.

Seeds, neighbours and the tessellation are compiled kernels, `soft` with its own gradient; torch holds G_net and D. b
cutouts, n seeds, c = 12 channels, 32 × 32 pixels.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcfast import parameters
from nmcfast.calibration.grains.options import Options
from nmcfast.calibration.grains.start_law import PlainLaw
from nmcfast.errors import MissingExtraError
from nmcfast.kernels import soft
from nmcfast.markers import MarkerNet, input_count
from nmcfast.sections.cutouts import Cutouts, Grids, Markers, Seeds, draw_distances, draw_seeds, evaluate

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise MissingExtraError("calibrating grains needs torch: pip install 'nmcfast[train]'") from error


IMITATION_STEPS, IMITATION_RATE, IMITATION_CUTOUTS = 1500, 3e-3, 16  # free choices


class Generator(nn.Module):
    """G_net: inputs (n, w) -> D (n, 3) px⁻² and r (n,), ReLU layers and scaled sigmoids, Algorithm 1 line 6."""

    low: Tensor
    high: Tensor
    shift: Tensor
    scale: Tensor

    def __init__(self, options: Options) -> None:
        super().__init__()
        widths = (input_count(), *options.hidden, 4)
        layers = [nn.Linear(a, b) for a, b in itertools.pairwise(widths)]
        self.layers = nn.ModuleList(layers)
        low, high = zip(*[options.diagonal_range] * 3, options.offset_range, strict=True)
        self.register_buffer("low", torch.tensor(low))
        self.register_buffer("high", torch.tensor(high))
        shift, scale = input_scaling(options.mu)
        self.register_buffer("shift", torch.from_numpy(shift))
        self.register_buffer("scale", torch.from_numpy(scale))
        share = (options.start_diagonal - low[0]) / (high[0] - low[0])
        with torch.no_grad():
            layers[-1].bias.copy_(torch.tensor([math.log(share / (1 - share))] * 3 + [0.0]))

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        out = self.low + (self.high - self.low) * torch.sigmoid(self.logits(inputs))  # (n, 4)
        return out[:, :3], out[:, 3]

    def logits(self, inputs: Tensor) -> Tensor:
        """The last layer (n, 4) of inputs (n, w), before the sigmoids."""
        x = (inputs - self.shift) * self.scale  # (n, w)
        *hidden, last = self.layers
        for layer in hidden:
            x = torch.relu(layer(x))
        return last(x)

    def numpy(self) -> MarkerNet:
        """The same net as plain arrays, for the model file."""
        shift, scale, low, high = (t.numpy().copy() for t in (self.shift, self.scale, self.low, self.high))
        weights = tuple(p.detach().numpy().T.copy() for p in self.parameters() if p.ndim == 2)
        biases = tuple(p.detach().numpy().copy() for p in self.parameters() if p.ndim == 1)
        return MarkerNet(weights, biases, shift, scale, low, high)


def input_scaling(mu: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Shift and scale (60,) that bring displacements to mean seed spacings and noises to variance 1. Free choice."""
    scale = np.tile([mu ** (1 / 3)] * 3 + [math.sqrt(12.0)] * 2, parameters.KAPPA)
    return np.tile([0.0] * 3 + [0.5] * 2, parameters.KAPPA).astype(np.float32), scale.astype(np.float32)


class Discriminator(nn.Sequential):
    """D: images (b, c, 32, 32) -> (b,); convolution, batch norm, ReLU, max-pool by layer, then dense, Fig. 5b.

    told: further channels, of what D is told beside the image.
    """

    def __init__(self, options: Options, told: int = 0) -> None:
        layers: list[nn.Module] = []
        before = options.seen + told
        for after in options.features:
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
            before = after
        edge = parameters.CUTOUT >> len(options.features)
        layers += [nn.Flatten(), nn.Linear(before * edge * edge, options.dense), nn.ReLU()]
        layers.append(nn.Linear(options.dense, 1))
        if options.objective == "maximise":
            layers.append(nn.Sigmoid())  # else "maximise D²" has no bound
        super().__init__(*layers, nn.Flatten(0))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs


class SoftImage(torch.autograd.Function):
    """Images (b, c, 32, 32) of markers D (n, 3), r (n,), Eqs. (11), (15), (16), with the kernel's gradient."""

    @staticmethod
    def forward(
        ctx: Any, diagonal: Tensor, offset: Tensor, seeds: Seeds, grids: Grids, hard: Callable | None, channels: int
    ) -> Tensor:
        markers = with_markers(seeds, diagonal, offset)
        cut = evaluate(markers, grids, channels)
        ctx.markers, ctx.grids, ctx.channel = markers, grids, cut.channel
        return torch.from_numpy(cut.image if hard is None else hard(cut))

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, Tensor, None, None, None, None]:
        m, g = ctx.markers, ctx.grids
        d_diagonal, d_offset = np.empty_like(m.diagonal), np.empty_like(m.offset)
        soft.cutout_gradients_parallel(
            m.position,
            m.frame,
            m.diagonal,
            m.offset,
            m.first,
            g.corner,
            g.along,
            g.across,
            ctx.channel,
            slope.contiguous().numpy(),
            d_diagonal,
            d_offset,
        )
        return torch.from_numpy(d_diagonal).float(), torch.from_numpy(d_offset).float(), None, None, None, None


def rounded(cut: Cutouts) -> NDArray[np.float32]:
    """Images with each value rounded to 0 or 1, ξ of Algorithm 2."""
    return np.rint(cut.image)


def one_hot(cut: Cutouts) -> NDArray[np.float32]:
    """Images where the most likely grain of a pixel has 1: unlike rounding, no pixel of three grains is left empty."""
    return (cut.label[:, None] == cut.channel[:, :, None, None]).astype(np.float32)


BINARISE = {"round": rounded, "argmax": one_hot}


def misplaced(image: Tensor, reach: int, rng: np.random.Generator) -> Tensor:
    """Images whose pixels are each taken from a random place up to `reach` rows and columns away.

    It hides how boundaries curve within a pixel or two, in which a fit to noisy pixels differs from a clean plane
    section, and leaves size, shape and direction of the grains.
    """
    if reach == 0:
        return image
    count, channels, size, _ = image.shape
    shift = rng.integers(-reach, reach + 1, (2, count, size, size))
    y, x = np.clip(shift + np.indices((size, size))[:, None], 0, size - 1)
    index = torch.from_numpy((y * size + x).reshape(count, 1, -1)).expand(-1, channels, -1)
    return image.flatten(2).gather(2, index).reshape(image.shape)


def marker_statistics(diagonal: Tensor, offset: Tensor) -> dict[str, float]:
    """Means of D (n, 3) px⁻², and how much log D and r (n,) spread over grains: what to watch in training."""
    means = {f"D{k + 1}": value.item() for k, value in enumerate(diagonal.mean(dim=0))}
    return {**means, "spread_D": diagonal.log().std(dim=0).mean().item(), "spread_r": offset.std().item()}


def marker_moments(diagonal: Tensor, offset: Tensor) -> Tensor:
    """Means and standard deviations of log D₁, log D₂, log D₃ and r, of D (n, 3) and r (n,) -> (8,)."""
    marks = torch.cat([diagonal.log(), offset[:, None]], dim=1)
    return torch.cat([marks.mean(dim=0), marks.std(dim=0)])


def markers_of(net: Generator, seeds: Seeds) -> Markers:
    """Markers that a net gives to seeds, as the kernels take them."""
    diagonal, offset = net(torch.from_numpy(seeds.inputs))
    return with_markers(seeds, stretched(diagonal, seeds), offset)


def stretched(diagonal: Tensor, seeds: Seeds) -> Tensor:
    """D (n, 3) of seeds, times the factors that an arrangement gives them."""
    return diagonal if seeds.factor is None else diagonal * torch.from_numpy(seeds.factor).float()


def with_markers(seeds: Seeds, diagonal: Tensor, offset: Tensor) -> Markers:
    """Seeds with their D (n, 3) and r (n,), as the kernels take them."""
    arrays = [t.detach().double().numpy() for t in (diagonal, offset)]
    return Markers(seeds.position, seeds.frame, arrays[0], arrays[1], seeds.first)


def normalise_gradient(net: nn.Module) -> None:
    """Scale the gradient of a net to length 1, as the paper does [61]; a zero gradient stays."""
    gradients = [p.grad for p in net.parameters()]
    length = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
    for g in gradients:
        g /= max(length.item(), 1e-12)


def imitate(
    net: Generator,
    law: PlainLaw,
    options: Options,
    rng: np.random.Generator,
    draw: Callable[[NDArray[np.float64], np.random.Generator], Seeds] | None = None,
) -> dict[str, float]:
    """Train G_net by regression until it gives the markers of a law; what it misses.

    Of each of log D₁, log D₂, log D₃ and r the share of the law's variance that is missed, or, where that is small, of
    a spread of 0.05; and the share of markers that the net's ranges cut off. draw: seeds of cutouts at distances, where
    they are not a Poisson process.
    """
    draw = draw or (lambda distance, rng: draw_seeds(distance, law.mu, rng))
    adam = torch.optim.Adam(net.parameters(), IMITATION_RATE)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(adam, IMITATION_STEPS)
    for _ in range(IMITATION_STEPS):
        inputs, wanted, _ = _targets(net, law, draw(draw_distances(IMITATION_CUTOUTS, options.distance, rng), rng))
        # each output in units of its own spread, so that a wide r does not drown D
        loss = ((net.logits(inputs) - wanted) / _spread(wanted)).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        decay.step()
    inputs, wanted, cut = _targets(net, law, draw(draw_distances(8 * IMITATION_CUTOUTS, options.distance, rng), rng))
    with torch.no_grad():
        missed = ((net.logits(inputs) - wanted) / _spread(wanted)).square().mean(dim=0)
    return {**dict(zip(("D1", "D2", "D3", "r"), missed.tolist(), strict=True)), "cut_off": cut}


def _targets(net: Generator, law: PlainLaw, seeds: Seeds) -> tuple[Tensor, Tensor, float]:
    """Inputs (n, w) of seeds, the logits (n, 4) of a law's markers for them, and the share cut off."""
    low, high = net.low.double().numpy(), net.high.double().numpy()
    share = (np.column_stack(law(seeds.inputs)) - low) / (high - low)
    inside = np.clip(share, 0.002, 0.998)
    logits = torch.from_numpy(np.log(inside / (1 - inside))).float()
    return torch.from_numpy(seeds.inputs), logits, float((share != inside).mean())


def _spread(logits: Tensor) -> Tensor:
    """Standard deviations (4,), those of hardly varying outputs not to be divided by."""
    return logits.std(dim=0).clamp(min=0.05)
