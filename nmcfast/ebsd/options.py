"""What a person may know better than a file: units, phases, columns, symmetry."""

from dataclasses import dataclass, field, replace

from nmcfast.ebsd.symmetry import LAUE_GROUPS, laue_of
from nmcfast.errors import InputError
from nmcfast.options import MapOptions

ANGLES = ("degrees", "radians")
UNITS = {"um": 1.0, "nm": 1e-3, "mm": 1e3}
MARKS = ("nan", "4pi", "ci", "fit", "mad", "error", "zeros", "filled")


@dataclass(frozen=True)
class ReadOptions:
    """How a map is read where its file does not tell, or tells wrong; None and empty: as the file says, section 4.4.

    angles "degrees" or "radians"; unit of the coordinates; phases: the header's number for a number that points have,
    None for unindexed; symmetry: Laue groups by phase number, key None for all; columns: names of a text file's columns
    in order; incomplete: what there is of a file that was cut short; measured, unindexed: marks that decide otherwise
    than usual; map: name of one of several maps of a file.
    """

    angles: str | None = None
    unit: str | None = None
    phases: dict[int, int | None] = field(default_factory=dict)
    symmetry: dict[int | None, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    incomplete: bool = False
    measured: frozenset[str] = frozenset()
    unindexed: frozenset[str] = frozenset()
    map: str | None = None

    def __post_init__(self) -> None:
        _known("--angles", self.angles, ANGLES)
        _known("--unit", self.unit, tuple(UNITS))
        for option, marks in (("--measured", self.measured), ("--unindexed", self.unindexed)):
            for mark in sorted(marks):
                _known(option, mark, MARKS)

    def of_map(self, name: str) -> "ReadOptions":
        """The same for the named map of a file that holds several; "" for the only one."""
        return replace(self, map=name or None)


def _known(option: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise InputError(f"{option}: found {value!r}, expected one of {', '.join(known)}")


def read_options(chosen: MapOptions) -> ReadOptions:
    """The options of a command line; InputError names the one that is none."""
    return ReadOptions(
        angles=chosen.angles,
        unit=chosen.unit,
        phases=parse_phases(chosen.phases) if chosen.phases else {},
        symmetry=parse_symmetry(chosen.symmetry) if chosen.symmetry else {},
        columns=_words(chosen.columns),
        incomplete=chosen.incomplete,
        measured=frozenset(_words(chosen.measured)),
        unindexed=frozenset(_words(chosen.unindexed)),
        map=chosen.map,
    )


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",")) if text else ()


def parse_phases(text: str) -> dict[int, int | None]:
    """Phase numbers from "0=1,1=2,7=none": the number that points have, and the header's."""
    found: dict[int, int | None] = {}
    for part in text.split(","):
        point, equals, header = (word.strip() for word in part.partition("="))
        if not (equals and _whole(point) and (_whole(header) or header == "none")):
            raise InputError(f"--phases: found {part!r}, expected POINTS=HEADER such as 0=1,1=2 or 0=none")
        found[int(point)] = None if header == "none" else int(header)
    return found


def parse_symmetry(text: str) -> dict[int | None, str]:
    """Laue groups from "-3m", of all phases, or "1=-3m,2=m-3m"; InputError for an unknown name."""
    found: dict[int | None, str] = {}
    for part in text.split(","):
        number, equals, name = part.partition("=") if "=" in part else ("", "", part)
        laue = laue_of(name)
        if laue is None or (equals and not number.strip().isdigit()):
            known = ", ".join(LAUE_GROUPS)
            raise InputError(f"--symmetry: found {part!r}, expected -3m (NMC) or another of {known}, or 1=-3m,2=m-3m")
        found[int(number) if equals else None] = laue
    return found


def _whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 10
