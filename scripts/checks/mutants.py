"""Breaks each constant and inequality that exact labels rest on, one at a time, and says which test notices.

    python scripts/checks/mutants.py                     all of them, one after the other: about an hour
    python scripts/checks/mutants.py --only epsilon far  some, the others as they are in docs/results/mutants.json

In each mutant a text of one function is another. Its tests run until one fails: first as ordinary Python, which takes
seconds, then in a copy of the tree that is compiled anew, which takes a minute. Ends with 1 if a mutant survives that
is not explained, if a text is not found exactly once, or if the tests fail without any mutant. Writes
docs/results/mutants.json and mutants.md, see docs/decisions/006-the-bound.md.
"""

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty

os.environ["NUMBA_DISABLE_JIT"] = "1"  # here and in what is forked from here: kernels are ordinary Python
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pytest
from mutants_list import MUTANTS, Mutant

import nmcfast.tessellation  # noqa: F401  once, for those that are forked

ROOT = Path(__file__).resolve().parents[2]
KERNELS, ROOM = Path("nmcfast/kernels"), "gbpd"
RESULTS = ROOT / "docs/results/mutants"
LONGEST = 1200.0  # s for the tests of one mutant; one that runs on does not end
LONGEST_QUICK = 300.0  # s as ordinary Python, where the sound code takes some 40
FUNCTION = r"^(?:@\w+(?:\([^\n]*\))?\n)*def {}\(.*?(?=^\S(?!\) ?->|\):)|\Z)"


@dataclass(frozen=True)
class Result:
    """What the tests of a mutant said: `caught` by the test of that name, or none; whether the compiler was needed."""

    name: str
    caught: str
    compiled: bool
    seconds: float


def pattern(text: str) -> str:
    """The text as a regular expression, however its lines are broken."""
    return r"\s*".join(re.escape(word) for word in re.findall(r"\w+|[^\w\s]", text))


def place_of(mutant: Mutant, tree: Path) -> tuple[Path, str, int, int]:
    """The file with the one text of the kernels that a mutant is about, what it holds, and where the text begins and
    ends; LookupError when it is not one."""
    found = []
    for path in sorted((tree / KERNELS).rglob("*.py")):
        source = path.read_text()
        scopes = [(0, len(source))]
        if mutant.function:
            scope = FUNCTION.format(mutant.function)
            scopes = [m.span() for m in re.finditer(scope, source, re.MULTILINE | re.DOTALL)]
        for begin, end in scopes:
            places = re.compile(pattern(mutant.old)).finditer(source, begin, end)
            found += [(path, source, *place.span()) for place in places]
    if len(found) != 1:
        raise LookupError(f"{mutant.name}: {mutant.old!r} stands {len(found)} times in {mutant.function or 'kernels'}")
    return found[0]


def applied(mutant: Mutant, tree: Path) -> None:
    """Change the text of a mutant in a tree."""
    path, source, begin, end = place_of(mutant, tree)
    path.write_text(source[:begin] + mutant.new + source[end:])


def patched(mutant: Mutant, folder: Path) -> None:
    """Let this process import the kernels of Eq. (8) with the text of a mutant changed, from copies in a folder."""
    shutil.copytree(ROOT / KERNELS / ROOM, folder / KERNELS / ROOM)
    applied(mutant, folder)
    sys.modules["nmcfast.kernels"].__path__.insert(0, str(folder / KERNELS))
    for name in [n for n in sys.modules if n.startswith((f"nmcfast.kernels.{ROOM}", "nmcfast.tessellation"))]:
        del sys.modules[name]


def copied(folder: Path) -> Path:
    """A copy of what the tests need."""
    for name in ("nmcfast", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return folder


class _First:
    """Notes the first test that fails."""

    name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.name = self.name or (report.nodeid if report.failed else "")


def interpreted(mutant: Mutant | None, arguments: list[str], queue: multiprocessing.Queue) -> None:
    """Run tests in this process, forked for the purpose, as ordinary Python; put the first that fails."""
    os.nice(5)
    os.chdir(ROOT)
    first, said = _First(), io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(said):
        if mutant:
            patched(mutant, Path(folder))
        code = pytest.main(arguments, plugins=[first])
    queue.put(first.name if code in (0, 1) else f"!pytest ended with {code}\n{said.getvalue()[-3000:]}")


def quick_failure(mutant: Mutant | None, tests: tuple[str, ...]) -> str:
    """The first test that fails as ordinary Python; only `test_exactness` is written for that too.

    LLVM code of `vectors` is not looked at then: mutants of it are for the compiler alone.
    """
    if mutant and ROOM not in place_of(mutant, ROOT)[0].parts:
        return ""
    for test in tests:
        files, _, words = test.partition(" -k ")
        if files != "tests/test_exactness.py":
            continue
        queue: multiprocessing.Queue = multiprocessing.Queue()
        process = multiprocessing.Process(target=interpreted, args=(mutant, arguments(files, words), queue))
        process.start()
        try:
            failed = queue.get(timeout=LONGEST_QUICK)
        except Empty:
            failed = f"{test}: does not end"
            process.kill()
        process.join()
        if failed.startswith("!"):
            raise RuntimeError(failed)
        if failed:
            return failed
    return ""


def arguments(files: str, words: str) -> list[str]:
    """What pytest is called with."""
    return ["-x", "-q", "-p", "no:cacheprovider", *files.split(), *(["-k", words] if words else [])]


def failure(tests: tuple[str, ...], tree: Path) -> str:
    """The first test that fails in a tree, compiled anew, or the crash; empty when all pass."""
    environment = os.environ | {"PYTHONPATH": str(tree), "NUMBA_CACHE_DIR": str(tree / "cache"), "OMP_NUM_THREADS": "1"}
    environment["NUMBA_DISABLE_JIT"] = "0"
    for test in tests:
        files, _, words = test.partition(" -k ")
        command = ["nice", "-n", "5", sys.executable, "-m", "pytest", *arguments(files, words)]
        try:
            run = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=LONGEST)
        except subprocess.TimeoutExpired:
            return f"{test}: does not end"
        failed = re.search(r"^FAILED (\S+)", run.stdout, re.MULTILINE)
        if failed:
            return failed[1]
        if run.returncode < 0 or "Fatal Python error" in run.stdout + run.stderr:
            return f"{test}: crash"
        if run.returncode:
            raise RuntimeError(f"{test}: pytest ended with {run.returncode}\n{run.stdout[-3000:]}{run.stderr[-3000:]}")
    return ""


def tried(mutant: Mutant | None, tests: tuple[str, ...], quick: bool) -> Result:
    """What a mutant's tests say; of the unchanged tree with none. quick: as ordinary Python alone."""
    started, compiled, caught = time.monotonic(), False, quick_failure(mutant, tests)
    if not (caught or quick):
        with tempfile.TemporaryDirectory() as folder:
            tree, compiled = copied(Path(folder)), True
            if mutant:
                applied(mutant, tree)
            caught = failure(tests, tree)
    return Result(mutant.name if mutant else "", caught, compiled, round(time.monotonic() - started, 1))


def table(results: dict[str, Result], commit: str) -> str:
    """docs/results/mutants.md: a row for each mutant, those that live on below with the reason why they may."""
    caught = [m for m in MUTANTS if m.name in results and results[m.name].caught]
    alive = [m for m in MUTANTS if m.name in results and not results[m.name].caught]
    lines = [
        "# Mutants of the bound",
        "",
        "Constants and inequalities that exact labels rest on, each broken on purpose, and the test that notices:",
        f"`python scripts/checks/mutants.py`, commit {commit}. Why the constants are what they are:",
        "docs/decisions/006-the-bound.md.",
        "",
        f"{len(caught)} of {len(caught) + len(alive)} are caught; {len(alive)} change no label, for the reasons below.",
        "",
        "| mutant | in | was | is | what it breaks | caught by |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"| {row(m)} | {m.why} | `{results[m.name].caught.removeprefix('tests/')}` |" for m in caught]
    lines += ["", "## That change no label", "", "| mutant | in | was | is | why |", "|---|---|---|---|---|"]
    lines += [f"| {row(m)} | {m.equivalent or '**not explained**'} |" for m in alive]
    waiting = [m.name for m in MUTANTS if m.name not in results]
    if waiting:
        lines += ["", "## Not tried yet", "", ", ".join(waiting)]
    return "\n".join(lines) + "\n"


def row(mutant: Mutant) -> str:
    """The first columns of a mutant."""
    old, new = (" ".join(text.split()).replace("|", "\\|") for text in (mutant.old, mutant.new))
    return f"{mutant.name} | `{mutant.function or 'constants'}` | `{old}` | `{new}`"


def main() -> int:
    """Try the mutants and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these mutants alone")
    parser.add_argument("--find", action="store_true", help="only see that each text is found once")
    parser.add_argument("--quick", action="store_true", help="as ordinary Python alone: some may seem to survive")
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if not options.only or m.name in options.only]
    if options.only and len(chosen) < len(options.only):
        parser.error(f"no such mutant: {', '.join(set(options.only) - {m.name for m in chosen})}")
    for mutant in MUTANTS:
        place_of(mutant, ROOT)
    if options.find:
        return 0
    store = RESULTS.with_suffix(".json")
    results = {r["name"]: Result(**r) for r in json.loads(store.read_text())} if options.only and store.exists() else {}
    if not options.only:
        sound = tried(None, tuple(sorted({test for m in chosen for test in m.tests})), options.quick)
        if sound.caught:
            raise SystemExit(f"without any mutant: {sound.caught} fails")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for mutant in sorted(chosen, key=lambda m: bool(m.equivalent)):  # those that take longest last
        result = results[mutant.name] = tried(mutant, mutant.tests, options.quick)
        print(f"{mutant.name}: {result.caught or 'survives'}, {result.seconds} s", flush=True)
        store.write_text(json.dumps([asdict(r) for r in results.values()], indent=1) + "\n")
        RESULTS.with_suffix(".md").write_text(table(results, commit.stdout.strip()))
    unexplained = [m.name for m in MUTANTS if m.name in results and not (results[m.name].caught or m.equivalent)]
    print(f"survive unexplained: {', '.join(unexplained) or 'none'}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
