"""nmcfast verify: every checksum, shape, label and count."""

import argparse
from pathlib import Path
from typing import Any

from nmcfast.cli.common import command, counted, local, say
from nmcfast.errors import DamageError


def add(commands: Any) -> None:
    text = "check every checksum, shape, label and count of a library"
    parser = command(commands, "verify", run, text, "nmcfast verify lib.zarr")
    parser.add_argument("library", type=Path, metavar="LIBRARY")


def run(options: argparse.Namespace) -> int:
    from nmcfast.export.verify import verify

    report = verify(local(options.library))
    done = f"{report.shards} of {report.expected_shards} shards"
    state = "complete" if report.sealed else "incomplete"
    state += {"yes": ", released", "unfinished": ", its release unfinished", "no": ""}[report.released]
    held = f"{counted(report.particles, 'particle')}, {counted(report.files, 'file')}, {report.bytes} bytes"
    found = counted(len(report.problems), "problem") if report.problems else "all as recorded"
    lines = [f"{report.path}: {state}, {done}, {held}: {found}", *report.problems]
    result = {
        "ok": report.ok,
        "complete": report.sealed,
        "released": report.released,
        "shards": report.shards,
        "of": report.expected_shards,
        "particles": report.particles,
        "bytes": report.bytes,
        "problems": list(report.problems),
    }
    say(options, result, "\n".join(lines))
    return 0 if report.ok else DamageError.exit_code
