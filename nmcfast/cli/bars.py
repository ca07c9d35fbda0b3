"""Progress of the commands: a bar on a terminal, elsewhere a line a minute, and what a long run will take."""

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from nmcfast.progress import go_on, human_bytes, human_time, progress_bar

if TYPE_CHECKING:
    from nmcfast.plan import Plan

SOON = 10.0  # s of a run until its rate says something; then what it will take is said, once
_LOOK = 20.0  # s between two looks at how large the shards are


class ParticleBar:
    """Particles with rate, time left, rejected shells, and bytes so far and expected where they are stored."""

    def __init__(self, options: argparse.Namespace, count: int | None, desc: str = "generating") -> None:
        self.rejected = 0
        self._quiet, self._said = options.quiet, False
        self._plan: Plan | None = None
        self._bytes: float | None = None
        self._start = self._looked = time.monotonic()
        self._bar = progress_bar(desc, "particles", count, options.quiet)

    def __enter__(self) -> "ParticleBar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def begin(self, plan: "Plan") -> None:
        """Count from what is there."""
        self._plan, self._start, self._done = plan, time.monotonic(), 0
        go_on(self._bar, plan.there, plan.particles)

    def __call__(self, index: int, rejected: int) -> None:
        self.rejected += rejected
        if self._plan is not None and not self._quiet:
            self._done += 1
            self._foresee(self._plan)
        shown: dict[str, Any] = {"rejected": self.rejected}
        if self._plan is not None and self._bytes is not None:
            shown["stored"] = self._stored(self._plan)
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update()

    def _stored(self, plan: "Plan") -> str:
        done = plan.there + self._done
        return f"{human_bytes(done * (self._bytes or 0.0))} of {human_bytes(plan.particles * (self._bytes or 0.0))}"

    def _foresee(self, plan: "Plan") -> None:
        """What the run will take, said when there is a rate and, unless that lasts, a shard to weigh."""
        now = time.monotonic()
        if now - self._looked < (_LOOK if self._said else SOON):
            return
        self._looked, self._bytes = now, plan.bytes_each()
        took = now - self._start
        if self._said or (self._bytes is None and took < 60.0):
            return
        self._said = True
        rate = self._done / took
        left = plan.particles - plan.there - self._done
        if took + left / rate < 60.0:
            return
        sizes = f" and {human_bytes(plan.particles * self._bytes)} in all" if self._bytes else ""
        what = f"{plan.particles} particles, {rate:.3g} a second, {plan.there} were there before"
        sys.stderr.write(f"nmcfast: about {human_time(left / rate)} more{sizes}: {what}\n")


class ShardBar:
    """Progress that learns from its calls how many shards there are."""

    def __init__(self, options: argparse.Namespace, desc: str) -> None:
        self._bar: Any = progress_bar(desc, "shards", 1, options.quiet)

    def __enter__(self) -> "ShardBar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)
