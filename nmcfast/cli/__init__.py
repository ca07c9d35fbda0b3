"""The program `nmcfast`: results on stdout, progress on stderr, one line for an error, an exit code that says which.

One file a command; `common` holds what they share.
"""

import argparse
import errno
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress

from nmcfast import __version__
from nmcfast.cli import (
    calibrate_grains,
    calibrate_shells,
    export,
    generate,
    info,
    inspect,
    models,
    preview,
    release,
    reproduce,
    shells,
    verify,
)
from nmcfast.cli.common import Parser
from nmcfast.cli.interruption import interruptible
from nmcfast.errors import NmcfastError, NoSpaceError

INTERRUPTED = 5
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
NOT_OURS = (errno.EROFS, errno.EACCES, errno.EPERM, errno.EBUSY)  # what only the user can change


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (0 done, 1 failed, 2 bad input, 3 damage, 4 no space, 5 interrupted)."""
    parser = build_parser()
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(arguments)
    options.typed = shlex.join(["nmcfast", *arguments])
    try:
        with interruptible():
            code = options.run(options)
            sys.stdout.flush()
            return code
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:  # the reader of our output has gone: nobody is left to tell
        sys.stderr.close()
        return 1
    except NmcfastError as error:
        return _failed(options, error, error.exit_code)
    except Exception as error:
        if _comes_from_ctrl_c(error):
            return _interrupted()
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            _close_stdout()
            return _failed(
                options, f"{error.filename or 'stdout'}: no space left on the device", NoSpaceError.exit_code
            )
        if isinstance(error, OSError) and error.errno in NOT_OURS and error.filename:
            return _failed(options, f"{error.filename}: {error.strerror}: choose another place, or make it writable", 1)
        return _failed(options, f"{type(error).__name__}: {error} (run with --debug and report it)", 1)


def _close_stdout() -> None:
    """Let go of what could not be written, or the interpreter tries again at its end."""
    with suppress(OSError):
        sys.stdout.close()


def _comes_from_ctrl_c(error: BaseException) -> bool:
    """Whether an interruption lies behind an error: within compiled code Ctrl-C comes out as a SystemError."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, KeyboardInterrupt):
        seen = seen.__cause__ or seen.__context__
    return seen is not None


def _interrupted() -> int:
    print("nmcfast: interrupted; run the same command again to continue", file=sys.stderr)  # noqa: T201
    return INTERRUPTED


def _failed(options: argparse.Namespace, error: object, code: int) -> int:
    if options.debug:
        import traceback

        traceback.print_exc()
    print("nmcfast:", " ".join(str(error).split()), file=sys.stderr)  # noqa: T201
    return code


def build_parser() -> argparse.ArgumentParser:
    """The command line of the program; README lists the commands."""
    parser = Parser("nmcfast", description="Virtual NMC811 cathode particles with grain architecture.")
    parser.add_argument("--version", action="version", version=f"nmcfast {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (models, generate, shells, preview, verify, info, inspect, export, release, reproduce):
        command.add(commands)
    text = "fit a model to measurements"
    kinds = commands.add_parser("calibrate", help=text, description=text).add_subparsers(
        required=True, metavar="shells|grains"
    )
    for command in (calibrate_grains, calibrate_shells):
        command.add(kinds)
    return parser
