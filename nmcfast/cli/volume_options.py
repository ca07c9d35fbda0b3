"""Options of commands that read a CT volume."""

import argparse

from nmcfast.cli.common import add_options
from nmcfast.errors import InputError
from nmcfast.options import VolumeOptions


def add_volume_options(parser: argparse.ArgumentParser) -> None:
    """What decides how a CT volume is read; each note of a decision names one of these."""
    parser.add_argument(
        "--voxel-size", metavar="UM", help="edge of a voxel, µm, or Z,Y,X; not needed where the file has it"
    )
    add_options(parser, VolumeOptions)


def voxel_size(options: argparse.Namespace) -> tuple[float, ...] | None:
    """The numbers of --voxel-size, None where it was left out."""
    if options.voxel_size is None:
        return None
    try:
        return tuple(float(part) for part in options.voxel_size.split(","))
    except ValueError:
        found = f"--voxel-size: found {options.voxel_size!r}"
        raise InputError(f"{found}, expected a length in µm, or three, Z,Y,X") from None
