"""Hyper-parameters of the stereological GAN: the paper's as default, and a fast schedule.

docs/calibration.md gives the reasons for each free choice.
"""

from dataclasses import dataclass, replace

from nmcfast import parameters
from nmcfast.errors import InputError

CHOICES = {
    "objective": ("minimise", "maximise"),
    "binarise": ("round", "argmax"),
    "keep": ("best", "last"),
    "start": ("torch", "moments"),
}


@dataclass(frozen=True)
class Options:
    """Hyper-parameters of Algorithm 2: what the paper prints, and our values where it is silent (marked free)."""

    seed: int = 0
    hidden: tuple[int, ...] = (64, 64)  # free: widths of G_net
    features: tuple[int, ...] = (16, 32, 64)  # free: convolution layers of D
    dense: int = 64  # free: dense layer of D
    diagonal_range: tuple[float, float] = parameters.METRIC_RANGE
    offset_range: tuple[float, float] = parameters.OFFSET_RANGE
    start: str = "torch"  # free: G_net begins with "torch"'s random weights, or imitates a law fitted to "moments"
    start_diagonal: float = 5.0  # free: px⁻², D of the untrained G_net; the middle of the range, 25, is a poor start
    gauge: float = 0.0  # free: weight of a penalty that holds what sections leave open, `Trainer.gauge`
    warm_up: int = 0  # free: steps of D before the first of G, so that G does not leave its start for a random verdict
    objective: str = "minimise"  # "minimise" (D − 1)², or "maximise" D² with a sigmoid on D
    binarise: str = "round"  # "round" to 0 or 1 as printed, or "argmax": one grain a pixel
    straight_through: bool = False  # free: G's loss sees what D is trained on, its gradient is that of the soft image
    jitter: int = 0  # free: pixels by which each pixel that D sees is misplaced at random
    learning_rate: float = parameters.LEARNING_RATE
    discriminator_rate: float = parameters.LEARNING_RATE
    momentum: float = 0.9  # free: Adam's β₁, the library's default
    seen: int = parameters.CHANNELS  # channels that D sees; the paper's 12 leave out the smaller grains of a cutout
    batch_generator: int = parameters.BATCH_GENERATOR
    batch_discriminator: int = parameters.BATCH_DISCRIMINATOR
    final_rate: float = 1.0  # free: share of both rates that is left in the last epoch
    epochs: int = parameters.EPOCHS
    steps: int = parameters.STEPS
    skip_loss: float = parameters.SKIP_LOSS
    augmentation: float = parameters.AUGMENTATION
    distance: float = parameters.CUTOUT_DISTANCE
    mu: float = parameters.MU
    mu_rate: float = 0.0  # free: power of Eq. (13) by which mu changes each step, as Algorithm 2 prints; 0: each epoch
    average: float = 0.995  # free: decay a step of the moving average of G_net; 0 turns it off
    held_out: float = 0.25  # free: share of the sections that only score
    score_cutouts: int = 512  # free: cutouts a score
    keep: str = "best"  # free: the epoch with the "best" score, or the "last", for rates that have fallen
    patience: int | None = None  # free: epochs without a better score after which training ends; None: never

    def training_sections(self, count: int) -> int:
        """How many of the sections train, the first ones; the others only score."""
        return count - max(1, round(self.held_out * count))

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise InputError(f"{name}: found {getattr(self, name)!r}, expected one of {', '.join(known)}")


FAST = replace(
    Options(),
    start="moments",
    warm_up=100,
    binarise="argmax",
    straight_through=True,
    gauge=1.0,
    jitter=1,
    learning_rate=5e-4,
    discriminator_rate=5e-4,
    final_rate=0.1,
    momentum=0.5,
    average=0.995,
    batch_generator=32,
    batch_discriminator=64,
    epochs=24,
    steps=50,
    augmentation=0.05,
    patience=12,
)
