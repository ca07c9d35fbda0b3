"""Where a training step spends its time, at the paper's batches (64, 128) and at those of the fast options.

    python scripts/bench/profile_gan.py --threads 1 --repeats 500

Means over --repeats steps on synthetic sections; the tessellation's kernels and torch take the same threads. Processor
time does not count what other programs take of the machine: with one thread it is the time on an idle core.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable

import numba
import numpy as np
import torch

from nmcfast.calibration.grains import gan, nets
from nmcfast.sections.cutouts import Section

PARTS = {
    "draw_seeds": "seeds, neighbours, inputs of G_net",
    "evaluate": "tessellations of generated and fitted cutouts",
    "draw_fitted": "choosing and augmenting fitted grains",
    "gradients": "gradient of the tessellation",
}


def synthetic_section(seed: int) -> Section:
    """A 2D GBPD of 3 : 1 radial grains: the cost of a step does not hang on where it comes from."""
    rng = np.random.default_rng(seed)
    position = rng.uniform(-125, 125, (1350, 2))
    return Section(position, np.tile([40.0, 360.0], (1350, 1)), rng.uniform(10, 20, 1350), np.zeros(1350), 118.0)


def timed(function: Callable, spent: dict[str, float], name: str) -> Callable:
    """The function, adding its wall time to spent[name]."""

    def call(*args: object, **kwargs: object) -> object:
        start = time.perf_counter()
        result = function(*args, **kwargs)
        spent[name] += time.perf_counter() - start
        return result

    return call


def profile(trainer: gan.Trainer, repeats: int) -> dict[str, float]:
    """Mean seconds of each part of a step, of G's and D's half, of the whole, of its processor time, and of a score."""
    steps = []
    spent: dict[str, float] = defaultdict(float)
    places = [(gan, "draw_seeds"), (gan, "evaluate"), (nets, "evaluate"), (gan, "draw_fitted")]
    originals = [(module, name, getattr(module, name)) for module, name in places]
    gradients = nets.soft.cutout_gradients_parallel
    for module, name, function in originals:
        setattr(module, name, timed(function, spent, name))
    nets.soft.cutout_gradients_parallel = timed(gradients, spent, "gradients")
    for _ in range(repeats + 2):
        spent.clear()
        start, busy = time.perf_counter(), time.process_time()
        trainer.generator_step()
        middle = time.perf_counter()
        trainer.discriminator_step()
        end = time.perf_counter()
        halves = {"G": middle - start, "D": end - middle, "step": end - start}
        steps.append({**{p: spent[p] for p in PARTS}, **halves, "processor": time.process_time() - busy})
    for module, name, function in originals:
        setattr(module, name, function)
    nets.soft.cutout_gradients_parallel = gradients
    busy = time.process_time()
    trainer.score()
    score = {"score": time.process_time() - busy}
    return {name: float(np.mean([step[name] for step in steps[2:]])) for name in steps[0]} | score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=15)
    args = parser.parse_args()
    numba.set_num_threads(args.threads)
    torch.set_num_threads(args.threads)
    sections = [synthetic_section(seed) for seed in range(2)]
    columns = [profile(gan.Trainer(sections, options), args.repeats) for options in (gan.Options(), gan.FAST)]
    labels = {
        **PARTS,
        "rest": "G_net, D, Adam",
        "G": "half of G",
        "D": "half of D",
        "step": "step, wall",
        "processor": "step, processor time",
        "score": "a score, processor time",
    }
    for column in columns:
        column["rest"] = column["step"] - sum(column[p] for p in PARTS)
    fast = f"{gan.FAST.batch_generator}, {gan.FAST.batch_discriminator}"
    lines = [f"| seconds, {args.threads} threads | batches 64, 128 | {fast} |", "|---|---|---|"]
    lines += [f"| {text} | {columns[0][name]:.3f} | {columns[1][name]:.3f} |" for name, text in labels.items()]
    hours = [200 * (100 * columns[0][name] + columns[0]["score"]) / 3600 for name in ("step", "processor")]
    lines.append(f"\n200 epochs of 100 steps and a score: {hours[0]:.2f} h wall, {hours[1]:.2f} h of processor time.")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
