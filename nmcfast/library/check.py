"""`verify` with its shards shared out over processes, and at a URL."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from nmcfast.errors import NmcfastError
from nmcfast.export.shards import shard_name
from nmcfast.export.verify import Check, Report, Seen, one_by_one, verify
from nmcfast.library.copy import Copy
from nmcfast.objects.store import as_url
from nmcfast.workers.processes import Progress, Task, work_on


def verify_library(
    path: str | Path,
    progress: Callable[[int, int], None] | None = None,
    *,
    workers: int = 1,
    values: bool = True,
    storage_options: Mapping[str, Any] | None = None,
) -> Report:
    """Everything that is wrong with a library at a path or a URL, see `export.verify.verify`.

    The same for any number of workers. storage_options: for fsspec, of a URL. InputError when nothing answers there.
    """
    over = one_by_one if workers == 1 else partial(_shared_out, workers)
    url = as_url(path)
    if url is None:
        return verify(Path(path), progress, values=values, over=over)
    with Copy.of(url, dict(storage_options or {})) as copy:
        report = verify(copy.path, progress, values=values, over=partial(copy.over, over))
        problems = tuple(line.replace(str(copy.path), url) for line in report.problems)
        return replace(report, path=url, problems=problems)


def _shared_out(workers: int, check: Check, numbers: list[int], seen: Seen) -> None:
    lost = work_on(numbers, partial(_checker, check), min(workers, max(1, len(numbers))), seen)
    if lost:
        names = ", ".join(map(shard_name, lost))
        raise NmcfastError(f"shard {names}: the worker that checked it was killed, also when alone: fewer --workers")


def _checker(check: Check) -> Task:
    return partial(_check, check)


def _check(check: Check, number: int, tell: Progress) -> None:
    tell(check(number))
