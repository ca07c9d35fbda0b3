"""nmcfast calibrate shells: a shell law from a CT volume, sections 2.1 and 2.3."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from nmcfast.cli.common import as_lines, command, refuse_existing, remark, say


def add(kinds: Any) -> None:
    shells = command(
        kinds,
        "shells",
        run,
        "fit the shell model to a CT volume, sections 2.1 and 2.3",
        "nmcfast calibrate shells CT.tif --voxel-size 0.128 --output my.safetensors --report report/",
    )
    shells.add_argument("volume", metavar="CT", help="TIFF, HDF5 (file.h5:/dataset) or Zarr, grey values or labels")
    shells.add_argument("--voxel-size", type=float, required=True, help="edge of a voxel, µm")
    shells.add_argument("--output", type=Path, required=True, metavar="MODEL", help="model file to write")
    shells.add_argument("--segmented", action="store_true", help="the volume holds phases, not grey values")
    shells.add_argument("--phase", type=int, default=1, help="value of the particles in a segmented volume (1)")
    shells.add_argument("--sigma", type=float, default=1.8, help="standard deviation of the smoothing, voxels (1.8)")
    shells.add_argument(
        "--law",
        choices=("auto", "independent", "relative", "joint"),
        default="auto",
        help="law of the coefficients; auto takes the one nearest in descriptors of held-out particles",
    )
    shells.add_argument(
        "--restore",
        action="store_true",
        help="undo what the smoothing takes from fine waves; without it the report says how much",
    )
    shells.add_argument("--seed", type=int, default=0, help="seed of rotations and of the comparison (0)")
    shells.add_argument("--base", default="nmc811", help="model whose grains are taken over (nmc811)")
    shells.add_argument("--report", type=Path, metavar="DIR", help="folder for the figures and the report")
    shells.add_argument("--overwrite", action="store_true", help="replace the model file")


def run(options: argparse.Namespace) -> int:
    from nmcfast.calibration.shells.calibrate import calibrate_shell_model

    refuse_existing(options)
    _, report = calibrate_shell_model(
        options.volume,
        options.voxel_size,
        options.output,
        base=options.base,
        report=options.report,
        command=shlex.join(["nmcfast", *sys.argv[1:]]),
        segmented=options.segmented,
        phase=options.phase,
        sigma=options.sigma,
        seed=options.seed,
        law=options.law,
        restore=options.restore,
    )
    say(options, report, as_lines({name: report[name] for name in report if name != "size_dependence"}))
    remark(options, f"wrote {options.output}; use it: nmcfast generate lib.zarr --model {options.output}")
    return 0
