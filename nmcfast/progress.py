"""Progress on long work: a bar on a terminal, a line a minute in a log, nothing where quiet is asked for."""

import sys
import time
from typing import Any, TextIO

EVERY = 60.0  # s between lines where stderr is no terminal; shorter work says nothing
_LINE = (
    "{desc}: {n_fmt} of {total_fmt} {unit}, {elapsed} so far, {percentage:.0f} %, {rate_fmt}, {remaining} left{postfix}"
)
_OPEN_LINE = "{desc}: {n_fmt} {unit}, {elapsed} so far{postfix}"


def progress_bar(desc: str, unit: str, total: int | None = None, quiet: bool = False, **more: Any) -> Any:
    """A tqdm object, whose `update`, `set_postfix` and `close` a loop calls; it writes to stderr."""
    from tqdm import tqdm

    if quiet or sys.stderr.isatty():
        return tqdm(desc=desc, unit=unit, total=total, disable=quiet, file=sys.stderr, dynamic_ncols=True, **more)
    return tqdm(
        desc=f"nmcfast: {desc}",
        unit=unit,
        total=total,
        file=_Lines(sys.stderr),
        mininterval=EVERY,
        maxinterval=EVERY,
        delay=EVERY,
        miniters=1,
        leave=False,
        bar_format=_LINE if total is not None else _OPEN_LINE,
        **more,
    )


def go_on(bar: Any, done: int, total: int) -> None:
    """Let a bar begin at what was done before: share and time left are those of the whole, the rate that of now."""
    if bar.disable:
        return
    bar.total, bar.initial, bar.n, bar.last_print_n = total, done, done, done
    bar.start_t = bar.last_print_t = time.time()  # tqdm's clock
    if bar.bar_format == _OPEN_LINE:
        bar.bar_format = _LINE


def human_bytes(count: float) -> str:
    """Bytes as a person says them, 1.2 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000.0
    return f"{count:.3g} TB"


def human_time(seconds: float) -> str:
    """Seconds as a person says them, 3.2 h."""
    for unit, length in (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds:.0f} s"


class _Lines:
    """A text stream in which what is written over and over becomes lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = "utf-8"

    def write(self, text: str) -> None:
        if words := " ".join(text.split()):
            self._stream.write(words + "\n")

    def flush(self) -> None:
        self._stream.flush()
