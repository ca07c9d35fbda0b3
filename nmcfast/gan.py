"""Calibration of G_net from sections: a GAN whose generator is a 3D tessellation, section 2.5, Algorithms 1 and 2.

The discriminator D sees cutouts of fitted sections, T_2D, and cutouts of generated tessellations, T_3D, Eq.
(10). Seeds, neighbours and the tessellation are compiled kernels, `soft` with its own gradient; torch holds
G_net and D. b cutouts, n seeds, c = 12 channels, 32 × 32 pixels. docs/calibration.md gives the reasons for
each free choice.
"""

import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from nmcfast import parameters
from nmcfast.cutouts import (
    Cutouts,
    Grids,
    Markers,
    Section,
    Seeds,
    check_reach,
    draw_distances,
    draw_fitted,
    draw_seeds,
    evaluate,
    radial_grids,
)
from nmcfast.errors import InputError, MissingExtraError
from nmcfast.kernels import soft
from nmcfast.markers import MarkerNet, input_count
from nmcfast.scores import CUTOUT_STATISTICS, LEAST_PIXELS, cutout_statistics, distances

try:
    import torch
    from torch import Tensor, nn

    from nmcfast.matching import Matching, features
except ImportError as error:
    raise MissingExtraError("calibrating grains needs torch: pip install 'nmcfast[train]'") from error


CHOICES = {"objective": ("minimise", "maximise"), "binarise": ("round", "argmax"), "keep": ("best", "last")}


MATCHED_CUTOUTS = 4096  # of the sections that train, from which the means that G matches are taken


@dataclass(frozen=True)
class Options:
    """Hyper-parameters of Algorithm 2: what the paper prints, and our values where it is silent (marked free)."""

    seed: int = 0
    hidden: tuple[int, ...] = (64, 64)  # free: widths of G_net
    features: tuple[int, ...] = (16, 32, 64)  # free: convolution layers of D
    dense: int = 64  # free: dense layer of D
    diagonal_range: tuple[float, float] = parameters.METRIC_RANGE
    offset_range: tuple[float, float] = parameters.OFFSET_RANGE
    start_diagonal: float = 5.0  # free: px⁻², D of the untrained G_net; the middle of the range, 25, is a poor start
    start_spread: float = 0.0  # free: standard deviation of its log D₁, log D₂, log D₃, independent; 0: torch's start
    gauge: float = 0.0  # free: weight of a penalty that holds the geometric mean of D there, and D_2 at D_3 on average
    objective: str = "minimise"  # "minimise" (D − 1)², or "maximise" D² with a sigmoid on D
    binarise: str = "round"  # "round" to 0 or 1 as printed, or "argmax": one grain a pixel
    straight_through: bool = False  # free: G's loss sees what D is trained on, its gradient is that of the soft image
    jitter: int = 0  # free: pixels by which each pixel that D sees is misplaced at random
    learning_rate: float = parameters.LEARNING_RATE
    discriminator_rate: float = parameters.LEARNING_RATE
    momentum: float = 0.9  # free: Adam's β₁, the library's default
    seen: int = parameters.CHANNELS  # channels that D sees; the paper's 12 leave out the smaller grains of a cutout
    dropout: float = 0.0  # free: share of D's features before its dense layer that a step leaves out
    matching: float = 0.0  # free: weight of a loss of G by which means of cutouts differ from the real ones
    matched: int = 24  # free: channels whose features are matched
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

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise InputError(f"{name}: found {getattr(self, name)!r}, expected one of {', '.join(known)}")


FAST = replace(
    Options(),
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
        if options.start_spread:
            spread_start(layers, options.start_spread / (1 - share))

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        x = (inputs - self.shift) * self.scale  # (n, w)
        *hidden, last = self.layers
        for layer in hidden:
            x = torch.relu(layer(x))
        out = self.low + (self.high - self.low) * torch.sigmoid(last(x))  # (n, 4)
        return out[:, :3], out[:, 3]

    def numpy(self) -> MarkerNet:
        """The same net as plain arrays, for the model file."""
        shift, scale, low, high = (t.numpy().copy() for t in (self.shift, self.scale, self.low, self.high))
        weights = tuple(p.detach().numpy().T.copy() for p in self.parameters() if p.ndim == 2)
        biases = tuple(p.detach().numpy().copy() for p in self.parameters() if p.ndim == 1)
        return MarkerNet(weights, biases, shift, scale, low, high)


@torch.no_grad()
def spread_start(layers: list[nn.Linear], spread: float) -> None:
    """Let the logits of D_1, D_2, D_3 have this standard deviation and no correlation, at inputs of variance 1."""
    *hidden, last = layers
    x = torch.randn(4096, layers[0].in_features)
    for layer in hidden:
        x = torch.relu(layer(x))
    x = x - x.mean(dim=0)
    factor = torch.linalg.cholesky(torch.cov((x @ last.weight[:3].T).T))
    last.weight[:3] = spread * torch.linalg.solve_triangular(factor, last.weight[:3], upper=False)


def input_scaling(mu: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Shift and scale (60,) that bring displacements to mean seed spacings and noises to variance 1. Free choice."""
    scale = np.tile([mu ** (1 / 3)] * 3 + [math.sqrt(12.0)] * 2, parameters.KAPPA)
    return np.tile([0.0] * 3 + [0.5] * 2, parameters.KAPPA).astype(np.float32), scale.astype(np.float32)


class Discriminator(nn.Sequential):
    """D: images (b, c, 32, 32) -> (b,); convolution, batch norm, ReLU, max-pool by layer, then dense, Fig. 5b."""

    def __init__(self, options: Options) -> None:
        layers: list[nn.Module] = []
        before = options.seen
        for after in options.features:
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
            before = after
        edge = parameters.CUTOUT >> len(options.features)
        layers += [nn.Flatten(), nn.Dropout(options.dropout), nn.Linear(before * edge * edge, options.dense), nn.ReLU()]
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
            m.position, m.frame, m.diagonal, m.offset, m.first, g.corner, g.along, g.across, ctx.channel,
            slope.contiguous().numpy(), d_diagonal, d_offset,
        )  # fmt: skip
        return torch.from_numpy(d_diagonal).float(), torch.from_numpy(d_offset).float(), None, None, None, None


def rounded(cut: Cutouts) -> NDArray[np.float32]:
    """Images with each value rounded to 0 or 1, ξ of Algorithm 2."""
    return np.rint(cut.image)


def one_hot(cut: Cutouts) -> NDArray[np.float32]:
    """Images where the most likely grain of a pixel has 1: unlike rounding, no pixel of three grains is left empty."""
    return (cut.label[:, None] == cut.channel[:, :, None, None]).astype(np.float32)


BINARISE = {"round": rounded, "argmax": one_hot}


@dataclass(frozen=True, eq=False)
class Calibration:
    """Outcome: G_net of the epoch that is kept, its mu px⁻³, and the history of all epochs."""

    net: MarkerNet
    mu: float
    epoch: int
    history: list[dict[str, float]]
    options: Options


class Trainer:
    """The game of Eqs. (9), (10): G, D, the moving average of G, the intensity mu, and what scores them."""

    def __init__(self, sections: Sequence[Section], options: Options) -> None:
        if len(sections) < 2:
            raise InputError(f"calibration needs 2 sections or more, one to score by; found {len(sections)}")
        check_reach(sections, options.distance)
        self.options = options
        self.mu = self.averaged_mu = options.mu
        self.rng = np.random.default_rng(options.seed)
        torch.manual_seed(options.seed)
        self.generator, self.averaged, self.best = (Generator(options) for _ in range(3))
        self.averaged.load_state_dict(self.generator.state_dict())
        self.discriminator = Discriminator(options)
        betas = (options.momentum, 0.999)
        self.adam_g = torch.optim.Adam(self.generator.parameters(), options.learning_rate, betas)
        self.adam_d = torch.optim.Adam(self.discriminator.parameters(), options.discriminator_rate, betas)
        kept = len(sections) - max(1, round(options.held_out * len(sections)))
        self.sections = sections[:kept]
        score_rng = np.random.default_rng([options.seed, 1])  # the yardstick does not move with the training
        self.reference = real_statistics(sections[kept:], options, score_rng)
        halves = [real_statistics(sections[k::2], options, score_rng) for k in range(2)]
        self.floor = distances(halves[0], halves[1], CUTOUT_STATISTICS)
        self.history: list[dict[str, float]] = []
        self.matching = Matching(self._real_features()) if options.matching else None

    def _real_features(self) -> Tensor:
        """Features of cutouts of the sections that train, not augmented, (MATCHED_CUTOUTS, f)."""
        rng = np.random.default_rng([self.options.seed, 2])
        parts = []
        for _ in range(0, MATCHED_CUTOUTS, 256):  # 256: images are large
            distance = draw_distances(256, self.options.distance, rng)
            cut = evaluate(*draw_fitted(self.sections, distance, rng), self.channels)
            parts.append(features(torch.from_numpy(BINARISE[self.options.binarise](cut))))
        return torch.cat(parts)

    @property
    def channels(self) -> int:
        """Channels of images: those D sees, and those whose features are matched."""
        return max(self.options.seen, self.options.matched) if self.options.matching else self.options.seen

    def draw_fake(self, count: int, mu: float) -> tuple[Seeds, Grids]:
        """Seeds around `count` random cutouts of the plane z = 0 and the cutouts' grids, Eq. (16)."""
        distance = draw_distances(count, self.options.distance, self.rng)
        return draw_seeds(distance, mu, self.rng), radial_grids(distance)

    def judge(self, image: Tensor) -> Tensor:
        """D of images (b, c, 32, 32) whose pixels are misplaced at random -> (b,)."""
        image = misplaced(image[:, : self.options.seen], self.options.jitter, self.rng)
        return self.discriminator(image.contiguous(memory_format=torch.channels_last))

    def generator_step(self) -> dict[str, float]:
        """One step of G against a fixed D, lines 7–9 of Algorithm 2.

        Deviation: print maximises D², unbounded unless D ends in a sigmoid; by default (D − 1)² is minimised.
        """
        seeds, grids = self.draw_fake(self.options.batch_generator, self.mu)
        diagonal, offset = self.generator(torch.from_numpy(seeds.inputs))
        hard = BINARISE[self.options.binarise] if self.options.straight_through else None
        image = SoftImage.apply(diagonal, offset, seeds, grids, hard, self.channels)
        # running statistics: those of a batch of fakes alone would hide from G how fakes differ from real cutouts
        self.discriminator.eval().requires_grad_(False)
        verdict = self.judge(image)
        maximise = self.options.objective == "maximise"
        loss = -verdict.square().mean() if maximise else (verdict - 1).square().mean()
        self.adam_g.zero_grad()
        (loss + self.gauge(diagonal) + self.mismatch(image)).backward()
        normalise_gradient(self.generator)
        self.adam_g.step()
        self.discriminator.train().requires_grad_(True)
        self._follow()
        return marker_statistics(diagonal.detach(), offset.detach()) | {"loss_g": loss.item()}

    def _follow(self) -> None:
        """Move the average of G a little towards G."""
        with torch.no_grad():
            for slow, fast in zip(self.averaged.parameters(), self.generator.parameters(), strict=True):
                slow.lerp_(fast, 1.0 - self.options.average)

    def gauge(self, diagonal: Tensor) -> Tensor | float:
        """Penalty on what no label tells, of D (n, 3): a common factor of √D and r, which drifts to the end of its
        range, and which of the axes across the radius is the second, since γ is uniform."""
        if self.options.gauge == 0.0:
            return 0.0
        mean = diagonal.log().mean(dim=0)
        size = mean.mean() - math.log(self.options.start_diagonal)
        return self.options.gauge * (size.square() + (mean[1] - mean[2]).square())

    def mismatch(self, image: Tensor) -> Tensor | float:
        """Loss by which means of cutouts differ from the real ones, of generated images (b, c, 32, 32)."""
        return self.options.matching * self.matching.loss(image) if self.matching else 0.0

    def discriminator_step(self) -> dict[str, float]:
        """One step of D on rounded cutouts unless it is good enough, lines 10–14; visible grains for Eq. (13)."""
        count, binarise = self.options.batch_discriminator, BINARISE[self.options.binarise]
        seeds, grids = self.draw_fake(count, self.mu)
        with torch.no_grad():
            markers = markers_of(self.generator, seeds)
        fake = evaluate(markers, grids, self.channels)
        distance = draw_distances(count, self.options.distance, self.rng)
        real_markers, real_grids = draw_fitted(self.sections, distance, self.rng, self.options.augmentation)
        real = evaluate(real_markers, real_grids, self.options.seen)
        # one batch of both: two batches would each be normalised to mean 0, and their difference lost
        made = torch.from_numpy(binarise(fake))
        if self.matching:
            self.matching.follow(made)
        image = torch.cat([torch.from_numpy(binarise(real)), made[:, : self.options.seen]])
        verdict = self.judge(image)
        loss = (verdict[:count] - 1).square().mean() + verdict[count:].square().mean()
        skipped = loss.item() <= self.options.skip_loss
        if not skipped:
            self.adam_d.zero_grad()
            loss.backward()
            normalise_gradient(self.discriminator)
            self.adam_d.step()
        return {
            "loss_d": loss.item(),
            "skipped": float(skipped),
            "grains_real": real.visible(real_markers.first, LEAST_PIXELS),
            "grains_fake": fake.visible(markers.first, LEAST_PIXELS),
        }

    def score(self) -> dict[str, float]:
        """W₁ of each section statistic to the held-out sections over the floor of two real halves, and their mean."""
        seeds, grids = self.draw_fake(self.options.score_cutouts, self._scored_mu())
        with torch.no_grad():
            labels = evaluate(markers_of(self._scored(), seeds), grids).label
        found = cutout_statistics(labels, grids.corner[:, 0] - 1.0)
        apart = distances(found, self.reference, CUTOUT_STATISTICS)
        scores = {name: apart[name] / self.floor[name] for name in CUTOUT_STATISTICS}
        means = {f"mean_{name}": float(found[name].mean()) for name in CUTOUT_STATISTICS}
        return {"score": float(np.mean(list(scores.values()))), **scores, **means}

    def epoch(self) -> dict[str, float]:
        """One epoch of Algorithm 2: its steps, the score, and mu for the next, Eq. (13)."""
        self._set_rates()
        rows = [self.step() for _ in range(self.options.steps)]
        row = {name: float(np.mean([r[name] for r in rows])) for name in rows[0]}
        row |= {"epoch": len(self.history) + 1, "mu": self._scored_mu(), **self.score()}
        if row["score"] < min((past["score"] for past in self.history), default=math.inf):
            self.best.load_state_dict(self._scored().state_dict())
        self.history.append(row)
        if self.options.mu_rate == 0.0:
            self.mu *= 0.5 + 0.5 * row["grains_real"] / row["grains_fake"]
        return row

    def step(self) -> dict[str, float]:
        """One step of G and of D, and of mu if it changes by the step, lines 6–16 of Algorithm 2."""
        row = {**self.generator_step(), **self.discriminator_step()}
        self.mu *= (row["grains_real"] / row["grains_fake"]) ** self.options.mu_rate
        self.averaged_mu += (1.0 - self.options.average) * (self.mu - self.averaged_mu)
        return row

    def _set_rates(self) -> None:
        """Rates of this epoch: they fall geometrically to `final_rate` of the first."""
        done = len(self.history) / max(self.options.epochs - 1, 1)
        self.adam_g.param_groups[0]["lr"] = self.options.learning_rate * self.options.final_rate**done
        self.adam_d.param_groups[0]["lr"] = self.options.discriminator_rate * self.options.final_rate**done

    @property
    def best_row(self) -> dict[str, float]:
        """The epoch with the best score."""
        return min(self.history, key=lambda row: row["score"])

    def finished(self) -> bool:
        """Whether all epochs are done, or as many as `patience` have passed without a better score."""
        done = len(self.history)
        patience = self.options.patience
        stale = patience is not None and done > 0 and done - self.best_row["epoch"] >= patience
        return done >= self.options.epochs or stale

    def result(self) -> Calibration:
        """The calibration so far."""
        best = self.options.keep == "best"
        net, row = (self.best, self.best_row) if best else (self._scored(), self.history[-1])
        return Calibration(net.numpy(), row["mu"], int(row["epoch"]), self.history, self.options)

    def _scored(self) -> Generator:
        """The net that scores: the moving average, unless it is turned off."""
        return self.averaged if self.options.average else self.generator

    def _scored_mu(self) -> float:
        """The mu of that net: if it follows G by the step, the moving average too."""
        return self.averaged_mu if self.options.mu_rate else self.mu

    def save(self, folder: Path) -> None:
        """Write all that training needs to go on: state.safetensors, then state.json, each in one move."""
        from safetensors.torch import save

        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "options": asdict(self.options),
            "mu": self.mu,
            "averaged_mu": self.averaged_mu,
            "rng": self.rng.bit_generator.state,
            "history": self.history,
        }
        tensors = {name: t.detach().contiguous() for name, t in self._tensors().items()}
        tensors["torch_rng"] = torch.get_rng_state()  # of the dropout
        data = save(tensors, {"nmcfast": json.dumps(state)})
        temporary = folder / "state.safetensors.part"
        temporary.write_bytes(data)
        temporary.replace(folder / "state.safetensors")

    def load(self, folder: Path) -> None:
        """Go on from where `save` stopped; raises InputError when the options differ."""
        from safetensors import SafetensorError, safe_open

        path = folder / "state.safetensors"
        try:
            with safe_open(path, "pt") as file:
                state = json.loads(file.metadata()["nmcfast"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: not a whole state of a training ({error}); remove it to start anew") from None
        if _what_counts(state["options"]) != _what_counts(json.loads(json.dumps(asdict(self.options)))):
            raise InputError(f"{path}: was trained with other options; use another folder or the same options")
        for name, tensor in self._tensors().items():
            tensor.data.copy_(tensors[name])
        self.mu, self.averaged_mu, self.history = state["mu"], state["averaged_mu"], state["history"]
        self.rng.bit_generator.state = state["rng"]
        torch.set_rng_state(tensors["torch_rng"])

    def _tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state by name: nets, and Adam's moments, made here if they do not exist yet."""
        tensors: dict[str, Tensor] = {"matching": self.matching.running} if self.matching else {}
        for name in ("generator", "averaged", "best", "discriminator"):
            tensors |= {f"{name}.{key}": value for key, value in getattr(self, name).state_dict().items()}
        for name in ("adam_g", "adam_d"):
            adam = getattr(self, name)
            for k, parameter in enumerate(adam.param_groups[0]["params"]):
                slot = adam.state[parameter]
                if not slot:
                    slot |= {"step": torch.tensor(0.0)}
                    slot |= {key: torch.zeros_like(parameter) for key in ("exp_avg", "exp_avg_sq")}
                tensors |= {f"{name}.{k}.{key}": value for key, value in slot.items()}
        return tensors


def _what_counts(options: dict[str, Any]) -> dict[str, Any]:
    """The options that must not change when training goes on: all but when it ends and what is kept."""
    return {name: value for name, value in options.items() if name not in ("epochs", "patience", "keep")}


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


def markers_of(net: Generator, seeds: Seeds) -> Markers:
    """Markers that a net gives to seeds, as the kernels take them."""
    return with_markers(seeds, *net(torch.from_numpy(seeds.inputs)))


def with_markers(seeds: Seeds, diagonal: Tensor, offset: Tensor) -> Markers:
    """Seeds with their D (n, 3) and r (n,), as the kernels take them."""
    arrays = [t.detach().double().numpy() for t in (diagonal, offset)]
    return Markers(seeds.position, seeds.frame, arrays[0], arrays[1], seeds.first)


def real_statistics(sections: Sequence[Section], options: Options, rng: np.random.Generator) -> dict[str, NDArray]:
    """Statistics of cutouts of fitted sections, not augmented."""
    distance = draw_distances(options.score_cutouts, options.distance, rng)
    labels = evaluate(*draw_fitted(sections, distance, rng)).label
    return cutout_statistics(labels, distance)


def normalise_gradient(net: nn.Module) -> None:
    """Scale the gradient of a net to length 1, as the paper does [61]; a zero gradient stays."""
    gradients = [p.grad for p in net.parameters()]
    length = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
    for g in gradients:
        g /= max(length.item(), 1e-12)


def calibrate(
    sections: Sequence[Section], options: Options = FAST, folder: Path | None = None, quiet: bool = False
) -> Calibration:
    """G_net and mu whose sections look like those given, Algorithm 2; the epoch with the best score is kept.

    With a folder the state is written there after each epoch, with history.json beside it, and a run that was
    interrupted goes on from it. Raises InputError for fewer than 2 sections or sections too small for `distance`.
    """
    trainer = Trainer(sections, options)
    if folder is not None and (folder / "state.safetensors").exists():
        trainer.load(folder)
    bar = tqdm(total=options.epochs, initial=len(trainer.history), unit="epoch", disable=True if quiet else None)
    while not trainer.finished():
        row = trainer.epoch()
        bar.set_postfix(score=f"{row['score']:.2f}", best=f"{trainer.best_row['score']:.2f}", mu=f"{row['mu']:.5f}")
        bar.update()
        if folder is not None:
            trainer.save(folder)
            write_history(trainer.history, folder)
    bar.close()
    return trainer.result()


def write_history(history: list[dict[str, float]], folder: Path) -> None:
    """history.json and history.csv in a folder: a row an epoch."""
    (folder / "history.json").write_text(json.dumps(history, indent=1) + "\n")
    lines = [",".join(history[0]), *(",".join(f"{value:.9g}" for value in row.values()) for row in history)]
    (folder / "history.csv").write_text("\n".join(lines) + "\n")
