"""The benchmark: our kernels, limits of the machine and other programs on the same seeds, one after the other.

    python scripts/bench --peers FOLDER             all of it: 25 minutes on two free cores, peers installed before
    python scripts/bench --peers FOLDER --quick     the smaller sizes once: 3 minutes
    python scripts/bench --update-counts            rewrite what tests/test_counts.py expects

Writes bench.json, bench.md and plots to docs/results (--output). FOLDER gets an environment of its own for the peers,
versions pinned, and the compiled C and C++ programs; without --peers only nmcfast is measured and what gcc compiles.
Every run that counts comes after one that does not. On a machine with other work, wall clocks mean little: the report
says how much of the processors others had.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is loaded: its threads wait by spinning, also for our clocks

FULL: dict[str, Any] = {
    "sizes": [64, 128, 256, 512],
    "by_hand": [64, 128, 256],
    "repeat": 5,
    "least": 3,
    "limits": 9,
    "growth": [64, 96, 128, 192, 256, 384, 512],
    "box": 256,
    "seeds_in_box": [500, 2_000, 8_000, 30_199, 120_000, 240_000],
    "fine": [1, 2, 4],
    "fine_size": 256,
    "shells": 1000,
    "median": 128,
    "library": 128,
    "together": 4,
}
QUICK: dict[str, Any] = {
    "sizes": [64, 128],
    "by_hand": [64, 128],
    "repeat": 3,
    "least": 1,
    "limits": 3,
    "growth": [64, 128, 192],
    "box": 128,
    "seeds_in_box": [500, 2_000, 8_000, 30_000],
    "fine": [1, 2],
    "fine_size": 128,
    "shells": 200,
    "median": 16,
    "library": 16,
    "together": 0,
}
PARTS = (
    "limits",
    "labels",
    "by hand",
    "growth",
    "fine",
    "shells",
    "grains",
    "particle",
    "median",
    "libraries",
    "start-up",
)


def parts(plan: dict[str, Any], peers_folder: Path | None, programs: Path, threads: int) -> dict[str, Callable]:
    """What is measured, in order; each part returns rows."""
    import labels
    import limits
    import startup
    import whole

    def start_up() -> list[dict[str, Any]]:
        rows = startup.light(plan["repeat"])
        if plan["together"]:
            rows += [*startup.first_particle(plan["repeat"]), startup.together(plan["together"])]
        return rows

    return {
        "limits": lambda: limits.run(programs, plan["limits"]),
        "labels": lambda: labels.compared(peers_folder, plan["sizes"], threads, plan["repeat"], plan["least"]),
        "by hand": lambda: labels.by_hand(programs, plan["by_hand"], plan["repeat"]),
        "growth": lambda: labels.growth(plan["growth"], plan["box"], plan["seeds_in_box"], plan["repeat"]),
        "fine": lambda: labels.fine(plan["fine_size"], plan["fine"], threads, plan["least"]),
        "shells": lambda: whole.shells(plan["shells"]),
        "grains": whole.grains,
        "particle": whole.particle,
        "median": lambda: whole.median_library(plan["median"], threads),
        "libraries": lambda: whole.libraries(plan["library"], threads),
        "start-up": start_up,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="install peers there, and measure them")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer runs")
    parser.add_argument("--sizes", type=int, nargs="+", help="edges of the boxes that peers label too")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="some parts; others stay as they were")
    parser.add_argument("--threads", type=int, default=min(2, len(os.sched_getaffinity(0))))
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results", help="folder of bench.json, bench.md")
    parser.add_argument("--report", action="store_true", help="only write bench.md and the plots from bench.json again")
    parser.add_argument("--update-counts", action="store_true", help="only rewrite tests/golden/counts.json")
    options = parser.parse_args()
    if options.update_counts:
        import counts

        counts.update()
        return
    import report

    if not options.report:
        run(options)
    report.write(options.output)


def run(options: argparse.Namespace) -> None:
    """Measure, and store what was measured after each part."""
    os.environ["NUMBA_NUM_THREADS"] = str(options.threads)
    import machine
    import peers
    import report

    if options.peers:
        peers.install(options.peers)
    programs = options.peers / "programs" if options.peers else Path(tempfile.mkdtemp(prefix="nmcfast-bench-"))
    plan = (QUICK if options.quick else FULL) | ({"sizes": options.sizes} if options.sizes else {})
    results = report.load(options.output) if set(options.only) != set(PARTS) else {"parts": {}}
    results |= {"machine": machine.described(), "threads": options.threads}
    for name, measured in parts(plan, options.peers, programs, options.threads).items():
        if name in options.only:
            load, start = machine.Load(), time.perf_counter()
            rows = measured()
            spent = time.perf_counter() - start
            results["parts"][name] = {
                "rows": rows,
                "seconds": spent,
                "others": load.share(),
                "quick": options.quick,
                "commit": results["machine"]["commit"],
                "date": time.strftime("%Y-%m-%d", time.gmtime()),
            }
            report.store(options.output, results)
            print(f"{name}: {spent:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
