"""Statistics of cutouts whose means G is made to match, beside the game of Eq. (10). Not the paper's.

A discriminator that sees a few maps tells them from a law by what is accidental in them. Means over all cutouts
have no such memory. b cutouts, c channels, f = 6 c features.
"""

import torch
from torch import Tensor

from nmcfast.scores import LEAST_PIXELS

DECAY = 0.97  # of the running mean, for each `STEP` generated cutouts; free choices
STEP = 96


def features(image: Tensor) -> Tensor:
    """Of each channel of images (b, c, s, s): mass / s, its square, log elongation, its square, cos 2α and its square.

    Elongation is the ratio of lengths, α the angle to the cutout's x axis, the radius through its middle; both of
    second moments, as Eqs. (4), (21) have them. Those of a channel below LEAST_PIXELS are 0 -> (b, 6 c).
    """
    size = image.shape[-1]
    x = torch.arange(size, dtype=image.dtype) - (size - 1) / 2
    column, row = image.sum(dim=2), image.sum(dim=3)  # (b, c, s) by x, and by y
    mass = column.sum(dim=2)  # (b, c)
    there, safe = (mass >= LEAST_PIXELS).to(image.dtype), mass.clamp(min=1.0)
    mx, my = column @ x / safe, row @ x / safe
    xx = column @ x.square() / safe - mx.square() + 1 / 12  # 1/12: the pixel's own extent
    yy = row @ x.square() / safe - my.square() + 1 / 12
    xy = (image @ x) @ x / safe - mx * my
    root = ((xx - yy).square() + 4 * xy.square() + 1e-3).sqrt()  # 1e-3: a circle has a finite slope
    long = 0.5 * ((xx + yy + root) / (xx + yy - root).clamp(min=1e-2)).log()
    cosine = (xx - yy) / root
    shape = [there * value for value in (long, long.square(), cosine, cosine.square())]
    return torch.cat([mass / size, (mass / size).square(), *shape], dim=1)


class Matching:
    """Means of `features`: the real ones, and a running one of generated cutouts, which starts at the real."""

    def __init__(self, real: Tensor) -> None:
        """real (b, f): features of some thousand cutouts of fitted sections."""
        self.real, self.spread = real.mean(dim=0), real.std(dim=0).clamp(min=1e-3)
        self.running = self.real.clone()

    def follow(self, image: Tensor) -> Tensor:
        """Move the running mean (f,) towards that of generated images (b, c, s, s); return the latter."""
        mean = features(image).mean(dim=0)
        self.running.lerp_(mean.detach(), 1.0 - DECAY ** (len(image) / STEP))
        return mean

    def loss(self, image: Tensor) -> Tensor:
        """A loss of generated images (b, c, s, s) with the slope of the mean square of `error`.

        The running mean takes the place of the batch's, whose own noise would otherwise be punished.
        """
        mean = self.follow(image)
        return 2.0 * (self.error() / self.spread * mean).mean()

    def error(self) -> Tensor:
        """How far the running mean lies from the real one, in standard deviations of one cutout (f,)."""
        return (self.running - self.real) / self.spread
