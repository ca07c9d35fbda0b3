"""Progress on long work: a bar on a terminal, a line a minute in a log, nothing where quiet is asked for."""

import sys
from typing import Any, TextIO

EVERY = 60.0  # s between lines where stderr is no terminal; shorter work says nothing
_LINE = "{desc}: {n_fmt} of {total_fmt} {unit}, {elapsed} so far, {remaining} left{postfix}"
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


class _Lines:
    """A text stream in which what is written over and over becomes lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = "utf-8"

    def write(self, text: str) -> None:
        if words := text.replace("\r", "").strip():
            self._stream.write(words + "\n")

    def flush(self) -> None:
        self._stream.flush()
