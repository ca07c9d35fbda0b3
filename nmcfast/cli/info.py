"""nmcfast info: what a library holds and how it was made."""

import argparse
from typing import Any

from nmcfast.cli.common import as_lines, command, say


def add(commands: Any) -> None:
    parser = command(commands, "info", run, "what a library holds and how it was made", "nmcfast info lib.zarr")
    parser.add_argument("library", metavar="LIBRARY", help="a path, or a URL that fsspec knows")
    parser.add_argument("--all", action="store_true", help="the whole recipe, rejections and origin of the model too")


def run(options: argparse.Namespace) -> int:
    from nmcfast.library.open import open_library
    from nmcfast.library.summary import short_lines, summarise

    result = summarise(open_library(options.library))
    say(options, result, as_lines(result) if options.all else "\n".join(short_lines(result)))
    return 0
