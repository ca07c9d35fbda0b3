"""Maps in the HDF5 files of Oxford, EDAX and Bruker: which there are, and which reader takes them, section 4.4."""

from collections.abc import Callable
from pathlib import Path

from nmcfast.ebsd.assemble import Columns
from nmcfast.ebsd.bruker_h5 import is_bruker, read_bruker
from nmcfast.ebsd.edax_h5 import is_edax, read_edax
from nmcfast.ebsd.h5 import Group, groups_below, open_h5
from nmcfast.ebsd.h5oina import is_oxford, read_oxford
from nmcfast.ebsd.options import ReadOptions
from nmcfast.errors import InputError

Reader = Callable[[Group, str], Columns]
READERS: tuple[tuple[Callable[[Group], bool], Reader], ...] = (
    (is_oxford, read_oxford),
    (is_edax, read_edax),
    (is_bruker, read_bruker),
)


def h5_map_names(path: Path) -> list[str]:
    """Names of the maps of a file, in its order; InputError where it holds none."""
    with open_h5(path) as root:
        return list(_maps(root))


def read_h5(path: Path, options: ReadOptions) -> Columns:
    """Columns of a map of a file: the only one, or that of options.map."""
    with open_h5(path) as root:
        maps = _maps(root)
        known = ", ".join(repr(name) for name in list(maps)[:10])
        if options.map is not None and options.map not in maps:
            raise InputError(f"{path}: --map: found {options.map!r}, the file holds {known}")
        if options.map is None and len(maps) > 1:
            raise InputError(f"{path}: holds {len(maps)} maps, {known}; say which one with --map")
        name = options.map if options.map is not None else next(iter(maps))
        ebsd, reader = maps[name]
        found = reader(ebsd, name)
        found.name = name if len(maps) > 1 else ""
        return found


def _maps(root: Group) -> dict[str, tuple[Group, Reader]]:
    """Groups `EBSD` with data that a reader knows, by the name of the group that holds each."""
    found: dict[str, tuple[Group, Reader]] = {}
    for group in groups_below(root):
        if group.name.rsplit("/", 1)[-1] != "EBSD" or not (group.is_group("Data") and group.is_group("Header")):
            continue
        reader = next((read for recognises, read in READERS if recognises(group.group("Data"))), None)
        if reader is not None:
            found[group.name.strip("/").rpartition("/")[0]] = (group, reader)
    if not found:
        top = ", ".join(repr(name) for name in root.names()[:10])
        raise InputError(
            f"{root.path}: HDF5 without a map; expected a group EBSD with Data and Header of Oxford (.h5oina), EDAX"
            f" (.oh5) or Bruker, found {top or 'nothing'}; export .ang, .ctf or .h5oina"
        )
    return found
