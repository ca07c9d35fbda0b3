"""Which particles of the stream of a seed a library holds: those from 0 on, or chosen ones, as text in its recipe.

Text such as "7,3,20-31": runs of neighbours, in the order of the library.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate
from typing import Any

LARGEST_INDEX = 2**64 - 1
_RUNS = re.compile(r"[0-9]{1,20}(-[0-9]{1,20})?(,[0-9]{1,20}(-[0-9]{1,20})?)*")


def text_of(indices: Iterable[int]) -> str:
    """Chosen indices as the text of a recipe."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(f"{low}" if low == high else f"{low}-{high}" for low, high in runs)


@lru_cache(4)
def _runs(text: str) -> tuple[list[int], list[int]]:
    """The first index of each run, and the numbers in the library (runs + 1,) at which they begin, and the end."""
    if not _RUNS.fullmatch(text):
        raise ValueError("expected numbers and runs such as 7,3,20-31")
    ends = [[int(end) for end in run.split("-")] for run in text.split(",")]
    for low, high in ((run[0], run[-1]) for run in ends):
        if not low <= high <= LARGEST_INDEX:
            raise ValueError(f"found the run {low}-{high}, expected runs that grow, to 2⁶⁴ − 1 at most")
    return [run[0] for run in ends], list(accumulate((run[-1] - run[0] + 1 for run in ends), initial=0))


def count_in(text: str) -> int:
    """How many indices a text holds; ValueError when it cannot be read."""
    return _runs(text)[1][-1]


def stream_index(recipe: dict[str, Any], number: int) -> int:
    """The index, in the stream of the seed, of particle `number` of a library."""
    if not recipe["indices"]:
        return number
    low, begin = _runs(recipe["indices"])
    run = bisect_right(begin, number) - 1
    return low[run] + number - begin[run]
