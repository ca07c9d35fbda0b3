"""What becomes of every EBSD file of some folders, as Markdown: docs/results/ebsd_files.md.

python scripts/checks/ebsd_files_table.py ../shared/data/ebsd ../shared/data/ebsd_cases
"""

import argparse
from pathlib import Path

from nmcfast.ebsd import EbsdMap, ReadOptions, read_map, segment_grains
from nmcfast.errors import InputError

NOT_MAPS = {".md"}
NMC = ReadOptions(symmetry={None: "-3m"})  # where a file names no symmetry


def row_of(*cells: object) -> str:
    """One row of a Markdown table."""
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def grid_of(m: EbsdMap) -> str:
    """Grid, rows × columns, step."""
    rows, columns = m.layout.shape
    return f"{m.grid} {rows} × {columns}, {m.step[0]:.6g} × {m.step[1]:.6g} µm"


def grains_of(path: Path, m: EbsdMap) -> str:
    """Number of grains at 5° in the whole map, or why there are none."""
    try:
        return str(segment_grains(m, particle="all").grains)
    except InputError as error:
        if "--symmetry" not in str(error):
            return "none"
        again = segment_grains(read_map(path, options=NMC), particle="all").grains
        return f"asks for --symmetry; {again} with -3m"


def describe(path: Path, name: str) -> str:
    """Table row of a file: read or refused, grid, unindexed points by mark, grains, notes."""
    try:
        m = read_map(path)
    except InputError as error:
        return row_of(name, "refused", "", "", "", str(error).replace(str(path), name))
    marks = ", ".join(f"{count:,}: {mark}" for mark, count in m.unindexed.items()) or "0"
    return row_of(name, "read", grid_of(m), marks, grains_of(path, m), "; ".join(note.sentence for note in m.notes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    print(row_of("file", "", "grid", "unindexed", "grains at 5°", "notes, or why not"))
    print(row_of(*["---"] * 6))
    for folder in parser.parse_args().folders:
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in NOT_MAPS)
        for path in files:
            print(describe(path, str(path.relative_to(folder.parent))))


if __name__ == "__main__":
    main()
