"""Clocks: how often a piece of work is repeated, and what is kept of it. Standard library only: peers use it too."""

import statistics
import time
from collections.abc import Callable
from typing import Any


def measure(
    work: Callable[[], object], *, least: int = 3, most: int = 9, seconds: float = 3.0, warm: Callable | None = None
) -> dict[str, Any]:
    """Wall and processor seconds of repeated runs, after one (`warm`, or the work itself) that does not count.

    Runs end when there are `most`, or at least `least` and `seconds` have passed. -> warm_up_s, wall_s and cpu_s, one
    entry a run; processor time is that of all threads of this process.
    """
    start = time.perf_counter()
    (warm or work)()
    warm_up = time.perf_counter() - start
    wall: list[float] = []
    cpu: list[float] = []
    while len(wall) < least or (len(wall) < most and sum(wall) < seconds):
        begun, busy = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - busy)
    return {"warm_up_s": warm_up, "wall_s": wall, "cpu_s": cpu}


def in_turn(
    works: dict[str, Callable[[], object]], *, least: int = 3, most: int = 25, seconds: float = 3.0
) -> dict[str, dict[str, Any]]:
    """The same of several pieces of work, run one after the other in every round, so that a ratio is of one time."""
    found: dict[str, dict[str, Any]] = {}
    for name, work in works.items():
        start = time.perf_counter()
        work()
        found[name] = {"warm_up_s": time.perf_counter() - start, "wall_s": [], "cpu_s": []}
    spent, rounds = 0.0, 0
    while rounds < least or (rounds < most and spent < seconds):
        for name, work in works.items():
            begun, busy = time.perf_counter(), time.process_time()
            work()
            found[name]["wall_s"].append(time.perf_counter() - begun)
            found[name]["cpu_s"].append(time.process_time() - busy)
            spent += found[name]["wall_s"][-1]
        rounds += 1
    return found


def median(values: list[float]) -> float:
    return statistics.median(values)
