"""Options of all commands that read EBSD maps, and what they make of them."""

import argparse
from typing import Any


def add_map_options(parser: argparse.ArgumentParser) -> None:
    """The options that say what an EBSD file does not: units, phases, symmetry, columns."""
    group = parser.add_argument_group("how EBSD files are read, where they do not tell (docs/ebsd.md)")
    group.add_argument("--symmetry", metavar="GROUP", help="point group, -3m for NMC, or by phase: 1=-3m,2=m-3m")
    group.add_argument("--angles", metavar="degrees|radians", help="unit of the Euler angles")
    group.add_argument("--unit", metavar="um|nm|mm", help="unit of the coordinates")
    group.add_argument("--phases", metavar="0=1,1=2", help="the header's phase number for that of points, or none")
    group.add_argument(
        "--columns", metavar="NAMES", help="columns of a text file: phi1,Phi,phi2,x,y,phase or - for others"
    )
    group.add_argument(
        "--measured", metavar="MARKS", help="marks of unindexed points that do not count: ci,fit,zeros,…"
    )
    group.add_argument("--unindexed", metavar="MARKS", help="marks that do count: filled,zeros")
    group.add_argument("--map", metavar="NAME", help="which map of a file that holds several")
    group.add_argument("--incomplete", action="store_true", help="read what there is of a file that was cut short")


def map_options(options: argparse.Namespace) -> Any:
    """The `ReadOptions` of a command line; InputError names the option."""
    from nmcfast.ebsd.options import ReadOptions, parse_phases, parse_symmetry

    def words(text: str | None) -> tuple[str, ...]:
        return tuple(word.strip() for word in text.split(",")) if text else ()

    return ReadOptions(
        angles=options.angles,
        unit=options.unit,
        phases=parse_phases(options.phases) if options.phases else {},
        symmetry=parse_symmetry(options.symmetry) if options.symmetry else {},
        columns=words(options.columns),
        incomplete=options.incomplete,
        measured=frozenset(words(options.measured)),
        unindexed=frozenset(words(options.unindexed)),
        map=options.map,
    )
