"""Sections for the grain law: files in, grains and what calibration needs of them, checked before it takes an hour."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from nmcfast.calibration.grains.heights import read_heights
from nmcfast.calibration.grains.scores import LEAST_PIXELS
from nmcfast.ebsd import read_labels, read_map, segment_grains
from nmcfast.ebsd.inspect import large_grains
from nmcfast.ebsd.options import ReadOptions, read_options
from nmcfast.errors import InputError
from nmcfast.options import MapOptions, SectionOptions
from nmcfast.sections.grain_map import GrainMap
from nmcfast.sections.statistics import edge_grains, is_central, measure_grains

IMAGES = (".tif", ".tiff", ".png", ".npy")


def read_sections(
    paths: Sequence[Path], options: SectionOptions, how: MapOptions, say: Callable[[str], None]
) -> tuple[list[GrainMap], list[dict[str, Any]]]:
    """Grains of section files and a table row of each, section 2.2; what a reader noted is said at once.

    Raises InputError naming the file that is refused, or where fewer than 2 sections can be used: those that pass near
    the centre, and those whose height above it is known.
    """
    chosen = read_options(how)
    heights = read_heights(Path(options.heights), paths) if options.heights else {}
    maps, rows = [], []
    for path in paths:
        grains, notes = read_section(path, options, chosen)
        for note in notes:
            say(f"{path}: {note}")
        maps.append(grains)
        height = heights.get(path.name)
        row = describe_section(path, grains, options) | {"height_um": height or 0.0, "notes": notes}
        rows.append(row | {"used": row["central"] or height is not None})
    used = sum(row["used"] for row in rows)
    if used < 2:
        raise InputError(
            f"{used} of {len(rows)} sections pass near the centre (Fig. 2), calibration needs 2 or more;"
            " add sections, or their --heights, or --central all"
        )
    return maps, rows


def read_section(path: Path, options: SectionOptions, how: ReadOptions) -> tuple[GrainMap, list[str]]:
    """Grains of a section file and notes: an EBSD map, or a label image with a pixel size; InputError names it."""
    if path.suffix.lower() in IMAGES:
        if options.pixel_size is None:
            raise InputError(f"{path}: a label image has no scale; give --pixel-size in µm")
        return read_labels(path, options.pixel_size), []
    try:
        by: Any = options.by
        m = read_map(path, options=how)
        grains = segment_grains(m, options.angle, by=by)
    except InputError as error:
        raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}") from None
    notes = [note.sentence for note in (*m.notes, *large_grains(m, grains))]
    marks = ", ".join(f"{count:,} {mark}" for mark, count in m.unindexed.items())
    return grains, notes + [f"{(~m.indexed).sum():,} of {len(m):,} points are unindexed ({marks})"] * bool(marks)


def describe_section(path: Path, grains: GrainMap, options: SectionOptions) -> dict[str, Any]:
    """Statistics of a section and whether it passes near the particle's centre, section 2.2; JSON-able."""
    table = measure_grains(grains.labels, grains.pixel_size, grains.centre)
    inner = table.selected(~edge_grains(grains.labels, table.label, grains.mask))
    alpha = inner.alpha[np.isfinite(inner.alpha)]
    verdict = True if options.central == "all" else None
    try:
        test = is_central(inner.alpha, verdict=verdict)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return {
        "file": path.name,
        "grains": grains.grains,
        "radius_um": known_radius(grains),
        "mean_area_um2": float(table.area.mean()),
        "mean_alpha": float(alpha.mean()) if len(alpha) else None,
        "unassigned_share": float((grains.labels[grains.mask] == 0).mean()),
        "central": bool(test),
        "preference": test.preference,
        "p_value": test.p_value,
        **{name: int(count) for name, count in grains.counts.items()},
    }


def check_grains(path: Path, grains: GrainMap, radius: float, least: int) -> None:
    """InputError unless a disc of a radius, µm, about a section's centre holds `least` whole grains."""
    rows, columns = (np.arange(n) + 0.5 for n in grains.labels.shape)
    x, y = columns * grains.pixel_size - grains.centre[0], rows * grains.pixel_size - grains.centre[1]
    inside = x**2 + y[:, None] ** 2 < radius**2
    labels = np.where(inside, grains.labels, 0)
    table = measure_grains(labels, grains.pixel_size, grains.centre, LEAST_PIXELS)
    whole = int((~edge_grains(labels, table.label, inside)).sum())
    if whole < least:
        raise InputError(
            f"{path}: {whole} whole grains within {radius:.2f} µm of the centre, where all sections are known;"
            f" a start from moments needs {least}; leave it out, or take --schedule paper"
        )


def known_radius(grains: GrainMap) -> float:
    """Distance from the centre to the nearest pixel outside the particle, µm: cutouts must stay within."""
    column, row = (int(c / grains.pixel_size) for c in grains.centre)
    inside = ndimage.distance_transform_edt(np.pad(grains.mask, 1))[1:-1, 1:-1]
    if not (0 <= row < inside.shape[0] and 0 <= column < inside.shape[1]):
        return 0.0
    return float(inside[row, column] * grains.pixel_size)
