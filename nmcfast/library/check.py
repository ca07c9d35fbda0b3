"""`verify` with its shards shared out over processes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from nmcfast.errors import NmcfastError
from nmcfast.export.shards import shard_name
from nmcfast.export.verify import Check, Report, Seen, one_by_one, verify
from nmcfast.workers.processes import Progress, Task, work_on


def verify_library(
    path: Path, progress: Callable[[int, int], None] | None = None, *, workers: int = 1, values: bool = True
) -> Report:
    """Everything that is wrong with a library, see `export.verify.verify`; the same for any number of workers."""
    return verify(path, progress, values=values, over=one_by_one if workers == 1 else partial(_shared_out, workers))


def _shared_out(workers: int, check: Check, numbers: list[int], seen: Seen) -> None:
    lost = work_on(numbers, partial(_checker, check), min(workers, max(1, len(numbers))), seen)
    if lost:
        names = ", ".join(map(shard_name, lost))
        raise NmcfastError(f"shard {names}: the worker that checked it was killed, also when alone: fewer --workers")


def _checker(check: Check) -> Task:
    return partial(_check, check)


def _check(check: Check, number: int, tell: Progress) -> None:
    tell(check(number))
