"""Damages models, configurations and libraries at random and uses them: one line of error, or a right result, and soon.

    python scripts/checks/fuzz_library.py --count 10000 --output docs/results/library_fuzz.md

A file of one of the kinds is damaged once or (one in three) twice: bytes changed, an end cut off, a run of bytes
taken away, doubled, or noise put in, numbers and words of JSON and TOML exchanged for huge and odd ones, characters
typed wrong. A model is loaded and a particle drawn; a configuration begins a library; in a library `verify` must find
the damage, and what opens, reads the table, a record and labels must give what was there or one line that names the
library. Each has 2 s of processor time and 512 MB of memory. Case k of a seed is always the same; batches run in
processes of their own, whose end by a signal would count.
"""

import argparse
import collections
import io
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from small_model import heading, small_model, tree

from nmcfast import generate_library, generate_particle, load_model, open_library
from nmcfast.cli import main as nmcfast
from nmcfast.errors import NmcfastError
from nmcfast.export import formats
from nmcfast.export.verify import verify

LONGEST = 2.0  # s of processor time
MOST_MEMORY = 512  # MB, resident
BATCH = 500  # cases a process
Rng = np.random.Generator
CONFIG = b"""count = 40
seed = 3
format = "zarr"
surface = "shell"
where = "d_max > 0.5 and sphericity > 0.1"
voxel_size = 0.05
no_labels = true
shard_size = 8
shards = "0:0"
smallest_grain = 1
"""
NUMBERS = [b"1e308", b"-1", b"0", b"99999999999999999999", b"1e-300", b"NaN", b"-Infinity", b"1e999", b"true", b"null"]
WORDS = [
    b'""',
    b'"\xc3\xa9"',
    b'"../../etc"',
    b'"\\u0000"',
    b'"' + b"x" * 300 + b'"',
    b"[]",
    b"{}",
    b'"1_0"',
    b'"\xb2"',
]


def change_bytes(data: bytes, rng: Rng) -> bytes:
    changed = bytearray(data)
    for place in rng.integers(0, len(data), rng.integers(1, 9)):
        changed[place] = rng.integers(256)
    return bytes(changed)


def cut_end(data: bytes, rng: Rng) -> bytes:
    return data[: rng.integers(0, len(data))]


def take_run(data: bytes, rng: Rng) -> bytes:
    first, last = np.sort(rng.integers(0, len(data), 2))
    return data[:first] + data[last:]


def double_run(data: bytes, rng: Rng) -> bytes:
    first, last = np.sort(rng.integers(0, len(data), 2))
    return data[:last] + data[first:last] + data[last:]


def insert_noise(data: bytes, rng: Rng) -> bytes:
    place = rng.integers(0, len(data))
    return data[:place] + rng.bytes(rng.integers(1, 2000)) + data[place:]


def huge_words(data: bytes, rng: Rng) -> bytes:
    """A huge or negative number of 4 or 8 bytes at a place, as a size that a header claims."""
    words = (b"\xff" * 8, b"\x00" * 8, (10**12).to_bytes(8, "little"), b"\xff\xff\xff\x7f")
    place, word = int(rng.integers(0, len(data))), words[rng.integers(len(words))]
    return data[:place] + word + data[place + len(word) :]


def odd_values(data: bytes, rng: Rng) -> bytes:
    """A number or a text of a JSON or TOML file, or of the head of a model, exchanged for an odd one."""
    found = [*re.finditer(rb'(?<=[:=\[,] )?(?:"[^"\n]*"|-?\d+(?:\.\d+)?)', data[:20_000])]
    if not found:
        return change_bytes(data, rng)
    at, odd = found[rng.integers(len(found))], [*NUMBERS, *WORDS]
    return data[: at.start()] + odd[rng.integers(len(odd))] + data[at.end() :]


def retype(data: bytes, rng: Rng) -> bytes:
    """One character of the first 2000 typed wrong: a digit for a digit, or a letter for a letter."""
    kind, typed = (rb"[0-9]", b"0123456789") if rng.random() < 0.7 else (rb"[a-z]", b'abcdefxyz_ ."=-')
    found = [*re.finditer(kind, data[:2000])]
    if not found:
        return change_bytes(data, rng)
    place = found[rng.integers(len(found))].start()
    return data[:place] + bytes([typed[rng.integers(len(typed))]]) + data[place + 1 :]


MUTATIONS = [change_bytes, cut_end, take_run, double_run, insert_noise, huge_words, odd_values, odd_values]
OF_TEXT = [odd_values, odd_values, retype, retype, retype, take_run, double_run, change_bytes]
KINDS = ["model", "config", "manifest", "json", "data", "data"]


@dataclass
class Outcome:
    """What became of the files."""

    counts: collections.Counter[str] = field(default_factory=collections.Counter)
    slowest: float = 0.0
    peak: int = 0  # KiB
    failures: list[str] = field(default_factory=list)


class Bench:
    """Healthy files, and what is done with damaged ones."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.model = folder, small_model()
        self.model_file = self.model.to_bytes()
        self.libraries = {}
        for form in formats.BULK:
            path = folder / "sound" / form
            path.parent.mkdir(exist_ok=True)
            generate_library(path, self.model, count=3, seed=3, shard_size=2, format=form)
            self.libraries[form] = (path, tree(path), self.answers(path))

    def answers(self, path: Path) -> dict[str, str]:
        """What a library says when it is asked, or how it refuses."""
        return {name: self._answer(path, ask) for name, ask in QUESTIONS.items()}

    def _answer(self, path: Path, ask: Callable[[Any], bytes]) -> str:
        try:
            return ask(open_library(path)).hex()
        except NmcfastError as error:
            if "\n" in str(error) or str(path) not in str(error):
                raise AssertionError(f"not one line that names the library: {error}") from error
            return "refused"

    def use_model(self, change: Callable[[bytes], bytes]) -> str:
        path = self.folder / "a.safetensors"
        path.write_bytes(change(self.model_file))
        try:
            generate_particle(load_model(path), seed=1, index=0)
        except NmcfastError as error:
            if "\n" in str(error):
                raise AssertionError(f"not one line: {error}") from error
            return "refused"
        return "used"

    def use_config(self, change: Callable[[bytes], bytes]) -> str:
        path, out = self.folder / "a.toml", self.folder / "made"
        path.write_bytes(change(CONFIG))
        told, model = io.StringIO(), self.folder / "small.safetensors"
        model.write_bytes(self.model_file)
        with redirect_stderr(told), redirect_stdout(io.StringIO()):
            code = nmcfast(["generate", str(out), "--config", str(path), "--model", str(model), "--shards", "0:0"])
        shutil.rmtree(out, ignore_errors=True)
        lines = [line for line in told.getvalue().splitlines() if "verdict" not in line]
        if code not in (0, 2) or len(lines) > (code == 2) or "report it" in told.getvalue():
            raise AssertionError(f"exit {code}: {lines}")
        return "refused" if code else "used"

    def use_library(self, kind: str, rng: Rng, change: Callable[[bytes], bytes]) -> str:
        form = [*formats.BULK][rng.integers(len(formats.BULK))]
        sound, files, answers = self.libraries[form]
        names = {
            "manifest": [n for n in files if n.endswith(("manifest.json", "complete.json"))],
            "json": [n for n in files if n.endswith("zarr.json")],
            "data": [n for n in files if not n.endswith(".json")],
        }[kind]
        name = names[rng.integers(len(names))]
        path, data = self.folder / "lib", change(files[name])
        shutil.copytree(sound, path)
        try:
            (path / name).write_bytes(data)
            if data != files[name] and verify(path).ok:
                raise AssertionError(f"{form}/{name}: verify finds nothing")
            said = self.answers(path)
            if other := [q for q, answer in said.items() if answer not in ("refused", answers[q])]:
                raise AssertionError(f"{form}/{name}: another answer to {other}")
            return "refused" if "refused" in said.values() else "used"
        finally:
            shutil.rmtree(path)


def _record(library: Any) -> bytes:
    held = library.record(1)
    arrays = (held.coefficients, held.position, held.volume, held.orientation, held.box_origin)
    return b"".join(a.tobytes() for a in arrays)


QUESTIONS: dict[str, Callable[[Any], bytes]] = {
    "recipe": lambda library: json.dumps(library.recipe, sort_keys=True).encode(),
    "model": lambda library: library.model.digest.encode(),
    "table": lambda library: library.table.tobytes(),
    "record": _record,
    "labels": lambda library: library.labels(1).tobytes(),
}


def fuzz(count: int, seed: int, first: int = 0) -> Outcome:
    """Uses damaged files `first` to first + count − 1."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name))
        signal.signal(signal.SIGPROF, _too_long)
        for k in range(first, first + count):
            rng = np.random.default_rng([seed, k])
            kind = KINDS[rng.integers(len(KINDS))]
            known = MUTATIONS if kind == "data" else OF_TEXT
            chosen = [known[which] for which in rng.choice(len(known), 2 if k % 3 == 0 else 1)]
            _note(outcome, bench, kind, f"case {k}: {kind}, {', '.join(m.__name__ for m in chosen)}", chosen, rng)
    outcome.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return outcome


def _note(outcome: Outcome, bench: Bench, kind: str, case: str, chosen: list[Any], rng: Rng) -> None:
    def change(data: bytes) -> bytes:
        for mutation in chosen:
            data = mutation(data, rng) or b" "
        return data

    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        use = {"model": bench.use_model, "config": bench.use_config}.get(kind)
        result = use(change) if use else bench.use_library(kind, rng, change)
    except BaseException as error:  # whatever it is, it is what this script looks for
        result = "failed"
        outcome.failures.append(f"{case}: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    outcome.counts[f"{kind}, {result}"] += 1
    outcome.counts.update({mutation.__name__ for mutation in chosen})
    outcome.slowest = max(outcome.slowest, time.process_time() - start)
    if (peak := resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) > max(before, MOST_MEMORY * 1000):
        outcome.failures.append(f"{case}: took {peak / 1000:.0f} MB")


def _too_long(*_: object) -> None:
    raise TimeoutError(f"longer than {LONGEST} s of processor time")


def fuzz_apart(count: int, seed: int, first: int) -> Outcome:
    """The same in a process of its own, whose end by a signal is a failure."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            made = fuzz(count, seed, first)
            report = json.dumps([dict(made.counts), made.slowest, made.peak, made.failures])
            os.write(writing, report[:60_000].encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if status or not text:
        return Outcome(failures=[f"cases {first} to {first + count - 1}: the process ended with status {status}"])
    counts, slowest, peak, failures = json.loads(text)
    return Outcome(collections.Counter(counts), slowest, peak, failures)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    total = Outcome()
    for first in range(options.first, options.first + options.count, BATCH):
        part = fuzz_apart(min(BATCH, options.first + options.count - first), options.seed, first)
        total.counts += part.counts
        total.slowest, total.peak = max(total.slowest, part.slowest), max(total.peak, part.peak)
        total.failures += part.failures
    rows = ["| what was damaged | used, as it was | refused | failed |", "|---|---|---|---|"]
    for kind in dict.fromkeys(KINDS):
        counts = [total.counts[f"{kind}, {result}"] for result in ("used", "refused", "failed")]
        rows.append(f"| {kind} | {' | '.join(f'{n:,}' for n in counts)} |")
    told = ", ".join(f"{m.__name__} {total.counts[m.__name__]:,}" for m in dict.fromkeys([*MUTATIONS, *OF_TEXT]))
    took = f"Slowest {total.slowest:.2f} s of processor time; most memory of a process {total.peak / 1000:.0f} MB."
    said = __doc__.split("\n\n", 2)[2].strip().replace("\n", " ")
    lines = [*heading("Damaged models, configurations and libraries"), said, "\n".join(rows), f"{told}. {took}"]
    options.output.write_text("\n\n".join([*lines, *total.failures]) + "\n")
    print(options.output.read_text())
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
