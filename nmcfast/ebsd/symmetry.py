"""Laue groups by all the names that files give them."""

import re

from nmcfast.misorientation import LAUE_GROUPS, laue_group

__all__ = ["EDAX_CODES", "LAUE_GROUPS", "OXFORD_NUMBERS", "laue_of", "laue_of_space_group"]

EDAX_CODES = {  # `Symmetry` of an .ang, `Symmetry` and `LGsymID` of an .oh5
    "1": "-1",
    "2": "112/m",
    "20": "2/m",
    "21": "2/m",
    "22": "mmm",
    "4": "4/m",
    "42": "4/mmm",
    "3": "-3",
    "32": "-3m",
    "6": "6/m",
    "62": "6/mmm",
    "23": "m-3",
    "43": "m-3m",
}
OXFORD_NUMBERS = {
    str(number): laue
    for number, laue in enumerate(
        ("-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m", "6/m", "6/mmm", "m-3", "m-3m"), start=1
    )
}
_SCHOENFLIES = {
    "-1": "C1 Ci S2",
    "2/m": "C2 Cs C2h C1h S1",
    "mmm": "D2 V C2v D2h Vh",
    "4/m": "C4 S4 C4h",
    "4/mmm": "D4 C4v D2d Vd D4h",
    "-3": "C3 C3i S6",
    "-3m": "D3 C3v D3d",
    "6/m": "C6 C3h S3 C6h",
    "6/mmm": "D6 C6v D3h D6h",
    "m-3": "T Th",
    "m-3m": "O Td Oh",
}
_LONG = {  # settings and full symbols that the short table lacks
    "2/m": "12/m1 1m1",
    "mmm": "2/m2/m2/m m2m 2mm",
    "4/mmm": "4/m2/m2/m -4m2",
    "-3m": "321 312 3m1 31m -3m1 -31m -32/m -32/m1 -312/m",
    "6/mmm": "6/m2/m2/m -62m",
    "m-3": "2/m-3 m3-",
    "m-3m": "4/m-32/m m3-m",
}
_LAST_SPACE_GROUP = (  # last number of each Laue class, International Tables A
    (2, "-1"),
    (15, "2/m"),
    (74, "mmm"),
    (88, "4/m"),
    (142, "4/mmm"),
    (148, "-3"),
    (167, "-3m"),
    (176, "6/m"),
    (194, "6/mmm"),
    (206, "m-3"),
    (230, "m-3m"),
)
_OTHER_NAMES = {name.lower(): laue for laue, names in _SCHOENFLIES.items() for name in names.split()}
_OTHER_NAMES |= {name: laue for laue, names in _LONG.items() for name in names.split()}
_MINUS = str.maketrans({"−": "-", "–": "-", "‐": "-", "‑": "-", "¯": "-", "̅": "-", "̄": "-"})


def laue_of(name: str) -> str | None:
    """Laue group of a point group, space group or Schoenflies symbol or a space group's number; None if unknown.

    "32", "-3m1", "D3d", "R-3m", "P6_3/mmc", "Trigonal (D3d) [-3m]" and "166" are known. A number that is also a point
    group's name (222, 432) is taken for that.
    """
    text = name.strip().strip("'\"").translate(_MINUS)
    bracket = re.search(r"\[([^\]]+)\]", text)
    text = re.sub(r"[\s_{}$\\]|overline|bar(?=\d)", "", bracket[1] if bracket else text)
    found = laue_group(text) or _OTHER_NAMES.get(text.lower())
    if found is None and text.isascii() and text.isdecimal() and len(text) < 4:
        return laue_of_space_group(int(text))
    return found or _laue_of_symbol(text)


def laue_of_space_group(number: int) -> str | None:
    """Laue group of a space group by its number in the International Tables; None outside 1 … 230."""
    return next((laue for last, laue in _LAST_SPACE_GROUP if 1 <= number <= last), None)


def _laue_of_symbol(text: str) -> str | None:
    """Laue group of a space group's symbol: lattice letter, then a point group with screws and glides."""
    match = re.fullmatch(r"([PABCFIR])([-\da-en/m:HRhr]+)", text)
    if match is None:
        return None
    group = re.sub(r":.*", "", match[2])
    group = re.sub(r"[a-en]", "m", group)
    known = laue_group(group) or _OTHER_NAMES.get(group)
    group = re.sub(r"([2346])[1-5](?=[/m\d-]|$)", r"\1", group)
    return known or laue_group(group) or _OTHER_NAMES.get(group)
