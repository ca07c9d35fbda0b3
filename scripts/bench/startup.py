"""What a user waits for first: the import, the help, the first particle with nothing compiled, and with everything.

A process is timed from outside (wall clock) and by the processor time the system counted for it.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from typing import Any

PARTICLE = (7, 0)  # seed and index
_FIRST = f"""
import nmcfast
from nmcfast.generate import particle_digest
print(particle_digest(nmcfast.generate_particle(nmcfast.load_model("nmc811"), *{PARTICLE})))
"""
_SPLIT = """
import json, sys, time
from numba.core import event
spent, stack = {}, []
class Listener(event.Listener):
    def on_start(self, e):
        stack.append([e.data["dispatcher"].py_func, e.data["args"], time.process_time(), 0.0])
    def on_end(self, e):
        function, args, start, inner = stack.pop()
        whole = time.process_time() - start
        if stack:
            stack[-1][3] += whole
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        count, own = spent.get(name, (0, 0.0))
        spent[name] = count + 1, own + whole - inner
with event.install_listener("numba:compile", Listener()):
    start = time.process_time()
    import nmcfast
    nmcfast.generate_particle(nmcfast.load_model("nmc811"), *PARTICLE)
    print(json.dumps({"all": time.process_time() - start, "compiled": spent}))
""".replace("PARTICLE", str(PARTICLE))


def _run(command: list[str], cache: str | None = None) -> tuple[float, float, str]:
    """Wall and processor seconds of a process, and what it printed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    said = subprocess.run(command, env=_environment(cache), stdout=subprocess.PIPE, text=True, check=True).stdout
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, said


def _environment(cache: str | None) -> dict[str, str]:
    return os.environ | ({"NUMBA_CACHE_DIR": cache} if cache else {})


def _row(name: str, wall: list[float], cpu: list[float], limit: float | None, **more: Any) -> dict[str, Any]:
    return {"group": "start-up", "name": name, "wall_s": wall, "cpu_s": cpu, "limit_s": limit, **more}


def _repeated(name: str, command: list[str], limit: float, repeat: int, cache: str | None = None) -> dict[str, Any]:
    runs = [_run(command, cache) for _ in range(repeat + 1)][1:]  # the first one reads the files from the disk
    return _row(name, [r[0] for r in runs], [r[1] for r in runs], limit)


def light(repeat: int) -> list[dict[str, Any]]:
    """The interpreter alone, `import nmcfast` in it, `nmcfast --help`."""
    python = sys.executable
    timer = "import time; s, b = time.perf_counter(), time.process_time(); import nmcfast; "
    timer += "print(time.perf_counter() - s, time.process_time() - b)"
    inside = [[float(word) for word in _run([python, "-c", timer])[2].split()] for _ in range(repeat + 1)][1:]
    return [
        _repeated("python -c pass", [python, "-c", "pass"], 0.0, repeat) | {"limit_s": None},
        _row("import nmcfast, within Python", [w for w, _ in inside], [c for _, c in inside], 0.3),
        _repeated("nmcfast --help", [python, "-m", "nmcfast", "--help"], 0.4, repeat),
    ]


def first_particle(repeat: int) -> list[dict[str, Any]]:
    """Processes that make one particle: with an empty cache, with a full one; and what was compiled, and how long."""
    command = [sys.executable, "-c", _FIRST]
    with tempfile.TemporaryDirectory() as cache:
        wall, cpu, digest = _run(command, cache)
        rows = [_row("first particle, empty cache", [wall], [cpu], 20.0)]
        rows.append(_repeated("first particle, compiled before", command, 2.0, repeat, cache))
        if _run(command, cache)[2] != digest:
            raise RuntimeError("the particle from cached kernels differs from the one that compiled them")
    with tempfile.TemporaryDirectory() as cache:
        split = json.loads(_run([sys.executable, "-c", _SPLIT], cache)[2])
    compiled = dict(sorted(split["compiled"].items(), key=lambda item: -item[1][1]))
    rows[0]["split"] = {name: {"compiled": n, "cpu_s": s} for name, (n, s) in compiled.items()}
    rows[0]["split_all_s"] = split["all"]
    return rows


def together(processes: int) -> dict[str, Any]:
    """So many processes that make one particle at once on an empty cache: all must succeed and agree."""
    with tempfile.TemporaryDirectory() as cache:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        running = [
            subprocess.Popen([sys.executable, "-c", _FIRST], env=_environment(cache), stdout=subprocess.PIPE, text=True)
            for _ in range(processes)
        ]
        said = [process.communicate()[0] for process in running]
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        failed = [process.returncode for process in running if process.returncode]
        if failed or len(set(said)) != 1:
            raise RuntimeError(
                f"{processes} processes on an empty cache: exit codes {failed}, {len(set(said))} results"
            )
        later = _run([sys.executable, "-c", _FIRST], cache)
        if later[2] != said[0]:
            raise RuntimeError("a later process on the shared cache made another particle")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    facts = {"processes": processes, "equal_results": processes, "afterwards_cpu_s": later[1]}
    return _row(f"{processes} first particles at once, empty cache: all equal", [wall], [cpu], None, **facts)
