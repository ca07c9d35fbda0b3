"""nmcfast verify: every checksum, shape, label and count."""

import argparse
from typing import Any

from nmcfast.cli.bars import ShardBar
from nmcfast.cli.common import command, counted, place, say, worker_count
from nmcfast.errors import DamageError


def add(commands: Any) -> None:
    text = "check every checksum, shape, label and count of a library"
    parser = command(commands, "verify", run, text, "nmcfast verify lib.zarr")
    parser.add_argument("library", metavar="LIBRARY", help="a path, or a URL that fsspec knows")
    parser.add_argument(
        "--checksums", action="store_true", help="only the bytes: several times faster than with values"
    )
    parser.add_argument("--workers", metavar="N|auto", default="1", help="processes (1)")


def run(options: argparse.Namespace) -> int:
    path, workers = place(options.library), worker_count(options.workers)

    from nmcfast.library.check import verify_library

    with ShardBar(options, "verifying") as bar:
        report = verify_library(path, bar, workers=workers, values=not options.checksums)
    done = f"{report.shards} of {report.expected_shards} shards"
    state = "complete" if report.sealed else "incomplete"
    state += {"yes": ", released", "unfinished": ", its release unfinished", "no": ""}[report.released]
    held = f"{counted(report.particles, 'particle')}, {counted(report.files, 'file')}, {report.bytes} bytes"
    recorded = "every byte as recorded" if options.checksums else "all as recorded"
    found = counted(len(report.problems), "problem") if report.problems else recorded
    lines = [f"{report.path}: {state}, {done}, {held}: {found}", *report.problems]
    result = {
        "ok": report.ok,
        "complete": report.sealed,
        "released": report.released,
        "shards": report.shards,
        "of": report.expected_shards,
        "particles": report.particles,
        "files": report.files,
        "bytes": report.bytes,
        "problems": list(report.problems),
    }
    say(options, result, "\n".join(lines))
    return 0 if report.ok else DamageError.exit_code
