"""Options of commands that read a CT volume, stated once."""

import argparse
from typing import Any

from nmcfast.errors import InputError


def add_volume_options(parser: argparse.ArgumentParser) -> None:
    """What decides how a CT volume is read; each note of a decision names one of these."""
    kind = parser.add_argument_group("what the values are")
    kind.add_argument("--segmented", action="store_true", help="the volume holds phases, not grey values")
    kind.add_argument("--phase", type=int, default=1, help="value of the particles in a segmented volume (1)")
    kind.add_argument("--instances", action="store_true", help="each label of the volume is one particle")
    kind.add_argument("--grey", action="store_true", help="grey values, though they look like labels")
    kind.add_argument("--sigma", type=float, default=1.8, help="standard deviation of the smoothing, voxels (1.8)")
    kind.add_argument(
        "--classes", type=int, help="classes of grey values, the brightest is particles (2, or 3 when seen)"
    )
    kind.add_argument("--threshold", default="otsu", help="otsu (the paper's), unbiased in volume, or a grey value")
    kind.add_argument(
        "--invert",
        action=argparse.BooleanOptionalAction,
        help="particles are dark, or all but --phase; default refuses",
    )
    kind.add_argument("--clip", type=float, metavar="PERCENT", help="clip grey values at both ends (only outliers)")
    kind.add_argument("--keep-pores", action="store_true", help="do not fill closed pores")
    space = parser.add_argument_group("where it lies and how large it is")
    space.add_argument(
        "--voxel-size", metavar="UM", help="edge of a voxel, µm, or Z,Y,X; left out where the file has it"
    )
    space.add_argument(
        "--geometry",
        choices=("agree", "file", "option"),
        default="agree",
        help="which size counts where the file and --voxel-size differ (agree: refused)",
    )
    space.add_argument("--mask", metavar="FILE", help="field of view: a volume of the same shape, 0 outside")
    space.add_argument(
        "--any-size", action="store_true", help="particles may be smaller than 0.1 µm or larger than 500 µm"
    )
    space.add_argument("--series", metavar="N|all", help="series of a TIFF file, or all joined")
    space.add_argument("--channel", type=int, metavar="N", help="channel of an array of four dimensions")
    space.add_argument("--gaps", choices=("refuse", "fill", "close"), default="refuse", help="slices that are missing")


def voxel_size(options: argparse.Namespace) -> tuple[float, ...] | None:
    """The numbers of --voxel-size, None where it was left out."""
    if options.voxel_size is None:
        return None
    try:
        return tuple(float(part) for part in options.voxel_size.split(","))
    except ValueError:
        found = f"--voxel-size: found {options.voxel_size!r}"
        raise InputError(f"{found}, expected a length in µm, or three, Z,Y,X") from None


def volume_choices(options: argparse.Namespace) -> dict[str, Any]:
    """The options as keywords of `particles.Choices`."""
    from nmcfast.calibration.volumes.volume import Ask

    names = ("segmented", "instances", "phase", "sigma", "classes", "threshold", "invert", "keep_pores", "mask", "clip")
    choices = {name: getattr(options, name) for name in (*names, "grey", "any_size", "geometry")}
    return {**choices, "ask": Ask(options.series, options.channel, options.gaps)}
