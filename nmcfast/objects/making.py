"""A library made in an object store: the shards that are missing there, and at the end what lies beside them.

Each shard is made on the disk of this machine and sent whole. Nothing in the store is ever replaced, and a shard is
there when its manifest is, which is created last. So any number of runs may be at one library.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

from nmcfast.errors import NmcfastError, NoSpaceError
from nmcfast.export import files, root, shards
from nmcfast.model import Model
from nmcfast.objects import seal
from nmcfast.objects.bucket import Bucket
from nmcfast.objects.shard import REPEATED, Draft, make_and_send, require, shard_maker
from nmcfast.plan import Made, Plan
from nmcfast.workers.processes import Progress, work_on

_DRAFT = "nmcfast-draft"


def make_in_store(
    url: str,
    options: dict[str, Any],
    recipe: dict[str, Any],
    model: Model,
    wanted: Sequence[int],
    workers: int = 1,
    progress: Progress | None = None,
    begun: Callable[[Plan], None] | None = None,
) -> Made:
    """Make the wanted shards of a library at an s3:// URL that are not there yet, and finish one that has them all.

    options go to fsspec's file system. Raises InputError when the URL is something else or a library of other
    parameters, or the store refuses; NmcfastError when it fails for good; DamageError when it holds an object of the
    library with other bytes. What was sent stays, and the same again continues.
    """
    tally = Tally(progress)
    with _draft(url, recipe, model) as draft:
        bucket = Bucket(url, options, draft.notes)
        try:
            _claim(bucket, draft)
            there = seal.sent_shards(bucket, recipe)
            todo = [number for number in wanted if number not in there]
            if begun is not None:
                total, missing = (sum(len(shards.shard_range(recipe, n)) for n in some) for some in (wanted, todo))
                begun(Plan(draft.library, recipe, total, total - missing))
            if workers > 1 and len(todo) > 1:
                _in_workers(url, options, draft, todo, min(workers, len(todo)), tally)
            else:
                for number in todo:
                    make_and_send(bucket, draft, model, number, tally)
            present, digest = seal.finish(bucket, draft)
        finally:
            bucket.abort_noted()
        return Made(url, len(todo), present, shards.shard_count(recipe), digest, tally.repeated + bucket.repeated)


class Tally:
    """Passes on what tasks tell, and counts the requests that they made again."""

    def __init__(self, progress: Progress | None) -> None:
        self.repeated, self._progress = 0, progress

    def __call__(self, *message: Any) -> None:
        if message[0] == REPEATED:
            self.repeated += message[1]
        elif self._progress is not None:
            self._progress(*message)


@contextmanager
def _draft(url: str, recipe: dict[str, Any], model: Model) -> Iterator[Draft]:
    """A folder among the temporary ones, which goes at the end; those of killed runs go at the start."""
    place = Path(tempfile.gettempdir())
    files.sweep(place, _DRAFT)
    path = files.temporary(place / _DRAFT)
    try:
        path.mkdir(mode=0o700)
        draft = Draft(path, recipe)
        draft.begin(model.to_bytes())
        yield draft
    except NoSpaceError as error:
        if str(error).startswith(url):
            raise
        raise NoSpaceError(
            f"{place}: no space left for a shard on its way to {url}; what was sent is whole: free some space, or set"
            " TMPDIR to another folder, and run the same command again to continue"
        ) from error
    finally:
        rmtree(path, ignore_errors=True)


def _claim(bucket: Bucket, draft: Draft) -> None:
    """Create the records that a library begins with, its recipe first. Raises as `make_in_store`."""
    record = "zarr.json"
    if bucket.read(record) is None and not bucket.is_empty():
        raise seal.no_library(bucket.url)
    if not bucket.create(record, (draft.library / record).read_bytes()):
        seal.require_recipe(bucket, draft, record)
    for name in root.ROOT_FILES:
        if name not in (record, "shards"):
            require(bucket, {name: bucket.create(name, (draft.library / name).read_bytes())})


def _in_workers(url: str, options: dict[str, Any], draft: Draft, todo: list[int], workers: int, tally: Tally) -> None:
    lost = work_on(todo, partial(shard_maker, url, options, draft.path, draft.recipe), workers, tally)
    if lost:
        names = ", ".join(map(shards.shard_name, lost[:5])) + (" …" if len(lost) > 5 else "")
        raise NmcfastError(
            f"{url}: shard {names}: the worker was killed, also when it worked alone; if for lack of memory, run the"
            " same command with fewer --workers or on a larger machine to continue"
        )
