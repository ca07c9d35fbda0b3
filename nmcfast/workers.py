"""Numbered tasks done by several processes: who works, whom they tell of each particle, how all of them stop."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any

Progress = Callable[[int, int], None]  # called with a particle's number and its rejected shells
Task = Callable[[int, Progress], None]

# One worker process: what it does with a number, whom it tells, and when it must stop.
_worker: dict[str, Any] = {}


class Stopped(Exception):
    """The run was asked to stop; the unfinished task is undone."""


def available_workers() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def work_on(todo: list[int], begin: Callable[[], Task], workers: int, progress: Progress | None) -> None:
    """Do the tasks in processes of one thread each, in any order; `begin`, in each process, makes what does them.

    An error or an interruption stops all of them, each after the particle it is at.
    """
    context = multiprocessing.get_context("spawn")
    told, stop = context.Queue(), context.Event()
    with ProcessPoolExecutor(workers, context, _start, (begin, told, stop)) as pool:
        pending = {pool.submit(_work, number) for number in todo}
        try:
            for future in _finished(pending, told, progress):
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            _drain(told, None)


def _start(begin: Callable[[], Task], told: Any, stop: Any) -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: the parent passes it on as `stop`
    _worker.update(task=begin(), told=told, stop=stop)


def _work(number: int) -> None:
    def tell(index: int, rejected: int) -> None:
        _worker["told"].put((index, rejected))
        if _worker["stop"].is_set():
            raise Stopped

    _worker["task"](number, tell)


def _finished(pending: set[Future], told: Any, progress: Progress | None) -> Iterator[Future]:
    while pending:
        done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
        _drain(told, progress)
        yield from done


def _drain(told: Any, progress: Progress | None) -> None:
    while not told.empty():
        message = told.get()
        if progress is not None:
            progress(*message)
