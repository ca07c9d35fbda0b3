"""nmcfast info: what a library holds and how it was made."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nmcfast.cli.common import as_lines, command, local, say

_TERMINAL, _ELSEWHERE = 2.0, 60.0  # s between two looks: on a terminal one line is written over, in a log each stays


def add(commands: Any) -> None:
    parser = command(commands, "info", run, "what a library holds and how it was made", "nmcfast info lib.zarr")
    parser.add_argument("library", metavar="LIBRARY", help="a path, or a URL that fsspec knows")
    parser.add_argument("--all", action="store_true", help="the whole recipe, rejections and origin of the model too")
    parser.add_argument("--watch", action="store_true", help="follow one in the making until it is complete")


def run(options: argparse.Namespace) -> int:
    from nmcfast.library.open import open_library
    from nmcfast.library.summary import short_lines, summarise

    if options.watch:
        _watch(options)
    result = summarise(open_library(options.library))
    say(options, result, as_lines(result) if options.all else "\n".join(short_lines(result)))
    return 0


def _watch(options: argparse.Namespace) -> None:
    """One line, written over on a terminal; elsewhere a line a minute, as JSON where that is asked for."""
    from nmcfast.library.watch import said, watch

    terminal = sys.stderr.isatty()
    for look in watch(local(Path(options.library)), _TERMINAL if terminal else _ELSEWHERE):
        if options.json:
            say(options, asdict(look), "")
        elif not options.quiet:
            sys.stderr.write(f"\r\033[K{said(look)}" if terminal else f"nmcfast: {said(look)}\n")
            sys.stderr.flush()
    if terminal and not options.quiet and not options.json:
        sys.stderr.write("\n")
