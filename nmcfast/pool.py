"""Tasks over processes: only what is in flight is submitted, and nothing outlives an interruption or the parent.

A worker that is killed, as for lack of memory, takes the pool with it: what was in flight is then tried again, one task
at a time, so that one too large does not stop the others.
"""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait as wait_for
from typing import Any

Tell = Callable[[int, int], None]
_LOOK = 0.2  # seconds between two looks at what workers tell
_MOST_LOST = 10


@dataclass(frozen=True)
class Work:
    """What the workers do: `prepare(*arguments)` once in each, then `do(prepared, task, tell)` for each task.

    Both are functions of a module, since workers import them; tell sends numbers to the parent while a task is at work.
    """

    prepare: Callable[..., Any]
    arguments: tuple[Any, ...]
    do: Callable[[Any, int, Tell], None]


def run_tasks(work: Work, tasks: Iterable[int], workers: int, told: Tell | None = None) -> list[int]:
    """Do all tasks in some processes; those whose worker was killed twice, once alone. An error of a task ends the run.

    Ten of them end it too: what kills so many kills all.

    told is called in this process with what the workers tell. When this raises, by an error or an interruption, no
    worker is left, and what they were at is as a kill leaves it.
    """
    waiting, lost = deque(tasks), list[int]()
    while waiting and len(lost) < _MOST_LOST:
        doubtful = _run_until_killed(work, waiting, workers, told)
        lost += [task for task in doubtful if _run_until_killed(work, deque([task]), 1, told)]
    return lost


def _run_until_killed(work: Work, waiting: deque[int], workers: int, told: Tell | None) -> list[int]:
    """Do tasks until none waits; those that were in flight when a worker was killed, and then the rest still waits."""
    context = multiprocessing.get_context("spawn")
    messages, others = context.SimpleQueue(), set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, context, _start_worker, (work, messages))
    flight: dict[Future, int] = {}
    try:
        while waiting or flight:
            while waiting and len(flight) < workers:
                flight[pool.submit(_work, waiting[0])] = waiting[0]
                waiting.popleft()
            done, _ = wait(flight, timeout=_LOOK, return_when=FIRST_COMPLETED)
            _pass_on(messages, told)
            for future in done:
                future.result()
                del flight[future]
        pool.shutdown()
        _pass_on(messages, told)
    except BrokenProcessPool:
        pool.shutdown()
        return [task for future, task in flight.items() if not _is_finished(future)]
    except BaseException:
        for child in set(multiprocessing.active_children()) - others:
            child.kill()
        pool.shutdown(cancel_futures=True)
        raise
    return []


def _is_finished(future: Future) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _pass_on(messages: Any, told: Tell | None) -> None:
    while not messages.empty():
        message = messages.get()
        if told is not None:
            told(*message)


# One worker process: what it prepared, what it does, and where it tells.
_worker: dict[str, Any] = {}


def _start_worker(work: Work, messages: Any) -> None:
    import signal

    for number in (signal.SIGINT, signal.SIGHUP):  # these go to the whole group: the parent ends its workers itself
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker.update(do=work.do, messages=messages)
    try:
        _worker["prepared"] = work.prepare(*work.arguments)
    except Exception as error:  # said by the first task: an error here would look like a worker that was killed
        _worker["failed"] = error


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _work(task: int) -> None:
    def tell(first: int, second: int) -> None:
        _worker["messages"].put((first, second))

    if "failed" in _worker:
        raise _worker["failed"]
    _worker["do"](_worker["prepared"], task, tell)
