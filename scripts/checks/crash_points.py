"""Every crash point of a run: the machine stops after each file operation, and what was not flushed may be gone.

    python scripts/checks/crash_points.py --output docs/results/crash_points.md

The file operations of a library of three shards are recorded, and each prefix of them is laid out on the disk in four
ways: all that was written; names without the bytes that were not flushed; names of folders that were not flushed gone,
too; the same except in the two folders where things take their final names. The same command must then give the
library of an uninterrupted run, byte for byte, and nothing beside it.
"""

import argparse
import hashlib
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from small_model import heading, small_model, tree

from nmcfast import generate_library
from nmcfast.export import files, formats

Operation = tuple[Any, ...]
HOW = ("kept", "bytes lost", "names lost", "names lost below")
LIBRARY: dict[str, Any] = {"count": 3, "seed": 3, "shard_size": 1}


# recorded


def record(folder: Path, form: str) -> list[Operation]:
    """What a run that makes a library in a folder does to files, by a process that has ended since."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(_recorded, (folder, form))


def _recorded(folder: Path, form: str) -> list[Operation]:
    log: list[Operation] = []
    _spy_on(log, folder)
    generate_library(folder / "lib", small_model(), format=form, **LIBRARY)
    return log


def _spy_on(log: list[Operation], folder: Path) -> None:
    """Note whatever changes a file of a folder, once it succeeded."""

    def name(path: Any) -> str:
        return os.path.relpath(path, folder)

    def noting(call: Callable[..., Any], kind: str, named: int) -> Callable[..., Any]:
        def noted(*arguments: Any, **options: Any) -> Any:
            result = call(*arguments, **options)
            log.append((kind, *map(name, arguments[:named])))
            return result

        return noted

    for kind, named in (("mkdir", 1), ("rename", 2), ("unlink", 1), ("rmdir", 1)):
        setattr(os, kind, noting(getattr(os, kind), kind, named))
    flush, write_bytes = os.fsync, Path.write_bytes

    def fsync(descriptor: int) -> None:
        flush(descriptor)
        log.append(("fsync", name(os.readlink(f"/proc/self/fd/{descriptor}"))))

    def write_whole(path: Path, data: bytes) -> int:
        log.extend([("create", name(path)), ("write", name(path), data)])
        return write_bytes(path, data)

    class Spied(files.HashedFile):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            self.name = name(path)
            log.append(("create", self.name))

        def write(self, data: bytes) -> None:
            super().write(data)
            log.append(("write", self.name, bytes(data)))

    os.fsync, Path.write_bytes = fsync, write_whole  # type: ignore[assignment,method-assign]
    for module in (files, sys.modules["nmcfast.export.shards"]):
        module.HashedFile = Spied  # type: ignore[attr-defined]


# laid out


@dataclass
class File:
    data: bytes = b""
    flushed: bytes = b""


@dataclass
class Folder:
    names: dict[str, "File | Folder"] = field(default_factory=dict)
    flushed: dict[str, "File | Folder"] = field(default_factory=dict)


class Disk:
    """Files and folders as they are, and as they were when they were flushed last."""

    def __init__(self) -> None:
        self.top = Folder()

    def _at(self, path: str) -> tuple[Folder, str]:
        *parents, last = path.split("/")
        folder = self.top
        for parent in parents:
            below = folder.names[parent]
            assert isinstance(below, Folder)
            folder = below
        return folder, last

    def do(self, kind: str, path: str, more: Any = None) -> None:
        folder, last = self._at(path)
        if kind == "mkdir":
            folder.names[last] = Folder()
        elif kind == "create":
            folder.names[last] = File()
        elif kind in ("unlink", "rmdir"):
            del folder.names[last]
        elif kind == "rename":
            moved = folder.names.pop(last)
            target, name = self._at(more)
            target.names[name] = moved
        elif kind == "write":
            node = folder.names[last]
            assert isinstance(node, File)
            node.data += more
        else:
            self._flush(self.top if path == "." else folder.names[last])

    def _flush(self, node: File | Folder) -> None:
        if isinstance(node, File):
            node.flushed = node.data
        else:
            node.flushed = dict(node.names)

    def left(self, how: str) -> dict[str, bytes | None]:
        """What is found after a crash: bytes of files, None for folders, by path."""
        return dict(_left(self.top, "", how))


def _left(folder: Folder, at: str, how: str) -> Iterator[tuple[str, bytes | None]]:
    final = at in ("", "lib/", "lib/shards/")  # where things take their final names
    all_names = how in ("kept", "bytes lost") or (how == "names lost below" and final)
    for name, node in (folder.names if all_names else folder.flushed).items():
        if isinstance(node, File):
            yield at + name, node.data if how == "kept" else node.flushed
        else:
            yield at + name, None
            yield from _left(node, f"{at}{name}/", how)


def lay_out(folder: Path, state: dict[str, bytes | None]) -> None:
    for name, data in state.items():
        if data is None:
            (folder / name).mkdir()
        else:
            (folder / name).write_bytes(data)


# gone on with


def states(log: list[Operation], step: int = 1) -> Iterator[tuple[int, str, dict[str, bytes | None]]]:
    """What a crash after each of these operations leaves, each state once."""
    disk, seen = Disk(), set[bytes]()
    for number, operation in enumerate([None, *log]):
        if operation is not None:
            disk.do(*operation)
        if number % step and number != len(log):
            continue
        for how in HOW:
            state = disk.left(how)
            digest = hashlib.sha256(repr(sorted(state.items())).encode()).digest()
            if digest not in seen:
                seen.add(digest)
                yield number, how, state


def check(form: str, step: int = 1) -> tuple[int, Counter, list[str]]:
    """Operations of a run, states by how they were left, and what was not right of those."""
    counts, failures = Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as temporary:
        run = Path(temporary) / "run"
        run.mkdir()
        log = record(run, form)
        wanted, disk = tree(run), Disk()
        for operation in log:
            disk.do(*operation)
        if {name: data for name, data in disk.left("kept").items() if data is not None} != wanted:
            raise AssertionError("what was recorded is not all that was written")
        for number, how, state in states(log, step):
            counts[how] += 1
            again = Path(temporary) / "again"
            again.mkdir()
            lay_out(again, state)
            try:
                generate_library(again / "lib", small_model(), format=form, **LIBRARY)
                if tree(again) != wanted:
                    failures.append(f"{form}, {how}, {number} operations: another library, or something beside it")
            except Exception as error:  # whatever it is, it is what this script looks for
                failures.append(f"{form}, {how}, {number} operations: {type(error).__name__}: {error}")
            shutil.rmtree(again)
    return len(log), counts, failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--formats", nargs="+", default=[*formats.BULK])
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    start, all_failures = time.perf_counter(), list[str]()
    rows = [f"| format | operations | {' | '.join(HOW)} | not recovered |", f"|---|---|{'---|' * len(HOW)}---|"]
    for form in options.formats:
        operations, counts, failures = check(form, options.step)
        rows.append(f"| {form} | {operations} | {' | '.join(str(counts[h]) for h in HOW)} | {len(failures)} |")
        all_failures += failures
    took = f"{time.perf_counter() - start:.0f} s"
    told = f"Different states after a crash, each gone on with by the same command, in {took}:"
    said = __doc__.split("\n\n", 2)[2].strip().replace("\n", " ")
    lines = [*heading("Every crash point of a run"), said, told, "\n".join(rows), *all_failures]
    options.output.write_text("\n\n".join(lines) + "\n")
    print(options.output.read_text())
    return 1 if all_failures else 0


if __name__ == "__main__":
    sys.exit(main())
