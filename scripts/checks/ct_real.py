"""A real CT volume as it is and as it may come: axes turned, cut by a cylinder, inverted, grey with noise.

Each case is written to a file and read back through the door of `calibrate shells` (`find_particles`); what it finds is
set beside the volume as it is. `--crop` takes the first voxels along each axis. Run from the root of the repository:

    python scripts/checks/ct_real.py ../shared/data/ct/nmc-1-cal_generatedCBD_bridge.tif --crop 140 \\
        --output docs/results/ct_inputs.md
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from scipy import ndimage

from nmcfast.calibration.shells import tomography
from nmcfast.calibration.shells.particles import find_particles
from nmcfast.calibration.shells.star_shapes import star_shapes
from nmcfast.errors import InputError
from nmcfast.options import VolumeOptions
from nmcfast.shells.descriptors import shell_descriptors

VOXEL_UM = 0.398
HEAD = ("case", "options", "particles", "cut by the border", "mean radius, voxels", "sphericity", "decided")


def cases(volume: np.ndarray) -> Iterator[tuple[str, np.ndarray, dict[str, Any]]]:
    """Name, stored values and options of each case; phase 1 is the particles, 0 and 2 are void and binder."""
    solid = volume == 1
    chosen = {"segmented": True}
    yield "as it is", volume, chosen
    yield "closed pores kept", volume, {**chosen, "keep_pores": True}
    yield "axes turned (x, y, z)", volume.T, chosen
    yield "axes turned (y, x, z)", volume.transpose(1, 2, 0), chosen
    y, x = np.indices(volume.shape[1:])
    round_view = np.hypot(y - volume.shape[1] / 2 + 0.5, x - volume.shape[2] / 2 + 0.5) < min(volume.shape[1:]) / 2
    yield "cut by a cylinder, 0 outside", np.where(round_view, volume, 0), chosen
    yield "the same, 255 outside", np.where(round_view, volume, 255), chosen
    yield "inverted, not said", (~solid).astype(np.uint8), chosen
    yield "inverted, said", (~solid).astype(np.uint8), {**chosen, "invert": True}
    grey = ndimage.gaussian_filter(np.array([6000.0, 20000.0, 8500.0], np.float32)[volume], 0.7)
    noisy = (grey + np.random.default_rng(0).normal(0, 1200, grey.shape)).astype(np.uint16)
    yield "16-bit grey with noise", noisy, {}
    yield "the same, unbiased threshold", noisy, {"threshold": "unbiased"}
    yield "the same, dark particles, said", 30000 - noisy, {"invert": True}


def row(name: str, values: np.ndarray, options: dict[str, Any], folder: Path) -> list[str]:
    """One line of the table."""
    path = folder / "case.tif"
    tifffile.imwrite(path, np.ascontiguousarray(values), photometric="minisblack")
    said = " ".join(
        f"--{key.replace('_', '-')}" + ("" if value is True else f" {value}") for key, value in options.items()
    )
    try:
        found = find_particles(path, (VOXEL_UM,), VolumeOptions(**options))
    except InputError as error:
        return [name, said, "refused", "", "", "", str(error).partition(": ")[2]]
    shapes = star_shapes(found.labels, 0)
    radius = float(((0.75 / np.pi * tomography.sizes(found.labels)[1:]) ** (1 / 3)).mean())
    sphericity = np.mean([shell_descriptors(shape)["sphericity"] for shape in shapes.coefficients])
    numbers = [f"{len(shapes.label)}", f"{found.counts['border']}", f"{radius:.2f}", f"{sphericity:.4f}"]
    return [name, said, *numbers, "; ".join(str(note) for note in found.notes)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volume", type=Path)
    parser.add_argument("--crop", type=int, default=10_000, help="voxels kept along each axis")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    volume = np.ascontiguousarray(tifffile.imread(options.volume)[(slice(0, options.crop),) * 3])
    start, rows = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        for name, values, chosen in cases(volume):
            rows.append(row(name, values, chosen, Path(folder)))
            print("|", " | ".join(rows[-1]), "|", flush=True)
    command = f"python scripts/checks/ct_real.py {options.volume} --crop {options.crop}"
    lines = [f"# A real CT volume as it may come\n\n    {command}\n"]
    lines += [f"{options.volume.name}, {volume.shape} voxels of {VOXEL_UM} µm; {time.monotonic() - start:.0f} s.\n"]
    lines += [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|", *(f"| {' | '.join(one)} |" for one in rows), ""]
    if options.output:
        options.output.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
