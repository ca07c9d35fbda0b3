"""nmcfast calibrate grains: a grain law from EBSD maps, sections 2.2 and 2.5."""

import argparse
from pathlib import Path
from typing import Any

from nmcfast.cli.common import add_options, chosen_options, command, refuse_existing, remark, say, warn
from nmcfast.options import MapOptions, SectionOptions, TrainingOptions

STATISTICS = ("area", "elongation", "alpha", "chord", "grains")  # of cutouts, as the report names them


def add(kinds: Any) -> None:
    grains = command(
        kinds,
        "grains",
        run,
        "fit the grain model to EBSD maps or label images, sections 2.2 and 2.5",
        "nmcfast calibrate grains maps/*.ang --output my.safetensors --work training/ --report report/",
    )
    text = "EBSD map (.ang, .ctf, .h5oina, .oh5, columns of text …), or a label image with --pixel-size"
    grains.add_argument("sections", nargs="+", type=Path, metavar="SECTION", help=text)
    grains.add_argument("--output", type=Path, required=True, metavar="MODEL", help="model file to write")
    add_options(grains, SectionOptions)
    add_options(grains, TrainingOptions)
    add_options(grains, MapOptions)
    grains.add_argument("--work", type=Path, metavar="DIR", help="folder from which an interrupted training goes on")
    grains.add_argument("--report", type=Path, metavar="DIR", help="folder for report, history and pictures")
    grains.add_argument("--strict", action="store_true", help="write no model unless its verdict is passed; exit 1")
    grains.add_argument("--overwrite", action="store_true", help="replace the model file")


def run(options: argparse.Namespace) -> int:
    from nmcfast.calibration.grains.calibrate import calibrate_grain_model
    from nmcfast.calibration.grains.verdict import Verdict

    refuse_existing(options)
    _, report = calibrate_grain_model(
        options.sections,
        options.output,
        sections=chosen_options(options, SectionOptions),
        training=chosen_options(options, TrainingOptions),
        reading=chosen_options(options, MapOptions),
        say=lambda text: remark(options, text),
        work=options.work,
        report=options.report,
        strict=options.strict,
        quiet=options.quiet,
        command=options.typed,
    )
    verdict = Verdict.from_dict(report["verdict"])
    said = [*verdict.lines, *summary_of(report), *(sections_of(report) if options.debug else ())]
    say(options, report, "\n".join(said))
    if options.json:  # for eyes; a failed one whatever they do not want to see
        warn(options, verdict)
    remark(options, f"wrote {options.output}; use it: nmcfast generate lib.zarr --model {options.output}")
    return 0


def summary_of(report: dict[str, Any]) -> list[str]:
    """The calibration in a few lines: sections, their fits in 2D, the training."""
    rows, scores = report["sections"], report["scores"]
    fitted = [row for row in rows if "point_agreement" in row]
    return [
        f"sections    {len(fitted)} of {len(rows)} used, {_range(rows, 'grains', '.0f')} grains each,"
        f" known to {_range(rows, 'radius_um', '.2f')} µm from the centre",
        *_heights(fitted),
        f"2D fits     {_range(fitted, 'point_agreement', '.1%')} of the measured points lie in their grain",
        *start_of(report["start"]),
        f"training    epoch {report['epoch']} kept; distance to sections held out {scores['score']:.2f},"
        " where 1 is that between halves of the sections",
        "            " + ", ".join(f"{name} {scores[name]:.2f}" for name in STATISTICS),
        *_whole_sections(report["verdict"]["scores"].get("whole sections", {})),
        f"seeds       {report['mu']:.5f} px⁻³ (mu)",
    ]


def start_of(start: dict[str, Any]) -> list[str]:
    """What law training started from, in a line; nothing without a start from moments."""
    from nmcfast.calibration.grains.start_law import in_words

    if "parts" not in start:
        return []
    law = in_words(start["parts"], start["uncertainty"]) or "a plain law"
    return [f"start       {law}; χ² {start['chi2']:.0f} of {start['freedom']}"]


def sections_of(report: dict[str, Any]) -> list[str]:
    """One line a section: all that was measured on it."""
    return [
        f"{row['file']}: " + ", ".join(f"{name} {_short(value)}" for name, value in row.items() if name != "file")
        for row in report["sections"]
    ]


def _whole_sections(scores: dict[str, float]) -> list[str]:
    """A line with the scores of whole sections held out; none where there is no verdict."""
    shown = ", ".join(f"{name} {value:.2f}" for name, value in scores.items())
    return [f"            whole sections held out: {shown}"] * bool(scores)


def _heights(rows: list[dict[str, Any]]) -> list[str]:
    """A line with the heights of sections that do not all pass through the centre."""
    shown = f"            {_range(rows, 'height_um', '.2f')} µm above or below the centre, by --heights"
    return [shown] * any(row["height_um"] for row in rows)


def _range(rows: list[dict[str, Any]], name: str, form: str) -> str:
    low, high = (f"{limit(row[name] for row in rows):{form}}" for limit in (min, max))
    return low if low == high else f"{low} to {high}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
