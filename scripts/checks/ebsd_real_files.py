"""Reads every EBSD file of a folder and prints what it holds as Markdown: docs/results/ebsd_real_files.md.

python scripts/checks/ebsd_real_files.py ../shared/data/ebsd
"""

import argparse
from pathlib import Path

from nmcfast.ebsd import EbsdMap, GrainMap, read_map, segment_grains
from nmcfast.errors import InputError
from nmcfast.sections.fit import fit_section, label_section
from nmcfast.sections.statistics import CentralTest, compare_sections, is_central, measure_grains

TABLE = (
    "file",
    "points",
    "grid, rows × columns",
    "step µm",
    "unindexed",
    "grains",
    "mean area µm²",
    "small",
    "unassigned",
)
FITS = (
    "file",
    "grains",
    "pixels",
    "start",
    "2D fit",
    "area error",
    "lost",
    "pairs found",
    "right",
    "mean cos 2α",
    "p",
)


def row_of(*cells: object) -> str:
    """One row of a Markdown table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def heading(names: tuple[str, ...]) -> str:
    """The first two lines of a Markdown table."""
    return row_of(*names) + "\n" + row_of(*["---"] * len(names))


def describe(name: str, m: EbsdMap) -> tuple[str, str]:
    """Table rows of one map: what it holds, and how a 2D GBPD fits its grains, empty where there is none.

    The files are of bulk metals and rock, not of particles: grains of the whole map count.
    """
    rows, columns = m.layout.shape
    step = f"{m.step[0]:.4g}, {m.step[1]:.4g}"
    cells = [name, f"{len(m):,}", f"{m.grid}, {rows} × {columns}", step, f"{(~m.indexed).mean():.1%}"]
    try:
        g = segment_grains(m, particle="all")
    except InputError:
        return row_of(*cells, "none", "–", "–", "–"), ""
    grains = measure_grains(g.labels, g.pixel_size, g.centre)
    cells += [
        g.grains,
        f"{grains.area.mean():.3g}",
        g.counts["small_grains"],
        f"{g.counts['pixels_unassigned']:,}",
    ]
    return row_of(*cells), describe_fit(name, g, is_central(grains.alpha, verdict=False))


def describe_fit(name: str, g: GrainMap, test: CentralTest) -> str:
    """Table row of the 2D fit of a map's grains."""
    fit = fit_section(g.labels, g.pixel_size, g.centre)
    errors = compare_sections(g.labels, label_section(fit, g.labels.shape, g.pixel_size, g.centre))
    return row_of(
        name,
        g.grains,
        f"{(g.labels > 0).sum():,}",
        f"{fit.agreement[0]:.1%}",
        f"{errors.pixel_agreement:.1%}",
        f"{errors.area_error:.1%}",
        errors.lost,
        f"{errors.neighbours_found:.0%}",
        f"{errors.neighbours_right:.0%}",
        f"{test.preference:+.2f}",
        f"{test.p_value:.2g}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    read, fits, notes, refused = [], [], [], []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        try:
            m = read_map(path)
        except InputError as error:
            refused.append(f"- {str(error).replace(str(path), name)}")
            continue
        row, fit = describe(name, m)
        read.append(row)
        fits += [fit] * bool(fit)
        notes += [f"- {name}: {note}" for note in m.notes]
    print("## Read\n", heading(TABLE), *read, sep="\n")
    print("\n## What the reader noted\n", *notes, sep="\n")
    print("\n## Refused\n", *refused, sep="\n")
    print("\n## Restricted 2D GBPD of the grains\n", heading(FITS), *fits, sep="\n")


if __name__ == "__main__":
    main()
