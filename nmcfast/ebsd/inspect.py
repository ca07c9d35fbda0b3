"""What an EBSD map holds, as `nmcfast inspect` says it, section 2.2."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nmcfast.ebsd.formats import map_names, read_map
from nmcfast.ebsd.grains import UnknownSymmetryError, segment_grains
from nmcfast.ebsd.map import EbsdMap
from nmcfast.ebsd.notes import Note
from nmcfast.ebsd.options import ReadOptions
from nmcfast.errors import InputError
from nmcfast.inspection import Finding
from nmcfast.sections.grain_map import GrainMap
from nmcfast.sections.statistics import edge_grains, is_central, measure_grains

LARGE_GRAIN = 50.0  # µm across: more is rare in particles, and usual where nm are taken for µm


def inspect_maps(path: Path, options: ReadOptions, angle: float) -> list[Finding]:
    """A finding for each map of a file; InputError where it is refused, or names no map that was asked for."""
    names = [options.map] if options.map else map_names(path)
    return [_finding(read_map(path, options=options.of_map(name)), angle) for name in names]


def _finding(m: EbsdMap, angle: float) -> Finding:
    try:
        grains, refused, problem = segment_grains(m, angle), "", None
    except InputError as error:
        grains, refused, problem = None, str(error), error if isinstance(error, UnknownSymmetryError) else None
    notes = (*m.notes, *large_grains(m, grains))
    table = describe(m, grains, refused) | {"notes": [note.as_json() for note in notes]}
    lines = [f"note: {note.sentence}" for note in notes] + [f"no grains: {refused}"] * bool(refused)
    from nmcfast.ebsd.picture import draw_map

    return Finding(one_line(table), table, tuple(lines), partial(draw_map, m, grains), problem)


def describe(m: EbsdMap, grains: GrainMap | None, refused: str = "") -> dict[str, Any]:
    """What is known of a map and its grains, JSON-able; lengths µm."""
    count = dict(zip(*np.unique(m.phase[m.indexed], return_counts=True), strict=True))
    table: dict[str, Any] = {
        "file": str(m.path),
        "map": m.name or None,
        "grid": m.grid,
        "rows": m.layout.shape[0],
        "columns": m.layout.shape[1],
        "points": len(m),
        "step_um": list(m.step),
        "phases": [
            {"number": number, "name": phase.name, "symmetry": phase.laue, "points": int(count.get(number, 0))}
            for number, phase in m.phases.items()
        ],
        "unindexed": int((~m.indexed).sum()),
        "unindexed_by": dict(m.unindexed),
    }
    return table | (_grains(grains) if grains else {"grains": 0, "no_grains": refused})


def _grains(grains: GrainMap) -> dict[str, Any]:
    """Grains of the largest particle; whether the section passes near its centre, as far as orientations tell."""
    sizes = measure_grains(grains.labels, grains.pixel_size, grains.centre)
    inner = sizes.selected(~edge_grains(grains.labels, sizes.label, grains.mask))
    table: dict[str, Any] = {"grains": grains.grains, "mean_area_um2": float(sizes.area.mean())}
    table["radius_um"] = float(np.sqrt(grains.mask.sum() / np.pi) * grains.pixel_size)
    if np.isfinite(inner.alpha).sum() < 5:
        return table | {"central": None}
    test = is_central(inner.alpha)
    return table | {"central": bool(test), "preference": test.preference, "p_value": test.p_value}


def large_grains(m: EbsdMap, grains: GrainMap | None) -> list[Note]:
    """A remark on grains that are large for µm."""
    if grains is None:
        return []
    across = 2 * np.sqrt((grains.labels > 0).sum() / max(grains.grains, 1) / np.pi) * grains.pixel_size
    if across < LARGE_GRAIN or any(note.option == "--unit nm" for note in m.notes):
        return []
    return [
        Note(f"grains are {across:.3g} µm across in the mean; ASTAR's maps are in nm and do not say so", "--unit nm")
    ]


def one_line(table: dict[str, Any]) -> str:
    """The line of a map."""
    name = f" [{table['map']}]" if table["map"] else ""
    grid = f"{table['grid']} {table['rows']} × {table['columns']}, {table['points']:,} points"
    step = " × ".join(f"{step:.5g}" for step in table["step_um"])
    phases = ", ".join(f"{phase['name']} {phase['symmetry'] or '(symmetry unknown)'}" for phase in table["phases"])
    marks = ", ".join(f"{count:,} {mark}" for mark, count in table["unindexed_by"].items())
    unindexed = f"{table['unindexed']:,} unindexed" + (f" ({marks})" if marks else "")
    parts = [grid, f"step {step} µm", phases, unindexed, f"{table['grains']:,} grains"]
    if table["grains"]:
        parts.append(f"radius {table['radius_um']:.3g} µm, {_centrality(table)}")
    return f"{table['file']}{name}: " + "; ".join(parts)


def _centrality(table: dict[str, Any]) -> str:
    if table["central"] is None:
        return "too few grains to tell whether it is central"
    verdict = "near the centre" if table["central"] else "no sign of the centre"
    return f"{verdict} (mean cos 2α {table['preference']:+.2f}, p {table['p_value']:.2g})"
