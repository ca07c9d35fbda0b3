"""Ctrl-C, and what schedulers and terminals send, as one KeyboardInterrupt that is raised where it cannot be lost."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AGAIN = 0.05  # seconds until an interruption that came at a bad moment is tried again
_CALLED_FROM_C = ("/llvmlite/", "/weakref.py")


@contextmanager
def interruptible() -> Iterator[None]:
    """Signals interrupt once; later ones, while that is cleaned up, do not."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_: int, frame: FrameType | None) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if _would_be_lost(frame):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)
        else:
            raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGALRM)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN or number == signal.SIGALRM:  # ignored: nohup
            signal.signal(number, interrupt)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _would_be_lost(frame: FrameType | None) -> bool:
    """Whether C code that swallows exceptions called what runs: a finalizer, or a callback of the compiler.

    The latter hands machine code over; without it the compiler goes on with a function at address 0.
    """
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__del__" or any(place in code.co_filename for place in _CALLED_FROM_C):
            return True
        frame = frame.f_back
    return False
