"""Measurements in, model file out: what `nmcfast calibrate` does."""

import json
from pathlib import Path
from typing import Any

from nmcfast import __version__
from nmcfast.calibration.shells.fit import ShellCalibration, calibrate_shells
from nmcfast.errors import InputError
from nmcfast.export.files import write_file
from nmcfast.model import Model, load_model
from nmcfast.options import ShellOptions
from nmcfast.parameters import GRAINS_VERDICT


def calibrate_shell_model(
    volume: str,
    voxel_size: float | tuple[float, ...] | None,
    output: Path,
    *,
    base: str = ShellOptions.base,
    report: Path | None = None,
    command: str = "",
    **options: Any,
) -> tuple[Model, dict[str, Any]]:
    """Fit the shell law to a CT volume, take the grains of `base`, and write the model file, sections 2.1 and 2.3.

    voxel_size µm, None for what the file states; options as `calibrate_shells`; report: folder for the figures and
    report.json. Nothing is written where the input is refused. Returns the model and the report of the fit.
    """
    if output.is_dir() or not output.parent.is_dir():
        raise InputError(f"{output}: not a file name in a folder that exists")
    grains = load_model(base)
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
    fit = calibrate_shells(volume, voxel_size, report_dir=report, **options)
    model = Model(output.stem, fit.law, grains.grains, _provenance(fit, grains, command))
    write_file(output, model.to_bytes())
    if report is not None:
        (report / "report.json").write_text(json.dumps(fit.report, indent=1) + "\n")
    return model, fit.report


def _provenance(fit: ShellCalibration, grains: Model, command: str) -> dict[str, Any]:
    taken = fit.report["comparison"]["taken"]
    return {
        "shell": f"fitted to {fit.report['input']['file']}, law {taken}",
        "shell_report": fit.report,
        "grains": grains.provenance.get("grains"),
        "grains_from": {"model": grains.name, "sha256": grains.digest},
        **({GRAINS_VERDICT: grains.provenance[GRAINS_VERDICT]} if GRAINS_VERDICT in grains.provenance else {}),
        "command": command,
        "nmcfast": __version__,
    }
