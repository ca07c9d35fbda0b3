"""nmcfast preview: a picture of one particle of a library or of a model."""

import argparse
from pathlib import Path
from typing import Any

from nmcfast.cli.common import command, local, prepare, refuse_existing, say
from nmcfast.errors import InputError, MissingExtraError
from nmcfast.options import SURFACES, GenerateOptions

ENDINGS = (".png", ".pdf", ".svg")


def add(commands: Any) -> None:
    text = "a picture of one particle: three sections, its surface, its numbers"
    parser = command(commands, "preview", run, text, "nmcfast preview nmc811 --particle 0 --output preview.png")
    parser.add_argument("source", metavar="LIBRARY|MODEL", help="a library, or a model: its name or its file")
    parser.add_argument("--particle", type=int, default=0, metavar="I", help="its number (0)")
    parser.add_argument("--seed", type=int, default=GenerateOptions.seed, help="of particles of a model (0)")
    text = f"where a particle of a model ends ({GenerateOptions.surface})"
    parser.add_argument("--surface", choices=SURFACES, default=GenerateOptions.surface, help=text)
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.png", help=f"{', '.join(ENDINGS)}")
    parser.add_argument("--overwrite", action="store_true", help="replace the picture")


def run(options: argparse.Namespace) -> int:
    try:
        from nmcfast.view.preview import numbers, preview
    except ImportError as error:
        raise MissingExtraError("preview needs matplotlib: pip install 'nmcfast[plot]'") from error
    output = local(options.output)
    if output.suffix.lower() not in ENDINGS:
        raise InputError(f"--output {output}: found ending {output.suffix!r}, expected one of {', '.join(ENDINGS)}")
    refuse_existing(options)
    particle, title = _particle(options)
    preview(particle, output, title)
    said = numbers(particle)
    say(options, {"path": str(output), "title": title, "numbers": said}, f"{output}: {title}\n{said}")
    return 0


def _particle(options: argparse.Namespace) -> tuple[Any, str]:
    """The particle that is asked for, and what it is called."""
    if "://" in options.source or (Path(options.source) / "zarr.json").exists():
        from nmcfast.library.open import open_library

        library = open_library(options.source)
        return library[options.particle], f"particle {options.particle} of {Path(options.source).name}"
    from nmcfast.generate import generate_particle
    from nmcfast.model import load_model

    model = load_model(options.source)
    prepare(options, model)
    particle = generate_particle(model, options.seed, options.particle, surface=options.surface)
    return particle, f"{model.name}, seed {options.seed}, particle {options.particle}"
