"""nmcfast calibrate grains: a grain law from EBSD maps, sections 2.2 and 2.5."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from nmcfast.cli.common import as_lines, command, refuse_existing, remark, say

DOUBTFUL = 1e-3  # p-value below which a calibration's start is not to be trusted in 3D


def add(kinds: Any) -> None:
    grains = command(
        kinds,
        "grains",
        run,
        "fit the grain model to EBSD maps or label images, sections 2.2 and 2.5",
        "nmcfast calibrate grains maps/*.ang --output my.safetensors --work training/ --report report/",
    )
    text = ".ang, OIM grain export, .ctf, or a label image (TIFF, PNG, npy) with --pixel-size"
    grains.add_argument("sections", nargs="+", type=Path, metavar="SECTION", help=text)
    grains.add_argument("--output", type=Path, required=True, metavar="MODEL", help="model file to write")
    grains.add_argument("--angle", type=float, default=5.0, help="misorientation between grains, degrees (5)")
    grains.add_argument(
        "--by",
        choices=("misorientation", "quality"),
        default="misorientation",
        help="what parts grains: orientations, or the image quality map by watershed",
    )
    grains.add_argument("--symmetry", help="Laue group where the file has none, -3m for NMC")
    grains.add_argument("--pixel-size", type=float, help="pixel of label images, µm")
    text = "auto leaves out sections without preferred orientation (Fig. 2); all takes every one"
    grains.add_argument("--central", choices=("auto", "all"), default="auto", help=text)
    grains.add_argument(
        "--schedule",
        choices=("fast", "paper"),
        default="fast",
        help="fast stops by itself; paper is 200 × 100 steps with the printed values",
    )
    grains.add_argument("--seed", type=int, default=0, help="seed of the training (0)")
    grains.add_argument("--work", type=Path, metavar="DIR", help="folder from which an interrupted training goes on")
    grains.add_argument("--base", default="nmc811", help="model whose shells are taken over (nmc811)")
    grains.add_argument("--report", type=Path, metavar="DIR", help="folder for report, history and pictures")
    grains.add_argument("--overwrite", action="store_true", help="replace the model file")


def run(options: argparse.Namespace) -> int:
    from nmcfast.calibration.grains.calibrate import SectionOptions, calibrate_grain_model

    refuse_existing(options)
    how = SectionOptions(options.angle, options.by, options.symmetry, options.pixel_size, options.central)
    _, report = calibrate_grain_model(
        options.sections,
        options.output,
        sections=how,
        base=options.base,
        schedule=options.schedule,
        seed=options.seed,
        work=options.work,
        report=options.report,
        quiet=options.quiet,
        command=shlex.join(["nmcfast", *sys.argv[1:]]),
    )
    sections = {row["file"]: {name: row[name] for name in row if name != "file"} for row in report["sections"]}
    start = {name: report["start"][name] for name in ("chi2", "freedom", "p_value") if name in report["start"]}
    say(
        options,
        report,
        as_lines({"sections": sections, "start": start, "scores": report["scores"], "mu": report["mu"]}),
    )
    if start.get("p_value", 1.0) < DOUBTFUL:
        remark(
            options,
            f"no plain law has such sections (chi2 {start['chi2']:.0f} for {start['freedom']} degrees of"
            " freedom): distrust 3D means, docs/calibration.md",
        )
    remark(options, f"wrote {options.output}; use it: nmcfast generate lib.zarr --model {options.output}")
    return 0
