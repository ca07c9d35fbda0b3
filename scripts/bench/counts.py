"""How much work fixed small cases make, in counts that do not depend on the clock: the guard against slow changes.

    python scripts/bench --update-counts

rewrites tests/golden/counts.json after a deliberate change; tests/test_counts.py compares with it.
"""

import json
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from cases import make_case
from numba.core.runtime import _nrt_python, rtsys

from nmcfast import generate_particle, load_model
from nmcfast.kernels import label_grid
from nmcfast.kernels.gbpd import volumes
from nmcfast.kernels.gbpd.labels import EVERYWHERE, tables
from nmcfast.kernels.gbpd.layout import Names

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "counts.json"
TOLERANCE = 1.10
BOXES: dict[str, tuple[str, int, float, int | None]] = {
    "D 3, 64³": ("gbpd", 64, 3.0, None),
    "D 10, 90³": ("gbpd", 90, 10.0, None),
    "power, 64³": ("power", 64, 1.0, None),
    "D 3, 64³, as fine as 12.5 nm": ("gbpd", 64, 3.0, 20),
}
PARTICLES = {"particle 26 of seed 0, median volume": 26, "particle 1 of seed 0, small": 1}
_OURS = tuple(str(ROOT / folder) for folder in ("nmcfast", "kernels", "export"))


def measured() -> dict[str, dict[str, float]]:
    """All counts, case by case."""
    found = {name: of_labels(*case) for name, case in BOXES.items()}
    return found | {name: of_particle(index) for name, index in PARTICLES.items()}


def of_labels(kind: str, size: int, ratio: float, seeds: int | None) -> dict[str, float]:
    """Work of labelling one box: per voxel, per box of the tree, and per call; seeds None: of the usual density."""
    case, shape = make_case(kind, size, ratio=ratio, seeds=seeds), (size,) * 3
    n, out = len(case.offset), np.empty((size,) * 3, np.int32)
    given = tables(case.position, case.matrices, case.offset, case.origin, 1.0, case.norm == "squared")
    names = Names(np.arange(n + 1, dtype=np.int32), np.ones(n, np.uint8))

    def label() -> np.ndarray:
        return volumes.label_volume_serial(out, names, given, EVERYWHERE, 1)

    boxes, candidates, evaluations, close = label().sum(0).tolist()
    whole = label_grid, (case.position, case.matrices, case.offset, shape, case.origin, 1.0, case.norm)
    return {
        "distance evaluations a voxel": evaluations / size**3,
        "candidates tested a box": candidates / boxes,
        "candidates tested a voxel": candidates / size**3,
        "voxels decided in float64, of a thousand": 1000.0 * close / size**3,
        "allocations within the kernel": float(allocations(label)),
        "bytes of Python's arrays a voxel": peak_bytes(lambda: whole[0](*whole[1])) / size**3,
    }


def of_particle(index: int) -> dict[str, float]:
    """Work of one particle of the shipped model: per kept grain, per voxel of its box, and per particle."""
    model = load_model("nmc811")

    def make() -> Any:
        return generate_particle(model, 0, index)

    particle = make()
    grains, voxels = len(particle.grains), particle.voxelize(0.05).labels.size
    calls, patterns = traced(make)
    return {
        "seeds drawn a grain": sum(len(p.position) for p in patterns) / grains,
        "seeds with markers a grain": sum(len(p.inner) for p in patterns) / grains,
        "seeds of the halo a grain": len(particle.halo) / grains,
        "calls of functions of this package": float(calls),
        "allocations within kernels": float(allocations(make)),
        "bytes of Python's arrays a voxel": peak_bytes(make) / voxels,
    }


def allocations(work: Callable[[], object]) -> int:
    """Blocks of memory that compiled code takes."""
    _nrt_python.memsys_enable_stats()
    before = rtsys.get_allocation_stats().alloc
    work()
    return rtsys.get_allocation_stats().alloc - before


def peak_bytes(work: Callable[[], object]) -> int:
    """The most memory that NumPy and Python hold at once for it on one thread; compiled code's is in `allocations`."""
    threads = numba.get_num_threads()
    numba.set_num_threads(1)  # every thread has memory of its own
    work()  # what is compiled or loaded first does not count
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        numba.set_num_threads(threads)


def traced(work: Callable[[], object]) -> tuple[int, list[Any]]:
    """Calls of functions whose source is ours, comprehensions left out, and the seed patterns that were drawn."""
    calls, patterns = 0, []

    def hook(frame: Any, event: str, result: Any) -> None:
        nonlocal calls
        code = frame.f_code
        ours = code.co_filename.startswith(_OURS) and not code.co_name.startswith("<")
        calls += ours and event == "call"
        if ours and event == "return" and code.co_name == "draw_pattern":
            patterns.append(result)

    sys.setprofile(hook)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls, patterns


def excess(found: dict[str, dict[str, float]], expected: dict[str, dict[str, float]]) -> list[str]:
    """What grew by more than a tenth, or is counted on one side only: one sentence each."""
    said = []
    for case in {**found, **expected}:
        here, there = found.get(case, {}), expected.get(case, {})
        for name in {**here, **there}:
            if name not in here or name not in there:
                said.append(f"{case}: {name} is counted {'now' if name in here else 'no more'}: --update-counts")
            elif not here[name] <= TOLERANCE * there[name]:
                said.append(f"{case}: {name} grew from {there[name]:.4g} to {here[name]:.4g}")
    return said


def update() -> None:
    found = {case: {name: float(f"{v:.4g}") for name, v in counts.items()} for case, counts in measured().items()}
    GOLDEN.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
