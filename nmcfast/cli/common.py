"""What the commands share: their parser, how a result is said, numbers and paths as people type them, progress bars."""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from nmcfast.calibration.grains.verdict import Verdict
from nmcfast.errors import InputError
from nmcfast.objects.store import as_url
from nmcfast.options import kinds

Group = TypeVar("Group")


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all errors of the program are; "-3m" is a value, not an option."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._negative_number_matcher = re.compile(r"-(\d|\.\d)")  # argparse's own knows whole numbers alone

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def command(commands: Any, name: str, run: Callable[..., int], text: str, example: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=text,
        description=text,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quiet", action="store_true", help="no progress and no remarks on stderr")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object on stdout")
    parser.set_defaults(run=run)
    return parser


def add_options(parser: argparse.ArgumentParser, group: type) -> None:
    """An argument for each field of a group of options, None where it is not given; its default ends the help."""
    for chosen in fields(group):
        flag, text = "--" + chosen.name.replace("_", "-"), chosen.metadata["help"]
        if chosen.default is False:
            parser.add_argument(flag, action="store_true", default=None, help=text)
            continue
        text += "" if chosen.default is None else f" ({chosen.default})"
        shown = {name: value for name, value in chosen.metadata.items() if name != "help"}
        parser.add_argument(flag, type=kinds(chosen)[0], help=text, **shown)


def chosen_options(options: argparse.Namespace, group: type[Group], config: dict[str, Any] | None = None) -> Group:
    """The group as it was chosen: on the command line, else in a file, else by default."""
    return group(**given_options(options, group, config))


def given_options(options: argparse.Namespace, group: type, config: dict[str, Any] | None = None) -> dict[str, Any]:
    """What was said of the group, on the command line or else in a file."""
    said = {f.name: getattr(options, f.name) for f in fields(group)}
    return (config or {}) | {name: value for name, value in said.items() if value is not None}


def say(options: argparse.Namespace, result: dict[str, Any], text: str) -> None:
    print(json.dumps(result, ensure_ascii=False) if options.json else text)  # noqa: T201


def place(text: str) -> Path | str:
    """A path, or a URL as it is."""
    return text if as_url(text) else local(Path(text))


def local(path: Path) -> Path:
    """A path to read or write; InputError for a URL, whose two slashes pathlib made one, and for impossible names."""
    if "\0" in str(path) or any(len(os.fsencode(part)) > 255 for part in path.parts):
        shown = str(path) if len(str(path)) < 60 else f"{str(path)[:50]}…"
        raise InputError(f"{shown!r}: no file can have this name: choose one of at most 255 bytes, without NUL")
    if url := as_url(path):
        raise InputError(
            f"{url}: is a URL, expected a path: work on a local copy (info, verify, export read URLs, generate writes"
            " to s3://)"
        )
    return path


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def remark(options: argparse.Namespace, text: str) -> None:
    if not options.quiet:
        print(f"nmcfast: {text}", file=sys.stderr)  # noqa: T201


def warn(options: argparse.Namespace, verdict: Verdict) -> None:
    """Say a verdict on stderr, a failed one even with --quiet."""
    if verdict.passed is False or not options.quiet:
        print(f"nmcfast: {verdict.line}", *verdict.lines[1:], sep="\n", file=sys.stderr)  # noqa: T201


def number_range(option: str, noun: str, text: str | None) -> range | None:
    if text is None:
        return None
    first, colon, last = text.partition(":")
    if not (colon and _is_number(first) and _is_number(last)):
        raise InputError(f"{option}: found {text!r}, expected I:J, the first {noun} and the one behind the last")
    return range(int(first), int(last))


def _is_number(text: str) -> bool:
    """Whether a text is digits alone, as `int` reads them: "²" is a digit to Python, and no number."""
    return text.isascii() and text.isdigit() and len(text) < 20


def worker_count(text: str | int) -> int:
    from nmcfast.workers.processes import available_workers

    if text == "auto":
        return available_workers()
    if not _is_number(str(text)) or int(text) < 1:
        raise InputError(f"--workers: found {text!r}, expected auto or a number from 1 on")
    return int(text)


def prepare(options: argparse.Namespace, model: Any) -> None:
    """Compile what is not compiled yet, and say so: it takes a while, once."""
    from nmcfast.generate import warm_up
    from nmcfast.kernels import compiled

    if not compiled():
        remark(options, "compiling the kernels, once for this installation; one to two minutes")
        warm_up(model)


def as_lines(table: dict[str, Any], indent: str = "") -> str:
    lines = []
    for name, value in table.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", as_lines(value, indent + "  ")]
        else:
            lines.append(
                f"{indent}{name:<22} {value:.6g}" if isinstance(value, float) else f"{indent}{name:<22} {value}"
            )
    return "\n".join(lines)


def refuse_existing(options: argparse.Namespace) -> None:
    if options.output.exists() and not options.overwrite:
        raise InputError(f"{options.output}: exists; choose another name or add --overwrite")
