"""nmcfast calibrate shells: a shell law from a CT volume, sections 2.1 and 2.3."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nmcfast.cli.common import add_options, chosen_options, command, refuse_existing, remark, say
from nmcfast.cli.volume_options import add_volume_options, voxel_size
from nmcfast.options import ShellOptions, VolumeOptions
from nmcfast.progress import progress_bar


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
    add_options(shells, ShellOptions)
    shells.add_argument("--report", type=Path, metavar="DIR", help="folder for the figures and the report")
    shells.add_argument("--overwrite", action="store_true", help="replace the model file")


def run(options: argparse.Namespace) -> int:
    from nmcfast.calibration.shells.calibrate import calibrate_shell_model
    from nmcfast.calibration.shells.summary import shell_lines

    refuse_existing(options)
    bar = progress_bar("parting particles", "block", quiet=options.quiet)

    def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    _, report = calibrate_shell_model(
        options.volume,
        voxel_size(options),
        options.output,
        report=options.report,
        progress=show,
        command=options.typed,
        **asdict(chosen_options(options, ShellOptions)),
        **asdict(chosen_options(options, VolumeOptions)),
    )
    bar.close()
    say(options, report, "\n".join(shell_lines(report)))
    remark(options, f"wrote {options.output}; use it: nmcfast generate lib.zarr --model {options.output}")
    return 0
