"""nmcfast inspect: what an EBSD map or a CT volume holds and how it is read, sections 2.1 and 2.2.

A kind of file is one function of this module that recognises it and one that inspects it, in KINDS; what they call
lives in the room of the kind, knows nothing of the command line and returns a `Finding` for each map or volume.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nmcfast.cli.common import add_options, chosen_options, command, local, remark, say
from nmcfast.cli.volume_options import add_volume_options, voxel_size
from nmcfast.errors import InputError, NmcfastError
from nmcfast.inspection import Finding
from nmcfast.options import MapOptions, SectionOptions, VolumeOptions


def _is_map(path: Path) -> bool:
    return True  # the last in KINDS: what no other recognises is refused as no map, with what a map would be


def _maps(path: Path, options: argparse.Namespace) -> list[Finding]:
    from nmcfast.ebsd.inspect import inspect_maps
    from nmcfast.ebsd.options import read_options

    return inspect_maps(path, read_options(chosen_options(options, MapOptions)), options.angle)


def _is_volume(path: Path) -> bool:
    from nmcfast.calibration.volumes.recognise import is_volume

    return is_volume(path)


def _volumes(path: Path, options: argparse.Namespace) -> list[Finding]:
    from nmcfast.calibration.shells.inspect import inspect_volume

    return inspect_volume(path, voxel_size(options), chosen_options(options, VolumeOptions))


# How to recognise a file by its content (cheap, raises nothing), and what inspects it (InputError where it is refused).
KINDS: tuple[tuple[Callable[[Path], bool], Callable[[Path, argparse.Namespace], list[Finding]]], ...] = (
    (_is_volume, _volumes),
    (_is_map, _maps),
)


def add(commands: Any) -> None:
    parser = command(
        commands,
        "inspect",
        run,
        "show what EBSD maps and CT volumes hold and how they are read",
        "nmcfast inspect maps/*.ang --image maps.png",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="EBSD maps, CT volumes")
    parser.add_argument("--image", type=Path, metavar="PNG", help="picture of each; numbered where there are several")
    text = f"misorientation between grains, degrees ({SectionOptions.angle})"
    parser.add_argument("--angle", type=float, default=SectionOptions.angle, help=text)
    add_options(parser, MapOptions)
    add_volume_options(parser)


def run(options: argparse.Namespace) -> int:
    """All files, also those after one that is refused; the exit code is that of the first refusal."""
    if options.image and not options.image.absolute().parent.is_dir():
        raise InputError(f"--image: {options.image} is not in a folder that exists")
    found: list[Finding] = []
    for path in options.files:
        findings = _inspect(local(path), options)
        found += findings
        for finding in findings:
            if not options.json:
                print(finding.line, *(f"  {note}" for note in finding.notes), sep="\n", flush=True)  # noqa: T201
            if finding.problem:
                print("nmcfast:", finding.problem, file=sys.stderr)  # noqa: T201
    if options.json:
        say(options, {"files": [finding.table for finding in found]}, "")
    _draw(found, options)
    return next((finding.problem.exit_code for finding in found if finding.problem), 0)


def _inspect(path: Path, options: argparse.Namespace) -> list[Finding]:
    try:
        return next(inspect for recognises, inspect in KINDS if recognises(path))(path, options)
    except NmcfastError as error:
        return [Finding(f"{path}: refused", {"file": str(path), "refused": str(error)}, problem=error)]


def _draw(found: list[Finding], options: argparse.Namespace) -> None:
    drawers = [finding.draw for finding in found if finding.draw]
    for number, draw in enumerate(drawers if options.image else [], start=1):
        image = options.image
        target = image if len(drawers) == 1 else image.with_name(f"{image.stem}-{number}{image.suffix}")
        draw(target)
        remark(options, f"wrote {target}")
