"""nmcfast info: what a library holds and how it was made."""

import argparse
from typing import Any

from nmcfast.cli.common import as_lines, command, say


def add(commands: Any) -> None:
    parser = command(commands, "info", run, "what a library holds and how it was made", "nmcfast info lib.zarr")
    parser.add_argument("library", metavar="LIBRARY", help="a path, or a URL that fsspec knows")


def run(options: argparse.Namespace) -> int:
    from nmcfast.library.open import open_library
    from nmcfast.library.summary import summarise

    result = summarise(open_library(options.library))
    say(options, result, as_lines(result))
    return 0
