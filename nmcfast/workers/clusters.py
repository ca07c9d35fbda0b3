"""Tasks over any `concurrent.futures.Executor`, a Dask cluster among them: as few at once as keep it busy."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nmcfast.errors import InputError, MissingExtraError, NmcfastError

_LOOK = 1.0  # s between two looks at how many tasks the cluster can take
_ANSWER = 10.0  # s for a scheduler to answer
_TRIES = 20  # for a task whose worker goes; Dask itself gives up after three, as if the task were to blame


@dataclass(frozen=True)
class Cluster:
    """An executor, how many tasks it can have at once, and the error that says that a worker went."""

    executor: Executor
    slots: Callable[[], int]
    lost: type[BaseException] | None = None


def work_over(cluster: Cluster, todo: Iterable[int], task: Callable[[int], Any], seen: Callable[[Any], None]) -> None:
    """Do numbered tasks in any order; `seen` gets what each gives. Those whose worker went are given to another.

    NmcfastError when the executor is broken or a task lost its worker so often that the task must be to blame. When
    this raises, what was not begun is cancelled; what runs elsewhere may still be finished, and is whole then.
    """
    waiting, lost = deque(todo), dict[int, int]()
    flight: dict[Future, int] = {}
    try:
        while waiting or flight:
            while waiting and len(flight) < max(1, cluster.slots()):
                number = waiting.popleft()
                flight[cluster.executor.submit(task, number)] = number
            done, _ = wait(flight, timeout=_LOOK, return_when=FIRST_COMPLETED)
            for future in done:
                number = flight.pop(future)
                if cluster.lost is not None and isinstance(future.exception(), cluster.lost):
                    lost[number] = lost.get(number, 0) + 1
                    if lost[number] == _TRIES:
                        raise NmcfastError(f"task {number}: lost its worker {_TRIES} times, as for lack of memory")
                    waiting.append(number)
                else:
                    seen(future.result())
    except BrokenExecutor as error:
        raise NmcfastError(
            f"the executor broke ({error}): run the same again, with another one, to continue"
        ) from error
    finally:
        for future in flight:
            future.cancel()


def wait_until(seen: Callable[[], bool], seconds: float) -> bool:
    """Whether something comes to be within some seconds: what others wrote on a network file system shows late."""
    deadline = time.monotonic() + seconds
    while not (there := seen()) and time.monotonic() < deadline:
        time.sleep(_LOOK)
    return there


@contextmanager
def dask_cluster(address: str) -> Iterator[Cluster]:
    """The workers of a Dask scheduler. MissingExtraError without Dask, InputError when nobody answers."""
    try:
        from distributed import Client, KilledWorker
        from distributed.comm.core import CommClosedError
    except ImportError as error:
        raise MissingExtraError("--scheduler needs Dask: pip install 'nmcfast[dask]'") from error
    try:
        client = Client(address, timeout=_ANSWER)
    except (OSError, ValueError, CommClosedError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"--scheduler {address}: no Dask scheduler answers ({reason}), expected tcp://HOST:PORT"
        ) from error
    try:
        yield Cluster(client.get_executor(pure=False), lambda: 2 * sum(client.nthreads().values()), KilledWorker)
    finally:
        client.close()
