"""nmcfast reproduce: a library generated again from its recipe, and compared."""

import argparse
from pathlib import Path
from typing import Any

from nmcfast.cli.bars import ParticleBar, ShardBar
from nmcfast.cli.common import command, counted, local, number_range, prepare, remark, say, worker_count
from nmcfast.errors import DamageError


def add(commands: Any) -> None:
    parser = command(
        commands,
        "reproduce",
        run,
        "generate a library again from its recipe and compare every byte",
        "nmcfast reproduce lib.zarr --output again.zarr --workers auto",
    )
    text = "a finished library, or a folder with its zarr.json, model.safetensors and complete.json alone"
    parser.add_argument("library", type=Path, metavar="LIBRARY", help=text)
    parser.add_argument("--output", type=Path, required=True, metavar="OUT", help="where the new library goes")
    parser.add_argument("--shards", metavar="I:J", help="only shards I to J − 1")
    parser.add_argument("--workers", metavar="N|auto", default="1", help="processes, one thread each (1)")


def run(options: argparse.Namespace) -> int:
    chosen, workers = number_range("--shards", "shard", options.shards), worker_count(options.workers)

    from nmcfast.library.reproduce import reproduce_library
    from nmcfast.model import load_model

    source, output = local(options.library), local(options.output)
    if (source / "model.safetensors").is_file():
        prepare(options, load_model(source / "model.safetensors"))
    with ParticleBar(options, None) as bar, ShardBar(options, "comparing") as compared:
        done = reproduce_library(
            source,
            output,
            shard_range=chosen,
            workers=workers,
            progress=bar,
            begun=bar.begin,
            compared=compared,
        )
    result = {
        "path": str(done.path),
        "same": done.same,
        "shards": [done.shards.start, done.shards.stop],
        "shards_made": done.made,
        "files_compared": done.compared,
        "differences": list(done.differences),
        "root_sha256": done.root_sha256,
        "made_root_sha256": done.made_root_sha256,
        "other_versions": list(done.other_versions),
    }
    what = "root hash" if done.made_root_sha256 else f"shards {done.shards.start}:{done.shards.stop} of root hash"
    said = "as its recipe gives it" if done.same else f"{counted(len(done.differences), 'difference')} to its recipe"
    made = f"{counted(done.made, 'shard')} generated at {done.path}, {counted(done.compared, 'file')} compared"
    lines = [f"{options.library}: {said}, {what} {done.root_sha256}, {made}", *done.differences]
    say(options, result, "\n".join(lines))
    for other in done.other_versions if not done.same else ():
        remark(options, f"{other}: bytes may differ for that alone; install that version to compare them")
    return 0 if done.same else DamageError.exit_code
