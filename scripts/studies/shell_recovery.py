"""Do the parameters of a known shell law come back from a noisy CT volume? Sections 2.1 and 2.3 as a whole.

Shells of a known law are placed in touch in a volume, blurred, given noise, and calibrated as a measured
volume would be. Five fits part the causes of an error:

- drawn: the coefficients themselves, sampling alone;
- turned: each shell turned at random, as section 2.1 does. Independent Student t coefficients are not
  isotropic: a turn mixes the 2l + 1 coefficients of an order and brings them nearer to a normal law;
- true labels: voxels, and the move of the centre to the centre of mass;
- grey values: blur, noise, Gaussian, Otsu and watershed;
- restored: the same with the Gaussian of section 2.1 undone (`calibrate shells --restore`).

    python scripts/studies/shell_recovery.py --family normal --output docs/results/shell_recovery_normal.md
"""

import argparse
import time
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from nmcfast import parameters
from nmcfast.calibration.shells.compare import LawFit, fit_law
from nmcfast.calibration.shells.phantom import Phantom, make_phantom
from nmcfast.calibration.shells.star_shapes import restored, smoothing_share, star_shapes
from nmcfast.calibration.shells.tomography import segment
from nmcfast.shells.harmonics import fit_coefficients, icosphere
from nmcfast.shells.law import OrderLaw, ShellLaw
from nmcfast.shells.shell import Shell, draw_shell

TAU = (0.05, 2.0, 0.98, 0.56, 0.37, 0.28, 0.21, 0.17, 0.15)  # voxels, Table 1 but for l = 1 and 2
FREEDOM = 5.0
SIZE = (0.3, 0.0, 62.0)  # shape, location, scale of Z_00 in voxels: radii near 18 voxels
BLUR, NOISE = 1.0, 0.25  # voxels; share of the contrast
RADIUS = 18.0  # voxels


def known_law(family: str) -> ShellLaw:
    """The law to be recovered, in voxels. Its first order is small: calibration moves every centre anyway."""
    values = [(0.0, tau) if family == "normal" else (FREEDOM, 0.0, tau) for tau in TAU]
    rough = (OrderLaw(family, value, "estimated") for value in values)
    return ShellLaw("independent", 1.0, (OrderLaw("lognormal", SIZE, "estimated"), *rough))


def turned(shells: list[Shell], seed: int) -> np.ndarray:
    """Coefficients after a random rotation of each shell, section 2.1, exact but for orders above 9."""
    rng = np.random.default_rng(seed)
    grid = icosphere(3)[0]
    radius = [shell.radius(grid @ Rotation.random(None, rng).as_matrix().T) for shell in shells]
    return fit_coefficients(np.array(radius), grid)


def stages(shells: list[Shell], phantom: Phantom, seed: int) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Coefficients at each stage between the law and the image, and the counts of the segmentation."""
    labels, counts = segment(phantom.grey)
    shapes = star_shapes(labels, seed)
    return {
        "drawn": np.array([shell.coefficients for shell in shells]),
        "turned": turned(shells, seed),
        "true labels": star_shapes(phantom.label, seed).coefficients,
        "grey values": shapes.coefficients,
        "restored": restored(shapes, parameters.SMOOTHING)[0].coefficients,
    }, counts


def parameter(fit: LawFit, order: int, family: str, place: int) -> tuple[float, float]:
    """One parameter of a family with its standard error."""
    law = next(entry.law for entry in fit.families[order] if entry.law.family == family)
    return law.parameters[place], (law.standard_error or (np.nan,) * 3)[place]


def row(name: str, truth: float, found: list[tuple[float, float]], expected: str = "") -> str:
    """A line of the table: truth, each stage, the last two over turned shells, and what smoothing should leave."""
    shown = " | ".join(f"{value:.3g} ± {error:.2g}" for value, error in found)
    ratios = " | ".join(f"{found[k][0] / found[1][0]:.2f}" for k in (3, 4))
    return f"| {name} | {truth:g} | {shown} | {ratios} | {expected} |"


def table(samples: dict[str, np.ndarray], family: str) -> list[str]:
    """The parameters of every order at every stage."""
    fits = [fit_law(sample, "independent", 1.0) for sample in samples.values()]
    sizes = [sample[:, 0] for sample in samples.values()]
    error = [size.std() / np.sqrt(len(size)) for size in sizes]
    theory = SIZE[2] * np.exp(SIZE[0] ** 2 / 2)
    spread = theory * np.sqrt(np.expm1(SIZE[0] ** 2))
    lines = [
        f"| parameter | truth | {' | '.join(samples)} | grey / turned | restored / turned | left by smoothing |",
        "|---|---|---|---|---|---|---|---|---|---|",
        row("a_00 mean", round(theory, 2), [(size.mean(), e) for size, e in zip(sizes, error, strict=True)]),
        row("a_00 deviation", round(spread, 2), [(s.std(), e) for s, e in zip(sizes, error, strict=True)]),
    ]
    places = {"deviation": 1} if family == "normal" else {"τ": 2, "ν": 0}
    for order in range(1, 10):
        for name, place in places.items():
            truth = FREEDOM if name == "ν" else TAU[order - 1]
            expected = "" if name == "ν" else f"{smoothing_share(order, RADIUS, parameters.SMOOTHING):.2f}"
            found = [parameter(fit, order, family, place) for fit in fits]
            lines.append(row(f"l = {order} {name}", truth, found, expected))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", choices=("normal", "student_t"), default="normal")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--edge", type=int, default=320, help="voxels along each side of the volume")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    start = time.perf_counter()
    law = known_law(options.family)
    shells = [draw_shell(law, options.seed, index)[0] for index in range(options.count)]
    phantom = make_phantom(shells, (options.edge,) * 3, 1.0, blur=BLUR, noise=NOISE, seed=options.seed)
    samples, counts = stages(shells, phantom, options.seed)
    lines = [
        f"# Recovery of a known shell law ({options.family}) from a synthetic CT volume",
        "",
        f"    python scripts/studies/shell_recovery.py --family {options.family} --count {options.count} "
        f"--edge {options.edge} --seed {options.seed} --output {options.output}",
        "",
        f"{options.count} shells of radius near {RADIUS:g} voxels in {options.edge}³, solid share "
        f"{(phantom.label > 0).mean():.2f}; blur {BLUR:g} voxel, noise {NOISE} of the contrast. "
        f"{time.perf_counter() - start:.0f} s.",
        "",
        f"Segmentation: `{counts}`",
        "",
        *table(samples, options.family),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
