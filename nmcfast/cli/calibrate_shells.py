"""nmcfast calibrate shells: a shell law from a CT volume, sections 2.1 and 2.3."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from nmcfast.cli.common import command, refuse_existing, remark, say
from nmcfast.cli.volume_options import add_volume_options, volume_choices, voxel_size


def add(kinds: Any) -> None:
    shells = command(
        kinds,
        "shells",
        run,
        "fit the shell model to a CT volume, sections 2.1 and 2.3",
        "nmcfast calibrate shells CT.tif --voxel-size 0.128 --output my.safetensors --report report/",
    )
    shells.add_argument(
        "volume", metavar="CT", help="TIFF, folder of slices, HDF5, Zarr, .npy, .mhd, .nrrd: see docs/ct.md"
    )
    shells.add_argument("--output", type=Path, required=True, metavar="MODEL", help="model file to write")
    add_volume_options(shells)
    shells.add_argument(
        "--law",
        choices=("auto", "independent", "relative"),
        default="auto",
        help="law of the coefficients; auto takes the better one",
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
    from nmcfast.calibration.shells.summary import shell_lines

    refuse_existing(options)
    choices = volume_choices(options)
    _, report = calibrate_shell_model(
        options.volume,
        voxel_size(options),
        options.output,
        base=options.base,
        report=options.report,
        command=shlex.join(["nmcfast", *sys.argv[1:]]),
        seed=options.seed,
        law=options.law,
        restore=options.restore,
        **choices,
    )
    say(options, report, "\n".join(shell_lines(report)))
    remark(options, f"wrote {options.output}; use it: nmcfast generate lib.zarr --model {options.output}")
    return 0
