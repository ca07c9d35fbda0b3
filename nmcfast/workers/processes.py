"""Numbered tasks done by several processes: only what is in flight is submitted, and nothing outlives an interruption.

Workers end with their parent, too. One that is killed, as for lack of memory, takes the pool with it: what was in
flight is then tried again, one task at a time, so that one too large does not stop the others.
"""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from typing import Any

Progress = Callable[..., None]  # called with what a task tells, such as a particle's number and its rejected shells
Task = Callable[[int, Progress], None]

_LOOK = 0.2  # seconds between two looks at what workers tell
_MOST_LOST = 10

# One worker process: what it does with a number, whom it tells, or the error with which it began.
_worker: dict[str, Any] = {}


def available_workers() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def work_on(
    todo: Iterable[int], begin: Callable[[], Task], workers: int, progress: Progress | None = None
) -> list[int]:
    """Do the tasks in processes of one thread each, in any order; `begin`, in each process, makes what does them.

    Those whose worker was killed twice, once when it worked alone, come back; ten of them end the run, since what kills
    so many kills all. When this raises, by an error of a task or an interruption, no worker is left, and what they were
    at is as a kill leaves it.
    """
    waiting, lost = deque(todo), list[int]()
    while waiting and len(lost) < _MOST_LOST:
        doubtful = _work_until_killed(waiting, begin, workers, progress)
        lost += [task for task in doubtful if _work_until_killed(deque([task]), begin, 1, progress)]
    return lost


def _work_until_killed(
    waiting: deque[int], begin: Callable[[], Task], workers: int, progress: Progress | None
) -> list[int]:
    """Do tasks until none waits; those that were in flight when a worker was killed, and then the rest still waits."""
    context = multiprocessing.get_context("spawn")
    messages, others = context.SimpleQueue(), set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, context, _start, (begin, messages))
    flight: dict[Future, int] = {}
    try:
        while waiting or flight:
            while waiting and len(flight) < workers:
                flight[pool.submit(_work, waiting[0])] = waiting[0]
                waiting.popleft()
            done, _ = wait(flight, timeout=_LOOK, return_when=FIRST_COMPLETED)
            _pass_on(messages, progress)
            for future in done:
                future.result()
                del flight[future]
        pool.shutdown()
        _pass_on(messages, progress)
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


def _pass_on(messages: Any, progress: Progress | None) -> None:
    while not messages.empty():
        message = messages.get()
        if progress is not None:
            progress(*message)


def _start(begin: Callable[[], Task], messages: Any) -> None:
    import signal

    for number in (signal.SIGINT, signal.SIGHUP):  # these go to the whole group: the parent ends its workers itself
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker["messages"] = messages
    try:
        _worker["task"] = begin()
    except Exception as error:  # said by the first task: an error here would look like a worker that was killed
        _worker["failed"] = error


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _work(number: int) -> None:
    def tell(*message: Any) -> None:
        _worker["messages"].put(message)

    if "failed" in _worker:
        raise _worker["failed"]
    _worker["task"](number, tell)
