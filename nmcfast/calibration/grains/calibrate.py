"""EBSD maps in, grain law out: read, segment, sort, fit in 2D, train; sections 2.2 and 2.5."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nmcfast import __version__
from nmcfast.calibration.grains.agreement import DRAWN, compare_with_model
from nmcfast.calibration.grains.heights import evenly
from nmcfast.calibration.grains.moment_fit import LEAST_GRAINS, label_fitted
from nmcfast.calibration.grains.read_sections import check_grains, read_sections
from nmcfast.calibration.grains.scores import CUTOUT_STATISTICS
from nmcfast.calibration.grains.start_law import in_words
from nmcfast.calibration.grains.verdict import Verdict, VerdictError
from nmcfast.errors import InputError
from nmcfast.export.files import write_file
from nmcfast.model import GrainLaw, Model, load_model
from nmcfast.options import MapOptions, SectionOptions, TrainingOptions
from nmcfast.overlay import with_margins
from nmcfast.parameters import CUTOUT, GRAINS_VERDICT, PIXEL_UM
from nmcfast.progress import progress_bar
from nmcfast.sections.cutouts import Section
from nmcfast.sections.fit import SectionFit, fit_section, label_section
from nmcfast.sections.grain_map import GrainMap
from nmcfast.sections.statistics import compare_sections

if TYPE_CHECKING:
    from nmcfast.calibration.grains.gan import Calibration, Options


def calibrate_grain_model(
    paths: Sequence[Path],
    output: Path,
    *,
    sections: SectionOptions,
    training: TrainingOptions,
    reading: MapOptions = MapOptions(),  # noqa: B008  (frozen)
    say: Callable[[str], None] = lambda text: None,
    work: Path | None = None,
    report: Path | None = None,
    strict: bool = False,
    quiet: bool = False,
    command: str = "",
) -> tuple[Model, dict[str, Any]]:
    """Fit the grain law to sections and write a model file with the shells of a model that there is, section 2.5.

    reading: how EBSD files are read; say: called with each remark of a reader, before anything takes long. work: folder
    in which an interrupted training goes on; report: folder for report.json and pictures. strict: no model is written,
    and VerdictError raised, unless the verdict is passed. Nothing is written where a section is refused. Returns the
    model and the report.
    """
    if output.is_dir() or not output.parent.is_dir():
        raise InputError(f"{output}: not a file name in a folder that exists")
    shells = load_model(training.base)
    maps, rows = read_sections(paths, sections, reading, say)
    used = [k for k, row in enumerate(rows) if row["used"]]
    from nmcfast.calibration.grains import gan  # here, since only training needs torch
    from nmcfast.calibration.grains.plots import write_grain_report, write_profiles
    from nmcfast.sections.cutouts import section_of_fit

    options = _training(gan, training, {str(paths[k]): rows[k]["radius_um"] for k in used})
    if options.start == "moments":
        _check_start(used[: options.training_sections(len(used))], paths, maps, rows)
    fits, fitted = [], []
    bar = progress_bar("fitting sections in 2D", "section", len(used), quiet)
    for k in used:
        fit = fit_section(maps[k].labels, maps[k].pixel_size, maps[k].centre, points=maps[k].points, tilted=True)
        rows[k] |= _fit_errors(maps[k], fit)
        fits.append(fit)
        section = section_of_fit(fit, PIXEL_UM, rows[k]["radius_um"])
        fitted.append(replace(section, name=str(paths[k]), height=rows[k]["height_um"] / PIXEL_UM))
        bar.update()
    bar.close()
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
    found = gan.calibrate(fitted, options, work, quiet)
    verdict = _verdict(fitted, found, quiet)
    result = {
        "verdict": verdict.to_dict(),
        "sections": rows,
        "options": asdict(options),
        "start": found.start,
        "epoch": found.epoch,
        "mu": found.mu,
        "scores": found.row,
    }
    law = with_margins(GrainLaw(found.net, float(found.mu), PIXEL_UM, arrangement=found.arrangement), shells.shell)
    model = Model(
        output.stem,
        shells.shell,
        law,
        {
            "grains": "; ".join([f"calibrated by the stereological GAN on {len(used)} sections", *_widened(found)]),
            GRAINS_VERDICT: result["verdict"],
            "grains_report": {name: value for name, value in result.items() if name != "verdict"},
            "shell": shells.provenance.get("shell"),
            "shell_from": {"model": shells.name, "sha256": shells.digest},
            "command": command,
            "nmcfast": __version__,
        },
    )
    if verdict.passed or not strict:
        write_file(output, model.to_bytes())
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**result, "history": found.history}, indent=1)
        (report / "report.json").write_text(text + "\n")
        write_grain_report(report, [maps[k] for k in used], fits, law, found.history)
        write_profiles(report, verdict)
    if strict and not verdict.passed:
        raise VerdictError(f"{output}: not written, {verdict.line}; look at --report, or calibrate without --strict")
    return model, result


def _verdict(fitted: Sequence[Section], found: "Calibration", quiet: bool) -> Verdict:
    """The verdict on what training ended with, from all sections that were used."""
    radius, heights = int(min(section.radius for section in fitted)), [section.height for section in fitted]
    bar = progress_bar("comparing sections with the model's", "section", evenly(DRAWN, np.array(heights)), quiet)
    verdict = compare_with_model(
        [label_fitted(section, radius) for section in fitted],
        len(fitted) - found.options.training_sections(len(fitted)),
        found.net,
        float(found.mu),
        found.arrangement,
        cutouts={name: found.row[name] for name in CUTOUT_STATISTICS},
        at_bound=found.start.get("at_bound", ()),
        heights=heights,
        progress=bar.update,
    )
    bar.close()
    return verdict


def _widened(found: "Calibration") -> list[str]:
    """What the law has that a plain one has not, in words."""
    said = in_words(found.start["parts"], found.start["uncertainty"]) if "parts" in found.start else ""
    return [said] * bool(said)


def _check_start(trained: Sequence[int], paths: Sequence[Path], maps: Sequence[GrainMap], rows: Sequence[Any]) -> None:
    """InputError for a section that a start from moments would refuse later: too few whole grains."""
    radius = min(rows[k]["radius_um"] for k in trained)
    for k in trained:
        check_grains(paths[k], maps[k], radius, LEAST_GRAINS)


def _training(gan: Any, chosen: TrainingOptions, radius: dict[str, float]) -> "Options":
    """Options of a schedule, with cutouts no further out than the smallest section allows; radius µm by file."""
    options = {"fast": gan.FAST, "paper": gan.Options()}[chosen.schedule]
    smallest = min(radius, key=radius.__getitem__)
    room = (radius[smallest] / PIXEL_UM) ** 2 - (CUTOUT / 2) ** 2
    reach = float(np.sqrt(max(room, 0.0))) - CUTOUT - 1.0
    if reach < CUTOUT / 2:
        need = 2 * CUTOUT * PIXEL_UM
        raise InputError(
            f"{smallest}: known to {radius[smallest]:.2f} µm from the centre; cutouts need {need:.1f}; leave it out"
        )
    return replace(options, seed=chosen.seed, distance=min(options.distance, reach))


def _fit_errors(grains: GrainMap, fit: SectionFit) -> dict[str, float]:
    """How well the 2D fit reproduces the pixels and grains of a section, Fig. 7, and the share of measured points."""
    errors = compare_sections(grains.labels, label_section(fit, grains.labels.shape, grains.pixel_size, grains.centre))
    return {name: float(value) for name, value in asdict(errors).items()} | {"point_agreement": max(fit.agreement)}
