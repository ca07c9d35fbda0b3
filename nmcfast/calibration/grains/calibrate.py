"""EBSD maps in, grain law out: read, segment, sort, fit in 2D, train; sections 2.2 and 2.5."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from nmcfast import __version__
from nmcfast.ebsd import read_labels, read_map, segment_grains
from nmcfast.errors import InputError
from nmcfast.export.files import write_file
from nmcfast.model import GrainLaw, Model, load_model
from nmcfast.options import SectionOptions, TrainingOptions
from nmcfast.overlay import with_margins
from nmcfast.parameters import CUTOUT, PIXEL_UM
from nmcfast.sections.fit import SectionFit, fit_section, label_section
from nmcfast.sections.grain_map import GrainMap
from nmcfast.sections.statistics import compare_sections, edge_grains, is_central, measure_grains

if TYPE_CHECKING:
    from nmcfast.calibration.grains.gan import Options

IMAGES = (".tif", ".tiff", ".png", ".npy")


def read_section(path: Path, options: SectionOptions) -> GrainMap:
    """Grains of a section file: EBSD text, or a label image with a pixel size. InputError names the file."""
    if path.suffix.lower() in IMAGES:
        if options.pixel_size is None:
            raise InputError(f"{path}: a label image has no scale; give --pixel-size in µm")
        return read_labels(path, options.pixel_size)
    try:
        by: Any = options.by
        return segment_grains(read_map(path), options.angle, by=by, symmetry=options.symmetry)
    except InputError as error:
        raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}") from None


def describe_section(path: Path, grains: GrainMap, options: SectionOptions) -> dict[str, Any]:
    """Statistics of a section and whether it passes near the particle's centre, section 2.2; JSON-able."""
    table = measure_grains(grains.labels, grains.pixel_size, grains.centre)
    inner = table.selected(~edge_grains(grains.labels, table.label, grains.mask))
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
        "mean_alpha": float(np.nanmean(inner.alpha)),
        "unassigned_share": float((grains.labels[grains.mask] == 0).mean()),
        "central": bool(test),
        "preference": test.preference,
        "p_value": test.p_value,
        **{name: int(count) for name, count in grains.counts.items()},
    }


def known_radius(grains: GrainMap) -> float:
    """Distance from the centre to the nearest pixel outside the particle, µm: cutouts must stay within."""
    column, row = (int(c / grains.pixel_size) for c in grains.centre)
    inside = ndimage.distance_transform_edt(np.pad(grains.mask, 1))[1:-1, 1:-1]
    if not (0 <= row < inside.shape[0] and 0 <= column < inside.shape[1]):
        return 0.0
    return float(inside[row, column] * grains.pixel_size)


def calibrate_grain_model(
    paths: Sequence[Path],
    output: Path,
    *,
    sections: SectionOptions,
    training: TrainingOptions,
    work: Path | None = None,
    report: Path | None = None,
    quiet: bool = False,
    command: str = "",
) -> tuple[Model, dict[str, Any]]:
    """Fit the grain law to sections and write a model file with the shells of a model that there is, section 2.5.

    work: folder in which an interrupted training goes on; report: folder for report.json and pictures. Nothing is
    written where a section is refused. Returns the model and the report.
    """
    if output.is_dir() or not output.parent.is_dir():
        raise InputError(f"{output}: not a file name in a folder that exists")
    shells = load_model(training.base)
    maps = [read_section(path, sections) for path in paths]
    rows = [describe_section(path, grains, sections) for path, grains in zip(paths, maps, strict=True)]
    used = [k for k, row in enumerate(rows) if row["central"]]
    if len(used) < 2:
        raise InputError(
            f"{len(used)} of {len(rows)} sections pass near the centre (Fig. 2), calibration needs 2 or more;"
            " add sections, or --central all"
        )
    from nmcfast.calibration.grains import gan  # here, since only training needs torch
    from nmcfast.calibration.grains.plots import write_grain_report
    from nmcfast.sections.cutouts import section_of_fit

    options = _training(gan, training, min(rows[k]["radius_um"] for k in used))
    fits, fitted = [], []
    for k in used:
        fit = fit_section(maps[k].labels, maps[k].pixel_size, maps[k].centre, points=maps[k].points, tilted=True)
        rows[k] |= _fit_errors(maps[k], fit)
        fits.append(fit)
        fitted.append(section_of_fit(fit, PIXEL_UM, rows[k]["radius_um"]))
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
    found = gan.calibrate(fitted, options, work, quiet)
    result = {
        "sections": rows,
        "options": asdict(options),
        "start": found.start,
        "epoch": found.epoch,
        "mu": found.mu,
        "scores": found.row,
    }
    law = with_margins(GrainLaw(found.net, float(found.mu), PIXEL_UM), shells.shell)
    model = Model(
        output.stem,
        shells.shell,
        law,
        {
            "grains": f"calibrated by the stereological GAN on {len(used)} sections",
            "grains_report": result,
            "shell": shells.provenance.get("shell"),
            "shell_from": {"model": shells.name, "sha256": shells.digest},
            "command": command,
            "nmcfast": __version__,
        },
    )
    write_file(output, model.to_bytes())
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**result, "history": found.history}, indent=1)
        (report / "report.json").write_text(text + "\n")
        write_grain_report(report, [maps[k] for k in used], fits, found.net, float(found.mu), found.history)
    return model, result


def _training(gan: Any, chosen: TrainingOptions, radius: float) -> "Options":
    """Options of a schedule, with cutouts no further out than the smallest section allows."""
    options = {"fast": gan.FAST, "paper": gan.Options()}[chosen.schedule]
    room = (radius / PIXEL_UM) ** 2 - (CUTOUT / 2) ** 2
    reach = float(np.sqrt(max(room, 0.0))) - CUTOUT - 1.0
    if reach < CUTOUT / 2:
        need = 2 * CUTOUT * PIXEL_UM
        raise InputError(f"the smallest section is known to {radius:.2f} µm from its centre; cutouts need {need:.1f}")
    return replace(options, seed=chosen.seed, distance=min(options.distance, reach))


def _fit_errors(grains: GrainMap, fit: SectionFit) -> dict[str, float]:
    """How well the 2D fit reproduces the pixels and grains of a section, Fig. 7, and the share of measured points."""
    errors = compare_sections(grains.labels, label_section(fit, grains.labels.shape, grains.pixel_size, grains.centre))
    return {name: float(value) for name, value in asdict(errors).items()} | {"point_agreement": max(fit.agreement)}
