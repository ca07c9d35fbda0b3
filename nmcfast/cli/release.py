"""nmcfast release: a finished library as a data set."""

import argparse
from pathlib import Path
from typing import Any

from nmcfast.cli.bars import ShardBar
from nmcfast.cli.common import command, counted, local, remark, say


def add(commands: Any) -> None:
    from nmcfast.release.licenses import LICENSES

    parser = command(
        commands,
        "release",
        run,
        "make a finished library a data set: index, checksums, metadata, data card",
        "nmcfast release lib.zarr --title 'NMC811 particles' --creator 'Doe, Jane' --doi 10.1234/abc",
    )
    parser.add_argument("library", type=Path, metavar="LIBRARY")
    parser.add_argument("--title", help="name of the data set")
    parser.add_argument("--version", help="version of the data set (1.0.0)")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="day of publication (today, UTC)")
    text = "who made it, 'Family, Given' or an organisation; once for each"
    parser.add_argument("--creator", action="append", metavar="NAME", dest="creators", help=text)
    parser.add_argument("--license", metavar="ID", help=f"licence of the data (CC-BY-4.0): {', '.join(LICENSES)}")
    parser.add_argument("--url", help="where it will be found")
    parser.add_argument("--doi", help="its DOI")
    parser.add_argument("--material", metavar="TEXT", help="material of the cathode (as the model says, or its name)")
    parser.add_argument("--overwrite", action="store_true", help="replace files of an earlier release changed since")


def run(options: argparse.Namespace) -> int:
    from nmcfast.release.release import release_library

    names = ("title", "version", "date", "creators", "license", "url", "doi", "material")
    with ShardBar(options, "verifying") as bar:
        done = release_library(
            local(options.library),
            overwrite=options.overwrite,
            progress=bar,
            **{n: getattr(options, n) for n in names},
        )
    if not done.settings.creators:
        remark(options, "no --creator given: the citation says anonymous")
    result = {
        "path": str(done.path),
        "written": list(done.written),
        "files": list(done.files),
        "parts": done.parts,
        "settings": done.settings.to_dict(),
        "root_sha256": done.root_sha256,
    }
    what = counted(len(done.written), "file") + " written" if done.written else "nothing to do, released already"
    parts = ", ".join(f"{count} {part}" for part, count in done.parts.items())
    say(
        options,
        result,
        f"{done.path}: {what}; {parts}; root hash {done.root_sha256}\n"
        f"read {done.path / 'README.md'}; check it: cd {done.path} && sha256sum -c --quiet SHA256SUMS",
    )
    return 0
