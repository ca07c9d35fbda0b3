"""The machine, the versions, and how much of the machine others used meanwhile."""

import os
import platform
import resource
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from compiled import HERE, compiler_version


def described() -> dict[str, Any]:
    """Processor, memory, system, versions of what is measured."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    found = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = found.get("flags", "").split()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, stdout=subprocess.PIPE, text=True)
    return {
        "processor": found.get("model name", platform.processor()),
        "vectors": next((name for name in ("avx512f", "avx2", "avx", "sse2") if name in flags), "unknown"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "compiler": compiler_version(),
        "commit": commit.stdout.strip(),
        "packages": {name: version(name) for name in ("numpy", "scipy", "numba", "llvmlite", "zarr", "numcodecs")},
    }


class Load:
    """How busy other programs kept the machine since this was made: a share of all its cores."""

    def __init__(self) -> None:
        self._start, self._others = time.monotonic(), self._of_others()

    @staticmethod
    def _of_others() -> float:
        words = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
        user, nice, system, _, _, irq, soft, steal = (int(word) for word in words[:8])
        busy = (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return busy - sum(u.ru_utime + u.ru_stime for u in used)

    def share(self) -> float:
        spent = (time.monotonic() - self._start) * (os.cpu_count() or 1)
        return max(self._of_others() - self._others, 0.0) / max(spent, 1e-9)
