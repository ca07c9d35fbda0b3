"""Which format a file has, by its content, and the map in it."""

from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from nmcfast.ebsd.ang import read_ang
from nmcfast.ebsd.assemble import Columns, assemble
from nmcfast.ebsd.columns import has_names, read_columns
from nmcfast.ebsd.ctf import read_ctf
from nmcfast.ebsd.map import EbsdMap
from nmcfast.ebsd.options import ReadOptions
from nmcfast.ebsd.source import Source, open_source
from nmcfast.ebsd.text import decoded
from nmcfast.errors import InputError

HDF5 = b"\x89HDF\r\n\x1a\n"
KNOWN = ".ang, .ctf, OIM text export, .h5oina, .oh5, Bruker .h5 or columns of text"
_OTHERS = {  # by suffix: what else laboratories have, and how to get on
    ".cpr": "an Oxford Channel 5 project; export it as .ctf (Channel 5, AZtec) or .h5oina (AZtecCrystal)",
    ".crc": "the data of an Oxford Channel 5 project; open its .cpr and export .ctf or .h5oina",
    ".osc": "EDAX's binary scan; export it as .ang or .oh5 from OIM Analysis",
    ".bcf": "a Bruker project; export it as .ctf or .h5 from Esprit",
    ".ebsp": "Oxford's diffraction patterns, no orientations; export the map as .ctf or .h5oina",
    ".up1": "EDAX's diffraction patterns, no orientations; export the map as .ang or .oh5",
    ".up2": "EDAX's diffraction patterns, no orientations; export the map as .ang or .oh5",
}


def read_map(path: str | Path, incomplete: bool = False, options: ReadOptions | None = None) -> EbsdMap:
    """EBSD map of a file of any format that `KNOWN` lists, told apart by content, section 4.4.

    incomplete=True, or that option, reads what there is of a file that was cut short. Raises InputError naming file,
    line and the command line's option that gets on, for a file that is damaged, cut short, or of another kind.
    """
    path = Path(path)
    options = replace(options or ReadOptions(), incomplete=incomplete or (options is not None and options.incomplete))
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected an EBSD map ({KNOWN})")
    try:
        if _is_hdf5(path):
            from nmcfast.ebsd.h5_files import read_h5  # only these files need h5py

            return assemble(read_h5(path, options), options)
        with path.open("rb") as stream:
            return assemble(_columns(stream, path, options), options)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def map_names(path: str | Path) -> list[str]:
    """Names of the maps of a file; [""] where it can hold only one. InputError where HDF5 holds none."""
    path = Path(path)
    if not (path.is_file() and _is_hdf5(path)):
        return [""]
    from nmcfast.ebsd.h5_files import h5_map_names

    return h5_map_names(path)


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(HDF5)) == HDF5


def _columns(stream: BinaryIO, path: Path, options: ReadOptions) -> Columns:
    source = open_source(stream, path)
    start = _start(source)
    text = decoded(start).lstrip("\ufeff \t\n")
    if text.lower().startswith("channel text file"):
        return read_ctf(source, path, options)
    if path.suffix.lower() in _OTHERS:
        raise InputError(f"{path}: is {_OTHERS[path.suffix.lower()]}")
    if options.columns or _names_columns(text):
        return read_columns(source, path, options)
    if text[:1] and text[0] in "#+-.0123456789":
        return read_ang(source, path, options)
    found = text.split("\n", 1)[0][:40]
    raise InputError(
        f"{path}, line 1: found {found!r}; expected '#' (EDAX .ang), 'Channel Text File' (Oxford .ctf), HDF5 (.h5oina,"
        " .oh5, Bruker .h5) or a line that names columns phi1 Phi phi2 x y (or say which is which with --columns)"
    )


def _start(source: Source) -> bytes:
    """The first bytes, which stay to be read."""
    start = source.read()
    source.push_back(start)
    return start[: 1 << 16]


def _names_columns(text: str) -> bool:
    """Whether one of the first lines, comment or not, names plain columns; EDAX's headers have names of their own."""
    for line in text.split("\n")[:100]:
        if has_names(line) and not line.lstrip("# \t").upper().startswith(("COLUMN", "X-STAR")):
            return True
        if line.strip() and line.lstrip()[0] in "+-.0123456789":
            return False
    return False
