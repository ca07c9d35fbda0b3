"""Calibration of G_net from sections: a GAN whose generator is a 3D tessellation, section 2.5, Algorithms 1 and 2.

The discriminator D sees cutouts of fitted sections, T_2D, and cutouts of generated tessellations, T_3D, Eq.
(10). The nets are in `nets`, what can be chosen in `options`; docs/calibration.md gives the reasons.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmcfast.arrangement import POISSON, Arrangement, Profile
from nmcfast.calibration.grains.moment_fit import fit_moments, label_fitted
from nmcfast.calibration.grains.nets import (
    BINARISE,
    Discriminator,
    Generator,
    SoftImage,
    imitate,
    marker_moments,
    marker_statistics,
    markers_of,
    misplaced,
    normalise_gradient,
    stretched,
)
from nmcfast.calibration.grains.options import FAST, Options
from nmcfast.calibration.grains.scores import (
    CUTOUT_STATISTICS,
    LEAST_PIXELS,
    cutout_statistics,
    distances,
    floor_between,
    real_statistics,
)
from nmcfast.calibration.grains.seed_pool import SeedPool
from nmcfast.errors import InputError
from nmcfast.markers import MarkerNet
from nmcfast.progress import progress_bar
from nmcfast.sections.cutouts import (
    Grids,
    Section,
    Seeds,
    check_reach,
    draw_distances,
    draw_fitted,
    draw_seeds,
    evaluate,
    radial_grids,
)

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Calibration:
    """Outcome: G_net of the epoch that is kept, its row, what the start was, and the history of all epochs.

    start: its own row, epoch 0; from moments also the law, its moments and χ² (`moment_fit.MomentFit.table`), and what
    G missed of it. arrangement: what seeds have beyond a Poisson process, as the start found it.
    """

    net: MarkerNet
    row: dict[str, float]
    start: dict[str, Any]
    history: list[dict[str, float]]
    options: Options
    arrangement: Arrangement = POISSON

    @property
    def mu(self) -> float:
        """Intensity of the epoch that is kept, px⁻³."""
        return self.row["mu"]

    @property
    def epoch(self) -> int:
        """The epoch that is kept; 0 is the start."""
        return int(self.row["epoch"])


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
        kept = options.training_sections(len(sections))
        self.all_heights = [section.height for section in sections]
        self.heights, self.held_out_heights = np.split(np.array(self.all_heights), [kept])
        self.discriminator = Discriminator(options, told=int(self.heights.any()))
        betas = (options.momentum, 0.999)
        self.adam_g = torch.optim.Adam(self.generator.parameters(), options.learning_rate, betas)
        self.adam_d = torch.optim.Adam(self.discriminator.parameters(), options.discriminator_rate, betas)
        self.sections = sections[:kept]
        score_rng = np.random.default_rng([options.seed, 1])  # the yardstick does not move with the training
        self.reference = real_statistics(sections[kept:], options, score_rng)
        self.floor = floor_between(sections, options, score_rng)
        self.history: list[dict[str, float]] = []
        self.start: dict[str, Any] = {}
        self.held = torch.zeros(0)  # marker moments of a start from moments
        self.arrangement = POISSON
        self.pool: SeedPool | None = None  # of the arrangement, for cutouts

    def begin(self, quiet: bool = True) -> None:
        """Give G its start, score it as epoch 0, and let D look at it for `warm_up` steps; before the first epoch."""
        if self.options.start == "moments":
            self._start_from_moments(quiet)
        for net in (self.averaged, self.best):
            net.load_state_dict(self.generator.state_dict())
        self.start["row"] = {"epoch": 0, "mu": self.mu, **self.score()}
        for _ in range(self.options.warm_up):
            self.discriminator_step()

    def _start_from_moments(self, quiet: bool) -> None:
        """Fit a plain law to whole sections that train, let G imitate it, and hold what they tell."""
        radius = int(min(section.radius for section in self.sections))
        labels = [label_fitted(section, radius) for section in self.sections]
        names = [section.name or f"section {k}" for k, section in enumerate(self.sections)]
        middle = sum(self.options.offset_range) / 2
        more: dict[str, Any] = {"quiet": quiet, "names": names, "heights": self.all_heights[: len(labels)]}
        fit = fit_moments(labels, self.rng, self.options.start_diagonal, middle, **more)
        self.mu = self.averaged_mu = fit.law.mu
        self._arrange(fit.arrangement)
        draw = None if self.pool is None else self.pool.draw
        missed = imitate(self.generator, fit.law, self.options, self.rng, draw)
        self.start |= {**fit.table(), "missed": missed}
        seeds, *_ = self.draw_fake(self.options.score_cutouts, self.mu)
        with torch.no_grad():
            self.held = marker_moments(*self.generator(torch.from_numpy(seeds.inputs)))

    def _arrange(self, arrangement: Arrangement) -> None:
        """From now on seeds are so arranged; the particles that cutouts see are those of the options' seed."""
        self.arrangement = arrangement
        if not arrangement.plain:
            rng = np.random.default_rng([self.options.seed, 2])
            self.pool = SeedPool(arrangement, self.mu, self.options.distance, rng, max(self.all_heights))

    def draw_fake(self, count: int, mu: float, heights: Array | None = None) -> tuple[Seeds, Grids, Array]:
        """Seeds around `count` random cutouts, the cutouts' grids, Eq. (16), and the heights (count,) of their planes.

        heights: to draw from, those of the sections that train; z = 0 where all are 0, as in the paper.
        """
        distance = draw_distances(count, self.options.distance, self.rng)
        known = self.heights if heights is None else heights
        height = self.rng.choice(known, count) if known.any() else np.zeros(count)
        if self.pool is None:
            seeds = draw_seeds(distance, mu, self.rng, height=height)
        else:
            seeds = self.pool.draw(distance, self.rng, height)
        return seeds, radial_grids(distance, height=height), height

    def judge(self, image: Tensor, height: Array) -> Tensor:
        """D of images (b, c, 32, 32) whose pixels are misplaced at random, and of their planes' heights (b,) -> (b,).

        D is told the height, in a channel of its own, where sections have any.
        """
        image = misplaced(image, self.options.jitter, self.rng)
        if self.heights.any():
            told = torch.from_numpy(height / self.heights.max()).float()
            image = torch.cat([image, told[:, None, None, None].expand(-1, 1, *image.shape[2:])], dim=1)
        return self.discriminator(image.contiguous(memory_format=torch.channels_last))

    def generator_step(self) -> dict[str, float]:
        """One step of G against a fixed D, lines 7–9 of Algorithm 2.

        Deviation: print maximises D², unbounded unless D ends in a sigmoid; by default (D − 1)² is minimised.
        """
        seeds, grids, height = self.draw_fake(self.options.batch_generator, self.mu)
        diagonal, offset = self.generator(torch.from_numpy(seeds.inputs))
        hard = BINARISE[self.options.binarise] if self.options.straight_through else None
        image = SoftImage.apply(stretched(diagonal, seeds), offset, seeds, grids, hard, self.options.seen)
        # running statistics: those of a batch of fakes alone would hide from G how fakes differ from real cutouts
        self.discriminator.eval().requires_grad_(False)
        verdict = self.judge(image, height)
        maximise = self.options.objective == "maximise"
        loss = -verdict.square().mean() if maximise else (verdict - 1).square().mean()
        self.adam_g.zero_grad()
        (loss + self.gauge(diagonal, offset)).backward()
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

    def gauge(self, diagonal: Tensor, offset: Tensor) -> Tensor | float:
        """Penalty on what sections leave open, of D (n, 3) and r (n,).

        After a start from moments: means and spreads of log D and r, which whole sections told and cutouts do not. Else
        what no label tells: a common factor of √D and r, which drifts to the end of its range, and which of the axes
        across the radius is the second, since γ is uniform.
        """
        if self.options.gauge == 0.0:
            return 0.0
        if len(self.held):
            return self.options.gauge * (marker_moments(diagonal, offset) - self.held).square().sum()
        mean = diagonal.log().mean(dim=0)
        size = mean.mean() - math.log(self.options.start_diagonal)
        return self.options.gauge * (size.square() + (mean[1] - mean[2]).square())

    def discriminator_step(self) -> dict[str, float]:
        """One step of D on rounded cutouts unless it is good enough, lines 10–14; visible grains for Eq. (13)."""
        count, binarise = self.options.batch_discriminator, BINARISE[self.options.binarise]
        seeds, grids, height = self.draw_fake(count, self.mu)
        with torch.no_grad():
            markers = markers_of(self.generator, seeds)
        fake = evaluate(markers, grids, self.options.seen)
        distance = draw_distances(count, self.options.distance, self.rng)
        real_markers, real_grids, real_height = draw_fitted(
            self.sections, distance, self.rng, self.options.augmentation
        )
        real = evaluate(real_markers, real_grids, self.options.seen)
        # one batch of both: two batches would each be normalised to mean 0, and their difference lost
        image = torch.cat([torch.from_numpy(binarise(real)), torch.from_numpy(binarise(fake))])
        verdict = self.judge(image, np.concatenate([real_height, height]))
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
        """W₁ of each section statistic to the held-out sections over the floor of real halves, and their mean."""
        seeds, grids, _ = self.draw_fake(self.options.score_cutouts, self._scored_mu(), self.held_out_heights)
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
        if row["score"] < self.best_row["score"]:
            self.best.load_state_dict(self._scored().state_dict())
        self.history.append(row)
        if self.options.mu_rate == 0.0 and not len(self.held):
            self.mu *= 0.5 + 0.5 * row["grains_real"] / row["grains_fake"]
        return row

    def step(self) -> dict[str, float]:
        """One step of G and of D, and of mu if it changes by the step, lines 6–16 of Algorithm 2."""
        row = {**self.generator_step(), **self.discriminator_step()}
        if not len(self.held):
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
        """The epoch with the best score; 0 is the start."""
        return min([self.start["row"], *self.history], key=lambda row: row["score"])

    def finished(self) -> bool:
        """Whether all epochs are done, or as many as `patience` have passed without a better score."""
        done = len(self.history)
        patience = self.options.patience
        stale = patience is not None and done - self.best_row["epoch"] >= patience
        return done >= self.options.epochs or stale

    def result(self) -> Calibration:
        """The calibration so far."""
        best = self.options.keep == "best"
        last = [self.start["row"], *self.history][-1]
        net, row = (self.best, self.best_row) if best else (self._scored(), last)
        return Calibration(net.numpy(), row, self.start, self.history, self.options, self.arrangement)

    def _scored(self) -> Generator:
        """The net that scores: the moving average, unless it is turned off."""
        return self.averaged if self.options.average else self.generator

    def _scored_mu(self) -> float:
        """The mu of that net: if it follows G by the step, the moving average too."""
        return self.averaged_mu if self.options.mu_rate else self.mu

    def save(self, folder: Path) -> None:
        """Write all that training needs to go on: state.safetensors, in one move."""
        from safetensors.torch import save

        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "options": asdict(self.options),
            "mu": self.mu,
            "averaged_mu": self.averaged_mu,
            "rng": self.rng.bit_generator.state,
            "start": self.start,
            "history": self.history,
            "regularity": self.arrangement.regularity,
            "heights": self.all_heights,
        }
        tensors = {name: t.detach().contiguous() for name, t in self._tensors().items()}
        tensors["held"] = self.held
        if (profile := self.arrangement.profile) is not None:
            tensors["profile"] = torch.from_numpy(np.stack([profile.density, profile.along, profile.across]))
            state["profile_end"] = profile.end
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
        if state.get("heights", [0.0] * len(self.all_heights)) != self.all_heights:
            raise InputError(f"{path}: was trained with other --heights; use another folder or the same heights")
        for name, tensor in self._tensors().items():
            tensor.data.copy_(tensors[name])
        self.mu, self.averaged_mu, self.history = state["mu"], state["averaged_mu"], state["history"]
        self.rng.bit_generator.state = state["rng"]
        self.start, self.held = state["start"], tensors["held"]
        profile = Profile(state["profile_end"], *tensors["profile"].numpy()) if "profile" in tensors else None
        self._arrange(Arrangement(state.get("regularity", 0.0), profile))

    def _tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state by name: nets, and Adam's moments, made here if they do not exist yet."""
        tensors: dict[str, Tensor] = {}
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


def calibrate(
    sections: Sequence[Section], options: Options = FAST, folder: Path | None = None, quiet: bool = False
) -> Calibration:
    """G_net and mu whose sections look like those given, Algorithm 2; the epoch with the best score is kept.

    With a folder the state is written there after each epoch, with start.json and history.json beside it, and a run
    that was interrupted goes on from it. Raises InputError for fewer than 2 sections, or where one is too small for
    `distance`.
    """
    trainer = Trainer(sections, options)
    if folder is not None and (folder / "state.safetensors").exists():
        trainer.load(folder)
    else:
        trainer.begin(quiet)
    if folder is not None:
        trainer.save(folder)
        (folder / "start.json").write_text(json.dumps(trainer.start, indent=1) + "\n")
    bar = progress_bar("training", "epoch", options.epochs, quiet, initial=len(trainer.history))
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
