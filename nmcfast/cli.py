"""The program `nmcfast`: results on stdout, progress on stderr, one line for an error, an exit code that says which."""

import argparse
import json
import re
import shlex
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from nmcfast import __version__
from nmcfast.errors import DamageError, InputError, NmcfastError

INTERRUPTED = 5
DOUBTFUL = 1e-3  # p-value below which a calibration's start is not to be trusted in 3D


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (0 done, 1 failed, 2 bad input, 3 damage, 4 no space, 5 interrupted)."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
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
        return _failed(options, f"{type(error).__name__}: {error} (run with --debug and report it)", 1)


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
    """The command line of the program; see INTERFACES in docs/cli.md."""
    parser = _Parser("nmcfast", description="Virtual NMC811 cathode particles with grain architecture.")
    parser.add_argument("--version", action="version", version=f"nmcfast {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_models(commands)
    _add_generate(commands)
    _add_verify(commands)
    _add_info(commands)
    _add_export(commands)
    _add_release(commands)
    _add_reproduce(commands)
    _add_calibrate(commands)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all errors of the program are."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _command(commands: Any, name: str, run: Callable[..., int], text: str, example: str) -> argparse.ArgumentParser:
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


def _say(options: argparse.Namespace, result: dict[str, Any], text: str) -> None:
    print(json.dumps(result, ensure_ascii=False) if options.json else text)  # noqa: T201


def _local(path: Path) -> Path:
    """A path to read or write; InputError for a URL, whose two slashes pathlib has made one."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(path)):
        url = str(path).replace(":/", "://", 1)
        raise InputError(f"{url}: is a URL, expected a path: work on a local copy (info, export read from URLs)")
    return path


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _remark(options: argparse.Namespace, text: str) -> None:
    if not options.quiet:
        print(f"nmcfast: {text}", file=sys.stderr)  # noqa: T201


# models


def _add_models(commands: Any) -> None:
    _command(commands, "models", _models, "list the models that ship", "nmcfast models --json")


def _models(options: argparse.Namespace) -> int:
    from nmcfast.model import list_models, load_model

    models = {name: load_model(name) for name in list_models()}
    lines = [
        f"{name}\n  shells: {m.provenance.get('shell')}\n  grains: {m.provenance.get('grains')}"
        for name, m in models.items()
    ]
    result = {name: {"sha256": m.digest, "provenance": dict(m.provenance)} for name, m in models.items()}
    _say(options, result, "\n".join(lines))
    return 0


# generate


def _add_generate(commands: Any) -> None:
    parser = _command(
        commands,
        "generate",
        _generate,
        "make a library of particles, or continue one",
        "nmcfast generate lib.zarr --count 1000 --seed 1 --workers auto",
    )
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--count", type=int, help="particles (100)")
    parser.add_argument("--seed", type=int, help="seed of all random numbers (0)")
    parser.add_argument("--model", help="name of a model or a model file (nmc811)")
    parser.add_argument("--format", help="format of the shards (zarr)")
    parser.add_argument("--voxel-size", type=float, help="edge of a voxel of the labels, µm (0.05)")
    parser.add_argument("--no-labels", action="store_true", default=None, help="store no label volumes")
    parser.add_argument("--shard-size", type=int, metavar="N", help="particles of a shard (64)")
    parser.add_argument("--shards", metavar="I:J", help="make only shards I to J − 1, as one job of several")
    parser.add_argument("--workers", metavar="N|auto", help="processes, one thread each (1)")
    parser.add_argument("--config", type=Path, metavar="FILE.toml", help="options by their long names, _ for -")
    parser.add_argument("--overwrite", action="store_true", default=None, help="replace the library at OUT")


_GENERATE: dict[str, tuple[type, Any]] = {
    "count": (int, 100),
    "seed": (int, 0),
    "model": (str, "nmc811"),
    "format": (str, "zarr"),
    "voxel_size": (float, 0.05),
    "no_labels": (bool, False),
    "shard_size": (int, 64),
    "shards": (str, None),
    "workers": (str, "1"),
    "overwrite": (bool, False),
}


def _generate(options: argparse.Namespace) -> int:
    settings = {name: default for name, (_, default) in _GENERATE.items()}
    settings |= _read_config(options.config) if options.config else {}
    settings |= {name: getattr(options, name) for name in settings if getattr(options, name) is not None}
    shard_range, workers = _range("--shards", "shard", settings["shards"]), _workers(settings["workers"])
    out = _local(options.out)

    from nmcfast.generate import generate_library
    from nmcfast.model import load_model

    model = load_model(settings["model"])
    _prepare(options, model)
    with _ParticleBar(options, settings["count"]) as bar:
        made = generate_library(
            out,
            model,
            count=settings["count"],
            seed=settings["seed"],
            labels=not settings["no_labels"],
            voxel_size=settings["voxel_size"],
            shard_size=settings["shard_size"],
            format=settings["format"],
            shard_range=shard_range,
            workers=workers,
            overwrite=settings["overwrite"],
            progress=bar,
        )
    result = {
        "path": str(made.path),
        "shards_made": made.made,
        "shards": made.present,
        "of": made.expected,
        "root_sha256": made.root_sha256,
        "rejected_shells": bar.rejected,
    }
    state = f"complete, root hash {made.root_sha256}" if made.root_sha256 else "incomplete"
    text = f"{made.path}: {_counted(made.made, 'shard')} made, {made.present} of {made.expected} there, {state}"
    _say(options, result, f"{text}\nlook at it: nmcfast info {made.path}; check it: nmcfast verify {made.path}")
    return 0


def _read_config(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML: {error}") from None
    for name, value in table.items():
        if name not in _GENERATE:
            raise InputError(f"{path}: {name} is not an option, expected some of {', '.join(_GENERATE)}")
        kind = _GENERATE[name][0]
        if name == "workers" and type(value) is int:
            table[name] = str(value)
        elif type(value) is not kind and not (kind is float and type(value) is int):
            raise InputError(f"{path}: {name} = {value!r}, expected {kind.__name__}")
    return table


def _range(option: str, noun: str, text: str | None) -> range | None:
    if text is None:
        return None
    first, colon, last = text.partition(":")
    if not (colon and first.isdigit() and last.isdigit()):
        raise InputError(f"{option}: found {text!r}, expected I:J, the first {noun} and the one behind the last")
    return range(int(first), int(last))


def _workers(text: str) -> int:
    from nmcfast.generate import available_workers

    if text == "auto":
        return available_workers()
    if not text.isdigit() or int(text) < 1:
        raise InputError(f"--workers: found {text!r}, expected auto or a number from 1 on")
    return int(text)


def _prepare(options: argparse.Namespace, model: Any) -> None:
    """Compile what is not compiled yet, and say so: it takes a while, once."""
    from nmcfast.generate import warm_up
    from nmcfast.kernels import compiled

    if not compiled():
        _remark(options, "compiling the kernels, once for this installation; some 20 seconds")
        warm_up(model)


class _ParticleBar:
    """A progress bar on a terminal, with rate, time left and rejected shells; elsewhere it only counts."""

    def __init__(self, options: argparse.Namespace, count: int | None) -> None:
        from tqdm import tqdm

        self.rejected = 0
        disable = True if options.quiet else None
        self._bar = tqdm(total=count, unit="particle", file=sys.stderr, disable=disable, dynamic_ncols=True)

    def __enter__(self) -> "_ParticleBar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, index: int, rejected: int) -> None:
        self.rejected += rejected
        self._bar.set_postfix(rejected=self.rejected, refresh=False)
        self._bar.update()


# verify and info


def _add_verify(commands: Any) -> None:
    text = "check every checksum, shape, label and count of a library"
    parser = _command(commands, "verify", _verify, text, "nmcfast verify lib.zarr")
    parser.add_argument("library", type=Path, metavar="LIBRARY")


def _verify(options: argparse.Namespace) -> int:
    from nmcfast.export.verify import verify

    report = verify(_local(options.library))
    done = f"{report.shards} of {report.expected_shards} shards"
    state = "complete" if report.sealed else "incomplete"
    state += {"yes": ", released", "unfinished": ", its release unfinished", "no": ""}[report.released]
    held = f"{_counted(report.particles, 'particle')}, {_counted(report.files, 'file')}, {report.bytes} bytes"
    found = _counted(len(report.problems), "problem") if report.problems else "all as recorded"
    lines = [f"{report.path}: {state}, {done}, {held}: {found}", *report.problems]
    result = {
        "ok": report.ok,
        "complete": report.sealed,
        "released": report.released,
        "shards": report.shards,
        "of": report.expected_shards,
        "particles": report.particles,
        "bytes": report.bytes,
        "problems": list(report.problems),
    }
    _say(options, result, "\n".join(lines))
    return 0 if report.ok else DamageError.exit_code


def _add_info(commands: Any) -> None:
    parser = _command(commands, "info", _info, "what a library holds and how it was made", "nmcfast info lib.zarr")
    parser.add_argument("library", metavar="LIBRARY", help="a path, or a URL that fsspec knows")


def _info(options: argparse.Namespace) -> int:
    from nmcfast.library.library import open_library
    from nmcfast.library.summary import summarise

    result = summarise(open_library(options.library))
    _say(options, result, _lines(result))
    return 0


# export


def _add_export(commands: Any) -> None:
    from nmcfast.export.formats import BULK, DECKS

    parser = _command(
        commands,
        "export",
        _export,
        "write particles of a library in another format, at any voxel size",
        "nmcfast export lib.zarr --particles 0:10 --to vtu --output lib.vtu",
    )
    parser.add_argument("library", metavar="LIBRARY", help="a path, or a URL that fsspec knows")
    parser.add_argument("--particles", metavar="I:J", help="particles I to J − 1 (all)")
    text = f"a library: {', '.join(BULK)}; input of a program: {', '.join(sorted(DECKS))}"
    parser.add_argument("--to", required=True, metavar="FORMAT", help=text)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="library or folder to write")
    text = "edge of a voxel, µm; labels are made again from the grains (that of the library)"
    parser.add_argument("--voxel-size", type=float, metavar="H", help=text)
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier export at DIR")


def _export(options: argparse.Namespace) -> int:
    from nmcfast.library.convert import export_library
    from nmcfast.library.library import open_library

    output = _local(options.output)
    library = open_library(options.library)
    particles = _range("--particles", "particle", options.particles)
    with _ParticleBar(options, len(library) if particles is None else len(particles)) as bar:
        done = export_library(
            library,
            output,
            to=options.to,
            particles=particles,
            voxel_size=options.voxel_size,
            overwrite=options.overwrite,
            progress=lambda index: bar(index, 0),
        )
    result = {
        "path": str(done.path),
        "format": done.format,
        "made": done.made,
        "particles": done.present,
        "root_sha256": done.root_sha256,
    }
    seal = f", complete, root hash {done.root_sha256}" if done.root_sha256 else ""
    _say(options, result, f"{done.path}: {_counted(done.made, 'particle')} written, {done.present} there{seal}")
    return 0


# release


def _add_release(commands: Any) -> None:
    from nmcfast.release.licenses import LICENSES

    parser = _command(
        commands,
        "release",
        _release,
        "make a finished library a data set: index, checksums, metadata, data card",
        "nmcfast release lib.zarr --title 'NMC811 particles' --creator 'Doe, Jane' --doi 10.1234/abc",
    )
    parser.add_argument("library", type=Path, metavar="LIBRARY")
    parser.add_argument("--title", help="name of the data set")
    parser.add_argument("--version", help="version of the data set (1.0.0)")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="day of publication (today, UTC)")
    text = "who made it, 'Family, Given' or an organisation; once for each"
    parser.add_argument("--creator", action="append", metavar="NAME", dest="creators", help=text)
    parser.add_argument("--license", metavar="ID", help=f"licence of the data (CC-BY-4.0): {', '.join(LICENSES)}")
    parser.add_argument("--url", help="where it will be found")
    parser.add_argument("--doi", help="its DOI")
    parser.add_argument("--material", metavar="TEXT", help="material of the cathode (as the model says, or its name)")
    parser.add_argument("--overwrite", action="store_true", help="replace files of an earlier release changed since")


def _release(options: argparse.Namespace) -> int:
    from nmcfast.release.release import release_library

    names = ("title", "version", "date", "creators", "license", "url", "doi", "material")
    with _ShardBar(options) as bar:
        done = release_library(
            _local(options.library),
            overwrite=options.overwrite,
            progress=bar,
            **{n: getattr(options, n) for n in names},
        )
    if not done.settings.creators:
        _remark(options, "no --creator given: the citation says anonymous")
    result = {
        "path": str(done.path),
        "written": list(done.written),
        "files": list(done.files),
        "parts": done.parts,
        "settings": done.settings.to_dict(),
        "root_sha256": done.root_sha256,
    }
    what = _counted(len(done.written), "file") + " written" if done.written else "nothing to do, released already"
    parts = ", ".join(f"{count} {part}" for part, count in done.parts.items())
    _say(
        options,
        result,
        f"{done.path}: {what}; {parts}; root hash {done.root_sha256}\n"
        f"read {done.path / 'README.md'}; check it: cd {done.path} && sha256sum -c --quiet SHA256SUMS",
    )
    return 0


def _add_reproduce(commands: Any) -> None:
    parser = _command(
        commands,
        "reproduce",
        _reproduce,
        "generate a library again from its recipe and compare every byte",
        "nmcfast reproduce lib.zarr --output again.zarr --workers auto",
    )
    text = "a finished library, or a folder with its zarr.json, model.safetensors and complete.json alone"
    parser.add_argument("library", type=Path, metavar="LIBRARY", help=text)
    parser.add_argument("--output", type=Path, required=True, metavar="OUT", help="where the new library goes")
    parser.add_argument("--shards", metavar="I:J", help="only shards I to J − 1")
    parser.add_argument("--workers", metavar="N|auto", default="1", help="processes, one thread each (1)")


def _reproduce(options: argparse.Namespace) -> int:
    chosen, workers = _range("--shards", "shard", options.shards), _workers(options.workers)

    from nmcfast.library.reproduce import reproduce_library
    from nmcfast.model import load_model

    source, output = _local(options.library), _local(options.output)
    if (source / "model.safetensors").is_file():
        _prepare(options, load_model(source / "model.safetensors"))
    with _ParticleBar(options, None) as bar:
        done = reproduce_library(
            source,
            output,
            shard_range=chosen,
            workers=workers,
            progress=bar,
        )
    result = {
        "path": str(done.path),
        "same": done.same,
        "shards": [done.shards.start, done.shards.stop],
        "shards_made": done.made,
        "files_compared": done.compared,
        "differences": list(done.differences),
        "root_sha256": done.root_sha256,
        "made_root_sha256": done.made_root_sha256,
        "other_versions": list(done.other_versions),
    }
    what = "root hash" if done.made_root_sha256 else f"shards {done.shards.start}:{done.shards.stop} of root hash"
    said = "as its recipe gives it" if done.same else f"{_counted(len(done.differences), 'difference')} to its recipe"
    made = f"{_counted(done.made, 'shard')} generated at {done.path}, {_counted(done.compared, 'file')} compared"
    lines = [f"{options.library}: {said}, {what} {done.root_sha256}, {made}", *done.differences]
    _say(options, result, "\n".join(lines))
    for other in done.other_versions if not done.same else ():
        _remark(options, f"{other}: bytes may differ for that alone; install that version to compare them")
    return 0 if done.same else DamageError.exit_code


class _ShardBar:
    """A progress bar on a terminal that learns from its calls how many shards there are."""

    def __init__(self, options: argparse.Namespace) -> None:
        from tqdm import tqdm

        self._bar = tqdm(unit="shard", file=sys.stderr, disable=True if options.quiet else None, dynamic_ncols=True)

    def __enter__(self) -> "_ShardBar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)


def _lines(table: dict[str, Any], indent: str = "") -> str:
    lines = []
    for name, value in table.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", _lines(value, indent + "  ")]
        else:
            lines.append(
                f"{indent}{name:<22} {value:.6g}" if isinstance(value, float) else f"{indent}{name:<22} {value}"
            )
    return "\n".join(lines)


# calibrate


def _add_calibrate(commands: Any) -> None:
    text = "fit a model to measurements"
    parser = commands.add_parser("calibrate", help=text, description=text)
    kinds = parser.add_subparsers(required=True, metavar="shells|grains")
    _add_calibrate_grains(kinds)
    shells = _command(
        kinds,
        "shells",
        _calibrate_shells,
        "fit the shell model to a CT volume, sections 2.1 and 2.3",
        "nmcfast calibrate shells CT.tif --voxel-size 0.128 --output my.safetensors --report report/",
    )
    shells.add_argument("volume", metavar="CT", help="TIFF, HDF5 (file.h5:/dataset) or Zarr, grey values or labels")
    shells.add_argument("--voxel-size", type=float, required=True, help="edge of a voxel, µm")
    shells.add_argument("--output", type=Path, required=True, metavar="MODEL", help="model file to write")
    shells.add_argument("--segmented", action="store_true", help="the volume holds phases, not grey values")
    shells.add_argument("--phase", type=int, default=1, help="value of the particles in a segmented volume (1)")
    shells.add_argument("--sigma", type=float, default=1.8, help="standard deviation of the smoothing, voxels (1.8)")
    shells.add_argument(
        "--law",
        choices=("auto", "independent", "relative"),
        default="auto",
        help="law of the coefficients; auto takes the better one",
    )
    shells.add_argument(
        "--restore",
        action="store_true",
        help="undo what the smoothing takes from fine waves; without it the report says how much",
    )
    shells.add_argument("--seed", type=int, default=0, help="seed of rotations and of the comparison (0)")
    shells.add_argument("--base", default="nmc811", help="model whose grains are taken over (nmc811)")
    shells.add_argument("--report", type=Path, metavar="DIR", help="folder for the figures and the report")
    shells.add_argument("--overwrite", action="store_true", help="replace the model file")


def _calibrate_shells(options: argparse.Namespace) -> int:
    from nmcfast.calibration.shells.calibrate import calibrate_shell_model

    _refuse_existing(options)
    _, report = calibrate_shell_model(
        options.volume,
        options.voxel_size,
        options.output,
        base=options.base,
        report=options.report,
        command=shlex.join(["nmcfast", *sys.argv[1:]]),
        segmented=options.segmented,
        phase=options.phase,
        sigma=options.sigma,
        seed=options.seed,
        law=options.law,
        restore=options.restore,
    )
    _say(options, report, _lines({name: report[name] for name in report if name != "size_dependence"}))
    _remark(options, f"wrote {options.output}; use it: nmcfast generate lib.zarr --model {options.output}")
    return 0


def _add_calibrate_grains(kinds: Any) -> None:
    grains = _command(
        kinds,
        "grains",
        _calibrate_grains,
        "fit the grain model to EBSD maps or label images, sections 2.2 and 2.5",
        "nmcfast calibrate grains maps/*.ang --output my.safetensors --work training/ --report report/",
    )
    text = ".ang, OIM grain export, .ctf, or a label image (TIFF, PNG, npy) with --pixel-size"
    grains.add_argument("sections", nargs="+", type=Path, metavar="SECTION", help=text)
    grains.add_argument("--output", type=Path, required=True, metavar="MODEL", help="model file to write")
    grains.add_argument("--angle", type=float, default=5.0, help="misorientation between grains, degrees (5)")
    grains.add_argument(
        "--by",
        choices=("misorientation", "quality"),
        default="misorientation",
        help="what parts grains: orientations, or the image quality map by watershed",
    )
    grains.add_argument("--symmetry", help="Laue group where the file has none, -3m for NMC")
    grains.add_argument("--pixel-size", type=float, help="pixel of label images, µm")
    text = "auto leaves out sections without preferred orientation (Fig. 2); all takes every one"
    grains.add_argument("--central", choices=("auto", "all"), default="auto", help=text)
    grains.add_argument(
        "--schedule",
        choices=("fast", "paper"),
        default="fast",
        help="fast stops by itself; paper is 200 × 100 steps with the printed values",
    )
    grains.add_argument("--seed", type=int, default=0, help="seed of the training (0)")
    grains.add_argument("--work", type=Path, metavar="DIR", help="folder from which an interrupted training goes on")
    grains.add_argument("--base", default="nmc811", help="model whose shells are taken over (nmc811)")
    grains.add_argument("--report", type=Path, metavar="DIR", help="folder for report, history and pictures")
    grains.add_argument("--overwrite", action="store_true", help="replace the model file")


def _calibrate_grains(options: argparse.Namespace) -> int:
    from nmcfast.calibration.grains.calibrate import SectionOptions, calibrate_grain_model

    _refuse_existing(options)
    how = SectionOptions(options.angle, options.by, options.symmetry, options.pixel_size, options.central)
    _, report = calibrate_grain_model(
        options.sections,
        options.output,
        sections=how,
        base=options.base,
        schedule=options.schedule,
        seed=options.seed,
        work=options.work,
        report=options.report,
        quiet=options.quiet,
        command=shlex.join(["nmcfast", *sys.argv[1:]]),
    )
    sections = {row["file"]: {name: row[name] for name in row if name != "file"} for row in report["sections"]}
    start = {name: report["start"][name] for name in ("chi2", "freedom", "p_value") if name in report["start"]}
    _say(
        options, report, _lines({"sections": sections, "start": start, "scores": report["scores"], "mu": report["mu"]})
    )
    if start.get("p_value", 1.0) < DOUBTFUL:
        _remark(
            options,
            f"no plain law has such sections (chi2 {start['chi2']:.0f} for {start['freedom']} degrees of"
            " freedom): distrust 3D means, docs/calibration.md",
        )
    _remark(options, f"wrote {options.output}; use it: nmcfast generate lib.zarr --model {options.output}")
    return 0


def _refuse_existing(options: argparse.Namespace) -> None:
    if options.output.exists() and not options.overwrite:
        raise InputError(f"{options.output}: exists; choose another name or add --overwrite")
