"""Make a model whose G_net is regressed onto a radial law written down here, without any section: `nmc811` until its
grains are calibrated.

    python scripts/make_regressed_model.py nmcfast/models/nmc811.safetensors

The law, every number of it a choice: grains stand along the radius with an axis ratio k uniform in [2, 3],
D = (1, k², k²) pixel⁻², and r uniform in [1, 4]; k and r of a seed follow the two noises of its nearest neighbour.
"""

import argparse
from pathlib import Path

import numpy as np

from nmcfast import __version__, parameters
from nmcfast.markers import MarkerNet, input_count, net_inputs
from nmcfast.model import GrainLaw, Model
from nmcfast.seeds import draw_pattern
from nmcfast.shell import PUBLISHED

WIDTHS = (input_count(), 64, 64, 4)
LOW, HIGH = np.array([0.0, 0.0, 0.0, 1.0]), np.array([50.0, 50.0, 50.0, 10.0])  # the paper's, as printed
STEPS, BATCH, RATE = 6000, 512, 2e-3


def radial_law(inputs: np.ndarray) -> np.ndarray:
    """Markers (m, 4) of the law above for inputs (m, 60) of G_net."""
    ratio, offset = 2.0 + inputs[:, 3], 1.0 + 3.0 * inputs[:, 4]
    return np.stack([np.ones_like(ratio), ratio**2, ratio**2, offset], axis=1)


def sample_inputs(seed: int, cells: int) -> np.ndarray:
    """Inputs of G_net at Poisson seeds in a cube of cells."""
    mask = np.ones((cells, cells, cells), bool)
    pattern = draw_pattern(
        mask, np.full(3, -cells // 2), parameters.MU, parameters.PIXEL_UM, seed, 0, parameters.KAPPA
    )
    blank = net_of(
        [np.zeros((a, b)) for a, b in zip(WIDTHS, WIDTHS[1:], strict=False)],
        [np.zeros(b) for b in WIDTHS[1:]],
    )
    return net_inputs(pattern, blank, parameters.PIXEL_UM)


def net_of(weights: list[np.ndarray], biases: list[np.ndarray]) -> MarkerNet:
    """A net that sees displacements in units of 10 pixels and noises in [−1, 1]."""
    shift, scale = (
        np.tile([0, 0, 0, 0.5, 0.5], parameters.KAPPA),
        np.tile([0.1, 0.1, 0.1, 2, 2], parameters.KAPPA),
    )
    f32 = [np.asarray(a, np.float32) for a in (*weights, *biases, shift, scale, LOW, HIGH)]
    return MarkerNet(tuple(f32[:3]), tuple(f32[3:6]), *f32[6:])


def regress(inputs: np.ndarray, targets: np.ndarray, rng: np.random.Generator) -> tuple[list, list]:
    """Weights and biases by Adam on the squared error of what goes into the last sigmoid."""
    goal = np.log((targets - LOW) / (HIGH - targets).clip(1e-9))
    goal = goal.clip(-7, 7)  # r = 1 lies on the edge of its range: the sigmoid comes within 0.01 of it
    parts = [rng.normal(0, np.sqrt(2 / a), (a, b)) for a, b in zip(WIDTHS, WIDTHS[1:], strict=False)]
    parts += [np.zeros(b) for b in WIDTHS[1:]]
    parts[-1] = goal.mean(axis=0)
    mean, square = [np.zeros_like(p) for p in parts], [np.zeros_like(p) for p in parts]
    for step in range(1, STEPS + 1):
        rows = rng.integers(0, len(inputs), BATCH)
        gradients = _gradients(parts, inputs[rows], goal[rows])
        rate = RATE * 0.5 * (1 + np.cos(np.pi * step / STEPS))
        for k, g in enumerate(gradients):
            mean[k] += 0.1 * (g - mean[k])
            square[k] += 0.001 * (g * g - square[k])
            parts[k] -= rate * (mean[k] / (1 - 0.9**step)) / (np.sqrt(square[k] / (1 - 0.999**step)) + 1e-8)
    return parts[:3], parts[3:]


def _gradients(parts: list[np.ndarray], x: np.ndarray, goal: np.ndarray) -> list[np.ndarray]:
    w, b = parts[:3], parts[3:]
    a1 = np.maximum(x @ w[0] + b[0], 0)
    a2 = np.maximum(a1 @ w[1] + b[1], 0)
    d3 = 2 * (a2 @ w[2] + b[2] - goal) / len(x)
    d2 = (d3 @ w[2].T) * (a2 > 0)
    d1 = (d2 @ w[1].T) * (a1 > 0)
    return [x.T @ d1, a1.T @ d2, a2.T @ d3, d1.sum(0), d2.sum(0), d3.sum(0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    output = parser.parse_args().output
    rng = np.random.default_rng(0)
    train, test = sample_inputs(1, 20), sample_inputs(2, 12)
    blank = net_of(
        [np.zeros((a, b)) for a, b in zip(WIDTHS, WIDTHS[1:], strict=False)],
        [np.zeros(b) for b in WIDTHS[1:]],
    )
    seen = (train - blank.shift) * blank.scale
    net = net_of(*regress(seen, radial_law(train), rng))
    diagonal, offset = net(test)
    error = np.column_stack([diagonal, offset]) - radial_law(test)
    rms = np.sqrt((error**2).mean(axis=0))
    print("root mean square error of D1 D2 D3 r on", len(test), "new seeds:", rms.round(3))
    law = GrainLaw(net, parameters.MU, parameters.PIXEL_UM)
    provenance = {
        "grains": "regressed onto a radial law, not fitted to EBSD data (none of NMC811 is public): D = (1, k², k²)"
        " pixel⁻² with k uniform in [2, 3], r uniform in [1, 4], by the noises of the nearest seed",
        "grains_rms_error": {
            name: float(e) for name, e in zip(("D1", "D2", "D3", "r"), rms.round(4), strict=True)
        },
        "shell": "Table 1 of Fuchs et al. (2025), doi 10.1038/s43246-024-00728-5, as docs/model_card.md reads it; the"
        " scale of the size law is estimated",
        "command": "python scripts/make_regressed_model.py nmcfast/models/nmc811.safetensors",
        "nmcfast": __version__,
    }
    model = Model("nmc811", PUBLISHED, law, provenance)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(model.to_bytes())
    print(output, model.digest)


if __name__ == "__main__":
    main()
